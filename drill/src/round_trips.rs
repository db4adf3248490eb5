//! One invocation, measured: which of its calls waited for which, and when they were answered.

use crate::{Result, Stage};
use firebreak::names;
use firebreak_testkit::Call;
use firebreak_testkit::fault_sweep::depths;
use serde_json::Value;
use std::time::Instant;

/// One invocation of a function, and its calls.
#[derive(Debug)]
pub struct Run {
    /// What the function answered.
    pub answer: Value,
    /// Milliseconds from the invocation until the answer.
    pub ms: f64,
    calls: Vec<(Call, usize)>,
}

impl Run {
    /// Invokes a function, for example `triage`, and waits for its answer. The local AWS forgets its calls before.
    ///
    /// # Errors
    /// AWS refuses, or the function fails.
    pub async fn of(stage: &Stage, function: &str, request: &Value) -> Result<Self> {
        stage.aws.forget_calls()?;
        let began = Instant::now();
        let invoked = stage.invoke(function, request).await?;
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        if let Some(error) = invoked.error {
            return Err(format!("{function}: {error}: {}", invoked.answer).into());
        }
        let calls = stage.aws.calls()?;
        let placed = depths(&calls, &names::function(function)).into_iter();
        let calls = placed.map(|(call, depth)| (call.clone(), depth)).collect();
        Ok(Self { answer: invoked.answer, ms, calls })
    }

    /// How deep the first of these calls is in the graph of calls that wait for one another.
    #[must_use]
    pub fn first(&self, is: impl Fn(&Call) -> bool) -> Option<usize> {
        self.calls.iter().find(|(call, _)| is(call)).map(|(_, depth)| *depth)
    }

    /// How deep the deepest of these calls is.
    #[must_use]
    pub fn deepest(&self, is: impl Fn(&Call) -> bool) -> Option<usize> {
        self.calls.iter().filter(|(call, _)| is(call)).map(|(_, depth)| *depth).max()
    }

    /// How deep the deepest of the first calls of `actions` is. Nothing: one of them was not made, or none is asked for.
    #[must_use]
    pub fn all(&self, actions: &[&str]) -> Option<usize> {
        let each = actions.iter().map(|action| self.first(|call| call.action() == *action));
        each.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// How deep the deepest of these calls is, where only the calls that `counts` means are counted. Nothing: there is none.
    #[must_use]
    pub fn deepest_among(&self, counts: impl Fn(&Call) -> bool, is: impl Fn(&Call) -> bool) -> Option<usize> {
        let counted: Vec<Call> = self.calls.iter().map(|(call, _)| call).filter(|call| counts(call)).cloned().collect();
        // All of them are one function's.
        let function = counted.first()?.function.clone().unwrap_or_default();
        depths(&counted, &function).into_iter().filter(|(call, _)| is(call)).map(|(_, depth)| depth).max()
    }

    /// Milliseconds from the invocation until the last of these calls was answered. Nothing: there is none.
    #[must_use]
    pub fn ms_until_last(&self, is: impl Fn(&Call) -> bool) -> Option<f64> {
        let ended = self.calls.iter().filter(|(call, _)| is(call)).filter_map(|(call, _)| call.ended_at);
        Some(self.ms_at(ended.reduce(f64::max)?))
    }

    /// Milliseconds from the invocation until the first call of each of `actions` was answered. Nothing: as in [`all`](Self::all).
    #[must_use]
    pub fn ms_until(&self, actions: &[&str]) -> Option<f64> {
        let first = |action: &&str| self.calls.iter().find(|(call, _)| call.action() == **action)?.0.ended_at;
        let ended = actions.iter().map(first).collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)?;
        Some(self.ms_at(ended))
    }

    /// The milliseconds of a moment of the record, whose clock starts elsewhere: the end of the last call is the end of the invocation, or
    /// a little before it.
    fn ms_at(&self, ended: f64) -> f64 {
        let last = self.calls.iter().filter_map(|(call, _)| call.ended_at).fold(0.0, f64::max);
        self.ms - (last - ended) * 1000.0
    }
}

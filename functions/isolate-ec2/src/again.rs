//! Writes again what keeps the evidence alive, where somebody took it away.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};
use firebreak_function::late;
use futures::lock::Mutex;
use tokio::time::Instant;

/// The parts of a look run beside each other, and each reads a record of the ledger before it writes the record.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a look misses.
pub(crate) struct Lost {
    /// The step of the containment that writes it.
    pub(crate) step: StepName,
    /// For people.
    pub(crate) line: String,
    /// The containment may have left it out because its time had not come, and a look makes up for that.
    pub(crate) may_be_late: bool,
    /// When that was read, at the latest.
    pub(crate) read_at: Instant,
}

impl Lost {
    /// Runs `write` where the look may write. The caller holds the guard. What the containment never wrote was reverted by nobody, and
    /// nothing was that a second read, `still`, does not show (EC2 API reference, "Eventual consistency").
    pub(crate) async fn mended(
        self,
        call: &Call,
        still: impl Future<Output = Result<bool, Fault>>,
        write: impl Future<Output = Result<(), Fault>>,
    ) -> Checked {
        let Self { step, line, may_be_late, read_at } = self;
        let receipt = call.ledger.receipt(&call.incident, call.containment, &call.target).await;
        let outcomes = receipt.as_ref().ok().and_then(Option::as_ref).into_iter().flat_map(|receipt| &receipt.steps);
        let outcome = outcomes.filter(|known| known.name == step).map(|known| known.outcome).next_back();
        if outcome == Some(Outcome::Skipped) && !may_be_late {
            return Checked::default();
        }
        // A base names the control, so a containment wrote it, unless the receipt says otherwise.
        let is_late = receipt.is_ok() && !matches!(outcome, Some(Outcome::Applied | Outcome::Already));
        if !is_late && call.look != Look::ReadOnly {
            tokio::time::sleep_until(read_at + call.settle).await;
            match still.await {
                Ok(true) => {}
                Ok(false) => return Checked::default(),
                Err(fault) => return vec![format!("{line}, by one read; the second one failed: {}", fault.message)].into(),
            }
        }
        match call.look {
            Look::ReadOnly => vec![line].into(),
            Look::Paused => {
                let line = format!("{line}; {NOT_WRITTEN_AGAIN}");
                let reverted = if is_late { vec![] } else { vec![line.clone()] };
                Checked { problems: vec![line], reverted, ..Checked::default() }
            }
            Look::Reapply => written(call, (&step, line, is_late), write).await,
        }
    }
}

async fn written(
    call: &Call,
    (step, line, is_late): (&StepName, String, bool),
    write: impl Future<Output = Result<(), Fault>>,
) -> Checked {
    if !is_late && let Err(fault) = foresee(call, &line).await {
        return vec![format!("{line}; not written again: {fault}")].into();
    }
    match write.await {
        Ok(()) if is_late => {
            keep_late(call, step).await;
            Checked::default()
        }
        Ok(()) => Checked { reverted: vec![format!("{line}; written again")], ..Checked::default() },
        Err(fault) => {
            let reverted = if is_late { vec![] } else { vec![format!("{line}; it could not be written again")] };
            Checked { problems: vec![format!("{line}; it could not be written: {fault}")], reverted, ..Checked::default() }
        }
    }
}

async fn foresee(call: &Call, line: &str) -> Result<(), Fault> {
    let _alone = ONE_AT_A_TIME.lock().await;
    call.foresee(&[format!("{line}; to be written again")]).await
}

/// A release goes by the receipt: what was written late is Firebreak's to put back. Where the ledger does not take it, a release leaves
/// the protection on.
pub(crate) async fn keep_late(call: &Call, step: &StepName) {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Ok(known) = call.ledger.receipt(&call.incident, call.containment, &call.target).await else { return };
    let receipt = with_late(call, known, std::slice::from_ref(step));
    if let Err(fault) = call.ledger.keep_receipt(&call.incident, &receipt).await {
        tracing::warn!(step = %step, fault.message = %fault.message, "the receipt does not say what a look wrote");
    }
}

/// A receipt with what a look did for the containment.
pub(crate) fn with_late(call: &Call, known: Option<Receipt>, written: &[StepName]) -> Receipt {
    late::made_up(call, known, |steps| {
        for name in written {
            let is_left_open = name.kind() == Some(StepKind::LeftOpen);
            let outcome = if is_left_open { Outcome::Skipped } else { Outcome::Applied };
            let is_known = steps.iter().any(|step| step.name == *name);
            for step in steps.iter_mut().filter(|step| step.name == *name) {
                (step.outcome, step.error) = (outcome, None);
            }
            if !is_known && !is_left_open {
                steps.push(late::made(name.clone(), outcome));
            }
        }
    })
}

/// What several checks saw.
pub(crate) fn merged(all: impl IntoIterator<Item = Checked>) -> Checked {
    all.into_iter().fold(Checked::default(), |mut sum, one| {
        sum.problems.extend(one.problems);
        sum.reverted.extend(one.reverted);
        sum.notes.extend(one.notes);
        sum
    })
}

//! Statements of the customer's that S3 may not take back, or that make room for a seal. They are recorded before a write leaves them out.
//!
//! Whoever they let in has no access meanwhile. A run that is killed between two tries leaves behind in the record which statements it was
//! trying, so the next run or look puts back what S3 takes, and a release takes none of it for somebody's change.

use crate::accusers::once_written;
use crate::base::{BaseState, Planned};
use crate::deleted;
use crate::named::{self, Named};
use firebreak::fault::Fault;
use firebreak::target::Scope;
use firebreak_function::containment::Call;
use firebreak_s3::policy::{Document, denies_nobody};
use serde_json::Value;

/// The record of a level, as far as it says what is left out.
pub(crate) struct LeftOut<'a> {
    call: &'a Call,
    base: BaseState,
    /// What the write plans. Whom its statements do not deny any more is forgotten after it.
    now: Option<Planned>,
}

impl<'a> LeftOut<'a> {
    /// `base` as it is recorded now.
    pub(crate) fn of(call: &'a Call, base: BaseState) -> Self {
        Self { call, base, now: None }
    }

    /// What is recorded of the level.
    pub(crate) fn base(&self) -> &BaseState {
        &self.base
    }

    /// The same, for a write that plans `now`.
    pub(crate) fn once(self, now: &Planned) -> Self {
        Self { now: Some(now.clone()), ..self }
    }

    /// Whether nobody has lost access by what is missing: a statement lets everybody in, and the public access block keeps the same people
    /// out; or it denies nobody who exists; or the seal denies whatever it allows.
    pub(crate) fn harms_nobody(&self) -> bool {
        let is_public = |one: &Value| named::of_statement(one).contains(&Named::Everybody);
        let seals = self.call.target.scope == Scope::Seal;
        seals || self.base.planned.left_out.iter().all(|one| denies_nobody(one) || is_public(one))
    }

    /// Statements that a run left out which was killed, and that are not there again. Where somebody has given their name to another
    /// statement since, that one stays.
    pub(crate) fn absent(&self, now: &Document) -> Vec<Value> {
        let taken: Vec<&str> = now.statements().iter().filter_map(sid).collect();
        let is_free = |statement: &&Value| sid(statement).is_none_or(|sid| !taken.contains(&sid));
        let is_gone = |statement: &&Value| !now.foreign().any(|one| deleted::is_same(one, statement));
        self.base.planned.unsettled.iter().filter(is_free).filter(is_gone).cloned().collect()
    }

    /// Records that `statements` go out so that a seal has room. Nobody tries whether S3 takes them, so none of them is unsettled: the next
    /// run must not put them back.
    ///
    /// # Errors
    /// The ledger could not be written, or somebody else has extended the record. Nothing may be left out then.
    pub(crate) async fn clear(&mut self, statements: &[Value]) -> Result<(), Fault> {
        let planned = &self.base.planned;
        let is_tried = |one: &&Value| !statements.contains(one);
        let unsettled = planned.unsettled.iter().filter(is_tried).cloned().collect();
        let planned = Planned { left_out: with(&planned.left_out, statements), unsettled, ..planned.clone() };
        Box::pin(self.record(planned)).await
    }

    /// Records that the next write leaves `statements` out, to try what S3 takes.
    ///
    /// # Errors
    /// The ledger could not be written, or somebody else has extended the record. Nothing may be left out then.
    pub(crate) async fn foresee(&mut self, statements: &[Value]) -> Result<(), Fault> {
        let planned = &self.base.planned;
        let (left_out, unsettled) = (with(&planned.left_out, statements), with(&planned.unsettled, statements));
        let planned = Planned { left_out, unsettled, ..planned.clone() };
        Box::pin(self.record(planned)).await
    }

    /// Records that `left` is what stays out in the end, for whatever reason, once the write is done. Where that cannot be written, the next
    /// run or look tries once more.
    pub(crate) async fn settle(&mut self, left: &[Value]) {
        let planned = &self.base.planned;
        let is_out = |one: &&Value| left.contains(one) || !planned.unsettled.contains(one);
        let still: Vec<Value> = planned.left_out.iter().filter(is_out).cloned().collect();
        let planned = Planned { left_out: with(&still, left), unsettled: vec![], ..planned.clone() };
        let planned = match &self.now {
            Some(now) => once_written(&planned, now),
            None => planned,
        };
        if let Err(fault) = Box::pin(self.record(planned)).await {
            tracing::error!(fault.message = %fault.message, "the record does not say yet what S3 took back");
        }
    }

    async fn record(&mut self, planned: Planned) -> Result<(), Fault> {
        let next = BaseState { planned, ..self.base.clone() };
        if next != self.base {
            self.call.ledger.extend_base(self.call.held(), &self.base, &next).await?;
            self.base = next;
        }
        Ok(())
    }
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

fn with(known: &[Value], more: &[Value]) -> Vec<Value> {
    known.iter().chain(more.iter().filter(|one| !known.contains(one))).cloned().collect()
}

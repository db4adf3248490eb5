//! The settings of a bucket that a level changes, one after the other.

use crate::base::{Part, Planned, Rule, Rules, Seen};
use crate::changed::{Changed, Kind};
use crate::{encryption, lifecycle, replication, versioning};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::text::inert;
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;
use std::collections::BTreeSet;

/// Steps about rules that a receipt lists. A suspect can make 1,000 rules.
pub(crate) const LISTED: usize = 20;

/// What is to be done.
#[derive(Clone, Copy)]
pub(crate) struct Orders<'a> {
    /// The level.
    pub(crate) level: Scope,
    /// What is recorded that it changes.
    pub(crate) planned: &'a Planned,
    /// What CloudTrail shows; nothing: it was not asked.
    pub(crate) changed: Option<&'a Changed>,
    /// The state before is recorded.
    pub(crate) held: bool,
}

/// Switches rules off, has S3 refuse keys of callers, and keep versions, as far as the level says. Each failure is a step of its own.
pub(crate) async fn change(bucket: &Bucket, seen: &Seen, orders: Orders<'_>) -> Vec<Step> {
    let Orders { level, planned, held, .. } = orders;
    let mut steps = Vec::new();
    if matches!(level, Scope::Freeze | Scope::Destruction) {
        let deleting = Box::pin(lifecycle::disable(bucket, &planned.lifecycle, held)).await;
        steps.extend(OfKind::lifecycle(orders, seen).unknown(bucket).await);
        steps.extend(listed(StepKind::DisableLifecycleRule, deleting, &planned.lifecycle));
        steps.extend(OfKind::lifecycle(orders, seen).unjudged("the lifecycle"));
        let copying = Box::pin(replication::disable(bucket, &planned.replication, held)).await;
        steps.extend(OfKind::replication(orders, seen).unknown(bucket).await);
        steps.extend(listed(StepKind::DisableReplicationRule, copying, &planned.replication));
        steps.extend(OfKind::replication(orders, seen).unjudged("replication"));
    }
    if level == Scope::Freeze {
        steps.push(match seen.faults.get(&Part::Encryption) {
            Some(fault) => step(StepKind::BlockCustomerKeys, async { Err(fault.clone()) }).await,
            None => Box::pin(encryption::block_customer_keys(bucket, &seen.base, held)).await,
        });
        steps.push(match seen.faults.get(&Part::Versioning) {
            Some(fault) => step(StepKind::EnableVersioning, async { Err(fault.clone()) }).await,
            None => Box::pin(versioning::enable(bucket, &seen.base, held)).await,
        });
    }
    steps
}

/// The rules of one kind, as far as they are known.
struct OfKind<'a> {
    step: StepKind,
    level: Scope,
    /// Why they could not be read, or that they are too many to be recorded.
    fault: Option<&'a Fault>,
    rules: Option<&'a Rules>,
    planned: &'a BTreeSet<String>,
    /// CloudTrail shows that somebody wrote them.
    is_written: bool,
    /// Why CloudTrail may not show that somebody wrote them.
    hidden: Option<&'a str>,
}

impl<'a> OfKind<'a> {
    fn lifecycle(orders: Orders<'a>, seen: &'a Seen) -> Self {
        let Orders { level, planned, changed, .. } = orders;
        Self {
            step: StepKind::DisableLifecycleRule,
            level,
            fault: seen.faults.get(&Part::Lifecycle),
            rules: seen.base.lifecycle.as_ref(),
            planned: &planned.lifecycle,
            is_written: changed.is_some_and(|changed| changed.lifecycle.is_some()),
            hidden: changed.and_then(|changed| changed.why_hidden(Kind::Lifecycle)),
        }
    }

    fn replication(orders: Orders<'a>, seen: &'a Seen) -> Self {
        let Orders { level, planned, changed, .. } = orders;
        Self {
            step: StepKind::DisableReplicationRule,
            level,
            fault: seen.faults.get(&Part::Replication),
            rules: seen.base.replication.as_ref(),
            planned: &planned.replication,
            is_written: changed.is_some_and(|changed| changed.replication.is_some()),
            hidden: changed.and_then(|changed| changed.why_hidden(Kind::Replication)),
        }
    }

    /// The failed step, where some of the rules may have to be off and nobody can say which ones.
    async fn unknown(&self, bucket: &Bucket) -> Option<Step> {
        let may_be_meant = self.level == Scope::Destruction || self.is_written || self.hidden.is_some();
        let unread = self.fault.filter(|_| may_be_meant).cloned();
        let fault = unread.or_else(|| self.unseen(bucket))?;
        Some(step(self.step, async { Err(fault) }).await)
    }

    /// What must be known before a release of the end of destruction: it switches on what CloudTrail does not show to be a suspect's.
    fn unjudged(&self, of: &str) -> Option<Step> {
        let why = self.hidden.filter(|_| self.level == Scope::Destruction && !self.planned.is_empty())?;
        let told = format!(
            "{} rules are off, and CloudTrail did not show whether a suspect wrote them ({why}). Looks ask again. Unless CloudTrail shows it by \
             then, a release switches all of them on: read them before",
            self.planned.len()
        );
        Some(skipped(StepName::about(StepKind::NoteAccess, format!("rules of {of}")), Fault::malformed(told)))
    }

    /// Why the freeze may have left a suspect's rule on: S3 deletes or copies by a rule, and who wrote the rule is not known.
    fn unseen(&self, bucket: &Bucket) -> Option<Fault> {
        let why = self.hidden.filter(|_| self.level == Scope::Freeze)?;
        let is_left = |rule: &&Rule| rule.enabled && rule.expires && !self.planned.contains(&rule.id);
        let left: Vec<&Rule> = self.rules.into_iter().flat_map(|rules| &rules.rules).filter(is_left).collect();
        let first = inert(&left.first()?.id, 60);
        Some(Fault::malformed(format!(
            "{} rules that take data away stay on, among them {first}: CloudTrail does not show whether a suspect wrote them ({why}). Looks \
             ask again; --only \"destructive actions in S3 bucket {}\" switches all of them off",
            left.len(),
            bucket.name
        )))
    }
}

/// Rules that would have to be off and for which the record had no room: none of them was switched off, because nobody could put them back.
pub(crate) async fn unrecorded_rules(wanted: &Planned, recorded: &Planned) -> Vec<Step> {
    let kinds = [
        (StepKind::DisableLifecycleRule, &wanted.lifecycle, &recorded.lifecycle),
        (StepKind::DisableReplicationRule, &wanted.replication, &recorded.replication),
    ];
    let mut steps = Vec::new();
    for (kind, wanted, recorded) in kinds {
        let more = wanted.difference(recorded).count();
        if more > 0 {
            let why = format!(
                "{more} rules more than the record of the bucket has room for: none of them is switched off: do that by hand"
            );
            steps.push(step(kind, async { Err(Fault::malformed(why)) }).await);
        }
    }
    steps
}

/// The first steps, and one for all others. They are written with one call, so they end alike.
fn listed(kind: StepKind, mut steps: Vec<Step>, ids: &BTreeSet<String>) -> Vec<Step> {
    let is_of_rule = |step: &Step| step.is(kind);
    let rules = steps.iter().filter(|step| is_of_rule(step)).count();
    let Some(more) = rules.checked_sub(LISTED).filter(|more| *more > 0) else { return steps };
    let mut left = LISTED;
    let worst = |one: &Step| match one.outcome {
        Outcome::Failed => 0,
        Outcome::Skipped => 1,
        Outcome::Applied => 2,
        Outcome::Already => 3,
    };
    let last = steps.iter().filter(|step| is_of_rule(step)).skip(LISTED).min_by_key(|step| worst(step)).cloned();
    steps.retain(|step| {
        let is_kept = !is_of_rule(step) || left > 0;
        left -= usize::from(is_of_rule(step) && left > 0);
        is_kept
    });
    let name = StepName::about(kind, crate::folded::part(more, ids.len()));
    steps.extend(last.map(|last| Step { name, ..last }));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rule(id: usize, outcome: Outcome) -> Step {
        let error = (outcome == Outcome::Failed).then(|| Fault::bug("refused"));
        Step { outcome, error, ..skipped(StepName::about(StepKind::DisableLifecycleRule, id), Fault::bug("")) }
    }

    #[test]
    fn a_thousand_rules_are_a_receipt_of_a_few_lines_that_says_how_the_others_ended() {
        let ids: BTreeSet<String> = (0..1_000).map(|id| inert(&id.to_string(), 10)).collect();
        let mut all: Vec<Step> = (0..1_000).map(|id| of_rule(id, Outcome::Applied)).collect();
        all[700] = of_rule(700, Outcome::Failed);
        all.push(skipped(StepKind::NoteAccess, Fault::malformed("a note stays")));
        let told = listed(StepKind::DisableLifecycleRule, all, &ids);
        assert_eq!(told.len(), LISTED + 2);
        let last = told.last().expect("a step");
        assert_eq!((last.name.as_str(), last.outcome), ("disable-lifecycle-rule 980 more of 1000", Outcome::Failed));
        assert!(last.error.is_some() && told.iter().any(|step| step.is(StepKind::NoteAccess)));
        let few: Vec<Step> = (0..LISTED).map(|id| of_rule(id, Outcome::Applied)).collect();
        assert_eq!(listed(StepKind::DisableLifecycleRule, few.clone(), &ids), few);
    }

    #[tokio::test]
    async fn rules_for_which_the_record_has_no_room_are_a_failed_step() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
        let wanted = Planned { lifecycle: ids(&["old", "new", "newer"]), replication: ids(&["copy"]), ..Planned::default() };
        let recorded = Planned { lifecycle: ids(&["old", "older"]), ..wanted.clone() };
        let steps = unrecorded_rules(&wanted, &recorded).await;
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert!(steps[0].is(StepKind::DisableLifecycleRule) && steps[0].outcome == Outcome::Failed, "{steps:?}");
        assert!(steps[0].error.as_ref().is_some_and(|fault| fault.message.starts_with("2 rules")), "{steps:?}");
    }
}

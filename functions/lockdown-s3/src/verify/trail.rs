//! CloudTrail, asked again. It shows a call some minutes after it was made, and a freeze does not wait for that: what the suspect wrote just
//! before is found by the looks.
//!
//! Only what came before the containment counts. What came after it is told in any case, and some of it is the responders' own.

use super::late::Made;
use super::missing::{Cause, Control, Lost};
use super::statements::{self, is_doubtful};
use crate::base::{BaseState, Part, Planned, Rule, Rules, Seen};
use crate::changed::{By, Changed, Kind, Trust, Window};
use crate::planned::rules_by_suspect;
use crate::statements::Around;
use crate::unproven;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Look, Scope};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_s3::levels::DENY_OUTSIDERS;
use firebreak_s3::policy::Document;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long looks ask after a containment. CloudTrail promises no time and names about 5 minutes on average (CloudTrail user guide, "How
/// CloudTrail works").
const LATE: SignedDuration = SignedDuration::from_mins(60);
/// Why rules stay on that somebody wrote.
const UNRECORDED: &str = "CloudTrail shows by now that somebody wrote the rules. How they were could not be recorded, so they are left on: switch off by \
                          hand what a suspect wrote";

/// What a look asks CloudTrail for. Nothing: the containment knew what there is to know, or the look may write nothing.
pub(super) fn window(call: &Call, receipt: &Result<Option<Receipt>, Fault>, since: Timestamp) -> Option<Window> {
    if !matches!(call.target.scope, Scope::Freeze | Scope::Destruction) || call.look != Look::Reapply {
        return None;
    }
    let receipt = receipt.as_ref().ok()?.as_ref();
    let until = receipt.and_then(|receipt| receipt.finished_at);
    let is_young = until.is_none_or(|until| clock::now().duration_since(until) < LATE);
    (is_young || receipt.is_some_and(was_blind)).then_some(Window { since, until })
}

/// Whether the containment could not see by whom the policy and the rules were written, and no look has seen it since.
fn was_blind(receipt: &Receipt) -> bool {
    let name = StepName::from(StepKind::ReadTrail);
    receipt.steps.iter().any(|step| step.name == name && step.error.is_some())
}

/// The record of a containment that had known what CloudTrail shows by now. Of a freeze it plans more, or the same; the end of destruction
/// goes by no trail, but its release leaves off what a suspect wrote.
pub(super) fn learnt(level: Scope, base: &BaseState, seen: &Seen, changed: &Changed) -> BaseState {
    let (lifecycle, replication) = (seen.base.lifecycle.clone(), seen.base.replication.clone());
    let mut learnt = if level == Scope::Freeze {
        base.joined(&BaseState { planned: planned(base, seen, changed), lifecycle, replication, ..base.clone() })
    } else {
        base.clone()
    };
    let theirs = rules_by_suspect(&learnt, Some(changed));
    learnt.planned.by_suspect.extend(theirs);
    learnt
}

/// What CloudTrail adds to what is planned, or what is planned already.
fn planned(base: &BaseState, seen: &Seen, changed: &Changed) -> Planned {
    let trust = changed.trust().and(&base.planned);
    let is_known = |part: Part| !base.unknown.contains(&part) && !seen.faults.contains_key(&part);
    let rules = |part: Part, of: (Option<&Rules>, Option<&Rules>), by: Option<&By>| match by {
        Some(by) if is_known(part) => late_rules(of, by),
        _ => BTreeSet::new(),
    };
    Planned {
        distrusts: trust.policy_by_suspect,
        before: trust.text(),
        lifecycle: rules(Part::Lifecycle, (base.lifecycle.as_ref(), seen.base.lifecycle.as_ref()), changed.lifecycle.as_ref()),
        replication: rules(
            Part::Replication,
            (base.replication.as_ref(), seen.base.replication.as_ref()),
            changed.replication.as_ref(),
        ),
        ..Planned::default()
    }
}

/// Rules that somebody wrote and that are as the base has them, on; and those that an incident before this one did not find there. Also what
/// another level has switched off meanwhile: its release leaves what this one needs.
fn late_rules((recorded, now): (Option<&Rules>, Option<&Rules>), by: &By) -> BTreeSet<String> {
    let is_late = |rule: &&Rule| match recorded.and_then(|recorded| recorded.rule(&rule.id)) {
        Some(known) => known.enabled && known.digest == rule.digest,
        None => rule.enabled && by.written.contains(&rule.id),
    };
    let all = now.into_iter().flat_map(|now| &now.rules).filter(|rule| !by.unchanged.contains(&rule.id));
    all.filter(is_late).map(|rule| rule.id.clone()).collect()
}

/// Says of a control what CloudTrail shows.
pub(super) fn learn(one: &mut Lost) {
    one.cause = Cause::Learnt;
    one.line = match one.control {
        Control::Statements(_) => "the bucket policy let in whom a suspect may have named".to_owned(),
        _ => format!("{}, and somebody wrote it since the first activity", one.line),
    };
    one.line.push_str(": CloudTrail showed that too late for the containment");
}

/// How the step about the names in the bucket policy ends, by what CloudTrail shows by now. Noise of after the containment takes nothing back
/// that the containment saw.
fn proven(receipt: &Receipt, (base, around): (&BaseState, &Around<'_>), changed: &Changed) -> Option<Made> {
    let has_failed = receipt.steps.iter().any(|step| step.name == unproven::name() && step.outcome == Outcome::Failed);
    let recorded = Document::parse(base.policy.as_deref()).ok().filter(|_| base.planned.sids.contains(DENY_OUTSIDERS))?;
    let why = unproven::unproven(around, &recorded, (Some(changed), &Trust::recorded(&base.planned)));
    match (why, has_failed) {
        (None, true) => Some(Made::new(unproven::name(), Outcome::Skipped)),
        (Some(why), false) if was_blind(receipt) => {
            Some(Made { error: Some(why), ..Made::new(unproven::name(), Outcome::Failed) })
        }
        _ => None,
    }
}

/// Steps of the containment that ended otherwise than its receipt says, by what CloudTrail shows by now.
pub(super) fn corrected(
    receipt: &Receipt,
    level: Scope,
    (base, around, seen): (&BaseState, &Around<'_>, &Seen),
    changed: &Changed,
) -> Vec<Made> {
    let has_failed = |kind: StepKind| {
        let name = StepName::from(kind);
        receipt.steps.iter().any(|step| step.name == name && step.outcome == Outcome::Failed)
    };
    let failed = |kind: StepKind, why: String| Made { error: Some(Fault::malformed(why)), ..Made::new(kind, Outcome::Failed) };
    let mut all = Vec::new();
    if !changed.is_blind() && was_blind(receipt) {
        all.push(Made::new(StepKind::ReadTrail, Outcome::Skipped));
    }
    if level != Scope::Freeze {
        return all;
    }
    let more = planned(base, seen, changed);
    let has_room = |late: &BTreeSet<String>, planned: &BTreeSet<String>| late.is_subset(planned);
    for (kind, setting, (part, by), has_room) in [
        (
            StepKind::DisableLifecycleRule,
            Kind::Lifecycle,
            (Part::Lifecycle, &changed.lifecycle),
            has_room(&more.lifecycle, &base.planned.lifecycle),
        ),
        (
            StepKind::DisableReplicationRule,
            Kind::Replication,
            (Part::Replication, &changed.replication),
            has_room(&more.replication, &base.planned.replication),
        ),
    ] {
        let is_unknown = base.unknown.contains(&part);
        let is_left = is_unknown && by.is_some() || !has_room;
        match (is_left, has_failed(kind)) {
            (true, false) => all.push(failed(kind, UNRECORDED.to_owned())),
            // Who wrote the rules was all that was missing: each one that is to be off has a step of its own.
            (false, true) if !is_unknown && !changed.hidden.contains(&setting) => all.push(Made::new(kind, Outcome::Skipped)),
            _ => {}
        }
    }
    all.extend(proven(receipt, (base, around), changed));
    let Ok(document) = &seen.document else { return all };
    let refused = statements::wanted(Scope::Freeze, around, (base, document)).map(|wanted| wanted.refused).unwrap_or_default();
    let doubtful = refused.into_iter().filter(|(kind, _)| is_doubtful(*kind, base) && !has_failed(*kind));
    all.extend(doubtful.map(|(kind, why)| failed(kind, why)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::containment::Containment;
    use firebreak::receipt::{Status, Step};
    use firebreak::target::TargetKind;
    use firebreak_testkit::room;

    fn rule(id: &str, enabled: bool, form: &str) -> Rule {
        Rule { id: id.to_owned(), enabled, digest: form.to_owned(), expires: true }
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn rules_that_a_suspect_wrote_before_the_containment_are_late_and_those_of_after_it_are_told_only() {
        let all = |rules: &[Rule]| Rules { digest: String::new(), rules: rules.to_vec() };
        let recorded =
            all(&[rule("wipe", true, "a"), rule("keep", true, "b"), rule("off", false, "c"), rule("edited", true, "d")]);
        let now = all(&[
            rule("wipe", true, "a"),
            rule("keep", true, "b"),
            rule("off", true, "c"),
            rule("edited", true, "another form"),
            rule("joined", true, "e"),
            rule("since", true, "f"),
        ]);
        let by = By {
            who: "mallory".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            is_suspect: true,
            by_suspect: true,
            unchanged: ids(&["keep"]),
            written: ids(&["wipe", "keep", "off", "edited", "joined"]),
        };
        assert_eq!(late_rules((Some(&recorded), Some(&now)), &by), ids(&["joined", "wipe"]));
        let held_off = all(&[rule("wipe", false, "a")]);
        assert_eq!(late_rules((Some(&recorded), Some(&held_off)), &by), ids(&["wipe"]), "another level switched it off");
        assert_eq!(late_rules((Some(&recorded), None), &by), ids(&[]));
    }

    #[test]
    fn only_a_step_without_a_part_says_that_what_decides_was_not_seen() {
        let with = |name: StepName, error: Option<Fault>| {
            let outcome = Outcome::Skipped;
            let step = Step { name, outcome, error, digest: None, started_at: Timestamp::UNIX_EPOCH, ms: 0 };
            let target = room::target(TargetKind::S3Bucket, "acme-exports");
            let receipt = Receipt::of(target, Containment::LockdownS3, Status::Contained);
            was_blind(&Receipt { steps: vec![step], ..receipt })
        };
        let why = || Some(Fault::malformed("CloudTrail did not answer"));
        assert!(with(StepKind::ReadTrail.into(), why()));
        assert!(!with(StepKind::ReadTrail.into(), None), "a look has seen it since");
        assert!(!with(StepName::about(StepKind::ReadTrail, "older calls"), why()));
    }
}

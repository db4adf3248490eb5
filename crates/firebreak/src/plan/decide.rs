//! From a finding to decisions: the row of its type, then the things it names, then each of them under the policy.

use super::basis::Basis;
use super::bucket;
use super::explain::{Because, Trace, at};
use super::host;
use super::identity::spared;
use super::restrain::{Grounds, Restrained, restrain};
use super::wanted::Wanted;
use super::wishes::{Wishes, joined};
use super::{AtSource, Circumstances, Verdict};
use crate::decision::{Decision, Mode};
use crate::finding::{Delivery, Finding};
use crate::text::inert;
use std::collections::BTreeSet;

/// The part of a plan that is decided here.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) decisions: Vec<Decision>,
    /// Nobody is asked, and evidence is kept all the same.
    pub(super) evidence: bool,
}

impl Outcome {
    fn without_decisions(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason: Some(reason), decisions: vec![], evidence: false }
    }
}

pub(super) fn decide(finding: &Finding, delivery: Delivery, circumstances: &Circumstances<'_>, trace: &mut Trace) -> Outcome {
    if finding.settled {
        trace.note(Because::Field, || (at("archived, Workflow.Status, RecordState or status"), "settled".to_owned()));
        return Outcome::without_decisions(Verdict::Ignore, "archived, suppressed or resolved at its source".to_owned());
    }
    if circumstances.at_source == AtSource::Settled {
        let reason = "archived at GuardDuty since this event was sent".to_owned();
        return Outcome::without_decisions(Verdict::Ignore, reason);
    }
    match restrained(finding, delivery, circumstances, trace) {
        Ok((restrained, unusable)) => outcome(restrained, &unusable),
        Err(why) => {
            let why = inert(&why, MAX_REASON);
            trace.note(Because::Rule, || (at("no decision"), why.clone()));
            Outcome::without_decisions(Verdict::Notify, why)
        }
    }
}

/// Reasons are for people, and travel.
const MAX_REASON: usize = 400;

fn outcome(restrained: Vec<Restrained>, unusable: &BTreeSet<String>) -> Outcome {
    let responds = |r: &Restrained| r.decision.mode != Mode::Notify || r.rehearsed;
    let verdict = match restrained.as_slice() {
        all if all.iter().any(responds) => Verdict::Respond,
        all if all.iter().all(|r| r.decision.suppressed) && unusable.is_empty() => Verdict::Ignore,
        _ => Verdict::Notify,
    };
    let beside = (!unusable.is_empty()).then(|| inert(&joined(unusable), MAX_REASON));
    let reason = match verdict {
        Verdict::Respond => beside,
        Verdict::Notify if beside.is_some() && restrained.iter().all(|r| r.decision.suppressed) => beside,
        // What is suppressed is not why somebody is told.
        _ => restrained.iter().min_by_key(|r| r.decision.suppressed).map(|r| r.decision.reason.clone()),
    };
    // A response keeps evidence anyway.
    let evidence = verdict == Verdict::Notify && restrained.iter().any(|r| r.evidence);
    Outcome { verdict, reason, evidence, decisions: restrained.into_iter().map(|r| r.decision).collect() }
}

/// What is left of everything that the finding calls for, and what of it could not be used.
fn restrained(
    finding: &Finding,
    delivery: Delivery,
    circumstances: &Circumstances<'_>,
    trace: &mut Trace,
) -> Result<(Vec<Restrained>, BTreeSet<String>), String> {
    let basis = Basis::of(finding, circumstances, trace)?;
    let wishes = Wishes::of(finding, &basis, circumstances, trace);
    let (policy, playbook) = (circumstances.policy, circumstances.playbook);
    let grounds = Grounds::Finding { finding, delivery, at_source: circumstances.at_source, now: circumstances.now };
    let Wishes { wanted, mut unusable, missing } = wishes;
    let wanted = wanted.into_iter().map(|wanted| wanted.of_row(basis.row, playbook).listed(basis.listed)).collect();
    let is_done =
        |isolation: &Wanted| restrain(isolation.clone(), policy, grounds, &mut Trace::new(false)).decision.mode != Mode::Notify;
    let wanted = host::with_sessions(wanted, circumstances.identities, is_done);
    let wanted = bucket::with_wider_levels(wanted, basis.row, policy);
    let decided = wanted.into_iter().map(|wanted| restrain(wanted, policy, grounds, trace));
    let spare = |one: Restrained| Restrained { decision: spared(one.decision, circumstances.identities), ..one };
    let decided = bucket::beside_their_freezes(decided.map(spare).collect());
    unusable.extend(bucket::not_offered(&decided));
    if !decided.is_empty() {
        return Ok((decided, unusable));
    }
    if !unusable.is_empty() {
        return Err(joined(&unusable));
    }
    if !basis.listed {
        return Err("the playbook has no row for this type, and it names nothing that the default row is about".to_owned());
    }
    let nothing = || format!("the finding names nothing to act on: {}", basis.row.why);
    Err(missing.first().map_or_else(nothing, |why| (*why).to_owned()))
}

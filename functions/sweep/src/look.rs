//! One look: what suspects did since they were first seen, what follows from it, and what goes back to the state machine.

use crate::cloudtrail::Trails;
use crate::gather::join;
use crate::{Function, NextContainment, Passing, Round, SweepInput, SweptState, Watch};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::plan::derived::Seen;
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Verification};
use firebreak::report::{Asked, More, ReleaseBranch, Report, SweepBranch};
use firebreak::target::Target;
use firebreak::text::inert;
use firebreak::trail::{self, Ages, Found, Search, Suspect, bounded, merged};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The function has 60 seconds: what it found must still be decided and written.
const PATIENCE: Duration = Duration::from_secs(40);
/// CloudTrail's event history reaches back 90 days (CloudTrail API reference, `LookupEvents`).
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

impl Function {
    /// Looks, decides, and answers with what it has, whatever was refused on the way.
    pub(crate) async fn look(&self, request: SweepInput) -> Result<SweptState, Fault> {
        let SweepInput { mut incident, mut report, watch, carry, .. } = request;
        // What the state machine could not gather, or carry out, after the look before.
        join(&mut report);
        // At the first look, and under an earlier definition, the state machine carries the decisions themselves.
        let decided = report.sweep.decided.unwrap_or(incident.decisions.len()).max(incident.decisions.len());
        let known = self.gather_own(&mut incident, &mut report).await?;
        let (opened_at, releases) = match self.opened_at(&incident).await? {
            Some(known) => known,
            // Nobody asks about what it would find now, and nobody would release it.
            None => return Ok(over(incident, report, watch).carried(carry, known)),
        };
        // An earlier try appended it and was killed before it could answer, or a person did.
        let appended_before = incident.decisions.len() > decided;
        let released = ReleaseBranch { receipts: releases, ..report.release.clone() };
        let not_tried: Vec<Decision> =
            Report { release: released, ..report.clone() }.not_tried(&incident.decisions).cloned().collect();
        let news = appended_before || !not_tried.is_empty();
        let mut contain = self.hold_back(&mut incident, not_tried).await?;
        let (from, clipped) = since(&incident, opened_at, &self.policy, clock::now());
        let mut found = self.search(&incident, &report, from).await;
        found.missing.extend(clipped);
        let ages = Ages { opened_at, now: clock::now() };
        found.traced.iter_mut().for_each(|traced| traced.judge_by_age(ages));
        let seen = Seen { traced: &found.traced, checks: &report.verification, receipts: &report.containment.receipts };
        let appended = self.append(&mut incident, seen).await?;
        let forgotten = self.expose(&incident, found.exposed).await;
        let news = news || !appended.decisions.is_empty();
        contain.extend(appended.decisions.into_iter().filter(|decision| decision.mode == Mode::Auto));
        let contain: Vec<NextContainment> = contain.iter().filter_map(NextContainment::of).collect();

        // The checks of later looks repeat what earlier ones saw: people are told once.
        let SweepBranch { reverted, found: told, left_out, more, .. } = &report.sweep;
        let reverted = merged(reverted, more.reverted, report.verification.iter().flat_map(reverts));
        let told = merged(told, more.found, trail::told(&found.traced));
        let left_out = merged(left_out, more.left_out, appended.left_out);
        let missing = bounded(forgotten.into_iter().chain(found.missing));
        tracing::info!(
            round = watch.round,
            traced = found.traced.len(),
            refused = found.refused,
            missing = missing.len(),
            contain = contain.len(),
            "looked"
        );
        let alarm = reverted.is_new || news || told.is_new;
        report.sweep = SweepBranch {
            status: "ok".to_owned(),
            error: None,
            suspects: Some(suspects(&report).len()),
            asked: Some(Asked { places: found.places.len(), since: from }),
            decided: Some(incident.decisions.len()),
            more: More { found: told.more, left_out: left_out.more, reverted: reverted.more },
            found: told.lines,
            missing,
            left_out: left_out.lines,
            reverted: reverted.lines,
        };
        if let Err(fault) = self.ledger.keep_sweep(&incident.id, incident.joining.as_ref(), &report.sweep).await {
            tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
        }
        let idle = contain.is_empty() && !report.containment.receipts.iter().any(Receipt::holds_something);
        let watch = Watch { round: watch.round, contain, alarm, idle };
        Ok(SweptState { incident, report, watch, passing: Passing::default() }.carried(carry, known))
    }

    /// When the work on the incident began, and what releases did since. An execution whose finding joined it looks as far back as the
    /// one that opened it, and no more once that incident is over: then nothing.
    async fn opened_at(&self, incident: &Incident) -> Result<Option<(Timestamp, Vec<Receipt>)>, Fault> {
        if incident.joining.is_none() {
            return Ok(Some((incident.opened_at, vec![])));
        }
        let known = self.ledger.incident(&incident.id).await?.filter(|known| known.record.status.is_open());
        Ok(known.map(|known| (known.record.incident.opened_at.min(incident.opened_at), known.releases)))
    }

    /// Remembers what suspects gave to the incident's users: a release leaves it inactive. Returns what could not be written.
    async fn expose(&self, incident: &Incident, exposed: Vec<(Target, String)>) -> Vec<String> {
        let mut of_user: BTreeMap<String, (Target, Vec<String>)> = BTreeMap::new();
        for (target, id) in exposed.into_iter().filter_map(|(target, id)| Some((quarantined(incident, &target)?.clone(), id))) {
            of_user.entry(target.ledger_key()).or_insert((target, vec![])).1.push(id);
        }
        let mut forgotten = Vec::new();
        for (target, ids) in of_user.into_values() {
            let held = Held { target: &target, containment: Containment::QuarantineIam };
            if let Err(fault) = self.ledger.expose(held, &ids).await {
                let ids = ids.join(", ");
                forgotten.push(format!("a release of {target} would bring back what suspects made, {ids}: {}", fault.message));
            }
        }
        forgotten
    }

    /// Reads trails until everything is read, the pages or the time run out.
    async fn search(&self, incident: &Incident, report: &Report, from: Timestamp) -> Found {
        let deadline = Instant::now() + PATIENCE;
        let suspects = suspects(report);
        let mut trails = Trails::new(&self.aws, &incident.id, from, clock::now());
        // Each Region that reports the principal is asked, also that of a copy.
        let regions = incident.findings.iter().filter_map(|finding| finding.region.clone()).collect();
        let mut search = Search::also_in(regions, suspects, &self.policy);
        while let Some(lookup) = search.next_page() {
            match timeout_at(deadline, trails.page(&lookup)).await {
                Ok(Ok(page)) => search.page(lookup, &page.events, page.next),
                Ok(Err(fault)) if fault.kind == FaultKind::Transient => search.busy(lookup, &fault.message),
                Ok(Err(fault)) => search.failed(&lookup, &fault.message),
                Err(_) => {
                    search.failed(&lookup, OUT_OF_TIME);
                    search.give_up(OUT_OF_TIME);
                }
            }
        }
        search.finish()
    }
}

fn reverts(check: &Verification) -> impl Iterator<Item = String> {
    check.reverted.iter().map(|line| inert(&format!("{}: {line}", check.target), 200))
}

const OUT_OF_TIME: &str = "the time for this look ran out (40 seconds)";

/// Principals that are contained, those of earlier rounds among them. What holds nothing may not be whom it was taken for.
fn suspects(report: &Report) -> Vec<&Target> {
    let held = report.containment.receipts.iter().filter(|receipt| receipt.holds_something());
    held.map(|receipt| &receipt.target).filter(|target| Suspect::of(target).is_some()).collect()
}

/// The target of the incident's decision to contain all of this principal: its base is under that key.
fn quarantined<'a>(incident: &'a Incident, target: &Target) -> Option<&'a Target> {
    let is_whole = |d: &Decision| d.containment == Some(Containment::QuarantineIam) && d.target.scope.is_whole();
    incident
        .decisions
        .iter()
        .find(|decision| is_whole(decision) && decision.target.is_of(target))
        .map(|decision| &decision.target)
}

/// The answer of a look that is not made.
fn over(incident: Incident, report: Report, watch: Round) -> SweptState {
    let watch = Watch { round: watch.round, contain: vec![], alarm: false, idle: true };
    SweptState { incident, report, watch, passing: Passing::default() }
}

/// When the finding began, or some hours before the incident was opened; and a word when CloudTrail does not remember it.
fn since(incident: &Incident, opened_at: Timestamp, policy: &Policy, now: Timestamp) -> (Timestamp, Option<String>) {
    let hours = SignedDuration::from_hours(i64::from(policy.sweep.hours));
    let before = opened_at.checked_sub(hours).unwrap_or(opened_at);
    let seen = incident.finding.first_seen.filter(|seen| *seen <= opened_at);
    let earliest = now.checked_sub(HISTORY).unwrap_or(now);
    let wanted = seen.unwrap_or(before).min(now);
    let clipped = (wanted < earliest).then(|| format!("what was before {earliest}: CloudTrail's event history has 90 days"));
    (wanted.max(earliest), clipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::plan::{Circumstances, plan_json};

    fn incident(policy: &Policy) -> Incident {
        let event = include_bytes!("../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
        let at: Timestamp = "2026-11-20T03:00:00Z".parse().expect("a time");
        let plan = plan_json(event, &Circumstances::new(policy, at)).expect("a plan");
        Incident::new(plan, policy, "arn".to_owned(), at)
    }

    #[test]
    fn only_users_whose_quarantine_is_decided_are_written_to_the_ledger() {
        let incident = incident(&Policy::unrestricted());
        let target = incident.decisions[0].target.clone();
        assert_eq!(quarantined(&incident, &target), Some(&target));
        assert!(quarantined(&incident, &Target { id: "decoy".to_owned(), ..target.clone() }).is_none());
        let mut part = incident.clone();
        part.decisions[0].target.scope = firebreak::target::Scope::AccessKey;
        assert!(quarantined(&part, &target).is_none(), "its other credentials stay as they are");
    }

    #[test]
    fn a_look_begins_where_the_finding_does() {
        let policy = Policy::unrestricted();
        let mut incident = incident(&policy);
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = time("2026-11-20T03:10:00Z");
        let since = |incident: &Incident| since(incident, incident.opened_at, &policy, now);
        assert_eq!(Some(since(&incident).0), incident.finding.first_seen);
        incident.finding.first_seen = None;
        assert_eq!(since(&incident), (time("2026-11-19T03:00:00Z"), None));
        incident.finding.first_seen = Some(time("2031-01-01T00:00:00Z"));
        assert_eq!(since(&incident).0, time("2026-11-19T03:00:00Z"), "a time to come is no time to begin");
        incident.finding.first_seen = Some(time("2020-01-01T00:00:00Z"));
        let (from, clipped) = since(&incident);
        assert!(from == time("2026-08-22T03:10:00Z") && clipped.is_some(), "90 days, and it says so: {from}");
    }
}

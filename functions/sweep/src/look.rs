//! One look: what suspects did since they were first seen, what follows from it, and what goes back to the state machine.

use crate::addresses;
use crate::gather::join;
use crate::looked::is_followed;
use crate::suspects::Suspects;
use crate::{Function, NextContainment, Passing, Round, Stage, SweepInput, SweptState, Watch};
use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::derived::Seen;
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Verification};
use firebreak::report::{Asked, More, ReleaseBranch, Report, SweepBranch};
use firebreak::target::Target;
use firebreak::text::inert;
use firebreak::trail::{self, Ages, Found, merged, unseen};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// CloudTrail's event history reaches back 90 days (CloudTrail API reference, `LookupEvents`).
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

impl Function {
    /// Looks, decides, and answers with what it has, whatever was refused on the way.
    pub(crate) async fn look(&self, request: SweepInput) -> Result<SweptState, Fault> {
        let SweepInput { mut incident, mut report, watch, carry, stage, passing, .. } = request;
        // What the state machine could not gather, or carry out, after the look before.
        join(&mut report);
        // At the first look, and under an earlier definition, the state machine carries the decisions themselves.
        let decided = report.sweep.decided.unwrap_or(incident.decisions.len()).max(incident.decisions.len());
        let known = self.gather_own(&mut incident, &mut report).await?;
        let (opened_at, releases) = match self.opened_at(&incident, stage).await? {
            Some(known) => known,
            // Nobody asks about what it would find now, and nobody would release it.
            None => return Ok(over(incident, report, watch, passing).carried(carry, known)),
        };
        // An earlier try appended it and was killed before it could answer, or a person did.
        let appended_before = incident.decisions.len() > decided;
        let as_it_stands = with_releases(&report, releases);
        let not_tried = Box::pin(self.not_left_out(&incident, not_tried(&incident, &as_it_stands, &passing))).await?;
        let who = Suspects::of(&incident, &as_it_stands);
        let news = appended_before || !not_tried.is_empty();
        let mut contain = self.hold_back(&mut incident, not_tried).await?;
        let (from, clipped) = since(&incident, opened_at, &self.policy, clock::now());
        let before = self.left_by(&incident, stage, &report.sweep).await;
        let search = Box::pin(self.search(&incident, &who, (from, before.clone()), stage));
        let hosts = Box::pin(self.hosts(&incident, &as_it_stands));
        let (mut found, weighed, hosts) = futures::join!(search, self.weigh(&incident), hosts);
        found.missing.extend(clipped.into_iter().chain(hosts.unknown));
        let ages = Ages { opened_at, now: clock::now() };
        found.traced.iter_mut().for_each(|traced| traced.judge_by_age(ages));
        let receipts: Vec<Receipt> = report.receipts().cloned().collect();
        let checks = [report.verification.as_slice(), &report.gated_verification].concat();
        let remote = addresses::remote(&incident);
        let remote = Some(&remote);
        let seen = Seen { traced: &found.traced, checks: &checks, receipts: &receipts, remote, hosts: &hosts.known };
        let held = std::mem::take(&mut found.looked.held);
        let appended = self.append(&mut incident, seen, held).await?;
        found.missing.extend(self.keep_impact(&mut incident, weighed, &found.uses).await);
        let forgotten = self.expose(&incident, std::mem::take(&mut found.exposed)).await;
        let news = news || !appended.decisions.is_empty();
        contain.extend(appended.decisions.into_iter().filter(|decision| decision.mode == Mode::Auto));
        let contain: Vec<NextContainment> = contain.iter().filter_map(NextContainment::of).collect();
        found.missing = [forgotten, std::mem::take(&mut found.missing)].concat();
        tracing::info!(
            round = watch.round,
            stage = ?stage,
            suspects = who.count(),
            traced = found.traced.len(),
            refused = found.refused,
            missing = found.missing.len() + found.later.len(),
            contain = contain.len(),
            "looked"
        );
        let can_look = self.policy.sweep.pages > 0 && who.count() > 0;
        let is_blind = can_look && found.places.is_empty();
        let leaves = std::mem::take(&mut found.looked).holding(appended.held);
        let leaves = Some(leaves).filter(|_| is_followed(&incident, stage));
        let left_out = [appended.left_out, hosts.without_role].concat();
        let (told, is_new) = told((&report, incident.decisions.as_slice()), found, left_out, (from, is_blind));
        report.sweep = SweepBranch { suspects: Some(who.count()), decided: Some(incident.decisions.len()), ..told };
        self.keep_look(&incident, &mut report.sweep, before, leaves).await;
        let idle = contain.is_empty() && !can_look && !receipts.iter().any(Receipt::holds_something);
        let watch = Watch { round: watch.round, contain, alarm: is_new || news, idle };
        Ok(SweptState { incident, report, watch, passing }.carried(carry, known))
    }

    /// When the work on the incident began, and what releases did since. An execution whose finding joined it looks as far back as the
    /// one that opened it. Neither it nor the watch looks any more once the incident is over: then nothing.
    async fn opened_at(&self, incident: &Incident, stage: Option<Stage>) -> Result<Option<(Timestamp, Vec<Receipt>)>, Fault> {
        let is_own = incident.joining.is_none();
        if is_own && matches!(stage, None | Some(Stage::First)) {
            return Ok(Some((incident.opened_at, vec![])));
        }
        Ok(match self.ledger.incident(&incident.id).await? {
            Some(known) if is_watched(known.record.status, stage) => {
                Some((known.record.incident.opened_at.min(incident.opened_at), known.releases))
            }
            None if is_own => Some((incident.opened_at, vec![])),
            _ => None,
        })
    }

    /// Remembers what suspects gave to the incident's users: a release leaves it inactive. Returns what could not be written.
    async fn expose(&self, incident: &Incident, exposed: Vec<(Target, String)>) -> Vec<String> {
        let mut of_user: BTreeMap<String, (Target, Vec<String>)> = BTreeMap::new();
        for (target, id) in exposed.into_iter().filter_map(|(target, id)| Some((quarantined(incident, &target)?.clone(), id))) {
            of_user.entry(target.ledger_key()).or_insert((target, vec![])).1.push(id);
        }
        let mut forgotten = Vec::new();
        for (target, ids) in of_user.into_values() {
            if let Err(fault) = self.expose_to(incident, &target, &ids).await {
                let ids = ids.join(", ");
                forgotten.push(format!("a release of {target} would bring back what suspects made, {ids}: {}", fault.message));
            }
        }
        forgotten
    }

    /// In the row of the decision, and of each user whom the incident saw under its name: what is in a row goes with that row's release.
    async fn expose_to(&self, incident: &Incident, target: &Target, ids: &[String]) -> Result<(), Fault> {
        let exposed = self.ledger.expose(quarantine(target), ids).await;
        if target.is_by_name() {
            let row = self.ledger.row(quarantine(target), clock::now()).await?;
            let led = row.leads(|name| incident.holds_as(name), target);
            try_join_all(led.iter().map(|user| self.ledger.expose(quarantine(user), ids))).await?;
        }
        exposed
    }
}

/// A failed incident stays contained: the watch looks after it.
fn is_watched(status: IncidentStatus, stage: Option<Stage>) -> bool {
    status.is_open() || stage == Some(Stage::Watch) && firebreak::watch::is_watched(status)
}

fn reverts(check: &Verification) -> impl Iterator<Item = String> {
    check.reverted.iter().map(|line| inert(&format!("{}: {line}", check.target), 200))
}

/// The report with what releases did, as the ledger knows it where the look has asked.
fn with_releases(report: &Report, releases: Vec<Receipt>) -> Report {
    let receipts = if releases.is_empty() { report.release.receipts.clone() } else { releases };
    Report { release: ReleaseBranch { receipts, ..report.release.clone() }, ..report.clone() }
}

/// Decisions for at once that nothing became of, without those that the person whose answer is carried out accepts as open or leaves out.
fn not_tried(incident: &Incident, report: &Report, passing: &Passing) -> Vec<Decision> {
    let answered = passing.decided();
    let is_left = |decided: &Decided, decision: &Decision| decided.accepts_open(&decision.target) || decided.leaves_out(decision);
    let is_accepted = |decision: &Decision| answered.as_ref().is_some_and(|decided| is_left(decided, decision));
    let is_open = |decision: &&Decision| !is_accepted(decision) && incident.settled(decision).is_none();
    report.not_tried(&incident.decisions).filter(is_open).cloned().collect()
}

/// What people are told of this look and the earlier ones, and whether something is new. The checks of later looks repeat what earlier
/// ones saw: people are told once.
fn told(
    (report, decisions): (&Report, &[Decision]),
    looked: Found,
    left_out: Vec<String>,
    (since, is_blind): (Timestamp, bool),
) -> (SweepBranch, bool) {
    let before = &report.sweep;
    let reverted = merged(
        &before.reverted,
        before.more.reverted,
        report.verification.iter().chain(&report.gated_verification).flat_map(reverts),
    );
    let found = merged(&before.found, before.more.found, trail::told(&looked.traced, decisions));
    let left_out = merged(&before.left_out, before.more.left_out, left_out);
    let (missing, later) = unseen(looked.missing, looked.later);
    // A look that read nothing is news once, and for each new reason.
    let was_blind = before.asked.is_some_and(|asked| asked.places == 0);
    let mut failed = missing.iter().take(missing.len().saturating_sub(usize::try_from(later).unwrap_or(usize::MAX)));
    let is_news = is_blind && (!was_blind || failed.any(|line| !before.missing.contains(line)));
    let branch = SweepBranch {
        status: "ok".to_owned(),
        error: None,
        suspects: None,
        asked: Some(Asked { places: looked.places.len(), since }),
        decided: None,
        more: More { found: found.more, left_out: left_out.more, reverted: reverted.more },
        found: found.lines,
        later,
        missing,
        left_out: left_out.lines,
        reverted: reverted.lines,
        looked: before.looked,
    };
    (branch, reverted.is_new || found.is_new || left_out.is_new || is_news)
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

fn quarantine(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::QuarantineIam }
}

/// The answer of a look that is not made.
fn over(incident: Incident, report: Report, watch: Round, passing: Passing) -> SweptState {
    let watch = Watch { round: watch.round, contain: vec![], alarm: false, idle: true };
    SweptState { incident, report, watch, passing }
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

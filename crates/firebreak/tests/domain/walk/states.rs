//! The states that an incident can be in, as the state machine and the ledger hand them over, and what is true in each.

use super::made::{
    approved, at, by_the_machine, check, drift, instance, isolated, nothing_to_release, quarantined, receipt, released, report,
    step, user, with_fault,
};
use firebreak::answer::{Answer, Decided};
use firebreak::facts::Carry;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice, ticket};
use firebreak::policy::ResponseMode;
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::report::{ReleaseBranch, Report};

/// The incident that still holds a target after another one let go of it.
pub(crate) const OTHER: &str = "fb-86be0123456789ab";

/// How much of the target the incident contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Holds {
    #[default]
    Nothing,
    Part,
    /// It was contained, and nobody knows whether it still is.
    Doubtful,
    All,
}

/// What happens after the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Next {
    /// Nobody is ever asked.
    Told,
    /// A gate opens, or is open.
    Asks,
    /// The gate opens again: the answer could not be carried out.
    AsksAgain,
    #[default]
    Over,
}

/// What is true in a state.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Truth {
    pub(crate) holds: Holds,
    /// The last look did not confirm it.
    pub(crate) unconfirmed: bool,
    /// Something that was to be contained is not, or nobody knows.
    pub(crate) open: bool,
    /// Because its containment failed, in full or in part.
    pub(crate) short: bool,
    /// In full: an approval tries it again.
    pub(crate) failed: bool,
    /// The resource does not exist.
    pub(crate) gone: bool,
    /// An approval contains it for the first time.
    pub(crate) gated: bool,
    /// Firebreak acts without a person.
    pub(crate) acts: bool,
    pub(crate) rehearsed: bool,
    /// The incident's containment changed something.
    pub(crate) changed: bool,
    /// Every control was there before.
    pub(crate) before: bool,
    /// CloudTrail was asked, and answered.
    pub(crate) asked: bool,
    /// And it says what the suspect did besides.
    pub(crate) found: bool,
    /// Somebody took a control away, and it was written again.
    pub(crate) reverted: bool,
    /// A release put something back.
    pub(crate) put_back: bool,
    /// Somebody changed the target since the containment.
    pub(crate) drift: bool,
    /// Another incident holds the target, too.
    pub(crate) held_by_another: bool,
    /// The gate is open.
    pub(crate) waits: bool,
    pub(crate) next: Next,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    Noticed,
    Opened,
    Outcome,
    Alarm,
    Overdue,
    Ticket(u32),
    /// The last notice after `approve`.
    Approved,
    /// After `approve` with `--accept-open`.
    Accepted,
    /// After `release`.
    Released,
}

/// A state, and the messages that can be sent in it.
pub(crate) struct State {
    pub(crate) name: &'static str,
    pub(crate) truth: Truth,
    pub(crate) says: &'static [Say],
    incident: Incident,
    report: Report,
}

impl State {
    /// The message as it is sent. `unread`: the ledger cannot be read, and the state machine carries only facts.
    pub(crate) fn tell(&self, say: Say, unread: bool) -> Message {
        let (mut incident, mut report) = (self.incident.clone(), self.report.clone());
        let target = incident.decisions[0].target.id.clone();
        if unread {
            (incident, report) = (Carry::Facts.incident(incident), Carry::Facts.report(report));
            report.unread = true;
        }
        let closing = |answer, accept_open: Vec<String>| {
            let decided = Decided { accept_open, ..Decided::new(answer, "an analyst", "it was so", at(9)) };
            notice(NoticeKind::Closed, &incident, &report, Some(&decided), 1)
        };
        let told = |kind| notice(kind, &incident, &report, None, 1);
        mail(&match say {
            Say::Noticed => told(NoticeKind::Noticed),
            Say::Opened => told(NoticeKind::Opened),
            Say::Outcome => told(NoticeKind::Outcome),
            Say::Alarm => told(NoticeKind::Alarm),
            Say::Overdue => told(NoticeKind::ReviewOverdue),
            Say::Ticket(round) => ticket(&incident, &report, round),
            Say::Approved => closing(Answer::Approve, vec![]),
            Say::Accepted => closing(Answer::Approve, vec![target]),
            Say::Released => closing(Answer::Release, vec![]),
        })
    }
}

fn state(name: &'static str, (incident, report): (&Incident, &Report), truth: Truth, says: &'static [Say]) -> State {
    State { name, truth, says, incident: incident.clone(), report: report.clone() }
}

const BEGINS: &[Say] = &[Say::Opened];
const ASKED: &[Say] = &[Say::Outcome, Say::Ticket(1), Say::Overdue, Say::Ticket(2)];
const WATCHED: &[Say] = &[Say::Outcome, Say::Alarm, Say::Ticket(1)];
const ASKED_AFTER_A_RELEASE: &[Say] = &[Say::Ticket(1), Say::Overdue];
const IN_VAIN: &[Say] = &[Say::Approved, Say::Ticket(1)];
const APPROVED: &[Say] = &[Say::Approved];
const ACCEPTED: &[Say] = &[Say::Accepted];
const RELEASED: &[Say] = &[Say::Released];

/// The table.
pub(crate) fn states() -> Vec<State> {
    let rows = [
        without_a_person(),
        gated(),
        failed(),
        partial(),
        gone(),
        drifted_instance(),
        drifted_user(),
        two_holders(),
        watched(),
        contained(),
    ];
    rows.into_iter().flatten().collect()
}

fn without_a_person() -> Vec<State> {
    let (observed, rehearsed) = (user(ResponseMode::Observe), user(ResponseMode::DryRun));
    let reason = rehearsed.decisions[0].reason.clone();
    let told = report(by_the_machine(&rehearsed, Status::Skipped, &reason, None), 0);
    let over = released(&told, nothing_to_release(&rehearsed));
    let dry = Truth { rehearsed: true, ..Truth::default() };
    let nothing = Report::default();
    vec![
        state("observe", (&observed, &nothing), Truth { next: Next::Told, ..Truth::default() }, &[Say::Noticed]),
        state("dry-run begins", (&rehearsed, &nothing), Truth { next: Next::Asks, ..dry }, BEGINS),
        state("dry-run", (&rehearsed, &told), Truth { waits: true, next: Next::Asks, ..dry }, ASKED),
        state("dry-run, approved", (&rehearsed, &told), dry, APPROVED),
        state("dry-run, released", (&rehearsed, &over), dry, RELEASED),
    ]
}

fn gated() -> Vec<State> {
    let incident = user(ResponseMode::GateFirst);
    let waiting = report(by_the_machine(&incident, Status::Skipped, "waits for approval", None), 0);
    let contained = approved(&waiting, quarantined(&incident, 5), &incident);
    let back = released(&waiting, nothing_to_release(&incident));
    let gated = Truth { open: true, gated: true, next: Next::Asks, ..Truth::default() };
    vec![
        state("gated begins", (&incident, &Report::default()), gated, BEGINS),
        state("gated", (&incident, &waiting), Truth { waits: true, ..gated }, ASKED),
        state(
            "gated, approved",
            (&incident, &contained),
            Truth { holds: Holds::All, changed: true, ..Truth::default() },
            APPROVED,
        ),
        state("gated, released", (&incident, &back), Truth::default(), RELEASED),
    ]
}

fn failed() -> Vec<State> {
    let incident = user(ResponseMode::Auto);
    let error = "Firebreak.Denied {\"errorType\":\"Firebreak.Denied\",\"errorMessage\":\"sts:AssumeRole: AccessDenied\"}";
    let refused = by_the_machine(&incident, Status::Failed, error, Some(FaultKind::Denied));
    let first = report(refused.clone(), 0);
    let in_vain = approved(&first, refused, &incident);
    let mended = approved(&first, quarantined(&incident, 5), &incident);
    let back = released(&first, nothing_to_release(&incident));
    let open = Truth { open: true, short: true, failed: true, ..Truth::default() };
    let asks = Truth { waits: true, next: Next::Asks, ..open };
    let begins = Truth { acts: true, next: Next::Asks, ..Truth::default() };
    vec![
        state("failed, begins", (&incident, &Report::default()), begins, BEGINS),
        state("failed", (&incident, &first), asks, ASKED),
        state("failed, approved in vain", (&incident, &in_vain), Truth { next: Next::AsksAgain, ..asks }, IN_VAIN),
        state("failed, accepted as open", (&incident, &in_vain), open, ACCEPTED),
        state("failed, approved", (&incident, &mended), Truth { holds: Holds::All, changed: true, ..Truth::default() }, APPROVED),
        state("failed, released", (&incident, &back), Truth::default(), RELEASED),
    ]
}

fn partial() -> Vec<State> {
    let incident = user(ResponseMode::Auto);
    let refused = Fault::new(FaultKind::Denied, "iam:UpdateAccessKey: AccessDenied");
    let steps =
        vec![step("attach-deny", Outcome::Applied), with_fault("deactivate-key AKIA8EAD6FD1811981E9", Outcome::Failed, refused)];
    let part = receipt(&incident, Status::Partial, 1, steps);
    let partly = report(part.clone(), 1);
    let in_vain = approved(&partly, part, &incident);
    let back = released(&partly, receipt(&incident, Status::Contained, 5, vec![step("detach-deny", Outcome::Applied)]));
    let over = Truth { holds: Holds::Part, open: true, short: true, changed: true, asked: true, ..Truth::default() };
    let put_back = Truth { put_back: true, asked: true, ..Truth::default() };
    vec![
        state("partial", (&incident, &partly), Truth { waits: true, next: Next::Asks, ..over }, ASKED),
        state(
            "partial, approved in vain",
            (&incident, &in_vain),
            Truth { waits: true, next: Next::AsksAgain, failed: false, ..over },
            IN_VAIN,
        ),
        state("partial, accepted as open", (&incident, &in_vain), over, ACCEPTED),
        state("partial, released", (&incident, &back), put_back, RELEASED),
    ]
}

fn gone() -> Vec<State> {
    let incident = instance();
    let message = "ec2:DescribeInstances: InvalidInstanceID.NotFound";
    let error = format!("Firebreak.Gone {{\"errorType\":\"Firebreak.Gone\",\"errorMessage\":\"{message}\"}}");
    let missing = by_the_machine(&incident, Status::Failed, &error, Some(FaultKind::Gone));
    let first = report(missing.clone(), 0);
    let in_vain = approved(&first, missing, &incident);
    let fault = Fault::gone(message);
    let let_go =
        Receipt { error: Some(fault.told()), fault: Some(fault.kind.into()), ..receipt(&incident, Status::Skipped, 5, vec![]) };
    let since = released(&report(isolated(&incident), 0), let_go);
    let open = Truth { open: true, short: true, failed: true, gone: true, ..Truth::default() };
    let asks = Truth { waits: true, next: Next::Asks, ..open };
    vec![
        state("gone", (&incident, &first), asks, ASKED),
        state("gone, approved in vain", (&incident, &in_vain), Truth { next: Next::AsksAgain, ..asks }, IN_VAIN),
        state("gone, accepted as open", (&incident, &in_vain), open, ACCEPTED),
        state("gone since, released", (&incident, &since), Truth { gone: true, ..Truth::default() }, RELEASED),
    ]
}

/// One interface is put back, another one is in a group of somebody's.
fn drifted_instance() -> Vec<State> {
    let incident = instance();
    let held = report(isolated(&incident), 0);
    let protection = "restore-termination-protection";
    let first = vec![
        step("restore-groups eni-1", Outcome::Applied),
        drift(Outcome::Failed),
        step(protection, Outcome::Applied),
        step("restore-tags", Outcome::Applied),
    ];
    let second = vec![
        step("restore-groups eni-1", Outcome::Already),
        drift(Outcome::Skipped),
        step(protection, Outcome::Already),
        step("restore-tags", Outcome::Already),
    ];
    let shown = released(&held, receipt(&incident, Status::Partial, 5, first));
    let back = released(&held, receipt(&incident, Status::Contained, 7, second));
    let over = Truth { holds: Holds::Doubtful, open: true, drift: true, changed: true, ..Truth::default() };
    let put_back = Truth { put_back: true, drift: true, ..Truth::default() };
    vec![
        state("drifted instance", (&incident, &shown), Truth { waits: true, next: Next::Asks, ..over }, ASKED_AFTER_A_RELEASE),
        state("drifted instance, approved", (&incident, &shown), over, APPROVED),
        state("drifted instance, released", (&incident, &back), put_back, RELEASED),
    ]
}

/// Nothing is put back before somebody has seen the change.
fn drifted_user() -> Vec<State> {
    let incident = user(ResponseMode::Auto);
    let held = report(quarantined(&incident, 1), 1);
    let exposed = Fault::malformed("access key AKIA8EAD6FD1811981E9 was exposed: it stays inactive, replace it");
    let second = vec![
        drift(Outcome::Skipped),
        with_fault("keep-inactive AKIA8EAD6FD1811981E9", Outcome::Skipped, exposed),
        step("detach-deny", Outcome::Applied),
        step("restore-tags", Outcome::Applied),
    ];
    let shown = released(&held, receipt(&incident, Status::Partial, 5, vec![drift(Outcome::Failed)]));
    let back = released(&held, receipt(&incident, Status::Contained, 7, second));
    let over = Truth { holds: Holds::Doubtful, open: true, drift: true, changed: true, asked: true, ..Truth::default() };
    let put_back = Truth { put_back: true, drift: true, asked: true, ..Truth::default() };
    vec![
        state("drifted user", (&incident, &shown), Truth { waits: true, next: Next::Asks, ..over }, ASKED_AFTER_A_RELEASE),
        state("drifted user, approved", (&incident, &shown), over, APPROVED),
        state("drifted user, released", (&incident, &back), put_back, RELEASED),
    ]
}

/// The second incident about an instance that the first one isolated.
fn two_holders() -> Vec<State> {
    let incident = instance();
    let steps = vec![
        step("record-base", Outcome::Applied),
        step("isolate-interface eni-1", Outcome::Already),
        step("protect-from-termination", Outcome::Already),
        step("tag", Outcome::Applied),
    ];
    let second = report(receipt(&incident, Status::Contained, 1, steps), 0);
    let let_go = Receipt {
        error: Some(format!("still contained for incident {OTHER}")),
        held_by: Some(IncidentId::parse(OTHER).expect("an id")),
        ..receipt(&incident, Status::Skipped, 5, vec![])
    };
    let left = released(&second, let_go);
    let over = Truth { held_by_another: true, before: true, ..Truth::default() };
    let held = Truth { holds: Holds::All, ..over };
    vec![
        state("held by two", (&incident, &second), Truth { waits: true, next: Next::Asks, ..held }, ASKED),
        state("held by two, approved", (&incident, &second), held, APPROVED),
        state("released by one holder", (&incident, &left), over, RELEASED),
    ]
}

/// What the looks found.
fn watched() -> Vec<State> {
    let incident = user(ResponseMode::Auto);
    let held = report(quarantined(&incident, 1), 1);
    let mut more = held.clone();
    more.sweep.found = vec!["CreateUser ghost by svc-659353".to_owned()];
    let mut reverted = held;
    reverted.verification[0].reverted = vec!["the quarantine policy is not attached; written again".to_owned()];
    let truth =
        Truth { holds: Holds::All, acts: true, changed: true, asked: true, waits: true, next: Next::Asks, ..Truth::default() };
    vec![
        state("contained, more was found", (&incident, &more), Truth { found: true, ..truth }, &[Say::Alarm, Say::Ticket(1)]),
        state("contained, reverted", (&incident, &reverted), Truth { reverted: true, ..truth }, WATCHED),
    ]
}

fn contained() -> Vec<State> {
    let incident = user(ResponseMode::Auto);
    let held = report(quarantined(&incident, 1), 1);
    let back = released(&held, receipt(&incident, Status::Contained, 5, vec![step("detach-deny", Outcome::Applied)]));
    let changed = "the quarantine policy has another text: SOMEBODY CHANGED it";
    let doubted = Report { verification: vec![check(&incident, &[changed])], ..held.clone() };
    let error = Some("Firebreak.Transient".to_owned());
    let broken = ReleaseBranch { status: "failed".to_owned(), receipts: vec![], error };
    let broken = Report { release: broken, ..held.clone() };
    let over = Truth { holds: Holds::All, changed: true, asked: true, ..Truth::default() };
    let asks = Truth { waits: true, next: Next::Asks, ..over };
    let doubtful = Truth { holds: Holds::Doubtful, open: true, ..asks };
    let put_back = Truth { put_back: true, asked: true, ..Truth::default() };
    vec![
        state("contained", (&incident, &held), asks, ASKED),
        state("contained, approved", (&incident, &held), over, APPROVED),
        state("contained, released", (&incident, &back), put_back, RELEASED),
        state("contained, not confirmed", (&incident, &doubted), Truth { unconfirmed: true, ..doubtful }, ASKED),
        state("contained, a release broke down", (&incident, &broken), doubtful, ASKED_AFTER_A_RELEASE),
    ]
}

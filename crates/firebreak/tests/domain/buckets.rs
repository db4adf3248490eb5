//! How far a bucket is closed, by whom, and what people can have done beside.

use crate::traps::{fixture, policy, under};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::coverage::{Coverage, Update};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::FaultKind;
use firebreak::ids::IncidentId;
use firebreak::impact::Impact;
use firebreak::incident::Incident;
use firebreak::naming::Named;
use firebreak::notice::{NoticeKind, mail, notice, ticket};
use firebreak::plan::{AtSource, Circumstances, Plan, plan};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::review::Takes;
use firebreak::target::Scope;
use serde_json::{Value, json};

const AT: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
const READS: &str = "guardduty/exfiltration-s3.json";
const DELETES: &str = "types/Impact-S3-AnomalousBehavior.Delete.json";
const GRANTS: &str = "types/Impact-S3-AnomalousBehavior.Permission.json";
const SEQUENCE: &str = "types/AttackSequence-S3-CompromisedData.json";
const OPENED: &str = "guardduty/bucket-anonymous-access.json";
const RANSOM_AT_ONCE: &str = "[lockdown]\ndestruction = \"auto\"";

/// Whether it is a level beside the one that a finding calls for. Tests about anything else leave those out.
pub(crate) fn is_wider(decision: &Decision) -> bool {
    matches!(decision.target.scope, Scope::Destruction | Scope::Seal)
}

/// The levels of buckets: how much, when, and whether a bare approval is about it.
fn levels(plan: &Plan) -> Vec<(Scope, Mode, bool)> {
    let of_buckets = plan.decisions.iter().filter(|decision| decision.containment == Some(Containment::LockdownS3));
    of_buckets.map(|decision| (decision.target.scope, decision.mode, !decision.only_by_name)).collect()
}

fn at(policy: &Policy, event: &Value) -> Vec<(Scope, Mode, bool)> {
    levels(&under(policy, event))
}

fn rated(path: &str, severity: f64) -> Value {
    let mut event = fixture(path);
    event["detail"]["severity"] = json!(severity);
    event
}

const OFFERS: [(Scope, Mode, bool); 2] = [(Scope::Destruction, Mode::Gate, false), (Scope::Seal, Mode::Gate, false)];
/// Of ransom an approval is about destruction, too.
const OFFERS_OF_RANSOM: [(Scope, Mode, bool); 2] = [(Scope::Destruction, Mode::Gate, true), (Scope::Seal, Mode::Gate, false)];

fn frozen(mode: Mode, offers: [(Scope, Mode, bool); 2]) -> Vec<(Scope, Mode, bool)> {
    [(Scope::Freeze, mode, true)].into_iter().chain(offers).collect()
}

#[test]
fn a_freeze_has_its_wider_levels_beside_it_and_public_access_is_blocked_alone() {
    let full = Policy::unrestricted();
    let plan = under(&full, &fixture(READS));
    assert_eq!(levels(&plan), frozen(Mode::Auto, OFFERS));
    let codes: Vec<ReasonCode> = plan.decisions.iter().filter(|decision| is_wider(decision)).map(|d| d.code).collect();
    assert_eq!(codes, [ReasonCode::TooNarrow; 2]);
    let names: Vec<String> = plan.decisions.iter().filter(|d| d.only_by_name).map(|d| d.target.to_string()).collect();
    assert_eq!(names, ["destructive actions in S3 bucket acme-f941c89c", "every access to S3 bucket acme-f941c89c"]);
    assert_eq!(at(&full, &fixture(GRANTS)), frozen(Mode::Gate, OFFERS), "the row waits");
    assert_eq!(at(&full, &fixture(OPENED)), [(Scope::Principal, Mode::Auto, true)]);
    let own = policy("[finding.\"Exfiltration:S3/MaliciousIPCaller\"]\ncontain = { lockdown-s3 = \"auto\" }\nwhy = \"x\"");
    assert_eq!(at(&own, &fixture(READS)), [(Scope::Principal, Mode::Auto, true)], "a row of an earlier file means what it meant");
}

#[test]
fn of_ransom_destruction_is_part_of_an_approval_and_policy_can_have_it_done_at_once() {
    let (waits, at_once) = (Policy::unrestricted(), policy(RANSOM_AT_ONCE));
    for ransom in [DELETES, SEQUENCE] {
        assert_eq!(at(&waits, &fixture(ransom)), frozen(Mode::Auto, OFFERS_OF_RANSOM), "{ransom}");
        let now = [(Scope::Freeze, Mode::Auto, true), (Scope::Destruction, Mode::Auto, true), (Scope::Seal, Mode::Gate, false)];
        assert_eq!(at(&at_once, &fixture(ransom)), now, "{ransom}");
    }
    for other in [READS, GRANTS] {
        assert_eq!(at(&at_once, &fixture(other)), at(&waits, &fixture(other)), "{other} tells of no ransom");
    }
}

#[test]
fn where_the_freeze_waits_all_three_wait() {
    let full = policy(RANSOM_AT_ONCE);
    let doubted = Circumstances { at_source: AtSource::Unknown, ..Circumstances::new(&full, AT) };
    let doubted = plan(&fixture(DELETES), &doubted);
    assert_eq!(levels(&doubted), frozen(Mode::Gate, OFFERS_OF_RANSOM));
    assert_eq!(doubted.decisions.iter().find(|d| d.target.scope == Scope::Freeze).map(|d| d.code), Some(ReasonCode::Doubt));
    let gate_first = Policy::parse(&format!("default_mode = \"gate-first\"\n{RANSOM_AT_ONCE}")).expect("a policy");
    assert_eq!(at(&gate_first, &fixture(DELETES)), frozen(Mode::Gate, OFFERS_OF_RANSOM));
    let shipped = Policy::parse(&format!("default_mode = \"auto\"\n{RANSOM_AT_ONCE}")).expect("a policy");
    assert_eq!(at(&shipped, &rated(DELETES, 5.0)), frozen(Mode::Gate, OFFERS_OF_RANSOM), "below the severity from which it acts");
    assert_eq!(
        at(&shipped, &rated(GRANTS, 5.0)),
        [(Scope::Freeze, Mode::Notify, true)],
        "nobody is asked, and nobody offered more"
    );
}

#[test]
fn an_observed_account_says_what_would_be_done_and_what_would_be_offered() {
    for mode in ["observe", "dry-run"] {
        let held = Policy::parse(&format!("default_mode = \"{mode}\"")).expect("a policy");
        let plan = under(&held, &fixture(DELETES));
        let would: Vec<_> =
            plan.decisions.iter().filter(|d| d.target.scope != Scope::Principal).map(|d| (d.mode, d.would)).collect();
        let waits = (Mode::Notify, Some(Mode::Gate));
        assert_eq!(would, [(Mode::Notify, Some(Mode::Auto)), waits, waits], "{mode}");
        assert!(plan.decisions.iter().any(Decision::is_offered), "{mode}: the seal stays an offer");
    }
}

#[test]
fn nothing_wider_is_said_of_a_bucket_that_firebreak_leaves_alone() {
    let bucket = "acme-f941c89c";
    let suppressing = format!(
        "[[suppress]]\nfindings = [\"Exfiltration:S3/MaliciousIPCaller\"]\ntarget = \"{bucket}\"\naccounts = [\"111122223333\"]\n\
         owner = \"bob\"\nreason = \"scan\"\nexpires = \"2999-12-31\""
    );
    for (text, code) in [
        (format!("[protected]\nbuckets = [\"{bucket}\"]"), ReasonCode::Protected),
        (suppressing, ReasonCode::Suppressed),
        ("[allow]\nregions = [\"us-east-1\"]".to_owned(), ReasonCode::NotAllowed),
    ] {
        let plan = under(&policy(&text), &fixture(READS));
        let of_buckets = plan.decisions.iter().filter(|decision| decision.containment == Some(Containment::LockdownS3));
        let all: Vec<_> = of_buckets.map(|decision| (decision.mode, decision.code)).collect();
        assert!(all.is_empty() || all == [(Mode::Notify, code)], "{text}: {all:?}");
    }
    let mut ours = fixture(READS);
    ours["detail"]["resource"]["s3BucketDetails"][0]["name"] = json!("firebreak-evidence-111122223333");
    ours["detail"]["resource"]["s3BucketDetails"][0]["arn"] = json!("arn:aws:s3:::firebreak-evidence-111122223333");
    let plan = under(&Policy::unrestricted(), &ours);
    let by_hand: Vec<_> = plan.decisions.iter().filter(|d| d.containment.is_none()).map(|d| d.target.to_string()).collect();
    assert_eq!((levels(&plan), by_hand), (vec![], vec!["S3 bucket firebreak-evidence-111122223333".to_owned()]), "{plan:?}");
}

#[test]
fn many_buckets_are_all_frozen_and_their_offers_push_nobody_out() {
    let mut event = fixture(SEQUENCE);
    let bucket = |n: usize| {
        json!({ "uid": format!("arn:aws:s3:::acme-{n:02}"), "name": format!("acme-{n:02}"), "accountId": "111122223333",
            "resourceType": "S3_BUCKET", "region": "eu-central-1" })
    };
    let resources = event["detail"]["service"]["detection"]["sequence"]["resources"].as_array_mut().expect("resources");
    resources.extend((0..11).map(bucket));
    let plan = under(&Policy::unrestricted(), &event);
    let count = |scope| levels(&plan).into_iter().filter(|level| level.0 == scope).count();
    assert_eq!((count(Scope::Freeze), count(Scope::Destruction), count(Scope::Seal)), (12, 12, 4), "ransom spares no bucket");
    assert!(plan.reason.as_ref().is_some_and(|reason| reason.contains("only 4 of its 12 buckets")), "{:?}", plan.reason);
    let bounded = plan.bounded();
    assert_eq!(levels(&bounded).into_iter().filter(|level| level.0 == Scope::Freeze).count(), 12);
    assert!(!bounded.decisions.iter().any(Decision::is_offered), "an offer takes nobody's place");
}

/// An incident of a finding whose user and bucket wait for an approval.
fn incident() -> Incident {
    let gate_first = Policy::parse("default_mode = \"gate-first\"").expect("a policy");
    Incident::new(under(&gate_first, &fixture(READS)), &gate_first, "arn".to_owned(), AT)
}

fn only(names: &[&str]) -> Targets {
    Targets { only: names.iter().map(|name| (*name).to_owned()).collect(), except: vec![] }
}

fn approved(incident: &Incident, targets: &Targets) -> Vec<String> {
    Report::default().approvable(incident, Some(0), targets).map(|decision| decision.target.to_string()).collect()
}

#[test]
fn a_bucket_is_sealed_by_its_name_and_by_nothing_else() {
    let mut incident = incident();
    let bare = ["IAM user svc-dba75f", "freeze of S3 bucket acme-f941c89c"];
    assert_eq!(approved(&incident, &Targets::default()), bare);
    let Named::Several(names) = incident.named("acme-f941c89c") else { panic!("the bare name means three things") };
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(!approved(&incident, &only(&["acme-f941c89c"])).iter().any(|name| name.starts_with("every access")));
    assert_eq!(approved(&incident, &only(&["every access to S3 bucket acme-f941c89c"])).len(), 1);
    let except = Targets { only: vec![], except: vec!["IAM user svc-dba75f".to_owned()] };
    assert_eq!(approved(&incident, &except), bare[1..]);
    // Whatever wrote the decision.
    incident.decisions.iter_mut().for_each(|decision| decision.only_by_name = false);
    assert!(!approved(&incident, &Targets::default()).iter().any(|name| name.starts_with("every access")));
}

#[test]
fn nobody_waits_for_an_answer_to_an_offer() {
    let incident = incident();
    let says = |answer, targets| Decided { targets, covers: Some(0), ..Decided::new(answer, "ann", "it was so", AT) };
    let names = |incident: &Incident| incident.unanswered().map(|d| d.target.to_string()).collect::<Vec<_>>();
    let bare = says(Answer::Approve, Targets::default());
    let settled = |decided: &Decided| {
        let mut after = incident.clone();
        after.settle(decided, |_| true);
        after
    };
    assert_eq!(names(&incident), ["IAM user svc-dba75f", "freeze of S3 bucket acme-f941c89c"]);
    let after = settled(&bare);
    assert_eq!((names(&after).len(), after.left_by(&bare).len()), (0, 0), "the incident is closed");
    let seal = says(Answer::Approve, only(&["every access to S3 bucket acme-f941c89c"]));
    assert_eq!(incident.open_of(&seal).count(), 1, "such an answer has something to do");
    let after = settled(&seal);
    assert_eq!((names(&after).len(), after.open_of(&seal).count()), (2, 0), "and the rest is asked again");
    let report = Report::default();
    let asked = mail(&ticket(&incident, &report, 1)).body;
    assert!(asked.contains("--only=\"every access to S3 bucket acme-f941c89c\""), "{asked}");
    let receipts = incident.decisions.iter().filter(|decision| !is_wider(decision));
    let receipts = receipts.map(|d| Receipt::of(d.target.clone(), d.containment.expect("one"), Status::Contained)).collect();
    let done = Report { gated: receipts, ..Report::default() };
    let closed = mail(&notice(NoticeKind::Closed, &settled(&bare), &done, Some(&bare), 1));
    assert!(closed.subject.contains("Approved and closed") && !closed.body.contains("every access"), "{closed:?}");
    let overdue = mail(&notice(NoticeKind::ReviewOverdue, &incident, &report, None, 2)).body;
    assert!(overdue.contains("freeze of S3 bucket") && !overdue.contains("every access"), "{overdue}");
}

/// An incident whose user and bucket are contained at once. What is offered beside has what the state machine writes for all that waits.
fn contained() -> (Incident, Report) {
    let full = Policy::unrestricted();
    let incident = Incident::new(under(&full, &fixture(READS)), &full, "arn".to_owned(), AT);
    let receipt = |decision: &Decision| {
        let of = |status| Receipt::of(decision.target.clone(), decision.containment.expect("one"), status);
        let waits = || Receipt { error: Some("waits for approval".to_owned()), ..of(Status::Skipped) };
        if is_wider(decision) { waits() } else { Receipt { finished_at: Some(AT), ..of(Status::Contained) } }
    };
    let mut report = Report::default();
    report.containment.status = "ok".to_owned();
    let tried = incident.decisions.iter().filter(|decision| decision.mode != Mode::Notify);
    report.containment.receipts = tried.map(receipt).collect();
    (incident, report)
}

const WIDER: [&str; 2] = ["destructive actions in S3 bucket acme-f941c89c", "every access to S3 bucket acme-f941c89c"];

#[test]
fn a_ticket_has_its_offers_behind_the_answers_one_line_each_with_the_command_that_takes_them() {
    let (incident, report) = contained();
    let asked = ticket(&incident, &report, 1);
    let body = mail(&asked).body;
    let (above, offered) = body.split_once("\nOffered besides, and nobody waits for these.").expect("offers");
    assert!(above.contains("firebreak review release") && !WIDER.iter().any(|name| above.contains(name)), "{body}");
    assert!(!above.contains("others use") && !above.contains("not part of"), "an approval lacks nothing: {body}");
    let (first, rest) = offered.split_once('\n').expect("lines");
    assert!(first.ends_with(&format!("firebreak incidents show {}", incident.id)), "whom each hits: {first}");
    let lines: Vec<&str> = rest.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (name, lines) in WIDER.iter().zip(lines.chunks(2)) {
        assert!(lines[0].starts_with(&format!("  {name}: deny ")) && lines[0].len() < 200, "{lines:?}");
        assert!(lines[1].starts_with(&format!("    firebreak review approve {} --shown ", incident.id)), "{lines:?}");
        assert!(lines[1].ends_with(&format!(" --only=\"{name}\" --comment \"WHY\"")), "{lines:?}");
        assert!(matches!(incident.named(name), Named::One(target) if target.to_string() == *name), "it means one thing");
    }
    let earlier = mail(&asked.for_gate(&Takes::default())).body;
    assert!(!earlier.contains("--only") && !earlier.contains("Offered"), "that gate takes no names: {earlier}");
}

#[test]
fn no_message_about_a_frozen_bucket_says_that_something_waits_or_was_left_open() {
    let (incident, mut report) = contained();
    let outcome = mail(&notice(NoticeKind::Outcome, &incident, &report, None, 1));
    assert!(outcome.subject.contains("] Contained: "), "{}", outcome.subject);
    for answer in [Answer::Keep, Answer::Approve] {
        let decided = Decided { covers: Some(0), ..Decided::new(answer, "ann", "it was so", AT) };
        let mut after = incident.clone();
        after.settle(&decided, |_| true);
        let closed = mail(&notice(NoticeKind::Closed, &after, &report, Some(&decided), 1));
        assert!(!closed.subject.contains("NOT") && closed.body.contains("nothing is left to answer"), "{closed:?}");
        for message in [&outcome, &closed] {
            assert!(!WIDER.iter().any(|name| message.body.contains(name)), "{answer:?}: {message:?}");
        }
    }
    report.release.receipts = report.containment.receipts.clone();
    let decided = Decided { covers: Some(0), ..Decided::new(Answer::Release, "ann", "it was wrong", AT) };
    let released = mail(&notice(NoticeKind::Closed, &incident, &report, Some(&decided), 1));
    assert!(released.body.contains("freeze of") && !WIDER.iter().any(|name| released.body.contains(name)), "{released:?}");
}

#[test]
fn an_offer_that_somebody_took_is_said_whatever_came_of_it() {
    let (incident, mut report) = contained();
    let seal = incident.decisions.iter().find(|decision| decision.target.scope == Scope::Seal).expect("a seal");
    let of = |status| Receipt { finished_at: Some(AT), ..Receipt::of(seal.target.clone(), Containment::LockdownS3, status) };
    let protected = Receipt { fault: Some(FaultKind::Protected.into()), ..of(Status::Skipped) };
    for (receipt, is_offered) in [(of(Status::Contained), false), (of(Status::Failed), true), (protected, true)] {
        report.gated = vec![receipt];
        let body = mail(&ticket(&incident, &report, 1)).body;
        let stands = body.split_once("\nOffered besides").map_or(body.as_str(), |(above, _)| above);
        assert!(stands.contains(&format!("  - {}: ", WIDER[1])), "{body}");
        assert_eq!(body.contains(&format!("--only=\"{}\"", WIDER[1])), is_offered, "{body}");
    }
}

#[test]
fn an_offer_is_announced_in_one_line_behind_what_is_done() {
    let (mut incident, _) = contained();
    incident.decisions.reverse();
    let opened = mail(&notice(NoticeKind::Opened, &incident, &Report::default(), None, 1));
    assert!(opened.subject.contains("Responding"), "{}", opened.subject);
    let at = |name: &str| opened.body.find(&format!("  - {name}: ")).expect("decided");
    for offer in WIDER {
        assert!(at(offer) > at("freeze of S3 bucket acme-f941c89c"), "{}", opened.body);
        let line = opened.body.lines().find(|line| line.contains(offer)).expect("a line");
        assert!(line.ends_with(", only if an answer names it"), "{line}");
    }
}

#[test]
fn whoever_approves_reads_every_name_that_loses_a_bucket() {
    let mut incident = incident();
    let arn = |at: usize| format!("arn:aws:iam::555566667777:role/{at}{}", "x".repeat(48));
    let losers: Vec<String> = (0..3).map(|at| format!("{} (may be outside the organization)", arn(at))).collect();
    let freeze = incident.decisions.iter_mut().find(|decision| decision.target.scope == Scope::Freeze).expect("a freeze");
    freeze.impact = Some(Impact::of_bucket(&[format!("loses access: {}", losers.join(", ")), "what it does".to_owned()]));
    let body = mail(&ticket(&incident, &Report::default(), 1)).body;
    let hits = body.lines().find(|line| line.trim_start().starts_with("It hits: ")).expect("a line");
    assert!((0..3).all(|at| hits.contains(&arn(at))) && hits.ends_with("; what it does"), "{hits}");
}

/// The finding as a version before the levels decided it: all that it knew of a bucket was its public access.
fn as_before_levels(plan: &Plan) -> Plan {
    let mut before = plan.clone();
    before.decisions.retain(|decision| !is_wider(decision));
    before.decisions.iter_mut().for_each(|decision| decision.target = decision.target.whole());
    before
}

#[test]
fn what_an_earlier_version_decided_about_a_bucket_stays_decided_and_an_offer_alone_is_no_update() {
    let now = under(&Policy::unrestricted(), &fixture(READS));
    let id = IncidentId::of(&now.dedupe_key);
    let mut later = now.clone();
    later.finding.updated_at = later.finding.updated_at.map(|at| at + jiff::SignedDuration::from_hours(6));
    let known = Coverage::of(&as_before_levels(&now));
    assert!(matches!(known.update(later.clone(), &id), Update::Nothing(_)), "what somebody let go is not frozen by an update");
    let mut told = as_before_levels(&now);
    told.decisions.iter_mut().for_each(|decision| decision.mode = Mode::Notify);
    let Update::FollowUp(update) = Coverage::of(&told).update(later.clone(), &id) else { panic!("nobody has acted on it") };
    assert_eq!(levels(&update), frozen(Mode::Auto, OFFERS));
    let mut without = now.clone();
    without.decisions.retain(|decision| !decision.is_offered());
    assert!(matches!(Coverage::of(&without).update(later, &id), Update::Nothing(_)));
}

#[test]
fn findings_about_one_bucket_meet_whatever_their_level() {
    let full = Policy::unrestricted();
    let mut opened = fixture(OPENED);
    opened["detail"]["resource"]["s3BucketDetails"][0]["name"] = json!("acme-f941c89c");
    opened["detail"]["resource"]["s3BucketDetails"][0]["arn"] = json!("arn:aws:s3:::acme-f941c89c");
    let (opened, read) = (under(&full, &opened), under(&full, &fixture(READS)));
    let key = "guardduty/111122223333/s3-bucket/acme-f941c89c";
    assert!(opened.join_keys.contains(key) && read.join_keys.contains(key), "{:?} {:?}", opened.join_keys, read.join_keys);
}

#[test]
fn a_decision_of_an_earlier_version_blocks_public_access_and_no_more() {
    let target =
        json!({ "kind": "s3-bucket", "id": "acme", "account": "111122223333", "region": "eu-central-1", "partition": "aws" });
    let earlier = json!({ "target": target, "containment": "lockdown-s3", "mode": "gate", "reason": "why" });
    let earlier: Decision = serde_json::from_value(earlier).expect("a decision of an earlier version");
    assert_eq!((earlier.does(), earlier.target.to_string().as_str()), ("block public access", "S3 bucket acme"));
    assert!(!earlier.would_close_bucket() && !earlier.needs_its_name() && !earlier.is_offered());
}

//! A ticket shows one revision of an incident, and an answer covers that.

use firebreak::answer::{Answer, Decided};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::AccessKeyId;
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::revision::{LATER, Shown, code, is_code_of};
use jiff::Timestamp;

fn opened() -> Incident {
    let event = include_bytes!("../../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let policy = Policy::unrestricted();
    let plan = plan_json(event, &Circumstances::new(&policy, Timestamp::UNIX_EPOCH)).expect("a plan");
    Incident::new(plan, &policy, "arn".to_owned(), Timestamp::UNIX_EPOCH)
}

/// The first decision, about another user.
fn about(user: &str, incident: &Incident) -> Decision {
    let mut decision = incident.decisions[0].clone();
    user.clone_into(&mut decision.target.id);
    decision
}

/// The incident after a change, as the ledger counts it.
fn amended(before: &Incident, change: impl FnOnce(&mut Incident)) -> Incident {
    let mut after = before.clone();
    change(&mut after);
    after.stamp(before);
    after
}

fn key(id: &str) -> AccessKeyId {
    AccessKeyId::parse(id).expect("a key")
}

fn covering(covers: Option<u32>) -> Decided {
    Decided { covers, ..Decided::new(Answer::Approve, "ann", "it was right", Timestamp::UNIX_EPOCH) }
}

type Change = fn(&mut Incident);

/// What a ticket shows.
fn shown_changes() -> [Change; 6] {
    [
        |incident| incident.decisions.push(about("bob", incident)),
        |incident| incident.decisions.clear(),
        |incident| incident.decisions[0].mode = Mode::Gate,
        |incident| incident.decisions[0].containment = None,
        |incident| incident.decisions[0].target.access_key_id = None,
        |incident| incident.decisions[0].target.more_keys.extend([key("AKIAIOSFODNN7EXAMPLE")]),
    ]
}

/// What a ticket says in words, or does not say.
fn other_changes() -> [Change; 6] {
    [
        |_| {},
        |incident| incident.decisions[0].reason = "in other words".to_owned(),
        |incident| incident.decisions[0].code = ReasonCode::Traced,
        |incident| incident.over_budget = 7,
        |incident| incident.findings.clear(),
        |incident| incident.finding.title = Some("another title".to_owned()),
    ]
}

#[test]
fn what_is_shown_changes_with_each_decision_mode_and_key_and_with_nothing_else() {
    let before = opened();
    for (n, change) in shown_changes().into_iter().enumerate() {
        let mut after = before.clone();
        change(&mut after);
        assert_ne!(after.shown(), before.shown(), "{n}, also where nobody counted it");
        assert_eq!(amended(&before, change).revision, 1, "{n}");
    }
    for (n, change) in other_changes().into_iter().enumerate() {
        let after = amended(&before, change);
        assert_eq!((after.shown(), after.revision), (before.shown(), 0), "{n}");
    }
    let other = Incident { id: firebreak::ids::IncidentId::of("another"), ..before.clone() };
    assert_ne!(other.shown(), before.shown(), "the same decisions of another incident");
    assert_ne!(Incident { revision: 1, ..before.clone() }.shown(), before.shown());
}

#[test]
fn the_order_of_decisions_and_of_keys_is_no_change() {
    let before = amended(&opened(), |incident| incident.decisions.push(about("bob", incident)));
    let after = amended(&before, |incident| {
        incident.decisions.reverse();
        let target = &mut incident.decisions[0].target;
        let first = target.access_key_id.replace(key("AKIAIOSFODNN7EXAMPLE"));
        target.more_keys.extend(first);
    });
    assert_eq!((after.revision, after.decisions[1].since), (2, 0), "one more key of bob");
    let turned = amended(&after, |incident| {
        let target = &mut incident.decisions[0].target;
        let second = target.more_keys.pop_first();
        target.more_keys.extend(target.access_key_id.take());
        target.access_key_id = second;
        incident.decisions.reverse();
    });
    assert_eq!((turned.shown(), turned.revision), (after.shown(), after.revision));
}

#[test]
fn each_decision_keeps_the_revision_that_added_or_changed_it_last_whatever_a_caller_writes() {
    let one = amended(&opened(), |incident| incident.decisions.push(about("bob", incident)));
    let two = amended(&one, |incident| {
        incident.decisions.push(about("carol", incident));
        incident.decisions[0].mode = Mode::Gate;
        // A function of an earlier version knows no revisions.
        incident.revision = 0;
        incident.decisions.iter_mut().for_each(|decision| decision.since = 0);
    });
    let since: Vec<u32> = two.decisions.iter().map(|decision| decision.since).collect();
    assert_eq!((since, two.revision), (vec![2, 1, 2], 2));
    let three = amended(&two, |incident| drop(incident.decisions.pop()));
    assert_eq!((three.revision, three.decisions[1].since), (3, 1), "what is taken back is a change, too");
}

#[test]
fn an_answer_covers_its_revision_and_one_of_an_earlier_version_everything() {
    let one = amended(&opened(), |incident| incident.decisions.push(about("bob", incident)));
    let covered = |covers| one.decisions.iter().map(|decision| decision.is_covered(covers)).collect::<Vec<_>>();
    assert_eq!((covered(Some(0)), covered(Some(1)), covered(None)), (vec![true, false], vec![true; 2], vec![true; 2]));
    assert_eq!(one.beyond(&covering(Some(0))), [format!("IAM user bob: {LATER}")]);
    assert_eq!(one.beyond(&covering(Some(1))), [""; 0]);
    assert_eq!(one.beyond(&covering(None)), [""; 0]);
    let two = amended(&one, |incident| drop(incident.decisions.pop()));
    assert_eq!(two.beyond(&covering(Some(1))).len(), 1, "nobody agreed to that either");
}

#[test]
fn whoever_has_an_older_ticket_learns_what_was_decided_since() {
    let zero = opened();
    let one = amended(&zero, |incident| incident.decisions.push(about("bob", incident)));
    let two = amended(&one, |incident| incident.decisions.push(about("carol", incident)));
    let names = |code: &str| two.decided_after(code).iter().map(|d| d.target.id.clone()).collect::<Vec<_>>();
    assert_eq!(names(&code(&zero.shown())), ["bob", "carol"]);
    assert_eq!(names(&code(&one.shown())), ["carol"]);
    assert_eq!(names(&code(&two.shown())), [""; 0]);
    assert_eq!(names("00000000"), ["bob", "carol"], "nobody knows the code");
    let absurd = Incident { revision: u32::MAX, ..two };
    assert_eq!(absurd.decided_after("00000000").len(), 2, "at once, also after a forged number");
}

#[test]
fn a_code_is_the_first_eight_digits_or_more() {
    let shown = Shown::of(&opened());
    let digest = shown.digest.expect("a digest");
    assert_eq!((digest.len(), shown.revision), (64, 0));
    for length in [8, 9, 63, 64] {
        assert!(is_code_of(&digest[..length], &digest) && is_code_of(&digest[..length].to_uppercase(), &digest));
    }
    for no in ["", &digest[..7], &digest[1..9], &format!("{digest}0")] {
        assert!(!is_code_of(no, &digest), "{no}");
    }
    assert_eq!(code(&digest), digest[..8]);
}

#[test]
fn what_a_response_takes_over_is_counted_anew() {
    let one = amended(&opened(), |incident| incident.decisions.push(about("bob", incident)));
    let event = include_bytes!("../../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let policy = Policy::unrestricted();
    let plan = plan_json(event, &Circumstances::new(&policy, Timestamp::UNIX_EPOCH)).expect("a plan");
    let plan = firebreak::plan::Plan { decisions: one.decisions, ..plan };
    let taken = Incident::new(plan, &policy, "arn".to_owned(), Timestamp::UNIX_EPOCH);
    assert!(taken.decisions.len() == 2 && taken.decisions.iter().all(|decision| decision.is_covered(Some(taken.revision))));
}

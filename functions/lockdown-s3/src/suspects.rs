//! Whom a bucket policy denies: the principals that an incident decided about.
//!
//! A deny at one bucket takes less than a quarantine. So whoever is accused is denied here also while the quarantine waits for a person.
//! Whoever may be a bystander is not.

use firebreak::decision::{Decision, Mode};
use firebreak::ids::{IamName, PrincipalId, RoleSessionName};
use firebreak::incident::Incident;
use firebreak::policy::built_in_protection;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::text::inert;
use std::collections::BTreeSet;

/// Lines about suspects that no bucket policy names.
const MAX_UNNAMED: usize = 10;
/// Characters of such a line.
const MAX_LINE: usize = 160;

/// One session, or one user, by `aws:userid` (IAM user guide, "AWS global condition context keys", `aws:userid`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Session {
    /// The ARN of its role without a path, where the role's id is not known: whoever assumes another role may choose the same name.
    /// A person of Identity Center has every role below `aws-reserved/sso.amazonaws.com/`.
    pub(crate) role: Option<String>,
    /// `AROA…:name`, or `*:name` beside a role. A user: `AIDA…`, which stays the same when the user gets another name.
    pub(crate) userid: String,
}

/// The suspects of an incident, in the forms in which a bucket policy can name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    /// For `ArnLike` of `aws:PrincipalArn`: a user or role under any path is two patterns, `user/NAME` and `user/*/NAME`. A finding shows
    /// no path, and names are unique in an account.
    pub(crate) arns: BTreeSet<String>,
    /// Single sessions, and users by their immutable id.
    pub(crate) sessions: Vec<Session>,
    /// The access keys that the decisions name. IAM has no condition for a key: they tell whose calls CloudTrail recorded.
    pub(crate) keys: BTreeSet<String>,
    /// Suspects that a bucket policy cannot name, one inert line each, for people.
    pub(crate) unnamed: Vec<String>,
}

/// How a bucket policy names one suspect.
enum Named {
    /// These patterns of ARNs, and the user's immutable id.
    Arns(Vec<String>, Option<Session>),
    Session(Session),
    Not(&'static str),
    /// Somebody narrower of the same role is denied.
    Beside,
}

impl Suspects {
    /// The suspects of `incident`: whoever it decided to contain, at once or after an answer, and has not released. The account's root,
    /// Firebreak's own roles and break-glass are never denied.
    pub(crate) fn of(incident: &Incident) -> Self {
        let accused: Vec<&Decision> = incident.decisions.iter().filter(|decision| is_accused(decision, incident)).collect();
        let (mut all, mut unnamed) = (Self::default(), Vec::new());
        for decision in &accused {
            let target = &decision.target;
            all.keys.extend(target.keys().map(ToString::to_string));
            if target.kind == TargetKind::AccessKey {
                all.keys.insert(target.id.clone());
            }
            match named(decision, &accused) {
                Named::Arns(arns, id) => {
                    all.arns.extend(arns);
                    all.sessions.extend(id);
                }
                Named::Session(session) => all.sessions.push(session),
                Named::Not(why) => unnamed.push((target, why)),
                Named::Beside => {}
            }
        }
        all.sessions.sort_unstable();
        all.sessions.dedup();
        // A user who is denied is denied with every key.
        unnamed.retain(|(target, _)| target.scope != Scope::AccessKey || !all.arns.contains(&arn(target, "user", &target.id)));
        let lines: BTreeSet<String> = unnamed.iter().map(|(target, why)| inert(&format!("{target}: {why}"), MAX_LINE)).collect();
        all.unnamed = lines.into_iter().take(MAX_UNNAMED).collect();
        all
    }
}

/// Whether a decision says that a principal is in wrong hands. Whom a suspect only touched may be a bystander: others use the principal,
/// and an answer must name it.
fn is_accused(decision: &Decision, incident: &Incident) -> bool {
    let is_principal = matches!(
        decision.target.kind,
        TargetKind::IamUser
            | TargetKind::IamRole
            | TargetKind::AccountRoot
            | TargetKind::IdentityCenterUser
            | TargetKind::FederatedUser
            | TargetKind::AccessKey
            | TargetKind::Principal
    );
    is_principal && decision.mode != Mode::Notify && !decision.only_by_name && !incident.is_released(&decision.target)
}

fn named(decision: &Decision, accused: &[&Decision]) -> Named {
    let target = &decision.target;
    if built_in_protection(target).is_some() {
        return Named::Not("a role that Firebreak never denies anything");
    }
    if is_break_glass(target) {
        return Named::Not("named like a break-glass principal, which is never denied at a bucket");
    }
    match (target.kind, target.scope) {
        (TargetKind::IamUser, Scope::Principal) => user(target),
        (TargetKind::IamUser, _) => Named::Not("a bucket policy cannot tell one key of a user from the others"),
        (TargetKind::IamRole, Scope::Session) => session(target),
        (TargetKind::IamRole, _) if is_narrowed(decision, accused) => Named::Beside,
        (TargetKind::IamRole, Scope::Principal) => under_any_path(target, "role"),
        (TargetKind::IamRole, _) => Named::Not("a bucket policy does not deny sessions by their age"),
        (TargetKind::IdentityCenterUser, _) => person(target),
        (TargetKind::FederatedUser, _) => federated(target),
        (TargetKind::AccountRoot, _) => Named::Not("the root user is never denied at a bucket: it is the way back"),
        (TargetKind::AccessKey, _) => Named::Not("nobody knows whose key it is, and a bucket policy cannot name a key"),
        _ => Named::Not("the finding names nobody whom a bucket policy can deny"),
    }
}

/// Whether one session of the role is decided about, and all of the role waits for a person: its other sessions work on.
fn is_narrowed(decision: &Decision, accused: &[&Decision]) -> bool {
    let is_its_session = |other: &&Decision| other.target.scope == Scope::Session && other.target.is_of(&decision.target);
    decision.mode == Mode::Gate && accused.iter().any(is_its_session)
}

/// The same names as those that wait for a person (`docs/decisions/0045`). A path tells more, and the statements except break-glass's.
fn is_break_glass(target: &Target) -> bool {
    let is_named = matches!(target.kind, TargetKind::IamUser | TargetKind::IamRole | TargetKind::IdentityCenterUser);
    is_named && target.id.to_ascii_lowercase().replace(['-', '_', '.'], "").contains("breakglass")
}

fn user(target: &Target) -> Named {
    let id = target.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| id.starts_with("AIDA"));
    match under_any_path(target, "user") {
        Named::Arns(arns, _) => Named::Arns(arns, id.map(|id| Session { role: None, userid: id.to_owned() })),
        other => other,
    }
}

fn under_any_path(target: &Target, kind: &str) -> Named {
    match IamName::parse(&target.id) {
        Ok(name) => Named::Arns(vec![arn(target, kind, name.as_str()), arn(target, kind, &format!("*/{name}"))], None),
        Err(_) => Named::Not("its name has no form that IAM knows"),
    }
}

fn arn(target: &Target, kind: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}/{name}", target.partition, target.account)
}

fn session(target: &Target) -> Named {
    let Ok(name) = RoleSessionName::parse(target.session.as_deref().unwrap_or_default()) else {
        return Named::Not("the session's name has no form that STS knows");
    };
    let id = target.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| id.starts_with("AROA"));
    match (id, IamName::parse(&target.id)) {
        (Some(id), _) => Named::Session(Session { role: None, userid: format!("{id}:{name}") }),
        (None, Ok(role)) => {
            Named::Session(Session { role: Some(arn(target, "role", role.as_str())), userid: format!("*:{name}") })
        }
        (None, Err(_)) => Named::Not("its role has no name that IAM knows"),
    }
}

/// A person's sessions have the person's name in every account and permission set (as in `functions/quarantine-scp`).
fn person(target: &Target) -> Named {
    match RoleSessionName::parse(&target.id) {
        Ok(name) => {
            let role = format!("arn:{}:iam::*:role/aws-reserved/sso.amazonaws.com/*", target.partition);
            Named::Session(Session { role: Some(role), userid: format!("*:{name}") })
        }
        Err(_) => Named::Not("the person's name has no form that a session can have"),
    }
}

fn federated(target: &Target) -> Named {
    match RoleSessionName::parse(&target.id) {
        Ok(name) => Named::Arns(vec![format!("arn:{}:sts::{}:federated-user/{name}", target.partition, target.account)], None),
        Err(_) => Named::Not("the session's name has no form that STS knows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::containment::Containment;
    use firebreak::ids::AccessKeyId;
    use firebreak_testkit::room;

    fn decision(kind: TargetKind, id: &str, mode: Mode) -> Decision {
        Decision::new(room::target(kind, id), Some(Containment::QuarantineIam), mode, "a finding")
    }

    fn of(decisions: Vec<Decision>) -> Suspects {
        Suspects::of(&Incident { decisions, ..room::opened("one") })
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
        assert_eq!(of(vec![touched, told, bucket]), Suspects::default());
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
}

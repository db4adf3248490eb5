//! Who made a call, and whether it was a suspect or Firebreak itself.
//!
//! Source: CloudTrail user guide, "CloudTrail userIdentity element". A session of a role is named by its issuer, the role, whose ARN has
//! the role's path; a session's own ARN has none.

use crate::pattern::is_like;
use crate::suspects::Suspects;
use firebreak::text::inert;
use firebreak_aws::clients::MemberRole;
use firebreak_s3::Bucket;
use serde_json::Value;

/// Whom a caller is compared with.
pub(super) struct Caller<'a> {
    pub(super) suspects: &'a Suspects,
    /// ARNs of the roles by which Firebreak changes buckets.
    pub(super) own: Vec<String>,
}

impl<'a> Caller<'a> {
    pub(super) fn of(bucket: &Bucket, suspects: &'a Suspects) -> Self {
        let Bucket { partition, owner, .. } = bucket;
        let role = |role: MemberRole| format!("arn:{partition}:iam::{owner}:role/firebreak/{}", role.name());
        Self { suspects, own: [MemberRole::LockdownS3, MemberRole::QuarantineObject, MemberRole::Release].map(role).into() }
    }
}

/// Who made one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    /// The ARN, as far as the record has one: one inert line.
    pub(super) text: String,
    pub(super) is_suspect: bool,
    pub(super) is_own: bool,
}

impl Who {
    pub(super) fn of(event: &Value, caller: &Caller<'_>) -> Self {
        let identity = Identity::of(event);
        Self {
            text: inert(
                identity.arn.or(identity.service).or(identity.kind).unwrap_or("somebody whom the record does not name"),
                200,
            ),
            is_suspect: identity.is_among(caller.suspects),
            is_own: identity.role().is_some_and(|role| caller.own.iter().any(|own| own == role)),
        }
    }
}

struct Identity<'a> {
    kind: Option<&'a str>,
    arn: Option<&'a str>,
    /// `AIDA…`, or `AROA…:session`.
    id: Option<&'a str>,
    key: Option<&'a str>,
    /// A service that called on somebody's behalf, or by itself.
    service: Option<&'a str>,
    /// The role, or the user, whose session it is.
    issuer: Option<&'a str>,
    issuer_id: Option<&'a str>,
}

impl<'a> Identity<'a> {
    fn of(event: &'a Value) -> Self {
        let field = |path: &str| {
            let value = event.get("userIdentity").and_then(|identity| identity.pointer(path)).and_then(Value::as_str);
            value.filter(|text| !text.is_empty())
        };
        Self {
            kind: field("/type"),
            arn: field("/arn"),
            id: field("/principalId"),
            key: field("/accessKeyId"),
            service: field("/invokedBy"),
            issuer: field("/sessionContext/sessionIssuer/arn"),
            issuer_id: field("/sessionContext/sessionIssuer/principalId"),
        }
    }

    /// The role whose session called.
    fn role(&self) -> Option<&'a str> {
        self.issuer.filter(|_| self.kind == Some("AssumedRole"))
    }

    fn is_among(&self, suspects: &Suspects) -> bool {
        let plain = self.issuer.and_then(without_path);
        let arns = [self.arn, self.issuer, plain.as_deref()];
        let is = |pattern: &str| arns.into_iter().flatten().any(|arn| is_like(pattern, arn));
        let has_id = |pattern: &str| [self.id, self.issuer_id].into_iter().flatten().any(|id| is_like(pattern, id));
        let mut patterns = suspects.arns.iter().chain(&suspects.writers.arns);
        let mut sessions = suspects.sessions.iter().chain(&suspects.writers.sessions);
        patterns.any(|arn| is(arn))
            || self.key.is_some_and(|key| suspects.keys.contains(key))
            || sessions.any(|session| has_id(&session.userid) && session.role.as_deref().is_none_or(is))
    }
}

/// A role's or a user's ARN without the path, where it has one.
fn without_path(arn: &str) -> Option<String> {
    let (kind, path) = arn.split_once('/')?;
    Some(format!("{kind}/{}", path.rsplit_once('/')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accused::{Accused, Session};
    use serde_json::json;

    const ROLE: &str = "arn:aws:iam::111122223333:role/app/deploy";

    fn who(identity: &Value, suspects: &Suspects) -> Who {
        let own = vec!["arn:aws:iam::111122223333:role/firebreak/FirebreakMemberLockdownS3".to_owned()];
        Who::of(&json!({ "userIdentity": identity }), &Caller { suspects, own })
    }

    fn user(name: &str) -> Value {
        json!({ "type": "IAMUser", "principalId": "AIDAEXAMPLE0000MALLORY", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": name,
                "arn": format!("arn:aws:iam::111122223333:user/team/{name}") })
    }

    fn session(name: &str, role: &str) -> Value {
        json!({ "type": "AssumedRole", "principalId": format!("AROAIDPPEZS35WEXAMPLE:{name}"),
                "arn": format!("arn:aws:sts::111122223333:assumed-role/deploy/{name}"),
                "sessionContext": { "sessionIssuer": { "type": "Role", "arn": role, "principalId": "AROAIDPPEZS35WEXAMPLE" } } })
    }

    fn arns(arns: &[&str]) -> Suspects {
        Suspects { arns: arns.iter().map(ToString::to_string).collect(), ..Suspects::default() }
    }

    fn sessions(role: Option<&str>, userid: &str) -> Suspects {
        Suspects { sessions: vec![Session { role: role.map(str::to_owned), userid: userid.to_owned() }], ..Suspects::default() }
    }

    #[test]
    fn a_user_is_known_by_the_name_below_any_path_and_by_id_and_key() {
        let below = arns(&["arn:aws:iam::111122223333:user/mallory", "arn:aws:iam::111122223333:user/*/mallory"]);
        assert!(who(&user("mallory"), &below).is_suspect);
        assert!(!who(&user("mallory2"), &below).is_suspect && !who(&user("alice"), &below).is_suspect);
        assert!(who(&user("renamed"), &sessions(None, "AIDAEXAMPLE0000MALLORY")).is_suspect);
        let keys = Suspects { keys: ["AKIAIOSFODNN7EXAMPLE".to_owned()].into(), ..Suspects::default() };
        assert!(who(&user("alice"), &keys).is_suspect);
    }

    #[test]
    fn whoever_is_only_told_of_is_no_better_a_writer_than_a_suspect() {
        let writers = Accused { arns: ["arn:aws:iam::111122223333:user/*/mallory".to_owned()].into(), ..Accused::default() };
        let told = Suspects { writers, ..Suspects::default() };
        assert!(who(&user("mallory"), &told).is_suspect && !who(&user("alice"), &told).is_suspect);
    }

    #[test]
    fn one_session_of_a_role_is_a_suspect_and_its_siblings_are_not() {
        for suspects in [
            sessions(None, "AROAIDPPEZS35WEXAMPLE:mallory"),
            sessions(Some("arn:aws:iam::111122223333:role/deploy"), "*:mallory"),
        ] {
            assert!(who(&session("mallory", ROLE), &suspects).is_suspect);
            assert!(!who(&session("alice", ROLE), &suspects).is_suspect);
            let elsewhere = "arn:aws:iam::999988887777:role/deploy";
            let is_by_id = suspects.sessions[0].role.is_none();
            assert_eq!(who(&session("mallory", elsewhere), &suspects).is_suspect, is_by_id);
        }
        assert!(who(&session("alice", ROLE), &arns(&["arn:aws:iam::111122223333:role/*/deploy"])).is_suspect, "the whole role");
    }

    #[test]
    fn a_federated_session_is_its_users() {
        let identity = json!({ "type": "FederatedUser", "principalId": "111122223333:bob",
            "arn": "arn:aws:sts::111122223333:federated-user/bob",
            "sessionContext": { "sessionIssuer": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/mallory" } } });
        assert!(who(&identity, &arns(&["arn:aws:iam::111122223333:user/mallory"])).is_suspect);
    }

    #[test]
    fn only_firebreaks_own_roles_are_its_own() {
        let own = |role: &str| who(&session("fb", role), &Suspects::default()).is_own;
        assert!(own("arn:aws:iam::111122223333:role/firebreak/FirebreakMemberLockdownS3"));
        assert!(!own("arn:aws:iam::111122223333:role/FirebreakMemberLockdownS3"), "anybody can make that one");
        assert!(!own("arn:aws:iam::999988887777:role/firebreak/FirebreakMemberLockdownS3"));
        assert!(!own("arn:aws:iam::111122223333:role/firebreak/FirebreakMemberLockdownS3x"));
        let user = json!({ "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x", "sessionContext": { "sessionIssuer":
            { "arn": "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberLockdownS3" } } });
        assert!(!who(&user, &Suspects::default()).is_own);
    }

    #[test]
    fn whoever_it_was_is_told_in_one_line() {
        let text = |identity: Value| who(&identity, &Suspects::default()).text;
        assert_eq!(text(user("mallory")), "arn:aws:iam::111122223333:user/team/mallory");
        assert_eq!(text(json!({ "type": "AWSService", "invokedBy": "backup.amazonaws.com" })), "backup.amazonaws.com");
        assert_eq!(text(json!({ "type": "Root" })), "Root");
        assert_eq!(text(json!(["x"])), "somebody whom the record does not name");
        assert_eq!(text(json!({ "arn": "a\u{202e}\nb" })), "a\u{fffd}\u{fffd}b");
    }
}

//! One record of CloudTrail: who called what, and what came of it.
//!
//! Source: CloudTrail user guide, "CloudTrail record contents" and "CloudTrail userIdentity element". Strict about what is used,
//! everything optional: names and parameters are whatever the caller chose.

use crate::finding::{self, BadJson};
use crate::ids::{AccessKeyId, AccountId, IamName, PrincipalId, Region};
use crate::text::inert;
use jiff::Timestamp;
use serde_json::Value;

/// A call, as CloudTrail recorded it.
#[derive(Debug, Clone)]
pub struct Record {
    /// `CreateUser`, at most 64 characters of a name that no terminal acts on.
    pub(super) name: String,
    /// `iam.amazonaws.com`.
    pub(super) source: String,
    pub(super) at: Option<Timestamp>,
    pub(super) region: Option<Region>,
    /// The account in whose trail it stands.
    pub(super) account: Option<AccountId>,
    pub(super) actor: Actor,
    /// AWS refused it, so it changed nothing.
    pub(super) refused: bool,
    /// A service called, with the caller's rights and on the caller's behalf.
    pub(super) forwarded: bool,
    request: Value,
    response: Value,
}

/// Whose credentials signed a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) kind: ActorKind,
    /// The user's or the role's name, never a session's.
    pub(super) name: Option<IamName>,
    /// `AIDA…` or `AROA…`.
    pub(super) principal_id: Option<PrincipalId>,
    /// Of a role.
    pub(super) session: Option<String>,
    pub(super) key: Option<AccessKeyId>,
    pub(super) account: Option<AccountId>,
}

/// What kind of principal called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActorKind {
    /// An IAM user, by itself or through a session of `GetSessionToken` or `GetFederationToken`.
    User,
    /// A session of a role.
    Role,
    /// Root, a service, another account, somebody unauthenticated.
    Other,
}

impl Record {
    /// Reads the text of `CloudTrailEvent`.
    ///
    /// # Errors
    /// [`BadJson`] when the text is not JSON, or ambiguous. A record that lacks everything is none.
    pub fn parse(text: &str) -> Result<Self, BadJson> {
        let mut record = finding::parse(text.as_bytes())?;
        let at = string(&record, "/eventTime").and_then(|time| time.parse().ok());
        Ok(Self {
            name: inert(string(&record, "/eventName").unwrap_or("unnamed"), 64),
            source: inert(string(&record, "/eventSource").unwrap_or_default(), 64),
            at,
            region: string(&record, "/awsRegion").and_then(|code| Region::parse(code).ok()),
            account: string(&record, "/recipientAccountId").and_then(|id| AccountId::parse(id).ok()),
            actor: Actor::of(&record),
            refused: record.get("errorCode").is_some_and(|code| !code.is_null() && code.as_str() != Some("")),
            forwarded: string(&record, "/userIdentity/invokedBy").is_some(),
            request: record.pointer_mut("/requestParameters").map(Value::take).unwrap_or_default(),
            response: record.pointer_mut("/responseElements").map(Value::take).unwrap_or_default(),
        })
    }

    /// True when AWS refused the call.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.refused
    }

    /// Whether a parameter of the call is there at all.
    pub(super) fn has(&self, path: &str) -> bool {
        self.request.pointer(path).is_some_and(|value| !value.is_null())
    }

    /// A text among the parameters of the call.
    pub(super) fn asked(&self, path: &str) -> Option<&str> {
        string(&self.request, path)
    }

    /// A text in the answer.
    pub(super) fn answered(&self, path: &str) -> Option<&str> {
        string(&self.response, path)
    }

    /// The texts at `path` of each element of a list: of the parameters, or of the answer.
    pub(super) fn each<'a>(&'a self, part: Part, list: &str, path: &'static str) -> impl Iterator<Item = &'a str> {
        let whole = match part {
            Part::Request => &self.request,
            Part::Response => &self.response,
        };
        whole.pointer(list).and_then(Value::as_array).into_iter().flatten().filter_map(move |element| string(element, path))
    }
}

/// Where in a record something stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Request,
    Response,
}

impl Actor {
    fn of(record: &Value) -> Self {
        let of = |path: &str| string(record, path);
        let issuer = "/userIdentity/sessionContext/sessionIssuer";
        let issued = |field: &str| of(&format!("{issuer}/{field}"));
        let principal = of("/userIdentity/principalId");
        let (id, session) = principal.map_or((None, None), |id| match id.split_once(':') {
            Some((id, session)) => (Some(id), Some(session).filter(|name| !name.is_empty())),
            None => (Some(id), None),
        });
        let (kind, name, id, session) = match of("/userIdentity/type") {
            Some("IAMUser") => (ActorKind::User, of("/userIdentity/userName"), id, None),
            Some("AssumedRole") => (ActorKind::Role, issued("userName"), issued("principalId").or(id), session),
            // Its own principal id is the account's, its name the session's: the user behind it is the issuer.
            Some("FederatedUser") if issued("type") == Some("IAMUser") => {
                (ActorKind::User, issued("userName"), issued("principalId"), None)
            }
            _ => (ActorKind::Other, None, None, None),
        };
        Self {
            kind,
            name: name.and_then(|name| IamName::parse(name).ok()),
            principal_id: id.and_then(|id| PrincipalId::parse(id).ok()),
            session: session.map(|name| inert(name, 64)),
            key: of("/userIdentity/accessKeyId").and_then(|key| AccessKeyId::parse(key).ok()),
            account: of("/userIdentity/accountId").and_then(|id| AccountId::parse(id).ok()),
        }
    }
}

/// A text that is there and not empty.
fn string<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_called_is_read_from_typed_fields() {
        let read = |text: &str| Record::parse(text).expect("JSON").actor;
        let user = read(
            r#"{"userIdentity": {"type": "IAMUser", "principalId": "AIDAJ45Q7YFFAREXAMPLE", "userName": "alice",
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "accountId": "123456789012"}}"#,
        );
        assert_eq!((user.kind, user.session), (ActorKind::User, None));
        assert_eq!(user.name.expect("a name").as_str(), "alice");
        let session = read(
            r#"{"userIdentity": {"type": "AssumedRole", "principalId": "AROAIDPPEZS35WEXAMPLE:alice", "sessionContext":
                {"sessionIssuer": {"type": "Role", "principalId": "AROAIDPPEZS35WEXAMPLE", "userName": "deploy"}}}}"#,
        );
        assert_eq!(session.kind, ActorKind::Role, "a session named like a user is never that user");
        assert_eq!(session.name.expect("a name").as_str(), "deploy");
        assert_eq!(session.session.as_deref(), Some("alice"));
        let federated = read(
            r#"{"userIdentity": {"type": "FederatedUser", "principalId": "123456789012:bob", "sessionContext":
                {"sessionIssuer": {"type": "IAMUser", "principalId": "AIDAJ45Q7YFFAREXAMPLE", "userName": "alice"}}}}"#,
        );
        assert_eq!(federated.name.expect("a name").as_str(), "alice");
        assert_eq!(read(r#"{"userIdentity": {"type": "Root", "principalId": "123456789012"}}"#).kind, ActorKind::Other);
    }

    #[test]
    fn wrong_types_are_nothing_and_no_error() {
        let record = r#"{"eventName": 7, "eventTime": "yesterday", "awsRegion": ["x"], "errorCode": null, "userIdentity": "alice",
            "requestParameters": "x", "responseElements": [1]}"#;
        let record = Record::parse(record).expect("JSON");
        assert_eq!((record.name.as_str(), record.at, record.region.clone()), ("unnamed", None, None));
        assert!(!record.refused && !record.forwarded && record.asked("/userName").is_none());
        for unreadable in ["", "null", "[]"] {
            assert!(Record::parse(unreadable).is_err() || Record::parse(unreadable).expect("JSON").name == "unnamed");
        }
        assert!(Record::parse(r#"{"eventName": "a", "eventName": "b"}"#).is_err(), "readers would disagree");
    }
}

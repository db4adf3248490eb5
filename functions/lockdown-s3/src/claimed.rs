//! Which statements of a bucket policy are Firebreak's.
//!
//! A name proves nothing: whoever may write the policy can give a Deny of his own a `Sid` that begins with `Firebreak`, so that it is taken
//! for another level's, stays after every release, and locks out whom he wants. So only the names of levels count that somebody holds.

use firebreak::target::Scope;
use firebreak_s3::levels::{DENY_SESSIONS, sids_of};
use firebreak_s3::policy::Document;
use serde_json::Value;

/// The statement about objects in quarantine, which `quarantine-object` writes. It is of no level.
pub(crate) const QUARANTINE: &str = "FirebreakDenyQuarantined";
/// Whom that statement is about: without this condition it would be about every object.
const TAG: &str = "s3:ExistingObjectTag/firebreak-quarantined";

/// Whose statements are Firebreak's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Vec<&'static str>);

impl Claims {
    /// Those of these levels, and of objects in quarantine.
    pub(crate) fn of(levels: impl IntoIterator<Item = Scope>) -> Self {
        Self(levels.into_iter().flat_map(|level| sids_of(level).iter().copied()).collect())
    }

    /// Whether a statement of `document` is Firebreak's. As a release does, it goes by how the name begins.
    pub(crate) fn has(&self, document: &Document, statement: &Value) -> bool {
        let Some(sid) = sid(statement).filter(|sid| document.sid(sid) == Some(statement)) else { return false };
        self.0.iter().any(|front| sid.starts_with(front)) || sid == QUARANTINE && is_about_tagged(statement)
    }

    /// Statements of `document` that are not Firebreak's, whatever they are called.
    pub(crate) fn strangers<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a Value> {
        document.statements().iter().filter(move |statement| !self.has(document, statement))
    }

    /// Denies of `document` that only call themselves Firebreak's. A name that merely begins like a level's is none.
    pub(crate) fn impostors<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a Value> {
        let is_impostor = move |statement: &&Value| {
            let called = sid(statement).filter(|sid| document.sid(sid) == Some(*statement));
            called.is_some_and(|sid| !self.has(document, statement) || sid != QUARANTINE && !self.is_name(sid))
        };
        document.statements().iter().filter(is_impostor)
    }

    /// Whether a level of these gives the name, in full.
    fn is_name(&self, sid: &str) -> bool {
        let is_rest =
            |front: &str, rest: &str| rest.is_empty() || front == DENY_SESSIONS && rest.bytes().all(|b| b.is_ascii_digit());
        self.0.iter().any(|front| sid.strip_prefix(front).is_some_and(|rest| is_rest(front, rest)))
    }
}

fn is_about_tagged(statement: &Value) -> bool {
    let absent = statement.get("Condition").and_then(|condition| condition.get("Null")).and_then(|keys| keys.get(TAG));
    // S3 may give a text back as a list of one. A list of more can be true of every object.
    let absent = absent.map(|value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => value,
    });
    absent.is_some_and(|value| value == "false" || value == false)
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deny(sid: &str) -> Value {
        json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" })
    }

    fn sids<'a>(all: impl Iterator<Item = &'a Value>) -> Vec<&'a str> {
        all.filter_map(sid).collect()
    }

    #[test]
    fn only_names_of_levels_that_somebody_holds_are_firebreaks() {
        let all = ["App", "FirebreakDenySuspectsSessions2", "FirebreakSeal", "FirebreakX"].map(deny);
        let document = Document::parse(None).expect("no policy").with(&all);
        let claims = Claims::of([Scope::Principal, Scope::Freeze]);
        assert_eq!(sids(claims.strangers(&document)), ["App", "FirebreakSeal", "FirebreakX"]);
        assert_eq!(sids(claims.impostors(&document)), ["FirebreakSeal", "FirebreakX"]);
        assert_eq!(sids(Claims::of([Scope::Freeze, Scope::Seal]).impostors(&document)), ["FirebreakX"]);
        let alike = [
            "FirebreakDenySuspects",
            "FirebreakDenySuspectsSessions",
            "FirebreakDenySuspectsSessionsX",
            "FirebreakDenyOutsiders2",
        ];
        let document = Document::parse(None).expect("no policy").with(&alike.map(deny));
        assert_eq!(sids(claims.impostors(&document)), ["FirebreakDenySuspectsSessionsX", "FirebreakDenyOutsiders2"]);
        assert_eq!(claims.strangers(&document).count(), 0, "a release of the level takes them out");
    }

    #[test]
    fn a_quarantine_is_firebreaks_only_while_it_is_about_objects_with_the_tag() {
        let quarantine = |condition: Value| {
            let mut statement = deny(QUARANTINE);
            statement["Condition"] = condition;
            statement
        };
        let has = |statement: &Value| {
            let document = Document::parse(None).expect("no policy").with(std::slice::from_ref(statement));
            Claims::default().has(&document, statement)
        };
        for value in [json!("false"), json!(["false"]), json!(false)] {
            assert!(has(&quarantine(json!({ "Null": { TAG: value.clone() } }))), "{value}");
        }
        for other in [
            json!({ "Null": { TAG: "true" } }),
            json!({ "Null": { TAG: ["false", "true"] } }),
            json!({ "Null": { TAG: [] } }),
            json!({ "Null": { "s3:prefix": "false" } }),
            json!({}),
            json!(null),
        ] {
            assert!(!has(&quarantine(other.clone())), "{other}");
        }
        let mut allow = quarantine(json!({ "Null": { TAG: "false" } }));
        allow["Effect"] = json!("Allow");
        assert!(!has(&allow));
    }
}

//! What S3 may have refused. Nothing in its answer says which statement it was.

use super::document::Document;
use serde_json::Value;
use std::collections::BTreeSet;

/// Why S3 does not take a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It finds something in it invalid, for example a principal that was deleted.
    Invalid,
    /// It lets nobody write it: a public policy under `BlockPublicPolicy`, or the caller may write none.
    Denied,
}

/// The places of the statements that are left out next, where those in `out` are left out already. Empty: leaving out more cannot help.
/// A Deny is never among them.
pub(super) fn next(document: &Document, why: Why, out: &BTreeSet<usize>) -> BTreeSet<usize> {
    let left = |is: fn(&Value) -> bool| {
        let all = document.statements().iter().enumerate();
        let is_left = |(at, statement): &(usize, &Value)| !out.contains(at) && allows(statement) && is(statement);
        all.filter(is_left).map(|(at, _)| at).collect::<BTreeSet<usize>>()
    };
    match why {
        Why::Denied => left(is_for_everybody),
        Why::Invalid => {
            let orphans = left(names_somebody_deleted);
            if orphans.is_empty() { left(|_| true) } else { orphans }
        }
    }
}

fn allows(statement: &Value) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some("Allow")
}

/// Only what names everybody can be public: "a fixed AWS principal, user, role, or service principal" is not (Amazon S3 user guide,
/// "Blocking public access to your Amazon S3 storage", "The meaning of public").
fn is_for_everybody(statement: &Value) -> bool {
    statement.get("Principal").is_none_or(|principal| any(principal, |name| name == "*"))
}

/// "If an IAM identity is deleted after you update your bucket policy, the bucket policy will show a unique identifier in the principal
/// element instead of an ARN" (Amazon S3 user guide, "Principals for bucket policies"). Such an identifier is capitals and digits and begins
/// with a prefix such as `AIDA` or `AROA` (IAM user guide, "IAM identifiers").
fn names_somebody_deleted(statement: &Value) -> bool {
    let is_id = |name: &str| {
        name.len() >= 16 && name.starts_with('A') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    statement.get("Principal").and_then(|principal| principal.get("AWS")).is_some_and(|names| any(names, is_id))
}

/// Whether `is` is true of a text in the value.
fn any(value: &Value, is: fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(items) => items.iter().any(|item| any(item, is)),
        Value::Object(members) => members.values().any(|value| any(value, is)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(why: Why, out: &[usize]) -> Vec<usize> {
        let policy = json!({ "Statement": [
            { "Effect": "Deny", "Principal": { "AWS": "AIDAEXAMPLEEXAMPLE01" } },
            { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:role/R" } },
            { "Effect": "Allow", "Principal": { "AWS": ["arn:aws:iam::111122223333:role/R", "AROAEXAMPLEEXAMPLE01"] } },
            { "Effect": "Allow", "Principal": "*" },
            { "Effect": "Allow", "Principal": { "AWS": ["*"] }, "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } } },
            { "Effect": "Allow", "NotPrincipal": { "AWS": "111122223333" } },
            { "Effect": "Deny", "Principal": "*" },
        ] });
        let document = Document::parse(Some(&policy.to_string())).expect("a policy");
        next(&document, why, &out.iter().copied().collect()).into_iter().collect()
    }

    #[test]
    fn an_invalid_policy_loses_those_who_were_deleted_first_and_then_every_allow() {
        assert_eq!(places(Why::Invalid, &[]), [2]);
        assert_eq!(places(Why::Invalid, &[2]), [1, 3, 4, 5]);
        assert_eq!(places(Why::Invalid, &[1, 2, 3, 4, 5]), [0; 0], "a Deny is never left out");
    }

    #[test]
    fn a_denied_policy_loses_what_is_for_everybody_and_nothing_else() {
        assert_eq!(places(Why::Denied, &[]), [3, 4, 5]);
        assert_eq!(places(Why::Denied, &[3, 4, 5]), [0; 0]);
    }
}

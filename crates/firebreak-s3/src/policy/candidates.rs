//! What S3 may have refused. Nothing in its answer says which statement it was.

use super::deleted::{denies_nobody, is_principal};
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
/// A Deny of somebody who exists is never among them.
pub(super) fn next(document: &Document, why: Why, out: &BTreeSet<usize>) -> BTreeSet<usize> {
    let left = |is: fn(&Value) -> bool| {
        let all = document.statements().iter().enumerate();
        let is_left = |(at, statement): &(usize, &Value)| !out.contains(at) && is(statement);
        all.filter(is_left).map(|(at, _)| at).collect::<BTreeSet<usize>>()
    };
    match why {
        Why::Denied => left(|statement| allows(statement) && is_for_everybody(statement)),
        Why::Invalid => {
            let orphans = left(|statement| allows(statement) && is_principal(statement) || denies_nobody(statement));
            if orphans.is_empty() { left(allows) } else { orphans }
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
            { "Effect": "Deny", "Principal": { "AWS": ["AIDAEXAMPLEEXAMPLE01", "arn:aws:iam::111122223333:role/R"] } },
        ] });
        let document = Document::parse(Some(&policy.to_string())).expect("a policy");
        next(&document, why, &out.iter().copied().collect()).into_iter().collect()
    }

    #[test]
    fn an_invalid_policy_loses_those_who_were_deleted_first_and_then_every_allow() {
        assert_eq!(places(Why::Invalid, &[]), [0, 2], "the first one denies nobody");
        assert_eq!(places(Why::Invalid, &[0, 2]), [1, 3, 4, 5]);
        assert_eq!(places(Why::Invalid, &[0, 1, 2, 3, 4, 5]), [0; 0], "a Deny of somebody who exists is never left out");
    }

    #[test]
    fn a_denied_policy_loses_what_is_for_everybody_and_nothing_else() {
        assert_eq!(places(Why::Denied, &[]), [3, 4, 5]);
        assert_eq!(places(Why::Denied, &[3, 4, 5]), [0; 0]);
    }
}

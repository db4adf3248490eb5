//! Two spellings of one statement. S3 need not give back what it got: an account's number comes back as the ARN of its root user, a list
//! of one as a string.

use super::deleted::living;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The statements in one spelling, in no order.
pub(super) fn set(statements: &[Value]) -> BTreeSet<String> {
    statements.iter().map(|statement| one(statement).to_string()).collect()
}

fn one(statement: &Value) -> Value {
    let living = living(statement);
    let Value::Object(members) = living.as_ref().unwrap_or(statement) else { return plain(statement) };
    sorted(members.iter().map(|(name, value)| {
        let value = match name.as_str() {
            // "The prefix and the action name are case insensitive" (IAM user guide, "IAM JSON policy elements: Action").
            "Action" | "NotAction" => plain(&each_text(value, &|action: &str| action.to_ascii_lowercase())),
            "Principal" | "NotPrincipal" => principal(value),
            _ => plain(value),
        };
        (name.clone(), value)
    }))
}

/// Amazon S3 user guide, "Principals for bucket policies": `"*"` is `{"AWS": "*"}`, and an account is its root user.
fn principal(value: &Value) -> Value {
    let value = plain(&each_text(value, &|name: &str| root_user_of(name).unwrap_or(name).to_owned()));
    if value == "*" { json!({ "AWS": value }) } else { value }
}

/// The number of the account whose root user this is.
fn root_user_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, "root"] => Some(*account),
        _ => None,
    }
}

/// The value with every text in it changed.
fn each_text(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| each_text(item, change)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), each_text(value, change))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Lists without order, one instead of a list of one, and text instead of numbers and truth: `false` and `"false"` are one condition.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let items: BTreeMap<String, Value> = items.iter().map(plain).map(|item| (item.to_string(), item)).collect();
            let mut items: Vec<Value> = items.into_values().collect();
            if items.len() == 1 { items.pop().unwrap_or_default() } else { Value::Array(items) }
        }
        Value::Object(members) => sorted(members.iter().map(|(name, value)| (name.clone(), plain(value)))),
        Value::Bool(truth) => Value::String(truth.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(_) | Value::Null => value.clone(),
    }
}

fn sorted(members: impl Iterator<Item = (String, Value)>) -> Value {
    members.collect::<BTreeMap<String, Value>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: Value, other: Value) -> bool {
        set(&[one]) == set(&[other])
    }

    #[test]
    fn one_statement_can_be_spelled_in_many_ways() {
        let plain = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["a", "b"],
            "Condition": { "Bool": { "aws:SecureTransport": "false" }, "StringEquals": { "k": "v" } } });
        let other = json!({ "Condition": { "StringEquals": { "k": ["v"] }, "Bool": { "aws:SecureTransport": false } },
            "Resource": ["b", "a", "b"], "Action": ["S3:*"], "Principal": { "AWS": ["*"] }, "Effect": "Deny" });
        assert!(is_same(plain, other));
        let account = json!({ "Principal": { "AWS": ["111122223333", "arn:aws:iam::444455556666:role/R"] } });
        let root = json!({ "Principal": { "AWS": ["arn:aws:iam::444455556666:role/R", "arn:aws:iam::111122223333:root"] } });
        assert!(is_same(account, root));
        let deny = |names: Value| json!({ "Effect": "Deny", "Principal": { "AWS": names }, "Action": "s3:*" });
        let role = "arn:aws:iam::111122223333:role/R";
        assert!(is_same(deny(json!(["AIDAEXAMPLEEXAMPLE01", role])), deny(json!(role))), "whoever was deleted is denied nothing");
        assert!(!is_same(deny(json!("AIDAEXAMPLEEXAMPLE01")), deny(json!(role))));
    }

    #[test]
    fn another_statement_is_never_taken_for_the_same() {
        let statement = json!({ "Sid": "A", "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:role/R" },
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", "Condition": { "StringEquals": { "k": ["v", "w"] } } });
        for (name, value) in [
            ("Sid", json!("B")),
            ("Effect", json!("Allow")),
            ("Principal", json!({ "AWS": "arn:aws:iam::111122223333:role/S" })),
            ("Principal", json!({ "AWS": "111122223333" })),
            ("Principal", json!({ "Service": "arn:aws:iam::111122223333:role/R" })),
            ("Action", json!(["s3:GetObject", "s3:PutObject"])),
            ("Resource", json!("arn:aws:s3:::B/*")),
            ("Condition", json!({ "StringEquals": { "k": "v" } })),
            ("Condition", json!({ "StringEquals": { "k": ["V", "w"] } })),
            ("Condition", json!({ "StringLike": { "k": ["v", "w"] } })),
            ("NotAction", json!("s3:GetObject")),
        ] {
            let mut other = statement.clone();
            other[name] = value.clone();
            assert!(!is_same(statement.clone(), other), "{name}: {value}");
        }
    }
}

//! Statements that name a principal which was deleted.
//!
//! "If an IAM identity is deleted after you update your bucket policy, the bucket policy will show a unique identifier in the principal
//! element instead of an ARN" (Amazon S3 user guide, "Principals for bucket policies"). A base can have the ARN, and what was left out later
//! the identifier: both are one statement, if it allows something. S3 takes neither of them, and only what allows something can be left out:
//! a Deny with the ARN of the base would bar the release.

use firebreak_s3::policy::Document;
use serde_json::{Value, json};

const PRINCIPALS: &str = "/Principal/AWS";

/// Whether both say the same, whatever the spelling, also where one Allow has the identifier of a deleted principal in place of an ARN.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    let alone = |statement: &Value| Document::parse(None).map(|none| none.with(std::slice::from_ref(statement)));
    let says_the_same =
        |one: &Value, other: &Value| matches!((alone(one), alone(other)), (Ok(one), Ok(other)) if one.is_same(&other));
    if says_the_same(one, other) {
        return true;
    }
    let allowed =
        |statement: &Value| named(statement).filter(|_| statement.get("Effect").and_then(Value::as_str) == Some("Allow"));
    let (Some(names), Some(others)) = (allowed(one), allowed(other)) else { return false };
    let (left, rest) = apart(names, others);
    let count = |names: &[String], is: fn(&str) -> bool| names.iter().filter(|name| is(name)).count();
    let (ids, arns) = (count(&left, is_id), count(&left, is_identity));
    let is_swapped = ids == count(&rest, is_identity) && arns == count(&rest, is_id);
    let is_all = ids + arns == left.len() && ids + arns == rest.len();
    is_swapped && is_all && says_the_same(&with_nobody(one), &with_nobody(other))
}

/// Whether `statements` have one that says the same.
pub(crate) fn has(statements: &[Value], wanted: &Value) -> bool {
    statements.iter().any(|one| is_same(one, wanted))
}

/// Whether both policies have the same statements in this sense. Their order says nothing.
pub(crate) fn are_same(one: &Document, other: &Document) -> bool {
    let mut rest: Vec<&Value> = other.statements().iter().collect();
    for statement in one.statements() {
        match rest.iter().position(|there| is_same(statement, there)) {
            Some(at) => {
                rest.swap_remove(at);
            }
            None => return false,
        }
    }
    // With the same statements, what is left to differ is the version of the language.
    let bare =
        |document: &Document| (0..document.statements().len()).rev().fold(document.clone(), |bare, at| bare.leaving_out(at));
    rest.is_empty() && bare(one).with(other.statements()).is_same(&bare(other).with(other.statements()))
}

/// The principals of AWS that a statement names, an account always by its number.
fn named(statement: &Value) -> Option<Vec<String>> {
    let plain = |name: &str| match name.split(':').collect::<Vec<&str>>().as_slice() {
        ["arn", _, "iam", "", account, "root"] => (*account).to_owned(),
        _ => name.to_owned(),
    };
    match statement.pointer(PRINCIPALS)? {
        Value::String(name) => Some(vec![plain(name)]),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(plain)).collect(),
        _ => None,
    }
}

/// What each has and the other one lacks.
fn apart(mut names: Vec<String>, others: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mut rest = Vec::new();
    for other in others {
        match names.iter().position(|name| *name == other) {
            Some(at) => drop(names.remove(at)),
            None => rest.push(other),
        }
    }
    (names, rest)
}

fn with_nobody(statement: &Value) -> Value {
    let mut bare = statement.clone();
    if let Some(names) = bare.pointer_mut(PRINCIPALS) {
        *names = json!([]);
    }
    bare
}

/// Capitals and digits behind a prefix such as `AIDA` or `AROA` (IAM user guide, "IAM identifiers").
fn is_id(name: &str) -> bool {
    name.len() >= 16 && name.starts_with('A') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The ARN of a user or a role.
fn is_identity(name: &str) -> bool {
    let resource = name.starts_with("arn:").then(|| name.splitn(6, ':').nth(5)).flatten();
    let is_iams = name.split(':').nth(2) == Some("iam");
    is_iams && resource.is_some_and(|resource| resource.starts_with("user/") || resource.starts_with("role/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/a";
    const GONE: &str = "arn:aws:iam::111122223333:role/b";
    const ID: &str = "AROAEXAMPLEEXAMPLE12";

    fn allow(names: &Value) -> Value {
        json!({ "Sid": "App", "Effect": "Allow", "Principal": { "AWS": names }, "Action": "s3:GetObject" })
    }

    #[test]
    fn the_id_of_a_deleted_principal_stands_for_its_arn() {
        let before = allow(&json!([ROLE, GONE]));
        assert!(is_same(&before, &allow(&json!([ID, ROLE]))) && is_same(&allow(&json!(ID)), &allow(&json!([GONE]))));
        let root = allow(&json!(["arn:aws:iam::444455556666:root", GONE]));
        assert!(is_same(&root, &allow(&json!(["444455556666", ID]))), "and an account has two names besides");
    }

    #[test]
    fn another_statement_is_never_taken_for_the_same() {
        let before = allow(&json!([ROLE, GONE]));
        for names in
            [json!([ID]), json!([ROLE]), json!([ROLE, "*"]), json!([ROLE, "444455556666"]), json!([ROLE, GONE, ID]), json!("x")]
        {
            assert!(!is_same(&before, &allow(&names)), "{names}");
        }
        assert!(!is_same(&allow(&json!(["444455556666"])), &allow(&json!([ID]))), "an account is not deleted");
        assert!(!is_same(&allow(&json!(GONE)), &allow(&json!(ROLE))), "two roles are two roles");
        for (member, value) in [("Action", "s3:PutObject"), ("Effect", "Deny")] {
            let mut other = allow(&json!([ROLE, ID]));
            other[member] = json!(value);
            assert!(!is_same(&before, &other), "{member}");
        }
        let deny = |names: &Value| json!({ "Effect": "Deny", "Principal": { "AWS": names }, "Action": "s3:GetObject" });
        assert!(!is_same(&deny(&json!([ROLE, GONE])), &deny(&json!([ROLE, ID]))), "S3 takes no Deny of somebody deleted");
    }

    #[test]
    fn policies_are_the_same_in_any_order_and_not_in_another_version_of_the_language() {
        let policy = |version: &str, statements: &[&Value]| {
            let text = json!({ "Version": version, "Statement": statements }).to_string();
            Document::parse(Some(&text)).expect("a policy")
        };
        let (app, more) = (allow(&json!([ROLE, GONE])), json!({ "Sid": "More", "Effect": "Deny", "Principal": "*" }));
        let before = policy("2012-10-17", &[&app, &more]);
        assert!(are_same(&before, &policy("2012-10-17", &[&more, &allow(&json!([ROLE, ID]))])));
        assert!(!are_same(&before, &policy("2008-10-17", &[&app, &more])));
        let half = policy("2012-10-17", &[&app]);
        assert!(!are_same(&before, &half) && !are_same(&half, &before));
    }
}

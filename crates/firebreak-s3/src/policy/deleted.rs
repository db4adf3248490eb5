//! Principals that were deleted.
//!
//! "If an IAM identity is deleted after you update your bucket policy, the bucket policy will show a unique identifier in the principal
//! element instead of an ARN" (Amazon S3 user guide, "Principals for bucket policies"), and S3 takes no policy that names one. Such an
//! identifier is capitals and digits, begins with a prefix such as `AIDA` or `AROA`, and belongs to no other identity, also where one of
//! the same name is made again (IAM user guide, "IAM identifiers", "Unique identifiers"). So a Deny loses nothing with it: whoever makes a
//! user, denies him something and deletes him could otherwise bar every change of a bucket's policy.

use serde_json::Value;

const AWS: &str = "AWS";
const PRINCIPAL: &str = "Principal";
const NOT_PRINCIPAL: &str = "NotPrincipal";

/// Whether a statement names somebody who was deleted as its principal.
pub(super) fn is_principal(statement: &Value) -> bool {
    let named = statement.get(PRINCIPAL).and_then(|principal| principal.get(AWS));
    named.is_some_and(|names| list(names).iter().any(is_id))
}

/// Whether a statement is a Deny of principals who were all deleted. Leaving it out of a policy changes nothing for anybody.
#[must_use]
pub fn denies_nobody(statement: &Value) -> bool {
    let Some(kinds) = statement.get(PRINCIPAL).and_then(Value::as_object).filter(|_| denies(statement)) else { return false };
    let names = kinds.get(AWS).map(list).unwrap_or_default();
    kinds.len() == 1 && !names.is_empty() && names.iter().all(is_id)
}

/// A Deny without those of its principals who were deleted: it denies whom it denied. Nothing: there is nothing to take out, or nobody would
/// be left.
pub(super) fn living(statement: &Value) -> Option<Value> {
    if !denies(statement) || denies_nobody(statement) {
        return None;
    }
    let mut living = statement.clone();
    let members = living.as_object_mut()?;
    let named = without_deleted(members.get_mut(PRINCIPAL));
    let excepted = without_deleted(members.get_mut(NOT_PRINCIPAL));
    if members.get(NOT_PRINCIPAL).and_then(Value::as_object).is_some_and(|kinds| excepted && kinds.is_empty()) {
        // Only somebody who was deleted was excepted.
        members.remove(NOT_PRINCIPAL);
        members.insert(PRINCIPAL.to_owned(), Value::from("*"));
    }
    (named || excepted).then_some(living)
}

/// Takes the identifiers out of an element, and says whether there were any.
fn without_deleted(element: Option<&mut Value>) -> bool {
    let Some(kinds) = element.and_then(Value::as_object_mut) else { return false };
    let Some(names) = kinds.get(AWS).map(list).filter(|names| names.iter().any(is_id)) else { return false };
    let left: Vec<Value> = names.iter().filter(|name| !is_id(name)).cloned().collect();
    if left.is_empty() {
        kinds.remove(AWS);
    } else {
        kinds.insert(AWS.to_owned(), Value::Array(left));
    }
    true
}

fn denies(statement: &Value) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some("Deny")
}

/// One name can stand in place of a list.
fn list(names: &Value) -> Vec<Value> {
    match names {
        Value::Array(names) => names.clone(),
        one => vec![one.clone()],
    }
}

fn is_id(name: &Value) -> bool {
    let of = |name: &str| {
        name.len() >= 16 && name.starts_with('A') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    name.as_str().is_some_and(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GONE: &str = "AIDAEXAMPLEEXAMPLE01";
    const ROLE: &str = "arn:aws:iam::111122223333:role/R";

    fn deny(element: &str, names: &Value) -> Value {
        json!({ "Effect": "Deny", element: names, "Action": "s3:*", "Resource": "*" })
    }

    #[test]
    fn only_a_deny_whose_every_principal_was_deleted_denies_nobody() {
        for names in [json!({ "AWS": GONE }), json!({ "AWS": [GONE, "AROAEXAMPLEEXAMPLE02"] })] {
            assert!(denies_nobody(&deny("Principal", &names)), "{names}");
            assert_eq!(living(&deny("Principal", &names)), None, "nobody would be left");
        }
        for names in [
            json!({ "AWS": [GONE, ROLE] }),
            json!({ "AWS": [GONE, "*"] }),
            json!({ "AWS": GONE, "Service": "ec2.amazonaws.com" }),
            json!({ "AWS": [] }),
            json!({ "AWS": "111122223333" }),
            json!({ "CanonicalUser": GONE }),
            json!("*"),
            json!(GONE),
        ] {
            assert!(!denies_nobody(&deny("Principal", &names)), "{names}");
        }
        assert!(!denies_nobody(&deny("NotPrincipal", &json!({ "AWS": GONE }))), "it denies everybody");
        assert!(!denies_nobody(&json!({ "Effect": "Allow", "Principal": { "AWS": GONE } })));
    }

    #[test]
    fn a_deny_keeps_everybody_who_exists_and_every_other_member() {
        for (element, before, after) in [
            ("Principal", json!({ "AWS": [GONE, ROLE] }), json!({ "AWS": [ROLE] })),
            ("Principal", json!({ "AWS": GONE, "Service": "s3.amazonaws.com" }), json!({ "Service": "s3.amazonaws.com" })),
            ("NotPrincipal", json!({ "AWS": [ROLE, GONE] }), json!({ "AWS": [ROLE] })),
        ] {
            assert_eq!(living(&deny(element, &before)), Some(deny(element, &after)), "{before}");
        }
        let everybody = living(&deny("NotPrincipal", &json!({ "AWS": [GONE] })));
        assert_eq!(everybody, Some(deny("Principal", &json!("*"))), "nobody who exists was excepted");
        for untouched in
            [deny("Principal", &json!("*")), deny("Principal", &json!({ "AWS": [ROLE] })), json!({ "Effect": "Deny" })]
        {
            assert_eq!(living(&untouched), None, "{untouched}");
        }
        assert_eq!(living(&json!({ "Effect": "Allow", "Principal": { "AWS": [GONE, ROLE] } })), None, "an Allow is left out");
    }
}

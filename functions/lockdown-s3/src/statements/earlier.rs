//! What statements that an earlier containment wrote already deny: another incident's suspects stay denied.
//!
//! Whoever may write the bucket's policy may have written such a statement. So only values of the forms that Firebreak writes are taken
//! over.

use firebreak::ids::{Arn, IamName, PrincipalId, RoleSessionName};
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The values of a condition of one of Firebreak's own statements that `is_ours` knows.
pub(super) fn values(statement: &Value, (operator, key): (&str, &str), is_ours: fn(&str) -> bool) -> BTreeSet<String> {
    let found = &statement["Condition"][operator][key];
    let list = found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice);
    list.iter().filter_map(Value::as_str).filter(|value| is_ours(value)).map(str::to_owned).collect()
}

/// The sessions that the statements below `front` deny, by the role that each statement is about.
pub(super) fn of_roles(document: &Document, front: &str) -> BTreeMap<BTreeSet<String>, BTreeSet<String>> {
    let is_numbered = |statement: &&Value| {
        let number = statement["Sid"].as_str().and_then(|sid| sid.strip_prefix(front));
        let is_ours = number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()));
        is_ours && statement["Effect"] == "Deny"
    };
    let mut all: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for statement in document.statements().iter().filter(is_numbered) {
        let role = values(statement, ("ArnLike", "aws:PrincipalArn"), is_role);
        let sessions = values(statement, ("StringLike", "aws:userid"), is_session_of_any_role);
        if !role.is_empty() && !sessions.is_empty() {
            all.entry(role).or_default().extend(sessions);
        }
    }
    all
}

/// `arn:P:iam::ACCOUNT:user/NAME` or `role/NAME`, also with `*/` in place of a path, or `arn:P:sts::ACCOUNT:federated-user/NAME`.
pub(super) fn is_principal(value: &str) -> bool {
    let Some(arn) = Arn::parse(value).filter(|arn| arn.account.is_some() && arn.region.is_none()) else { return false };
    match (arn.service, arn.resource.split_once('/')) {
        ("iam", Some(("user" | "role", name))) => IamName::parse(name.strip_prefix("*/").unwrap_or(name)).is_ok(),
        ("sts", Some(("federated-user", name))) => RoleSessionName::parse(name).is_ok(),
        _ => false,
    }
}

/// `AROA…:NAME`, one session of one role, or `AIDA…`, a user whatever the name.
pub(super) fn is_identity(value: &str) -> bool {
    let is_id = |id: &str, front: &str| id.starts_with(front) && PrincipalId::parse(id).is_ok();
    match value.split_once(':') {
        Some((role, session)) => is_id(role, "AROA") && RoleSessionName::parse(session).is_ok(),
        None => is_id(value, "AIDA"),
    }
}

/// A role as [`is_principal`] knows it, or every role of Identity Center.
fn is_role(value: &str) -> bool {
    let Some((front, resource)) = value.rsplit_once(":role/") else { return false };
    if resource == "aws-reserved/sso.amazonaws.com/*" {
        return front.starts_with("arn:") && front.ends_with(":iam::*");
    }
    is_principal(value)
}

fn is_session_of_any_role(value: &str) -> bool {
    value.strip_prefix("*:").is_some_and(|name| RoleSessionName::parse(name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_that_somebody_planted_denies_more_than_one_principal() {
        for ours in [
            "arn:aws:iam::111122223333:user/mallory",
            "arn:aws:iam::111122223333:role/*/deploy",
            "arn:aws-cn:sts::111122223333:federated-user/tmp",
        ] {
            assert!(is_principal(ours), "{ours}");
        }
        for planted in [
            "*",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::*:user/mallory",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:user/*/*",
            "arn:aws:iam::111122223333:user/a?",
            "arn:aws:iam::111122223333:user/${aws:username}",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam:::user/mallory",
            "",
        ] {
            assert!(!is_principal(planted), "{planted}");
        }
        assert!(is_identity("AROAEXAMPLEEXAMPLE12:i-0abc") && is_identity("AIDAEXAMPLEEXAMPLE12"));
        for planted in ["*", "AROA*:x", "AROAEXAMPLEEXAMPLE12:*", "*:name", "AROAEXAMPLEEXAMPLE12", "AIDA", "111122223333"] {
            assert!(!is_identity(planted), "{planted}");
        }
        assert!(is_role("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*"));
        for planted in ["arn:aws:iam::*:role/*", "arn:aws:iam::*:role/deploy", "arn:aws:iam::111122223333:user/alice", "*:role/x"]
        {
            assert!(!is_role(planted), "{planted}");
        }
        assert!(is_session_of_any_role("*:alice@example.com") && !is_session_of_any_role("*:*") && !is_session_of_any_role("*"));
    }
}

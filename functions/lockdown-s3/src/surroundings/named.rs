//! Whom a policy names, in words for people. It is no evaluation: conditions and denies are not looked at.

use crate::one_or_many::texts;
use crate::pattern::is_like;
use crate::suspects::Suspects;
use firebreak::ids::Arn;
use firebreak::text::inert;
use serde_json::Value;
use std::collections::BTreeSet;

/// Characters of one name.
const NAME: usize = 60;

/// Whom the Allow statements of a policy name. Nothing: it is no policy.
pub(super) fn allowed(policy: &str) -> Option<BTreeSet<String>> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let statements = match policy.get("Statement")? {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let allows = |statement: &&Value| statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    Some(statements.iter().filter(allows).flat_map(principals).collect())
}

fn principals(statement: &Value) -> Vec<String> {
    match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().flat_map(|kind| texts(Some(kind))).map(str::to_owned).collect(),
        Some(Value::String(all)) => vec![all.clone()],
        // `NotPrincipal`, or a form that is not known.
        _ => vec!["*".to_owned()],
    }
}

/// As many names as a line takes, suspects first.
pub(super) fn shown(names: &BTreeSet<String>, suspects: &Suspects, most: usize) -> String {
    let (theirs, others): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_suspect(name, suspects));
    let theirs = theirs.iter().map(|name| format!("{} (a suspect)", short(name)));
    let named: Vec<String> = theirs.chain(others.iter().map(|name| short(name))).take(most).collect();
    let more = names.len().saturating_sub(named.len());
    match (named.is_empty(), more) {
        (true, _) => "nobody".to_owned(),
        (false, 0) => named.join(", "),
        (false, more) => format!("{} and {more} more", named.join(", ")),
    }
}

/// `role/deploy of 111122223333`: an ARN would fill a line.
fn short(name: &str) -> String {
    let short = match Arn::parse(name) {
        Some(Arn { account: Some(account), resource: "root", .. }) => format!("account {account}"),
        Some(Arn { account: Some(account), resource, .. }) => format!("{resource} of {account}"),
        _ if name == "*" => "everybody".to_owned(),
        _ => name.to_owned(),
    };
    inert(&short, NAME)
}

/// Whether a principal is one of the suspects, by its ARN.
pub(super) fn is_suspect(arn: &str, suspects: &Suspects) -> bool {
    suspects.arns.iter().any(|pattern| is_like(pattern, arn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn suspects(arns: &[&str]) -> Suspects {
        Suspects { arns: arns.iter().map(|arn| (*arn).to_owned()).collect(), ..Suspects::default() }
    }

    #[test]
    fn whom_a_policy_names_is_shown_suspects_first_and_bounded() {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/app/web"] } },
            { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:user/mallory", "Service": "cloudfront.amazonaws.com" } },
            { "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:user/denied" } },
        ]});
        let names = allowed(&policy.to_string()).expect("a policy");
        let suspects = suspects(&["arn:aws:iam::111122223333:user/mallory"]);
        let expected = "user/mallory of 111122223333 (a suspect), role/app/web of 111122223333 and 2 more";
        assert_eq!(shown(&names, &suspects, 2), expected);
        assert!(shown(&names, &suspects, 9).contains("account 111122223333"));
    }

    #[test]
    fn every_form_of_a_principal_names_somebody_and_no_name_is_shown_as_it_came() {
        let named = |statement: Value| allowed(&json!({ "Statement": statement }).to_string()).expect("a policy");
        for everybody in [json!("*"), json!({ "AWS": "*" })] {
            let names = named(json!({ "Effect": "Allow", "Principal": everybody }));
            assert_eq!(shown(&names, &Suspects::default(), 3), "everybody");
        }
        let names = named(json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "arn:aws:iam::111122223333:user/a" } }));
        assert_eq!(shown(&names, &Suspects::default(), 3), "everybody");
        let hostile = format!("AIDA\u{1b}[31m{}", "x".repeat(500));
        let line = shown(&named(json!({ "Effect": "Allow", "Principal": { "AWS": hostile } })), &Suspects::default(), 3);
        assert!(!line.contains('\u{1b}') && line.chars().count() <= NAME + 1, "{line}");
        assert_eq!(shown(&named(json!([])), &Suspects::default(), 3), "nobody");
        for other in ["", "7", "{}", "[]"] {
            assert_eq!(allowed(other), None, "{other}");
        }
    }

    #[test]
    fn a_suspect_is_known_with_and_without_a_path() {
        let suspects = suspects(&["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/*/deploy"]);
        for arn in ["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/ci/eu/deploy"] {
            assert!(is_suspect(arn, &suspects), "{arn}");
        }
        for arn in [
            "arn:aws:iam::111122223333:role/deploy2",
            "arn:aws:iam::999988887777:role/deploy",
            "arn:aws:iam::111122223333:role/redeploy",
            "",
        ] {
            assert!(!is_suspect(arn, &suspects), "{arn}");
        }
    }
}

//! Whether a deployed document is the shipped one.
//!
//! Shipped documents have `${Placeholder}`s that a deployment fills in. A placeholder stands for a name, an ARN or a URL and for
//! nothing else: a value with a `*` in it would say more than was shipped, but at the end of the deploy role's name.

use serde_json::Value;

/// The one placeholder whose value may end with `*`: CloudFormation names its StackSet roles by itself.
const MAY_END_OPEN: &str = "DeployRole";

/// A name that is made by `CloudFormation` is longer before its `*` than this, so that `*` alone, or `a*`, is no name.
const SHORTEST_OPEN: usize = 8;

/// True when `deployed` is `shipped` with its placeholders filled in: those in `known` with exactly that, the others with a name
/// that nobody here knows. White space and the order of fields do not matter.
pub(super) fn is_as_shipped(shipped: &str, deployed: &str, known: &[(&str, &str)]) -> bool {
    let filled = known.iter().fold(shipped.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (parsed(&filled), parsed(deployed)) {
        (Some(shipped), Some(deployed)) => same(&shipped, &deployed),
        _ => false,
    }
}

fn same(shipped: &Value, deployed: &Value) -> bool {
    match (shipped, deployed) {
        (Value::Object(shipped), Value::Object(deployed)) => {
            shipped.len() == deployed.len()
                && shipped.iter().all(|(key, value)| deployed.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(shipped), Value::Array(deployed)) => {
            shipped.len() == deployed.len() && shipped.iter().zip(deployed).all(|(shipped, deployed)| same(shipped, deployed))
        }
        (Value::String(shipped), Value::String(deployed)) => fills(shipped, deployed),
        _ => shipped == deployed,
    }
}

/// True when `text` is `template` with a value for each placeholder.
fn fills(template: &str, text: &str) -> bool {
    let Some((before, name, after)) = first_placeholder(template) else { return template == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    // Values are short and placeholders few: trying every length is fast enough.
    rest.char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| is_value(name, &rest[..*end]))
        .any(|end| fills(after, &rest[end..]))
}

/// What is before the first placeholder, its name, and what is after it. IAM's own variables begin with a small letter.
fn first_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    template.match_indices("${").find_map(|(at, _)| {
        let inside = &template[at + 2..];
        let end = inside.find('}')?;
        let name = &inside[..end];
        name.starts_with(|c: char| c.is_ascii_uppercase()).then(|| (&template[..at], name, &inside[end + 1..]))
    })
}

fn is_value(name: &str, value: &str) -> bool {
    let value = match value.strip_suffix('*') {
        Some(front) if name == MAY_END_OPEN && front.len() >= SHORTEST_OPEN => front,
        _ => value,
    };
    value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/+=,@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str =
        r#"{"Resource": ["arn:${Partition}:iam::${Account}:role/${DeployRole}", "${aws:userid}"], "Effect": "Deny"}"#;

    #[test]
    fn a_placeholder_is_filled_with_a_name_and_nothing_wider() {
        let with = |arn: &str| format!(r#"{{"Effect":"Deny","Resource":["{arn}","${{aws:userid}}"]}}"#);
        assert!(is_as_shipped(SHIPPED, &with("arn:aws:iam::111122223333:role/deploy"), &[]));
        assert!(is_as_shipped(SHIPPED, &with("arn:aws-us-gov:iam::111122223333:role/stacksets-exec-*"), &[]));
        let front = "arn:aws:iam::111122223333:role/";
        let wider =
            ["arn:*:iam::111122223333:role/deploy", "arn:aws:iam::*:role/deploy", "arn:aws:iam::111122223333:user/deploy", "*"];
        for wider in wider.map(str::to_owned).into_iter().chain([format!("{front}*"), format!("{front}a*")]) {
            assert!(!is_as_shipped(SHIPPED, &with(&wider), &[]), "{wider}");
        }
        let known = [("Account", "111122223333")];
        assert!(is_as_shipped(SHIPPED, &with("arn:aws:iam::111122223333:role/deploy"), &known));
        assert!(!is_as_shipped(SHIPPED, &with("arn:aws:iam::999999999999:role/deploy"), &known), "another account than ours");
    }

    #[test]
    fn what_was_added_or_taken_away_is_seen() {
        assert!(!is_as_shipped(r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, &[]));
        assert!(!is_as_shipped(r#"{"a": [1, 2]}"#, r#"{"a": [1]}"#, &[]));
        assert!(!is_as_shipped(r#"{"a": 1}"#, "no JSON", &[]));
        assert!(is_as_shipped(r#"{"a": 1, "b": [2]}"#, r#"{ "b": [2], "a": 1 }"#, &[]));
    }
}

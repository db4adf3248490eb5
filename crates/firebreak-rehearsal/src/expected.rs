//! What a field must be, as `fixtures/scenarios/end-states.toml` writes it down.

use serde_json::Value;
use std::collections::BTreeSet;

/// Whether a field has the name of a rule, in which a `*` stands for any text.
pub(crate) fn matches(rule: &str, field: &str) -> bool {
    match rule.split_once('*') {
        Some((begin, end)) => field.len() >= begin.len() + end.len() && field.starts_with(begin) && field.ends_with(end),
        None => rule == field,
    }
}

/// Whether a field that was `before` is as `rule` says.
///
/// `+NAME, NAME`: the list of before, with these names and no others. `?VALUE`: this, or as before. `A > B`: B where it was A, else as
/// before. Anything else: this, where a `*` stands for any text.
pub(crate) fn is_as(rule: &str, value: &str, before: &str) -> bool {
    if let Some(added) = rule.strip_prefix('+') {
        return is_added(added, value, before);
    }
    if let Some(changed) = rule.strip_prefix('?') {
        return value == before || matches(changed, value);
    }
    match rule.split_once(" > ") {
        Some((was, is)) if was == before => value == is,
        Some(_) => value == before,
        None => matches(rule, value),
    }
}

fn is_added(added: &str, value: &str, before: &str) -> bool {
    let (was, is) = (names(before), names(value));
    let added: Vec<&str> = added.split(", ").collect();
    let is_known = |name: &String| was.contains(name) || added.iter().any(|rule| matches(rule, name));
    let is_there = |rule: &&str| is.iter().any(|name| matches(rule, name));
    was.is_subset(&is) && is.iter().all(is_known) && added.iter().all(is_there)
}

/// The names of a list. Of a bucket policy: the `Sid` of each statement of Firebreak's, and the text of every other statement.
fn names(value: &str) -> BTreeSet<String> {
    if let Ok(policy) = serde_json::from_str::<Value>(value)
        && let Some(statements) = policy.get("Statement")
    {
        let all = statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice);
        return all.iter().map(name_of).collect();
    }
    let is_name = |name: &&str| !matches!(*name, "" | "none" | "absent");
    value.split(", ").filter(is_name).map(str::to_owned).collect()
}

fn name_of(statement: &Value) -> String {
    let ours = statement.get("Sid").and_then(Value::as_str).filter(|sid| sid.starts_with("Firebreak"));
    ours.map_or_else(|| statement.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_what_it_had_and_what_was_added_and_nothing_else() {
        for (value, before, is) in [
            ("FirebreakDenyAll, work", "work", true),
            ("FirebreakDenyAll", "none", true),
            ("FirebreakDenyAll", "absent", true),
            ("FirebreakDenyAll", "FirebreakDenyAll", true),
            ("work", "work", false),
            ("FirebreakDenyAll", "work", false),
            ("FirebreakDenyAll, admin", "none", false),
            ("none", "none", false),
        ] {
            assert_eq!(is_as("+FirebreakDenyAll", value, before), is, "{before} became {value}");
        }
    }

    #[test]
    fn a_policy_has_its_own_statements_and_each_that_a_level_writes() {
        let rule = "+FirebreakDenySuspects*, FirebreakDenyOutsiders";
        let tls = r#"{"Sid": "TlsOnly", "Effect": "Deny"}"#;
        let ours = |name: &str| format!(r#"{{"Sid": "{name}", "Effect": "Deny"}}"#);
        let policy = |statements: &[&str]| format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "));
        let (suspects, sessions) = (ours("FirebreakDenySuspects"), ours("FirebreakDenySuspectsSessions1"));
        let (outsiders, seal) = (ours("FirebreakDenyOutsiders"), ours("FirebreakSeal"));
        let changed = r#"{"Sid": "TlsOnly", "Effect": "Allow"}"#;
        for (statements, is) in [
            (vec![tls, suspects.as_str(), outsiders.as_str()], true),
            (vec![tls, sessions.as_str(), outsiders.as_str()], true),
            (vec![tls, suspects.as_str()], false),
            (vec![tls, outsiders.as_str()], false),
            (vec![suspects.as_str(), outsiders.as_str()], false),
            (vec![changed, suspects.as_str(), outsiders.as_str()], false),
            (vec![tls, suspects.as_str(), outsiders.as_str(), seal.as_str()], false),
        ] {
            assert_eq!(is_as(rule, &policy(&statements), &policy(&[tls])), is, "{statements:?}");
        }
        let first = policy(&[suspects.as_str(), outsiders.as_str()]);
        assert!(is_as(rule, &first, "absent") && !is_as(rule, "absent", "absent"));
    }

    #[test]
    fn what_may_stay_and_what_depends_on_before_is_told_from_what_is_wrong() {
        for (rule, value, before, is) in [
            ("?Disabled", "Disabled", "Enabled", true),
            ("?Disabled", "Enabled", "Enabled", true),
            ("?Disabled", "Enabled", "Disabled", false),
            ("never > Enabled", "Enabled", "never", true),
            ("never > Enabled", "Suspended", "never", false),
            ("never > Enabled", "Suspended", "Suspended", true),
            ("never > Enabled", "Enabled", "Suspended", false),
            ("on *", "on on", "off", true),
            ("Enabled", "never", "never", false),
        ] {
            assert_eq!(is_as(rule, value, before), is, "{rule}: {before} became {value}");
        }
    }
}

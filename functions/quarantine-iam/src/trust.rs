//! Whether a role's trust policy lets callers set session tags.
//!
//! The document is whoever's may write it. What cannot be read may allow everything.

use serde_json::Value;

/// What would let a caller choose the tags of a session.
const TAG_SESSION: &str = "sts:TagSession";

/// Whether some statement allows it to anybody, and none denies it to everybody. The document is as IAM gives it, URL-encoded (RFC 3986).
pub(crate) fn may_tag_sessions(document: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(document).decode_utf8();
    let parsed = decoded.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(statements) = parsed.as_ref().and_then(|document| document.get("Statement")).and_then(one_or_more) else {
        return true;
    };
    let has = |effect: &str, matters: fn(&Value) -> bool| {
        statements.iter().any(|statement| is_of(statement, effect) && matters(statement) && covers(statement))
    };
    // A condition of an Allow is no limit that could be told from here; a Deny under a condition leaves somebody.
    has("Allow", |_| true) && !has("Deny", |statement| is_of_everybody(statement) && statement.get("Condition").is_none())
}

/// An object or a list of objects; nothing for anything else.
fn one_or_more(value: &Value) -> Option<&[Value]> {
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    all.iter().all(Value::is_object).then_some(all)
}

/// An effect that nobody knows may be an Allow.
fn is_of(statement: &Value, effect: &str) -> bool {
    match statement["Effect"].as_str() {
        Some(written @ ("Allow" | "Deny")) => written == effect,
        _ => effect == "Allow",
    }
}

fn is_of_everybody(statement: &Value) -> bool {
    let principal = &statement["Principal"];
    [principal, &principal["AWS"]].into_iter().any(|who| strings(who).is_some_and(|all| all.contains(&"*")))
}

/// Whether the action is among a statement's. What has no actions that can be read covers the action of an Allow, and not of a Deny.
fn covers(statement: &Value) -> bool {
    let among = |field: &str| strings(&statement[field]).map(|all| all.iter().any(|pattern| matches(pattern, TAG_SESSION)));
    match (among("Action"), among("NotAction")) {
        (Some(covered), None) => covered,
        (None, Some(left_out)) => !left_out,
        _ => statement["Effect"] != "Deny",
    }
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// IAM's wildcards, whatever the case: `*` is any number of characters, `?` is one (IAM user guide, "Policy elements: Action").
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    // Where the last star stands, and how much of the action it has taken so far.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < action.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == action[read] => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, read) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(statement: &str) -> bool {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let encoded: String = document.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        assert_eq!(may_tag_sessions(&document), may_tag_sessions(&encoded), "{statement}");
        may_tag_sessions(&document)
    }

    fn allowing(action: &str) -> String {
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":{action}}}"#)
    }

    #[test]
    fn every_way_to_write_the_action_is_seen() {
        for action in [
            r#""sts:TagSession""#,
            r#""STS:tagsession""#,
            r#""sts:Tag*""#,
            r#""sts:T?gSession""#,
            r#""sts:*""#,
            r#""*""#,
            r#""s*:*Session""#,
            r#"["sts:AssumeRole","sts:T*"]"#,
        ] {
            assert!(trusts(&allowing(action)), "{action}");
            assert!(trusts(&format!("[{},{}]", allowing(r#""sts:AssumeRole""#), allowing(action))), "{action}");
        }
        for action in [
            r#""sts:AssumeRole""#,
            r#""sts:Assume*""#,
            r#""sts:TagSessions""#,
            r#""sts:?TagSession""#,
            r#""sts:TagSessio""#,
            r#""iam:*""#,
            r#"["sts:AssumeRole","sts:SetSourceIdentity"]"#,
            "[]",
        ] {
            assert!(!trusts(&allowing(action)), "{action}");
        }
    }

    #[test]
    fn what_is_left_out_of_an_allow_decides() {
        let but = |action: &str| trusts(&format!(r#"{{"Effect":"Allow","Principal":"*","NotAction":{action}}}"#));
        assert!(but(r#""sts:AssumeRole""#));
        assert!(!but(r#"["iam:*","sts:tag*"]"#));
    }

    #[test]
    fn only_a_deny_for_everybody_without_a_condition_counts() {
        let allow = allowing(r#""sts:*""#);
        let with = |deny: &str| trusts(&format!("[{allow},{deny}]"));
        assert!(!with(r#"{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}"#));
        assert!(!with(r#"{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["sts:Tag*"]}"#));
        for deny in [
            r#"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:TagSession"}"#,
            r#"{"Effect":"Deny","Principal":"*","Action":"sts:TagSession","Condition":{"Null":{"aws:TagKeys":"true"}}}"#,
            r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#,
            r#"{"Effect":"Deny","Principal":"*"}"#,
        ] {
            assert!(with(deny), "{deny}");
        }
    }

    #[test]
    fn what_cannot_be_read_may_allow_it() {
        for document in ["", "no JSON", "{}", r#"{"Statement":"*"}"#, r#"{"Statement":[1]}"#, "%FF%FE"] {
            assert!(may_tag_sessions(document), "{document}");
        }
        assert!(trusts(r#"{"Effect":"Allow","Principal":"*","Action":7}"#));
        assert!(trusts(r#"{"Effect":"allow","Principal":"*","Action":"sts:TagSession"}"#));
        assert!(!trusts("[]"), "it allows nothing");
    }
}

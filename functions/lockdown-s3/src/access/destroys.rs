//! Whether a statement lets its principals do what destroys.

use crate::named::strings;
use serde_json::Value;
use std::collections::BTreeSet;

/// Characters of an action. IAM has none that is longer.
const MAX_ACTION: usize = 128;

/// Whether a statement allows one of `destructive`, patterns of actions. What cannot be read may.
pub(super) fn destroys(statement: &Value, destructive: &[String]) -> bool {
    match (strings(&statement["Action"]), strings(&statement["NotAction"])) {
        (Some(actions), None) => {
            actions.iter().any(|action| destructive.iter().any(|pattern| have_one_in_common(action, pattern)))
        }
        (None, Some(left_out)) => !left_out.iter().any(|action| *action == "*" || action.eq_ignore_ascii_case("s3:*")),
        _ => true,
    }
}

/// Whether an action fits both patterns, whatever the case: `*` is any number of characters, `?` is one (IAM user guide, "Policy elements:
/// Action").
fn have_one_in_common(one: &str, other: &str) -> bool {
    if one.len() > MAX_ACTION {
        return true;
    }
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let (mut open, mut seen) = (vec![(one.as_bytes(), other.as_bytes())], BTreeSet::new());
    while let Some((a, b)) = open.pop() {
        if !seen.insert((a.len(), b.len())) {
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), next) => {
                open.push((rest, b));
                open.extend(next.map(|(_, rest)| (a, rest)));
            }
            (next, Some((b'*', rest))) => {
                open.push((a, rest));
                open.extend(next.map(|(_, rest)| (rest, b)));
            }
            (Some((x, a)), Some((y, b))) if x == y || *x == b'?' || *y == b'?' => open.push((a, b)),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn allows(statement: &Value) -> bool {
        destroys(statement, &crate::statements::destructive_actions())
    }

    #[test]
    fn every_way_to_allow_a_deletion_is_seen() {
        for action in [
            "*",
            "s3:*",
            "S3:deleteobject",
            "s3:DeleteObjectVersion",
            "s3:Delete*",
            "s3:*Version",
            "s3:PutBucket???",
            "s?:*acl",
            "s3:UpdateObjectEncryption",
            "s3:PutEncryptionConfiguration",
        ] {
            assert!(allows(&json!({ "Action": action })) && allows(&json!({ "Action": ["s3:GetObject", action] })), "{action}");
        }
        assert!(allows(&json!({ "Action": "a".repeat(20_000) })), "no action has such a name: nobody knows what it means");
        for odd in [json!({}), json!({ "Action": 7 }), json!({ "Action": "s3:GetObject", "NotAction": "s3:*" })] {
            assert!(allows(&odd), "{odd}");
        }
        assert!(allows(&json!({ "NotAction": ["s3:GetObject", "s3:Delete*"] })), "all but some");
    }

    #[test]
    fn who_reads_and_writes_objects_destroys_nothing() {
        for action in [
            "s3:GetObject",
            "s3:Get*",
            "s3:List*",
            "s3:PutObject",
            "s3:GetEncryptionConfiguration",
            "s3:AbortMultipartUpload",
            "",
        ] {
            assert!(!allows(&json!({ "Action": action })), "{action}");
        }
        assert!(!allows(&json!({ "Action": [] })) && !allows(&json!({ "NotAction": "s3:*" })));
    }
}

//! What can only be announced, and what must never be taken for it.

use crate::traps::fixture;
use firebreak::flood::only_announced;
use firebreak::policy::Policy;
use serde_json::{Value, json};

fn policy(text: &str) -> Policy {
    Policy::parse(text).expect("a policy")
}

fn announced(event: &Value, policy: &Policy) -> Option<(String, String)> {
    let now = "2026-11-20T02:10:00Z".parse().expect("a time");
    only_announced(&event.to_string(), policy, now).map(|finding| (finding.account, finding.title))
}

/// A finding of a product that is not AWS's.
fn imported() -> Value {
    let mut event = fixture("security-hub/guardduty-through-security-hub.json");
    let finding = &mut event["detail"]["findings"][0];
    finding["ProductArn"] = json!("arn:aws:securityhub:eu-central-1:111122223333:product/acme/scanner");
    finding["Id"] = json!("acme-1");
    finding["Title"] = json!("Odd\u{202e} thing");
    event
}

#[test]
fn a_finding_of_a_product_that_policy_does_not_list_can_only_be_announced() {
    let (account, title) = announced(&imported(), &policy("default_mode = \"auto\"")).expect("only announced");
    assert_eq!(account.len(), 12);
    assert!(title.contains("Odd") && !title.contains('\u{202e}'), "{title}");
}

#[test]
fn what_anybody_vouches_for_or_listens_to_is_never_only_announced() {
    let auto = policy("default_mode = \"auto\"");
    let listed = policy("default_mode = \"auto\"\n[security_hub]\nproducts = [\"aws/guardduty\", \"acme/scanner\"]");
    assert_eq!(announced(&imported(), &listed), None, "a listed product");
    for name in ["guardduty/exfiltration-iam-user", "security-hub/guardduty-through-security-hub"] {
        assert_eq!(announced(&fixture(&format!("{name}.json")), &auto), None, "{name}");
    }
    let observe = policy("default_mode = \"observe\"");
    assert_eq!(announced(&fixture("guardduty/exfiltration-iam-user.json"), &observe), None);
    assert_eq!(announced(&json!({ "source": "aws.securityhub" }), &auto), None, "what nobody can read is told");
}

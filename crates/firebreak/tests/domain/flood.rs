//! What can only be announced, and what must never be taken for it.

use crate::traps::fixture;
use firebreak::flood::{Excess, only_announced};
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

/// Who may import findings in an account must not use up the number of AWS's own products, and not pass for one.
#[test]
fn nobody_but_a_product_of_aws_is_counted_as_one() {
    let now = "2026-11-20T02:10:00Z".parse().expect("a time");
    let auto = policy("default_mode = \"auto\"");
    let by_aws = |product: &str| {
        let mut event = imported();
        event["detail"]["findings"][0]["ProductArn"] = json!(format!("arn:aws:securityhub:eu-central-1:{product}"));
        only_announced(&event.to_string(), &auto, now).expect("only announced").by_aws
    };
    assert!(by_aws(":product/aws/inspector"));
    for other in [
        "111122223333:product/111122223333/default",
        "111122223333:product/aws/inspector",
        "111122223333:product/x/y::product/aws/inspector",
        ":product/acme/scanner",
        ":product/awsome/scanner",
    ] {
        assert!(!by_aws(other), "{other}");
    }
}

#[test]
fn a_counted_finding_says_whether_it_is_critical() {
    let now = "2026-11-20T02:10:00Z".parse().expect("a time");
    for (label, expected) in [("CRITICAL", true), ("HIGH", false)] {
        let mut event = imported();
        event["detail"]["findings"][0]["Severity"] = json!({ "Label": label });
        let finding = only_announced(&event.to_string(), &policy("default_mode = \"auto\""), now).expect("only announced");
        assert_eq!(finding.critical, expected, "{label}");
    }
}

#[test]
fn the_two_windows_of_an_account_have_incidents_and_executions_of_their_own() {
    let read = |input: &Value| Excess::referred_to_by(&input.to_string()).expect("a reference");
    let of = json!({ "account": "111122223333", "window": "1763604605000" });
    // As an earlier version wrote it.
    let imported = read(&json!({ "firebreak_excess": of }));
    let mut by_aws = of.clone();
    by_aws["by_aws"] = json!(true);
    let by_aws = read(&json!({ "firebreak_excess": by_aws }));
    assert_eq!((imported.by_aws, by_aws.by_aws), (false, true));
    assert_eq!(imported.execution_name(), "excess-111122223333-1763604605000");
    assert_eq!(by_aws.execution_name(), "excess-111122223333-aws-1763604605000");
    let auto = policy("default_mode = \"auto\"");
    assert_ne!(imported.plan(&auto).dedupe_key, by_aws.plan(&auto).dedupe_key);
    assert_eq!(serde_json::to_value(&imported).expect("JSON"), of, "an earlier version reads it, too");
}

//! Arriving is not acting: what `auto_from` leaves of a decision about a finding of low severity.

use crate::traps::{decided, fixture, request, under};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::plan::{Plan, Verdict};
use firebreak::policy::Policy;
use serde_json::{Value, json};

fn policy(text: &str) -> Policy {
    Policy::parse(text).expect("a policy")
}

/// A finding of a type whose row is `contain = { isolate-ec2 = MODE }`.
fn miner(severity: f64) -> Value {
    let mut event = fixture("guardduty/bitcoin-tool.json");
    event["detail"]["severity"] = json!(severity);
    event
}

fn row(mode: &str, more: &str) -> String {
    format!("[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncontain = {{ isolate-ec2 = \"{mode}\" }}\nwhy = \"mining\"\n{more}")
}

fn outcome(plan: &Plan) -> (Verdict, Mode, ReasonCode, bool) {
    let decision = plan.decisions.first().expect("a decision");
    (plan.verdict, decision.mode, decision.code, plan.evidence)
}

#[test]
fn below_the_band_a_containment_waits_and_what_would_wait_is_told_with_evidence() {
    use ReasonCode::{BelowSeverity, Row};
    for (from, severity, mode, expected) in [
        ("", 8.0, "auto", (Verdict::Respond, Mode::Auto, Row, false)),
        ("", 6.9, "auto", (Verdict::Respond, Mode::Gate, BelowSeverity, false)),
        ("", 2.0, "auto", (Verdict::Respond, Mode::Gate, BelowSeverity, false)),
        ("", 8.0, "gate", (Verdict::Respond, Mode::Gate, Row, false)),
        ("", 6.9, "gate", (Verdict::Notify, Mode::Notify, BelowSeverity, true)),
        ("auto_from = \"low\"\n", 2.0, "auto", (Verdict::Respond, Mode::Auto, Row, false)),
        ("auto_from = \"medium\"\n", 4.0, "auto", (Verdict::Respond, Mode::Auto, Row, false)),
        ("auto_from = \"medium\"\n", 3.9, "auto", (Verdict::Respond, Mode::Gate, BelowSeverity, false)),
        ("auto_from = \"critical\"\n", 8.9, "gate", (Verdict::Notify, Mode::Notify, BelowSeverity, true)),
    ] {
        let policy = policy(&format!("default_mode = \"auto\"\n{from}{}", row(mode, "")));
        let plan = under(&policy, &miner(severity));
        assert_eq!(outcome(&plan), expected, "{from} {severity} {mode}");
        let says = plan.decisions[0].reason.contains("auto_from");
        assert_eq!(says, expected.2 == BelowSeverity, "{}", plan.decisions[0].reason);
    }
}

#[test]
fn a_row_that_is_evidence_by_itself_acts_whatever_the_severity() {
    let policy = policy(&format!("default_mode = \"auto\"\n{}", row("auto", "auto_below = true\n")));
    assert_eq!(outcome(&under(&policy, &miner(2.0))), (Verdict::Respond, Mode::Auto, ReasonCode::Row, false));
    let shipped = Policy::parse("default_mode = \"auto\"").expect("a policy");
    let mut caller = fixture("guardduty/malicious-ip-iam-user-with-instance.json");
    caller["detail"]["severity"] = json!(5.0);
    assert!(decided(&under(&shipped, &caller))[0].starts_with("quarantine-iam auto"), "an address on a threat list");
    let trail_off = {
        let mut event = caller.clone();
        event["detail"]["type"] = json!("Stealth:IAMUser/CloudTrailLoggingDisabled");
        event["detail"]["severity"] = json!(2.0);
        event
    };
    assert!(
        decided(&under(&shipped, &trail_off))[0].starts_with("quarantine-iam gate"),
        "nobody is asked about a trail that is off"
    );
}

#[test]
fn what_has_no_severity_of_its_own_is_acted_on() {
    let asked = request(&json!({"kind": "iam-user", "id": "mallory", "account": "111122223333", "region": "eu-central-1"}));
    let policy = policy("default_mode = \"auto\"\nauto_from = \"critical\"\nisolation_requests = \"auto\"");
    assert_eq!(decided(&under(&policy, &asked)), ["quarantine-iam auto 111122223333 mallory"]);
}

#[test]
fn the_other_modes_say_what_auto_would_do_and_only_a_rehearsal_keeps_evidence() {
    for (mode, keeps) in [("observe", false), ("dry-run", true)] {
        let policy = |row: &str| policy(&format!("default_mode = \"{mode}\"\n{row}"));
        let at_once = under(&policy(&row("auto", "")), &miner(8.0));
        assert_eq!(at_once.decisions[0].would, Some(Mode::Auto), "{mode}");
        assert!(at_once.decisions[0].reason.contains("in mode auto it would be contained at once"), "{at_once:?}");
        let asked = under(&policy(&row("auto", "")), &miner(5.0));
        assert_eq!(asked.decisions[0].would, Some(Mode::Gate), "{mode}");
        let told = under(&policy(&row("gate", "")), &miner(5.0));
        assert_eq!(
            (told.decisions[0].would, told.verdict, told.evidence),
            (Some(Mode::Notify), Verdict::Notify, keeps),
            "{mode}"
        );
    }
    let acting = under(&policy(&format!("default_mode = \"auto\"\n{}", row("auto", ""))), &miner(8.0));
    assert_eq!(acting.decisions[0].would, None, "what is done needs no word of what would be");
}

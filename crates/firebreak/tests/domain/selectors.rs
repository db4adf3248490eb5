//! What the selectors of a policy spare: protected tags, suppressions by address and by tag, floors of severity.

use crate::traps::{decided, fixture, policy, request, under};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::plan::{Circumstances, Plan, Verdict, plan};
use firebreak::policy::Policy;
use serde_json::{Value, json};

fn miner() -> Value {
    fixture("guardduty/bitcoin-tool.json")
}

fn of(plan: &Plan, containment: &str) -> (Mode, ReasonCode) {
    let about = |d: &&firebreak::decision::Decision| d.containment.is_some_and(|it| it.name() == containment);
    let decision = plan.decisions.iter().find(about).unwrap_or_else(|| panic!("no {containment}: {:?}", plan.decisions));
    (decision.mode, decision.code)
}

fn tag(key: &str, value: &str) -> Policy {
    policy(&format!("[protected]\ntags = [{{ key = \"{key}\", value = \"{value}\" }}]"))
}

/// A suppression of the miner's type, with `selectors`.
fn suppress(selectors: &str) -> Policy {
    policy(&format!(
        "[[suppress]]\nfindings = [\"CryptoCurrency:EC2/BitcoinTool.B\"]\n{selectors}\nowner = \"red team\"\nreason = \"x\"\nexpires = \"2026-11-18\""
    ))
}

#[test]
fn a_protected_tag_spares_the_instance_and_the_bucket_that_carry_it() {
    let plan = under(&tag("env", "prod"), &miner());
    assert_eq!((plan.verdict, of(&plan, "isolate-ec2")), (Verdict::Notify, (Mode::Notify, ReasonCode::Protected)));
    assert!(plan.decisions[0].reason.contains("its tag is protected"), "{}", plan.decisions[0].reason);
    let plan = under(&tag("data", "confidential"), &fixture("guardduty/bucket-anonymous-access.json"));
    assert_eq!(of(&plan, "lockdown-s3"), (Mode::Notify, ReasonCode::Protected));
}

#[test]
fn a_protected_tag_is_a_key_and_its_value() {
    for (key, value) in [("env", "test"), ("Env", "prod"), ("env", ""), ("prod", "env"), ("Name", "prod")] {
        let plan = under(&tag(key, value), &miner());
        assert_eq!(of(&plan, "isolate-ec2"), (Mode::Auto, ReasonCode::Row), "{key}={value}");
    }
}

#[test]
fn a_tag_spares_nobody_who_does_not_carry_it() {
    let event = fixture("guardduty/exfiltration-s3.json");
    let tags = event["detail"]["resource"]["s3BucketDetails"][0]["tags"].as_array().expect("tags");
    let (key, value) = (tags[0]["key"].as_str().expect("a key"), tags[0]["value"].as_str().expect("a value"));
    let plan = under(&tag(key, value), &event);
    assert_eq!(of(&plan, "lockdown-s3"), (Mode::Notify, ReasonCode::Protected));
    assert_eq!(of(&plan, "quarantine-iam").0, Mode::Auto, "the caller carries no tag");
}

#[test]
fn a_tag_is_read_from_a_finding_only() {
    let asked = request(&json!({"kind": "ec2-instance", "id": "i-078f938ed16ec7acf", "account": "111122223333",
        "region": "eu-central-1"}));
    let plan = under(&policy("isolation_requests = \"auto\"\n[protected]\ntags = [{ key = \"env\", value = \"prod\" }]"), &asked);
    assert_eq!(decided(&plan), ["isolate-ec2 auto 111122223333 i-078f938ed16ec7acf"], "a request states no tags");
}

#[test]
fn a_suppression_by_address_needs_every_address() {
    let suppressed = |selectors: &str, event: &Value| under(&suppress(selectors), event).verdict == Verdict::Ignore;
    let event = miner();
    assert!(suppressed("cidr = \"198.51.100.0/24\"", &event));
    assert!(!suppressed("cidr = \"203.0.113.0/24\"", &event));
    let mut probed = event.clone();
    let action = |addresses: [&str; 2]| {
        let probe = addresses.map(|ip| json!({ "remoteIpDetails": { "ipAddressV4": ip } }));
        json!({ "actionType": "PORT_PROBE", "portProbeAction": { "portProbeDetails": probe } })
    };
    probed["detail"]["service"]["action"] = action(["198.51.100.1", "203.0.113.9"]);
    assert!(!suppressed("cidr = \"198.51.100.0/24\"", &probed), "one address is somebody else's");
    probed["detail"]["service"]["action"] = action(["198.51.100.1", "198.51.100.9"]);
    assert!(suppressed("cidr = \"198.51.100.0/24\"", &probed));
}

#[test]
fn a_finding_without_an_address_is_suppressed_by_no_cidr() {
    let mut event = miner();
    event["detail"]["service"]["action"] = json!({ "actionType": "DNS_REQUEST", "dnsRequestAction": { "domain": "x.example" } });
    for half in ["0.0.0.0/1", "128.0.0.0/1"] {
        let plan = under(&suppress(&format!("cidr = \"{half}\"")), &event);
        assert_eq!(of(&plan, "isolate-ec2"), (Mode::Auto, ReasonCode::Row), "{half}");
    }
}

#[test]
fn an_ipv6_address_is_in_a_block_of_ipv6_only() {
    let mut event = miner();
    let action = event.pointer_mut("/detail/service/action/networkConnectionAction/remoteIpDetails").expect("an address");
    *action = json!({ "ipAddressV6": "2001:db8::1" });
    assert_eq!(under(&suppress("cidr = \"2001:db8::/32\""), &event).verdict, Verdict::Ignore);
    assert_eq!(under(&suppress("cidr = \"128.0.0.0/1\""), &event).verdict, Verdict::Respond);
}

#[test]
fn a_suppression_by_tag_is_about_the_resource_that_carries_it() {
    let with = |key: &str, value: &str| suppress(&format!("tag = {{ key = \"{key}\", value = \"{value}\" }}"));
    let plan = under(&with("env", "prod"), &miner());
    assert_eq!((plan.verdict, of(&plan, "isolate-ec2")), (Verdict::Ignore, (Mode::Notify, ReasonCode::Suppressed)));
    assert_eq!(under(&with("env", "test"), &miner()).verdict, Verdict::Respond);
    let mut bare = miner();
    bare["detail"]["resource"]["instanceDetails"]["tags"] = json!([]);
    assert_eq!(under(&with("env", "prod"), &bare).verdict, Verdict::Respond);
}

#[test]
fn every_selector_of_a_suppression_must_match() {
    let all = "target = \"i-078f938ed16ec7acf\"\naccounts = [\"111122223333\"]\ncidr = \"198.51.100.0/24\"\ntag = { key = \"env\", value = \"prod\" }";
    assert_eq!(under(&suppress(all), &miner()).verdict, Verdict::Ignore);
    for (right, wrong) in [
        ("i-078f938ed16ec7acf", "i-078f938ed16ec7ace"),
        ("111122223333", "111122223334"),
        ("198.51.100", "198.51.101"),
        ("prod", "test"),
    ] {
        assert_eq!(under(&suppress(&all.replace(right, wrong)), &miner()).verdict, Verdict::Respond, "{wrong}");
    }
    let mut other = miner();
    other["detail"]["type"] = json!("CryptoCurrency:EC2/BitcoinTool.B!DNS");
    assert_eq!(under(&suppress(all), &other).verdict, Verdict::Respond, "another type");
}

#[test]
fn a_suppression_holds_through_its_last_day() {
    let policy = suppress("cidr = \"198.51.100.0/24\"");
    let at = |time: &str| plan(&miner(), &Circumstances::new(&policy, time.parse().expect("a time"))).verdict;
    assert_eq!(at("2026-11-18T23:59:59Z"), Verdict::Ignore);
    assert_eq!(at("2026-11-19T00:00:00Z"), Verdict::Respond);
}

#[test]
fn somebody_is_told_of_what_is_protected_and_suppressed() {
    let both = "[protected]\ntags = [{ key = \"env\", value = \"prod\" }]\n[[suppress]]\nfindings = [\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncidr = \"198.51.100.0/24\"\nowner = \"red team\"\nreason = \"x\"\nexpires = \"2099-01-01\"";
    let plan = under(&policy(both), &miner());
    assert_eq!((plan.verdict, of(&plan, "isolate-ec2").1), (Verdict::Notify, ReasonCode::Protected));
}

#[test]
fn a_floor_announces_what_is_below() {
    for (floor, first) in [("low", 0.1), ("medium", 4.0), ("high", 7.0), ("critical", 9.0)] {
        let policy = policy(&format!("severity_floor = \"{floor}\""));
        for severity in [0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0, 10.0] {
            let mut event = miner();
            event["detail"]["severity"] = json!(severity);
            let plan = under(&policy, &event);
            let expected = if severity < first { Verdict::Notify } else { Verdict::Respond };
            assert_eq!(plan.verdict, expected, "{floor}: {severity}");
            assert_eq!(plan.decisions.is_empty(), severity < first, "{floor}: {severity}");
            let said = plan.reason.is_some_and(|why| why.contains(&format!("below {}", floor.to_uppercase())));
            assert_eq!(said, severity < first, "{floor}: {severity}");
        }
    }
}

#[test]
fn a_floor_holds_for_sources_without_a_severity_of_their_own() {
    let asked = request(&json!({"kind": "iam-user", "id": "mallory", "account": "111122223333", "region": "eu-central-1"}));
    assert_eq!(under(&policy("severity_floor = \"high\""), &asked).verdict, Verdict::Respond);
    assert_eq!(under(&policy("severity_floor = \"critical\""), &asked).verdict, Verdict::Notify);
}

#[test]
fn selectors_that_select_nothing_or_everything_are_refused() {
    let suppress = |selectors: &str, owner: &str| {
        format!(
            "[[suppress]]\nfindings = [\"X:Y/Z\"]\n{selectors}\nowner = \"{owner}\"\nreason = \"x\"\nexpires = \"2099-01-01\""
        )
    };
    for text in [
        "[protected]\ntags = [{ key = \"a\" }]".to_owned(),
        suppress("cidr = \"10.0.0.0/33\"", "me"),
        suppress("cidr = \"0.0.0.0/0\"", "me"),
        suppress("cidr = \"::/0\"", "me"),
        suppress("cidr = \"10.0.0.0/8\"", " "),
        suppress("", "me"),
        "severity_floor = \"urgent\"".to_owned(),
    ] {
        assert!(Policy::parse(&text).is_err(), "{text}");
    }
}

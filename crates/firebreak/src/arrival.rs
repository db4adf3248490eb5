//! Which findings of GuardDuty reach Firebreak: the event rules that follow from the rows.
//!
//! Every type whose row contains or gates arrives whatever its severity; every other type from severity 7. No event matches two
//! rules. Sources without a severity of their own (AWS Health, a person's request) and Security Hub have rules that no row changes.
//!
//! Posture controls (`Compliance` in ASFF, class 2003 in OCSF) arrive of products only that the policy lists: standards report each of
//! them anew every 12 to 24 hours, thousands in an organization (Security Hub user guide, "Schedule for running security checks").

use crate::decision::Mode;
use crate::finding::SeverityBand;
use crate::playbook::{Playbook, Row};
use crate::policy::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of one pattern (EventBridge quotas, "Event pattern size"). The quota can be raised; no customer should have to.
pub const MAX_PATTERN: usize = 2_048;

/// From here on every finding of GuardDuty arrives, whatever its type: the lower end of [`SeverityBand::High`].
pub const EVERY_TYPE_FROM: f64 = 7.0;

/// Where the sorted types are cut into rules, by the name of the rule. A rule has the types from its cut up to the next one, so the
/// rule of a type depends on nothing but the type: with a rule that was packed anew, `CloudFormation` updates rules in no order, and
/// a type on its way to another rule would be matched by none. Cuts are added, never moved.
const CUTS: [(&str, &str); 9] =
    [("a", ""), ("c", "C"), ("d", "D"), ("e", "E"), ("f", "F"), ("pe", "Pe"), ("po", "Po"), ("r", "R"), ("u", "U")];

/// Types of a customer's rows in one rule: 40 of the longest names stay far below [`MAX_PATTERN`].
const OWN_TYPES: usize = 20;

/// The rules of the shipped rows, by the stem of their file in `infra/event-rules`: `guardduty-a` and so on.
#[must_use]
pub fn rules(playbook: &Playbook) -> BTreeMap<String, Value> {
    let mut types: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for kind in listed(playbook) {
        types.entry(rule_of_listed(kind)).or_default().push(kind);
    }
    types.into_iter().map(|(rule, types)| (rule, pattern(&types))).collect()
}

/// Types of the policy's own rows that must arrive and that no shipped rule takes, in order.
#[must_use]
pub fn own_types<'a>(policy: &'a Policy, playbook: &Playbook) -> Vec<&'a str> {
    let shipped: BTreeSet<&str> = listed(playbook).collect();
    let own =
        policy.finding.iter().filter(|(kind, row)| must_arrive(row) && is_guarddutys(kind) && !shipped.contains(kind.as_str()));
    own.map(|(kind, _)| kind.as_str()).collect()
}

/// The rules of the policy's own rows, `guardduty-own-1` and so on, and those of the controls of products that it lists. The deployment
/// makes them beside the shipped ones.
#[must_use]
pub fn own_rules(policy: &Policy, playbook: &Playbook) -> BTreeMap<String, Value> {
    let mut rules = rules_of_own(&own_types(policy, playbook));
    rules.extend(rules_of_controls(&listed_products(policy)));
    rules
}

/// Products that the policy lists beside GuardDuty, which reports no controls.
#[must_use]
pub fn listed_products(policy: &Policy) -> Vec<&str> {
    policy.security_hub.products.iter().map(String::as_str).filter(|product| *product != GUARDDUTY).collect()
}

/// The rules of the controls of these [`listed_products`]: `security-hub-own` and `security-hub-v2-own`; none without a product.
#[must_use]
pub fn rules_of_controls(products: &[&str]) -> BTreeMap<String, Value> {
    if products.is_empty() {
        return BTreeMap::new();
    }
    let of =
        |place: &str| products.iter().map(|product| json!({ "wildcard": format!("*:{place}/{product}") })).collect::<Vec<_>>();
    let asff = json!({
        "source": ["aws.securityhub"],
        "detail-type": ["Security Hub Findings - Imported"],
        "detail": { "findings": {
            "Severity": { "Label": ["HIGH", "CRITICAL"] },
            "Workflow": { "Status": ["NEW"] },
            "RecordState": ["ACTIVE"],
            "Compliance": { "Status": [{ "exists": true }] },
            "ProductArn": of("product"),
        } }
    });
    let ocsf = json!({
        "source": ["aws.securityhub"],
        "detail-type": ["Findings Imported V2"],
        "detail": { "findings": {
            "class_uid": [2003],
            "severity_id": [4, 5, 6],
            "status_id": [1],
            "metadata": { "product": { "uid": of("productv2") } },
        } }
    });
    BTreeMap::from([("security-hub-own".to_owned(), asff), ("security-hub-v2-own".to_owned(), ocsf)])
}

const GUARDDUTY: &str = "aws/guardduty";

/// The rules of these [`own_types`].
#[must_use]
pub fn rules_of_own(types: &[&str]) -> BTreeMap<String, Value> {
    types.chunks(OWN_TYPES).enumerate().map(|(at, types)| (format!("guardduty-own-{}", at + 1), pattern(types))).collect()
}

/// The rule by which a finding of GuardDuty arrives; nothing when none takes it.
#[must_use]
pub fn rule_of(kind: &str, severity: f64, policy: &Policy, playbook: &Playbook) -> Option<String> {
    if severity >= EVERY_TYPE_FROM {
        return Some("guardduty".to_owned());
    }
    if listed(playbook).any(|listed| listed == kind) {
        return Some(rule_of_listed(kind));
    }
    let own = own_types(policy, playbook).iter().position(|own| *own == kind)?;
    Some(format!("guardduty-own-{}", own / OWN_TYPES + 1))
}

/// What a policy asks for and that never arrives, one line each for the person who wrote it.
#[must_use]
pub fn out_of_reach(policy: &Policy, playbook: &Playbook) -> Vec<String> {
    let strange =
        policy.finding.iter().filter(|(kind, row)| must_arrive(row) && playbook.row(kind).is_none() && !is_guarddutys(kind));
    let strange = strange.map(|(kind, _)| {
        let kind = crate::text::inert(kind, 100);
        format!("finding names {kind}: no event rule brings it unless it is HIGH and comes through Security Hub")
    });
    let floor = policy.security_hub.severity_floor;
    let low = (floor < SeverityBand::High).then(|| {
        let floor = floor.label();
        format!("security_hub.severity_floor is {floor}: the event rule brings HIGH and CRITICAL findings of Security Hub only")
    });
    strange.chain(low).collect()
}

/// Types of the shipped rows that arrive whatever their severity.
fn listed(playbook: &Playbook) -> impl Iterator<Item = &str> {
    playbook.types().filter(|kind| is_guarddutys(kind) && playbook.row(kind).is_some_and(must_arrive))
}

fn must_arrive(row: &Row) -> bool {
    row.arrives || !row.contain.is_empty() || row.by_hand.values().chain(&row.let_through).any(|mode| *mode == Mode::Gate)
}

/// `Tactic:Service/Technique` is how GuardDuty names its types. Codes of AWS Health and the request have rules of their own.
fn is_guarddutys(kind: &str) -> bool {
    kind.split_once(':').is_some_and(|(_, rest)| rest.contains('/'))
}

fn rule_of_listed(kind: &str) -> String {
    let cut = CUTS.iter().rev().find(|(_, from)| *from <= kind).map_or("a", |(name, _)| *name);
    format!("guardduty-{cut}")
}

fn pattern(types: &[&str]) -> Value {
    json!({
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
        "detail": {
            "type": types,
            "severity": [{ "numeric": ["<", 7] }],
            "$or": [{ "service": { "archived": [false] } }, { "service": { "archived": [{ "exists": false }] } }]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn cuts_ascend_and_a_cut_may_be_added_without_moving_another() {
        assert!(CUTS.windows(2).all(|pair| pair[0].1 < pair[1].1), "{CUTS:?}");
        assert_eq!(rule_of_listed("Impact:EC2/AbusedDomainRequest.Reputation"), "guardduty-f");
        assert_eq!(rule_of_listed("Policy:S3/BucketAnonymousAccessGranted"), "guardduty-po");
    }

    /// The rules of `infra/event-rules` are what is deployed; `UPDATE_EVENT_RULES=1` writes them anew.
    #[test]
    fn the_files_are_the_rules_and_each_fits() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/event-rules");
        let rules = rules(Playbook::shipped());
        let text = |rule: &Value| serde_json::to_string_pretty(rule).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_EVENT_RULES").is_some() {
            for (stem, rule) in &rules {
                std::fs::write(folder.join(format!("{stem}.json")), text(rule)).expect("writable");
            }
        }
        let files = std::fs::read_dir(&folder).expect("infra/event-rules").map(|file| file.expect("a file").file_name());
        let files: BTreeSet<String> = files.filter_map(|name| name.to_str()?.strip_suffix(".json").map(str::to_owned)).collect();
        let made: BTreeSet<String> = files.into_iter().filter(|stem| stem.starts_with("guardduty-")).collect();
        assert_eq!(made, rules.keys().cloned().collect(), "a file that no row asks for, or a rule without its file");
        for (stem, rule) in &rules {
            let shipped = std::fs::read_to_string(folder.join(format!("{stem}.json"))).expect("a rule");
            assert_eq!(shipped, text(rule), "{stem}: run UPDATE_EVENT_RULES=1 cargo test -p firebreak --lib");
            // With a space after each comma and colon, as some tools write JSON.
            let size = shipped.split_whitespace().collect::<Vec<_>>().join(" ").chars().count();
            assert!(size <= MAX_PATTERN * 9 / 10, "{stem} has {size} characters of {MAX_PATTERN}: add a cut to CUTS");
        }
    }

    /// `infra/firebreak_infra/own_rules.py` makes the rules that are deployed; a test beside it reads this fixture.
    fn the_deployment_makes_the_same(policy: &Policy, rules: &BTreeMap<String, Value>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/event-rules/own.json");
        let rows: Vec<&String> = policy.finding.keys().collect();
        let text = serde_json::to_string_pretty(
            &json!({ "rows_with_a_gate": rows, "products": policy.security_hub.products, "rules": rules }),
        )
        .expect("JSON")
            + "\n";
        if std::env::var_os("UPDATE_EVENT_RULES").is_some() {
            std::fs::write(&path, &text).expect("writable");
        }
        assert_eq!(
            std::fs::read_to_string(&path).expect("the fixture"),
            text,
            "run UPDATE_EVENT_RULES=1 cargo test -p firebreak --lib"
        );
    }

    #[test]
    fn controls_arrive_of_products_only_that_policy_lists() {
        let playbook = Playbook::shipped();
        let of = |products: &str| Policy::parse(&format!("[security_hub]\nproducts = [{products}]\n")).expect("a policy");
        assert!(own_rules(&of("\"aws/guardduty\""), playbook).is_empty(), "GuardDuty has no controls");
        let rules = own_rules(&of("\"aws/guardduty\", \"aws/securityhub\""), playbook);
        assert_eq!(rules.keys().collect::<Vec<_>>(), ["security-hub-own", "security-hub-v2-own"]);
        let findings = &rules["security-hub-own"]["detail"]["findings"];
        assert_eq!(findings["ProductArn"], json!([{ "wildcard": "*:product/aws/securityhub" }]));
        assert_eq!(findings["Compliance"]["Status"], json!([{ "exists": true }]));
        let shipped: Value = serde_json::from_str(include_str!("../../../infra/event-rules/security-hub.json")).expect("JSON");
        assert_eq!(shipped["detail"]["findings"]["Compliance"]["Status"], json!([{ "exists": false }]), "no event matches both");
    }

    #[test]
    fn a_customers_row_arrives_by_a_rule_of_its_own() {
        let row = |kind: &str| format!("[finding.\"{kind}\"]\ncontain = {{ quarantine-iam = \"gate\" }}\nwhy = \"x\"\n");
        let many: String = (0..45).map(|n| row(&format!("Custom:IAMUser/Rule{n:02}"))).collect();
        let listed = "[security_hub]\nproducts = [\"aws/guardduty\", \"aws/securityhub\"]\n";
        let rows = many + &row("CryptoCurrency:EC2/BitcoinTool.B") + &row("AWS_EC2_X") + listed;
        let policy = Policy::parse(&rows).expect("a policy");
        let playbook = Playbook::shipped();
        let rules = own_rules(&policy, playbook);
        the_deployment_makes_the_same(&policy, &rules);
        let names = ["guardduty-own-1", "guardduty-own-2", "guardduty-own-3", "security-hub-own", "security-hub-v2-own"];
        assert_eq!(rules.keys().collect::<Vec<_>>(), names);
        assert!(rules.values().all(|rule| rule.to_string().len() < MAX_PATTERN));
        let of = |kind: &str, severity| rule_of(kind, severity, &policy, playbook);
        assert_eq!(of("Custom:IAMUser/Rule44", 2.0).as_deref(), Some("guardduty-own-3"));
        assert_eq!(of("Custom:IAMUser/Rule44", 7.0).as_deref(), Some("guardduty"));
        assert_eq!(of("CryptoCurrency:EC2/BitcoinTool.B", 2.0).as_deref(), Some("guardduty-c"), "a shipped rule has the type");
        assert_eq!(of("Custom:IAMUser/Unknown", 6.9), None);
        let unreachable = out_of_reach(&policy, playbook);
        assert!(matches!(unreachable.as_slice(), [line] if line.contains("AWS_EC2_X")), "{unreachable:?}");
        assert_eq!(out_of_reach(&Policy::unrestricted(), playbook), [""; 0]);
    }
}

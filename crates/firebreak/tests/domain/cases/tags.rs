//! What the tags of an instance turn from at once into after approval, and that the reason names the tag.

use super::events::{C2, INSTANCE, INSTANCE_ARN, NEW, asff, native, with};
use super::plans::{ISOLATED, ISOLATION_ASKED, codes, lines, reason, under};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use serde_json::{Value, json};

const LISTS: &str = "default_mode = \"auto\"\n[instances]\n\
                     critical = [{ key = \"tier\", value = \"critical\" }]\nresolvers = [{ key = \"role\", value = \"dns\" }]\n";
/// A finding of a DNS query by its type alone.
const ASKS: &str = "Backdoor:EC2/C&CActivity.B!DNS";

fn policy() -> Policy {
    Policy::parse(LISTS).expect("a policy")
}

fn tagged(key: &str, value: &str) -> Value {
    json!({ "instanceDetails": { "instanceId": INSTANCE, "tags": [{ "key": key, "value": value }] } })
}

#[test]
fn a_critical_instance_waits_and_the_reason_names_the_tag() {
    for kind in [C2, ASKS] {
        let plan = under(&policy(), &native(kind, tagged("tier", "critical")));
        assert_eq!((lines(&plan), codes(&plan)), (vec![ISOLATION_ASKED.to_owned()], vec![ReasonCode::Doubt]));
        assert!(reason(&plan).starts_with("the instance has the tag tier=critical: "), "{}", reason(&plan));
        for other in [tagged("tier", "test"), tagged("Tier", "critical")] {
            assert_eq!(lines(&under(&policy(), &native(kind, other))), [ISOLATED]);
        }
    }
}

#[test]
fn what_waits_anyway_waits_with_the_tag_in_its_reason_and_is_counted_as_before() {
    let plan = under(&policy(), &native(NEW, tagged("tier", "critical")));
    assert_eq!((lines(&plan), codes(&plan)), (vec![ISOLATION_ASKED.to_owned()], vec![ReasonCode::Unread]));
    assert!(reason(&plan).contains("tier=critical"), "{}", reason(&plan));
    let node = under(&policy(), &native(C2, tagged("karpenter.sh/nodepool", "default")));
    assert_eq!(lines(&node), [ISOLATION_ASKED]);
    assert!(reason(&node).contains("(tag karpenter.sh/nodepool)"), "{}", reason(&node));
}

/// A name server sends the queries of everybody whom it serves. A new type that reports a query must be known as one.
#[test]
fn a_query_of_a_name_server_waits_and_whatever_else_it_does_is_isolated() {
    let mut waits = 0;
    for kind in Playbook::shipped().types() {
        let mode = |instance: Value| {
            let plan = under(&policy(), &native(kind, instance));
            let isolates = |decision: &&Decision| decision.containment == Some(Containment::IsolateEc2);
            plan.decisions.iter().find(isolates).map(|decision| decision.mode)
        };
        if mode(tagged("role", "web")) != Some(Mode::Auto) {
            continue;
        }
        let is_query = kind.contains("DNS") || kind.contains("Domain");
        let expected = if is_query { Mode::Gate } else { Mode::Auto };
        assert_eq!(mode(tagged("role", "dns")), Some(expected), "{kind}");
        waits += usize::from(is_query);
    }
    assert!(waits > 10, "{waits} types");
}

#[test]
fn the_action_says_so_where_the_type_does_not() {
    let seen = |action: &str| {
        let event = native(C2, tagged("role", "dns"));
        lines(&under(&policy(), &with(event, "/detail/service", json!({ "action": { "actionType": action } }))))
    };
    assert_eq!((seen("DNS_REQUEST"), seen("NETWORK_CONNECTION")), (vec![ISOLATION_ASKED.to_owned()], vec![ISOLATED.to_owned()]));
    let instance = json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN, "Tags": { "role": "dns" } }]);
    let imported = |action: &str| {
        let event = asff("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B", instance.clone());
        lines(&under(&policy(), &with(event, "/detail/findings/0/Action", json!({ "ActionType": action }))))
    };
    assert_eq!(
        (imported("DNS_REQUEST"), imported("NETWORK_CONNECTION")),
        (vec![ISOLATION_ASKED.to_owned()], vec![ISOLATED.to_owned()])
    );
}

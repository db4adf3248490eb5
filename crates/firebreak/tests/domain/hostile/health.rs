//! Events of AWS Health, which is believed: the key that it names is inactive at once, everything else waits for a person.

use super::events::{event, set, with};
use super::plans::{NOW, asked, contains, decided, never, of, only_told, policy, raw, responds, under};
use firebreak::coverage::{Coverage, Update};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::{AccessKeyId, IamName, IncidentId};
use firebreak::plan::{AtSource, Circumstances, Identities, Owner, Plan, plan};
use firebreak::policy::Policy;
use firebreak::target::Scope;
use serde_json::{Value, json};

const KEY: &str = "AKIAEXAMPLEEXAMPLE00";

#[test]
fn other_aws_health_is_believed_and_gated() {
    let exposed = raw("H80");
    responds("H80", &exposed, &["by-hand gate access-key AKIAEXAMPLEEXAMPLE00"]);
    never("H80", &exposed, contains);
    let abuse = |kind: &str, entity: &str| {
        let event = set(with("H80", "/detail/service", json!("ABUSE")), "/detail-type", json!(kind));
        let event = set(event, "/detail/eventTypeCode", json!("AWS_ABUSE_EC2_BOTNET_REPORT"));
        of(&set(event, "/detail/affectedEntities", json!([{"entityValue": entity}])))
    };
    for kind in ["AWS Health Event", "AWS Health Abuse Event"] {
        let instance = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0bec7d11f71e08a4e";
        responds("H80", &abuse(kind, instance), &["isolate-ec2 gate ec2-instance i-0bec7d11f71e08a4e"]);
        never("H80", &abuse(kind, "i-9999; rm -rf"), contains);
    }
    only_told("H80", &of(&with("H80", "/detail/service", json!("EC2"))), "neither an abuse report nor a risk");
    asked("H80", &of(&with("H80", "/detail/eventTypeCode", json!("AWS_RISK_NEW"))));
}

/// The event with the key's owner in it.
fn owned() -> Value {
    with("H80", "/detail/eventMetadata", json!({"userName": "bob"}))
}

/// The plan once IAM said whose the key is.
fn known(event: &Value, owner: &str) -> Plan {
    let mut owners = Identities::default();
    let name = IamName::parse(owner).expect("a name");
    owners.learn(AccessKeyId::parse(KEY).expect("a key"), Owner { name, principal_id: None });
    let policy = Policy::unrestricted();
    plan(event, &Circumstances { identities: Some(&owners), ..Circumstances::new(&policy, NOW) })
}

/// The decisions about one access key alone: whose, and how soon.
fn alone(plan: &Plan) -> Vec<(&str, Mode)> {
    let of_key = |d: &&Decision| {
        d.target.scope == Scope::AccessKey && d.target.access_key_id.as_ref().map(AccessKeyId::as_str) == Some(KEY)
    };
    plan.decisions.iter().filter(of_key).map(|d| (d.target.id.as_str(), d.mode)).collect()
}

#[test]
fn a_key_that_was_let_go_with_its_user_is_not_taken_by_a_later_version() {
    let plan = of(&owned());
    let id = IncidentId::of(&plan.dedupe_key);
    let of_user = |mode| {
        let whole = plan.decisions.iter().filter(|decision| decision.target.scope.is_whole());
        Plan { decisions: whole.map(|decision| Decision { mode, ..decision.clone() }).collect(), ..plan.clone() }
    };
    let update = |known: &Plan, now: &Plan| match Coverage::of(known).update(now.clone(), &id) {
        Update::FollowUp(update) => update.decisions,
        Update::Nothing(_) => vec![],
    };
    assert_eq!(update(&of_user(Mode::Gate), &plan), vec![], "an analyst decided about all of the user");
    assert_eq!(update(&of_user(Mode::Notify), &plan).len(), 2, "people were only told");
    // Who decides about keys alone knows which ones: one more is new.
    let mut more = plan.clone();
    let mut key = plan.decisions.iter().find(|decision| decision.target.scope == Scope::AccessKey).expect("a key").clone();
    key.target.access_key_id = AccessKeyId::parse("AKIAEXAMPLEEXAMPLE99").ok();
    more.decisions.push(key.clone());
    assert_eq!(update(&plan, &more), [key]);
}

#[test]
fn the_key_that_aws_names_is_inactive_at_once_and_its_user_waits() {
    for plan in [of(&owned()), known(&event("H80"), "bob"), known(&owned(), "bob")] {
        responds("H80", &plan, &["quarantine-iam auto iam-user bob", "quarantine-iam gate iam-user bob"]);
        assert_eq!(alone(&plan), [("bob", Mode::Auto)]);
        assert!(plan.decisions[0].reason.starts_with("this access key alone"), "{}", plan.decisions[0].reason);
    }
    // The shipped severity holds nothing back: AWS rates nothing.
    let shipped = Policy::parse("default_mode = \"auto\"").expect("a policy");
    assert_eq!(alone(&under(&owned(), &shipped)), [("bob", Mode::Auto)]);
    // A key has one owner, whatever the event says.
    assert_eq!(alone(&known(&owned(), "alice")), [("alice", Mode::Auto)]);
    for (code, expected) in [
        ("AWS_RISK_CREDENTIALS_COMPROMISED", 1),
        ("AWS_RISK_IAM_QUARANTINE", 1),
        ("AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", 0),
        ("AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", 0),
        ("AWS_RISK_NEW", 0),
    ] {
        let plan = of(&set(owned(), "/detail/eventTypeCode", json!(code)));
        assert_eq!((alone(&plan).len(), plan.decisions.len()), (expected, expected + 1), "{code}: {:?}", decided(&plan));
    }
    let temporary = set(owned(), "/detail/affectedEntities", json!([{"entityValue": "ASIAEXAMPLEEXAMPLE00"}]));
    responds("H80", &of(&temporary), &["quarantine-iam gate iam-user bob"]);
}

#[test]
fn doubt_names_and_lists_hold_for_a_key_alone() {
    let replayed = set(owned(), "/replay-name", json!("last-month"));
    let break_glass = with("H80", "/detail/eventMetadata", json!({"userName": "break-glass"}));
    for (event, rules, mode) in [
        (&replayed, "", Mode::Gate),
        (&owned(), "confirmation = \"required\"", Mode::Gate),
        (&owned(), "stale_after_hours = 0", Mode::Gate),
        (&break_glass, "", Mode::Gate),
        (&break_glass, "protected.principals = [\"break-glass\"]", Mode::Notify),
        (&owned(), "protected.principals = [\"bob\"]", Mode::Notify),
    ] {
        let plan = under(event, &policy(rules));
        let modes: Vec<Mode> = alone(&plan).into_iter().map(|(_, mode)| mode).collect();
        assert_eq!(modes, [mode], "{rules}: {:?}", decided(&plan));
    }
    let rules = policy("");
    let forged = Circumstances { at_source: AtSource::Unknown, ..Circumstances::new(&rules, NOW) };
    let plan = plan(&owned(), &forged);
    assert_eq!((alone(&plan), plan.decisions[0].code), (vec![("bob", Mode::Gate)], ReasonCode::Doubt));
}

#[test]
fn a_row_takes_a_key_alone_only_beside_its_user() {
    let row = |fields: &str| format!("[finding.\"AWS_RISK_NEW\"]\n{fields}\nwhy = \"x\"");
    let good = row("contain = { quarantine-iam = \"gate\" }\nkey_alone = \"auto\"");
    assert_eq!(alone(&under(&set(owned(), "/detail/eventTypeCode", json!("AWS_RISK_NEW")), &policy(&good))).len(), 1);
    for wrong in [
        "contain = { isolate-ec2 = \"gate\" }\nkey_alone = \"auto\"",
        "contain = { quarantine-iam = \"gate\" }\nkey_alone = \"notify\"",
        "contain = { quarantine-iam = \"gate\" }\nonly_actor = true\nkey_alone = \"auto\"",
    ] {
        assert!(Policy::parse(&row(wrong)).is_err(), "{wrong}");
    }
    let default = "[default.high]\ncontain = { quarantine-iam = \"gate\" }\nkey_alone = \"auto\"\nwhy = \"x\"";
    assert!(Policy::parse(default).is_err(), "nobody knows what the finding means");
}

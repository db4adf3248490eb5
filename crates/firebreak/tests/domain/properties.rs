//! What holds for every event, also for those nobody thought of.

use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::finding::{self, Source};
use firebreak::ids::{BucketName, IamName, InstanceId, RoleSessionName, SessionName};
use firebreak::incident::Incident;
use firebreak::notice::{self, NoticeKind};
use firebreak::plan::{Circumstances, Plan, Verdict, plan, plan_json};
use firebreak::policy::Policy;
use firebreak::report::Report;
use firebreak::target::{Scope, TargetKind};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
/// Step Functions takes 256 KiB; Firebreak promises far less.
const MAX_INCIDENT_BYTES: usize = 32 * 1024;

/// Text as attackers write it: real words, separators, invisible and oversized characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "IAMUser", "Role", "AssumedRole", "Root", "FederatedUser", "AWSAccount", "alice", "admin", "app-role", "Destination",
            "Source", "ACTOR", "TARGET", "i-0123456789abcdef0", "acme-data", "AKIAIOSFODNN7EXAMPLE", "AROAEXAMPLEEXAMPLE00:i-0123456789abcdef0",
            "111122223333", "eu-central-1", "aws", "aws-cn", "High", "HIGH", "NEW", "ACTIVE", "2026-11-20T02:01:10.000Z",
            "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0", "arn:aws:s3:::acme-data", "198.51.100.7",
            "AwsIamAccessKey", "AwsEc2Instance", "AwsS3Bucket", "AWS::EC2::Instance", "EC2_INSTANCE", "ACCESS_KEY", "S3_BUCKET",
            "Exfiltration:IAMUser/AnomalousBehavior", "Backdoor:EC2/C&CActivity.B", "AttackSequence:S3/CompromisedData",
            "Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS",
            "arn:aws:securityhub:eu-central-1::product/aws/guardduty", "arn:aws:securityhub:eu-central-1::product/aws/macie",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[\u{0}-\u{1f}\u{200b}\u{202e}\u{2066}:/.\"<>@{}$-]{0,40}",
        1 => "[a-z😀\"\\\\]{300,700}",
    ]
}

/// A field's name, mostly one that an adapter reads.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "type", "severity", "accountId", "region", "partition", "arn", "updatedAt", "resource", "service", "title",
            "resourceType", "accessKeyDetails", "userName", "userType", "principalId", "accessKeyId", "instanceDetails", "instanceId",
            "s3BucketDetails", "name", "archived", "resourceRole", "additionalInfo", "sample", "value", "detection", "sequence",
            "actors", "user", "uid", "credentialUid", "resources", "data", "accessKey", "tags", "key", "findings", "Id", "ProductArn",
            "AwsAccountId", "Region", "Types", "Severity", "Label", "Normalized", "Resources", "Type", "Details", "AwsIamAccessKey",
            "PrincipalName", "PrincipalType", "UserName", "Workflow", "Status", "RecordState", "ProductFields", "UpdatedAt",
            "finding_info", "types", "metadata", "product", "cloud", "account", "severity_id", "status_id", "activity_id", "class_uid",
            "eventTypeCode", "affectedEntities", "entityValue", "eventRegion", "requested_by", "reason", "target", "kind", "id",
            "lambdaDetails", "eksClusterDetails", "ecsClusterDetails", "containerDetails", "functionArn", "action", "awsApiCallAction",
            "remoteIpDetails", "ipAddressV4",
        ]).prop_map(str::to_owned),
        1 => text(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::String),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => (0..12_i32).prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(6, 96, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            3 => prop::collection::vec((name(), inner), 0..8).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), value()), 0..12).prop_map(|fields| Value::Object(Map::from_iter(fields)))
}

fn fixture(path: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings").join(path);
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

/// A real finding with a few values replaced: the shape is right, the content is not.
fn mutated() -> impl Strategy<Value = Value> {
    let fixtures = prop::sample::select(vec![
        "guardduty/exfiltration-iam-user.json",
        "guardduty/bitcoin-tool.json",
        "guardduty/exfiltration-s3.json",
        "guardduty/instance-credential-exfiltration.json",
        "types/AttackSequence-S3-CompromisedData.json",
        "types/AttackSequence-EC2-CompromisedInstanceGroup.json",
        "types/Execution-Runtime-ReverseShell__eks-node.json",
        "security-hub/guardduty-through-security-hub.json",
        "security-hub/many-findings.json",
    ]);
    (fixtures, prop::collection::vec((any::<prop::sample::Index>(), value()), 0..4)).prop_map(|(path, changes)| {
        let mut event = fixture(path);
        for (at, new) in changes {
            let paths = leaves(&event, String::new());
            if let Some(slot) = paths.get(at.index(paths.len().max(1))).and_then(|path| event.pointer_mut(path)) {
                *slot = new;
            }
        }
        event
    })
}

fn leaves(value: &Value, at: String) -> Vec<String> {
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, v)| leaves(v, format!("{at}/{}", escape(name)))).collect(),
        Value::Array(elements) => elements.iter().enumerate().flat_map(|(i, v)| leaves(v, format!("{at}/{i}"))).collect(),
        _ => vec![at],
    }
}

fn event() -> impl Strategy<Value = Value> {
    let envelope = prop::sample::select(vec![
        ("aws.guardduty", "GuardDuty Finding"),
        ("aws.securityhub", "Security Hub Findings - Imported"),
        ("aws.securityhub", "Findings Imported V2"),
        ("aws.health", "AWS Health Event"),
        ("acme", "Firebreak Isolation Request"),
    ]);
    let wrapped = (envelope, object(), any::<bool>()).prop_map(|((source, detail_type), detail, listed)| {
        let detail = if listed { json!({ "findings": [detail.clone(), detail] }) } else { detail };
        json!({"id": "x", "source": source, "detail-type": detail_type, "account": "111122223333", "region": "eu-central-1",
               "time": "2026-11-20T02:05:00Z", "detail": detail})
    });
    prop_oneof![2 => mutated(), 2 => wrapped, 1 => value()]
}

fn is_active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn assert_safe(plan: &Plan) {
    for decision in &plan.decisions {
        let id = decision.target.id.as_str();
        match decision.containment {
            Some(containment) => {
                let declaration = containment.declaration();
                assert!(declaration.targets.contains(&decision.target.kind), "{decision:?}");
                let level = declaration.level(decision.target.scope).expect("a level that it has");
                assert!(level.automatic || decision.mode != Mode::Auto, "{decision:?}");
                let valid = match decision.target.kind {
                    TargetKind::IamUser | TargetKind::IamRole => IamName::parse(id).is_ok(),
                    TargetKind::Ec2Instance => InstanceId::parse(id).is_ok(),
                    TargetKind::S3Bucket => BucketName::parse(id).is_ok(),
                    _ => true,
                };
                assert!(valid, "{decision:?}");
                // A tag takes no comma, the organization's policy does.
                let is_named = decision.target.session.as_deref().is_some_and(|name| match containment {
                    Containment::QuarantineScp => RoleSessionName::parse(name).is_ok(),
                    _ => SessionName::parse(name).is_ok(),
                });
                assert!(decision.target.scope != Scope::Session || is_named, "{decision:?}");
            }
            None => {
                assert_ne!(decision.mode, Mode::Auto, "{decision:?}");
                assert!(decision.by_hand.is_some(), "{decision:?}");
            }
        }
        assert!(!decision.reason.is_empty() && !decision.reason.contains(is_active), "{decision:?}");
        assert!(!id.contains(is_active), "{decision:?}");
    }
    assert!(plan.verdict == Verdict::Respond || plan.reason.is_some(), "silence: {plan:?}");
    assert!(plan.verdict != Verdict::Respond || !plan.decisions.is_empty(), "{plan:?}");
    assert!(!serde_json::to_string(&plan.finding).expect("serialisable").contains(is_active));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_has_a_safe_and_small_plan(event in event()) {
        let policy = Policy::unrestricted();
        let plan = plan(&event, &Circumstances::new(&policy, NOW));
        assert_safe(&plan);
        plan.findings.iter().for_each(assert_safe);
        let incident = Incident::new(plan, &policy, "arn:aws:states:eu-central-1:123456789012:execution:x:y".to_owned(), NOW);
        let size = serde_json::to_vec(&incident).expect("serialisable").len();
        prop_assert!(size < MAX_INCIDENT_BYTES, "{size} bytes");
        for kind in [NoticeKind::Noticed, NoticeKind::Opened] {
            let message = notice::mail(&notice::notice(kind, &incident, &Report::default(), None, 1));
            prop_assert!(message.subject.is_ascii() && message.subject.len() < 100);
            prop_assert!(!message.body.chars().any(|c| c != '\n' && is_active(c)), "{:?}", message.body);
            prop_assert!(!message.body.contains("://"), "{:?}", message.body);
        }
        let ticket = notice::mail(&notice::ticket(&incident, &Report::default(), 1));
        prop_assert!(!ticket.body.chars().any(|c| c != '\n' && is_active(c)), "{:?}", ticket.body);
    }

    #[test]
    fn nothing_is_contained_at_once_that_policy_observes_or_that_guardduty_does_not_say(event in event()) {
        let observing = Policy::default();
        let observed = plan(&event, &Circumstances::new(&observing, NOW));
        prop_assert!(observed.decisions.iter().all(|decision| decision.mode == Mode::Notify), "{observed:?}");
        prop_assert_ne!(observed.verdict, Verdict::Respond);

        let mut trusting = Policy::unrestricted();
        trusting.security_hub.products.insert("aws/macie".to_owned());
        let macie = event.to_string().contains("product/aws/macie") && !event.to_string().contains("/aws/guardduty");
        let planned = plan(&event, &Circumstances::new(&trusting, NOW));
        if planned.finding.source == Source::SecurityHub && macie {
            prop_assert!(planned.decisions.iter().all(|decision| decision.mode != Mode::Auto), "{planned:?}");
        }
    }

    #[test]
    fn the_explanation_changes_nothing(event in event()) {
        let policy = Policy::unrestricted();
        let plain = plan(&event, &Circumstances::new(&policy, NOW));
        let mut explained = plan(&event, &Circumstances { explain: true, ..Circumstances::new(&policy, NOW) });
        explained.explanation.clear();
        explained.findings.iter_mut().for_each(|part| part.explanation.clear());
        prop_assert_eq!(plain, explained);
    }

    #[test]
    fn the_order_of_fields_and_the_route_through_text_change_nothing(event in event()) {
        let policy = Policy::unrestricted();
        let circumstances = Circumstances::new(&policy, NOW);
        // Text that JSON cannot hold (an infinite number) became null on the way in; both routes must see the same.
        let text = event.to_string();
        let parsed = finding::parse(text.as_bytes()).expect("what serde_json writes is JSON");
        let through_text = plan_json(text.as_bytes(), &circumstances).expect("JSON");
        prop_assert_eq!(&plan(&parsed, &circumstances), &through_text);
        prop_assert_eq!(plan(&event, &circumstances).decisions, through_text.decisions);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let policy = Policy::unrestricted();
        if let Ok(plan) = plan_json(&bytes, &Circumstances::new(&policy, NOW)) {
            prop_assert_eq!(plan.verdict, Verdict::Notify);
        }
    }

    #[test]
    fn splitting_loses_no_finding(findings in prop::collection::vec(object(), 0..6)) {
        let event = json!({"id": "x", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "detail": {"findings": findings, "more": 1}});
        let text = event.to_string();
        let parts = finding::split(&text);
        prop_assert_eq!(parts.len(), findings.len().max(1));
        let mut found = Vec::new();
        for part in &parts {
            let part: Value = serde_json::from_str(part).expect("JSON");
            prop_assert_eq!(&part["detail"]["more"], &json!(1));
            found.extend(part["detail"]["findings"].as_array().cloned().unwrap_or_default());
        }
        let original: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(Value::Array(found), original["detail"]["findings"].clone());
    }
}

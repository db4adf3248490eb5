//! Events of AWS Health, which is believed and waits for a person.

use super::events::{set, with};
use super::plans::{asked, contains, never, of, only_told, raw, responds};
use serde_json::json;

#[test]
fn other_aws_health_is_believed_and_gated() {
    let exposed = raw("H80");
    responds("H80", &exposed, &["by-hand gate access-key AKIAEXAMPLEEXAMPLE00"]);
    never("H80", &exposed, contains);
    // With the owner in it, the owner is named, and a person still has to agree.
    let owned = of(&with("H80", "/detail/eventMetadata", json!({"userName": "bob"})));
    responds("H80", &owned, &["quarantine-iam gate iam-user bob"]);
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

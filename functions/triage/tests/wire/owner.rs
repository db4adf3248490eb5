//! Whose an access key is, where the finding does not say.

use crate::{AUTO, ONE, Stage, deliver, modes};
use firebreak::decision::Mode;
use firebreak::ids::AccessKeyId;
use firebreak::plan::Verdict;
use firebreak::target::TargetKind;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
use serde_json::{Value, json};

const LASTING: &str = "AKIAEXAMPLEALICE0001";
const TEMPORARY: &str = "ASIAEXAMPLEALICE0001";

/// A finding that names an access key and nobody.
fn bare(stage: &Stage, key: &str) -> Value {
    let mut event = stage.finding("f1");
    event["detail"]["resource"]["accessKeyDetails"] = json!({ "accessKeyId": key });
    stage.guardduty.learn(&event);
    event
}

/// An IAM that knows one key, which is alice's.
fn iam(aws: &ScriptedAws, key: &'static str) {
    let used = "<AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>";
    aws.on("iam:GetAccessKeyLastUsed", move |call| match call.param("AccessKeyId") {
        asked if asked == key => Some(ok(format!("<UserName>alice</UserName>{used}"))),
        _ => Some(error(404, "NoSuchEntity")),
    });
}

/// Which roles were assumed.
fn roles(aws: &ScriptedAws) -> Vec<String> {
    aws.calls_of("sts:AssumeRole").iter().map(|call| call.param("RoleArn").to_owned()).collect()
}

#[tokio::test]
async fn a_bare_access_key_leads_to_the_user_whose_it_is() {
    let stage = Stage::start().await;
    iam(&stage.aws, LASTING);
    let incident = deliver(&stage.aws, AUTO, &bare(&stage, LASTING), ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [("alice", Mode::Auto)]);
    let target = &incident.decisions[0].target;
    assert_eq!((target.kind, target.access_key_id.as_ref().map(AccessKeyId::as_str)), (TargetKind::IamUser, Some(LASTING)));
    assert_eq!(roles(&stage.aws), [format!("arn:aws:iam::{}:role/firebreak/FirebreakMemberTriage", room::ACCOUNT)]);
}

#[tokio::test]
async fn a_key_whose_owner_is_not_found_out_is_left_to_a_person() {
    let refusals: [(&str, Answer); 3] = [
        ("iam:GetAccessKeyLastUsed", error(404, "NoSuchEntity")),
        ("iam:GetAccessKeyLastUsed", error(403, "AccessDenied")),
        ("sts:AssumeRole", error(403, "AccessDenied")),
    ];
    for (action, answer) in refusals {
        let stage = Stage::start().await;
        iam(&stage.aws, LASTING);
        stage.aws.always(action, answer.clone());
        let incident = deliver(&stage.aws, AUTO, &bare(&stage, LASTING), ONE).await.expect("an incident");
        assert_eq!((incident.verdict, modes(&incident)), (Verdict::Respond, vec![(LASTING, Mode::Gate)]), "{action} {answer:?}");
        assert_eq!((incident.decisions[0].target.kind, incident.decisions[0].containment), (TargetKind::AccessKey, None));
    }
}

#[tokio::test]
async fn a_temporary_key_is_looked_up_in_cloudtrail_and_a_record_about_another_key_counts_for_nothing() {
    let stage = Stage::start().await;
    let record = |key: &str, user: &str, id: &str| {
        let identity = json!({ "type": "IAMUser", "accessKeyId": key, "userName": user, "principalId": id });
        json!({ "CloudTrailEvent": json!({ "userIdentity": identity }).to_string() })
    };
    let events =
        [record("ASIAEXAMPLEOTHER0001", "mallory", "AIDAEXAMPLEMALLORY001"), record(TEMPORARY, "alice", "AIDAEXAMPLEALICE00001")];
    stage.aws.answer("cloudtrail:LookupEvents", ok(json!({ "Events": events }).to_string()));
    let incident = deliver(&stage.aws, AUTO, &bare(&stage, TEMPORARY), ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [("alice", Mode::Auto)]);
    let asked = stage.aws.calls_of("cloudtrail:LookupEvents");
    assert_eq!((asked.len(), asked[0].region.as_str()), (1, room::REGION));
    assert_eq!(asked[0].params["LookupAttributes"], json!([{ "AttributeKey": "AccessKeyId", "AttributeValue": TEMPORARY }]));
}

#[tokio::test]
async fn nobody_is_asked_in_an_account_where_nothing_would_be_done() {
    let stage = Stage::start().await;
    iam(&stage.aws, LASTING);
    let observed = "default_mode = \"observe\"\n";
    let incident = deliver(&stage.aws, observed, &bare(&stage, LASTING), ONE).await.expect("an incident");
    assert_eq!((incident.verdict, modes(&incident)), (Verdict::Notify, vec![(LASTING, Mode::Notify)]));
    assert_eq!(roles(&stage.aws), [""; 0]);
}

//! Asks an account whose an access key is, where the finding does not say or another service than GuardDuty says it.
//!
//! It costs two round trips before anything is contained. Without it the only choices are to guess a user, or to wait for a person.

use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccessKeyId, IamName, IncidentId, PrincipalId, Region};
use firebreak::plan::{Owner, Owners, Plan};
use firebreak::policy::{Policy, ResponseMode};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::Aws;
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::clients::MemberRole;
use futures::future::join_all;
use serde_json::Value;
use std::time::Duration;

/// More keys than this in one finding are a person's business.
const MAX_ASKED: usize = 10;
/// All questions together may take this long: they stand before the containment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the users behind the plan's access keys. What cannot be found out is left out: the plan then asks a person.
pub(crate) async fn find(aws: &Aws, policy: &Policy, plan: &Plan) -> Owners {
    let incident = IncidentId::of(&plan.dedupe_key);
    let acts = |target: &&&Target| {
        let mode = policy.mode(&target.account, Some(firebreak::containment::Containment::QuarantineIam));
        matches!(mode, ResponseMode::GateFirst | ResponseMode::Auto)
    };
    let unowned = plan.unowned();
    let keys = unowned.iter().filter(acts).flat_map(|target| target.keys().map(|key| (*target, key.clone())));
    let asked: Vec<(&Target, AccessKeyId)> = keys.take(MAX_ASKED).collect();
    let answers = join_all(asked.into_iter().map(async |(target, key)| {
        let answer = tokio::time::timeout(PATIENCE, owner(aws, target, &key, &incident)).await;
        (answer.unwrap_or_else(|_| Err(Fault::new(FaultKind::Transient, "no answer in time"))), key)
    }))
    .await;
    let mut owners = Owners::default();
    for (answer, key) in answers {
        match answer {
            Ok(Some(owner)) => owners.learn(key, owner),
            Ok(None) => tracing::info!(access_key = %key, "nobody knows whose the access key is"),
            Err(fault) => tracing::warn!(fault.message = %fault.message, "the owner of an access key was not found out"),
        }
    }
    owners
}

async fn owner(aws: &Aws, target: &Target, key: &AccessKeyId, incident: &IncidentId) -> Result<Option<Owner>, Fault> {
    let config = aws.member(target, MemberRole::Triage, incident).await?;
    if target.kind == TargetKind::FederatedUser || key.as_str().starts_with("ASIA") {
        return issuer(&aws_sdk_cloudtrail::Client::new(&config), &target.region, key).await;
    }
    let answer = aws_sdk_iam::Client::new(&config).get_access_key_last_used().access_key_id(key.as_str()).send().await;
    // IAM answers AccessDenied for a key of another account, and NoSuchEntity for one that is gone.
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(None);
    }
    let name = answer.or_fault("iam:GetAccessKeyLastUsed")?.user_name;
    Ok(name.and_then(|name| IamName::parse(&name).ok()).map(|name| Owner { name, principal_id: None }))
}

/// Temporary credentials name their user in CloudTrail only: the `sessionIssuer` of a federated session (CloudTrail user guide,
/// "CloudTrail userIdentity element").
async fn issuer(trail: &aws_sdk_cloudtrail::Client, region: &Region, key: &AccessKeyId) -> Result<Option<Owner>, Fault> {
    let attribute = aws_sdk_cloudtrail::types::LookupAttribute::builder()
        .attribute_key(aws_sdk_cloudtrail::types::LookupAttributeKey::AccessKeyId)
        .attribute_value(key.as_str())
        .build()
        .map_err(|error| Fault::bug(format!("a lookup could not be built: {error}")))?;
    let answer = trail.lookup_events().lookup_attributes(attribute).max_results(10).send().await;
    let answer = answer.or_fault(&format!("cloudtrail:LookupEvents in {region}"))?;
    let records = answer.events().iter().filter_map(|event| serde_json::from_str::<Value>(event.cloud_trail_event()?).ok());
    Ok(records.into_iter().find_map(|record| of_record(&record, key)))
}

/// The user of a federated session, from one record that is really about this key.
fn of_record(record: &Value, key: &AccessKeyId) -> Option<Owner> {
    let identity = record.get("userIdentity")?;
    if identity.get("accessKeyId")?.as_str()? != key.as_str() {
        return None;
    }
    let user = match identity.get("type")?.as_str()? {
        "FederatedUser" => identity.pointer("/sessionContext/sessionIssuer").filter(|issuer| issuer["type"] == "IAMUser")?,
        "IAMUser" => identity,
        _ => return None,
    };
    let name = IamName::parse(user.get("userName")?.as_str()?).ok()?;
    let principal_id = user.get("principalId").and_then(Value::as_str).and_then(|id| PrincipalId::parse(id).ok());
    Some(Owner { name, principal_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(kind: &str, key: &str) -> Value {
        json!({ "userIdentity": { "type": kind, "accessKeyId": key, "principalId": "123456789012:build", "sessionContext":
            { "sessionIssuer": { "type": "IAMUser", "principalId": "AIDAEXAMPLEALICE00001", "userName": "alice" } } } })
    }

    #[test]
    fn a_federated_session_belongs_to_the_user_who_asked_for_it() {
        let key = AccessKeyId::parse("ASIAEXAMPLEFEDERATED").expect("a key");
        let owner = of_record(&record("FederatedUser", key.as_str()), &key).expect("an owner");
        assert_eq!(owner.name.as_str(), "alice");
        assert_eq!(owner.principal_id.expect("an id").as_str(), "AIDAEXAMPLEALICE00001");
    }

    #[test]
    fn a_record_about_another_key_or_principal_names_nobody() {
        let key = AccessKeyId::parse("ASIAEXAMPLEFEDERATED").expect("a key");
        assert_eq!(of_record(&record("FederatedUser", "ASIAEXAMPLEOTHER0001"), &key), None);
        assert_eq!(of_record(&record("AssumedRole", key.as_str()), &key), None);
        let mut hostile = record("FederatedUser", key.as_str());
        hostile["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] = json!("alice\",\"Effect\":\"Allow");
        assert_eq!(of_record(&hostile, &key), None);
    }
}

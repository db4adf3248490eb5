//! Whose an access key is, as IAM or CloudTrail says.

use super::{Found, attribute};
use aws_sdk_cloudtrail::Client as Trail;
use aws_sdk_cloudtrail::types::LookupAttributeKey;
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::ids::{AccessKeyId, IamName, PrincipalId, Region};
use firebreak::plan::Owner;
use firebreak_aws::classify::{OrFault, code};
use serde_json::Value;

/// The owner of a lasting key.
pub(super) async fn from_iam(iam: &Client, key: &AccessKeyId, found: &Found) -> Result<Option<Owner>, Fault> {
    let answer = iam.get_access_key_last_used().access_key_id(key.as_str()).send().await;
    found.hear(&answer);
    // IAM answers AccessDenied for a key of another account, and NoSuchEntity for one that is gone.
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(None);
    }
    let name = answer.or_fault("iam:GetAccessKeyLastUsed")?.user_name;
    let owner = name.and_then(|name| IamName::parse(&name).ok()).map(|name| Owner { name, principal_id: None });
    if let Some(owner) = &owner {
        found.learn(|known| known.learn(key.clone(), owner.clone()));
    }
    Ok(owner)
}

/// Temporary credentials name their user in CloudTrail only: the `sessionIssuer` of a federated session (CloudTrail user guide,
/// "CloudTrail userIdentity element").
pub(super) async fn from_trail(trail: &Trail, region: &Region, key: &AccessKeyId, found: &Found) -> Result<(), Fault> {
    let attribute = attribute(LookupAttributeKey::AccessKeyId, key.as_str())?;
    let answer = trail.lookup_events().lookup_attributes(attribute).max_results(10).send().await;
    found.hear(&answer);
    let answer = answer.or_fault(&format!("cloudtrail:LookupEvents in {region}"))?;
    let records = answer.events().iter().filter_map(|event| serde_json::from_str::<Value>(event.cloud_trail_event()?).ok());
    if let Some(owner) = records.into_iter().find_map(|record| of_record(&record, key)) {
        found.learn(|known| known.learn(key.clone(), owner));
    }
    Ok(())
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

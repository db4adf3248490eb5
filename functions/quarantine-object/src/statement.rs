//! The statement in the bucket policy that denies objects with Firebreak's tag.
//!
//! One statement is enough for all objects of a bucket, however many there are: a policy has room for 20 KB.

use firebreak::fault::Fault;
use firebreak_aws::classify::{code, fault};
use firebreak_s3::policy::{Document, LIMIT};
use firebreak_s3::{Bucket, settled};
use serde_json::{Map, Value};

/// Its `Sid`.
pub(crate) const SID: &str = "FirebreakDenyQuarantined";

/// A placeholder stands alone in a list and gives way to its values. Nothing is replaced inside a text.
const TEMPLATE: &str = include_str!("statement.json");

/// The member roles that work on a contained bucket and its objects. `lockdown-s3` excepts the same ones.
const MEMBER_ROLES: [&str; 4] =
    ["FirebreakMemberLockdownS3", "FirebreakMemberPreserveEvidence", "FirebreakMemberQuarantineObject", "FirebreakMemberRelease"];

const PUT: &str = "s3:PutBucketPolicy";

/// The statement for the objects of `bucket`. Nobody who responds is locked out: four roles of Firebreak by their exact names, break-glass,
/// and the account's root.
///
/// # Errors
/// `Bug` when the template is none.
pub(crate) fn of(bucket: &Bucket) -> Result<Value, Fault> {
    let front = format!("arn:{}:iam::{}", bucket.partition, bucket.owner);
    let roles = MEMBER_ROLES.iter().map(|role| format!("{front}:role/firebreak/{role}"));
    let responders = roles.chain([format!("{front}:role/firebreak-break-glass/*"), format!("{front}:root")]);
    filled(TEMPLATE, &[("Objects", vec![format!("{}/*", bucket.arn())]), ("Responders", responders.collect())])
}

/// Whether `document` has this statement, however S3 spells it.
pub(crate) fn is_in(document: &Document, statement: &Value) -> bool {
    let alone = |one: &Value| Document::parse(None).map(|none| none.with(std::slice::from_ref(one)));
    let known = document.sid(SID);
    known.is_some_and(|known| matches!((alone(known), alone(statement)), (Ok(one), Ok(other)) if one.is_same(&other)))
}

/// Writes a policy as it is. A lockdown leaves out what S3 does not take back; here nobody innocent loses a way into the bucket because of
/// one object.
///
/// # Errors
/// `Malformed` where there is no room, or the policy has a statement that S3 does not take any more, and S3's answer.
pub(crate) async fn put(bucket: &Bucket, document: &Document) -> Result<(), Fault> {
    let text = document.render().ok_or_else(|| Fault::bug("a bucket policy without statements is deleted, not written"))?;
    if document.bytes() > LIMIT {
        let bytes = document.bytes();
        let why = format!("{PUT}: the bucket policy would have {bytes} bytes, and S3 takes {LIMIT}: take out what nobody needs");
        return Err(Fault::malformed(why));
    }
    settled(async || {
        let put = bucket.s3.put_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).policy(&text);
        match Box::pin(put.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(code(&error), fault(PUT, &error))),
        }
    })
    .await
}

/// What a person does where S3 does not take a policy that it gave before.
fn refused(code: Option<&str>, fault: Fault) -> Fault {
    let advice = match code {
        Some("MalformedPolicy") => {
            "another statement of the bucket policy names somebody who was deleted: take it out, and try again"
        }
        Some("AccessDenied") => {
            "the role may not write it, the bucket is locked down, or another statement is public while BlockPublicPolicy is on: \
             narrow that statement, keep a copy of it as it was, and try again"
        }
        _ => return fault,
    };
    // First: a message has an end, and S3's can be long.
    Fault::new(fault.kind, format!("{advice}: {}", fault.message))
}

fn filled(template: &str, fills: &[(&str, Vec<String>)]) -> Result<Value, Fault> {
    let parsed = serde_json::from_str(template).map_err(|error| Fault::bug(format!("the template of the statement: {error}")))?;
    fill(parsed, fills)
}

fn fill(value: Value, fills: &[(&str, Vec<String>)]) -> Result<Value, Fault> {
    match value {
        Value::Array(list) => {
            let mut all = Vec::with_capacity(list.len());
            for one in list {
                match one.as_str().and_then(placeholder) {
                    Some(name) => all.extend(values(name, fills)?.iter().cloned().map(Value::String)),
                    None => all.push(fill(one, fills)?),
                }
            }
            Ok(Value::Array(all))
        }
        Value::Object(fields) => {
            let each = fields.into_iter().map(|(name, value)| Ok((name, fill(value, fills)?)));
            each.collect::<Result<Map<String, Value>, Fault>>().map(Value::Object)
        }
        other => Ok(other),
    }
}

/// An empty list would leave a condition that nobody, or everybody, meets.
fn values<'a>(name: &str, fills: &'a [(&str, Vec<String>)]) -> Result<&'a [String], Fault> {
    let known = fills.iter().find(|(known, values)| *known == name && !values.is_empty());
    known.map(|(_, values)| values.as_slice()).ok_or_else(|| Fault::bug(format!("the statement has no value for {name}")))
}

fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::fault::FaultKind;
    use serde_json::json;

    const MINE: [&str; 1] = ["arn:aws:iam::111122223333:root"];

    fn statement() -> Value {
        let responders = MINE.iter().map(|arn| (*arn).to_owned()).collect();
        filled(TEMPLATE, &[("Objects", vec!["arn:aws:s3:::acme/*".to_owned()]), ("Responders", responders)]).expect("a statement")
    }

    #[test]
    fn every_object_with_the_tag_is_denied_and_nobody_is_excepted_but_those_who_are_named() {
        let statement = statement();
        assert_eq!(
            (&statement["Sid"], &statement["Principal"], &statement["Effect"]),
            (&json!(SID), &json!("*"), &json!("Deny"))
        );
        assert_eq!(statement["Resource"], json!(["arn:aws:s3:::acme/*"]));
        let key = format!("s3:ExistingObjectTag/{}", crate::tags::KEY);
        assert_eq!(statement["Condition"]["Null"], json!({ key: "false" }));
        assert_eq!(statement["Condition"]["ArnNotLike"], json!({ "aws:PrincipalArn": MINE }));
    }

    #[test]
    fn it_is_found_however_s3_spells_it_and_not_where_somebody_changed_it() {
        let ours = statement();
        let with = |statement: &Value| Document::parse(None).map(|none| none.with(std::slice::from_ref(statement)));
        let mut spelled = ours.clone();
        (spelled["Resource"], spelled["Principal"]) = (json!("arn:aws:s3:::acme/*"), json!({ "AWS": "*" }));
        assert!(is_in(&with(&spelled).expect("a policy"), &ours));
        for (field, value) in
            [("Effect", json!("Allow")), ("Action", json!("s3:GetObject")), ("Resource", json!("arn:aws:s3:::acme/x"))]
        {
            let mut changed = ours.clone();
            changed[field] = value;
            assert!(!is_in(&with(&changed).expect("a policy"), &ours), "{field}");
        }
        assert!(!is_in(&Document::parse(None).expect("none"), &ours));
    }

    #[test]
    fn nothing_is_written_with_a_condition_that_lost_its_values() {
        assert!(filled(TEMPLATE, &[("Objects", vec!["x".to_owned()]), ("Responders", vec![])]).is_err());
        assert!(filled(TEMPLATE, &[("Objects", vec!["x".to_owned()])]).is_err() && filled("no JSON", &[]).is_err());
    }

    #[test]
    fn what_s3_refuses_says_what_a_person_does_and_stays_the_same_kind_of_fault() {
        for (code, kind) in [("MalformedPolicy", FaultKind::Malformed), ("AccessDenied", FaultKind::Denied)] {
            let told = refused(Some(code), Fault::new(kind, format!("s3:PutBucketPolicy: {code}")));
            assert_eq!(told.kind, kind);
            assert!(told.message.contains("try again: s3:PutBucketPolicy"), "{}", told.message);
        }
        let passing = Fault::new(FaultKind::Transient, "s3:PutBucketPolicy: SlowDown");
        assert_eq!(refused(Some("SlowDown"), passing.clone()).message, passing.message);
    }
}

//! Buckets into which AWS delivers logs. Firebreak leaves them alone: whoever investigates needs what lies there and what comes.
//!
//! Neither a statement of the policy nor an object proves that: whoever may write both can let CloudTrail in and put an object where
//! CloudTrail would, to have the bucket spared. S3 alone writes the time of an object. So a delivery is proven by an object that is much
//! older than the incident, under a policy and an ACL that nobody has changed since the incident began, as far as CloudTrail shows. What
//! looks like a delivery and is not proven waits for a person. The names that AWS itself gives are protected before any call
//! ([`firebreak::policy::built_in_protection`]).

use crate::base::BaseState;
use crate::changed::Changed;
use crate::one_or_many::texts;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use firebreak_s3::policy::Document;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

/// Deliveries that are looked for. A policy that names more of them is looked through in part.
const MOST: usize = 6;
/// Objects of one look: the first ones of a prefix. Their names have dates, so the first one is an old one.
const LISTED: i32 = 100;
/// Characters of a line for whoever decides.
const LINE: usize = 300;

/// How much older than the incident a delivered object is that proves something: whoever attacks has mostly not been there for so long.
const AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The services that deliver logs, and how the keys of what they deliver look (CloudTrail user guide, "Amazon S3 bucket policy for
/// CloudTrail"; AWS Config developer guide, "Permissions for the Amazon S3 bucket"; CloudWatch Logs user guide, "Logging that requires
/// additional permissions"; S3 user guide, "Permissions for log delivery"; ELB user guides, "Access logs").
const SERVICES: [(&str, &str, Keys); 5] = [
    ("cloudtrail.amazonaws.com", "logs of CloudTrail", Keys::Tree),
    ("config.amazonaws.com", "records of AWS Config", Keys::Tree),
    ("delivery.logs.amazonaws.com", "flow logs or other delivered logs", Keys::Tree),
    ("logdelivery.elasticloadbalancing.amazonaws.com", "access logs of load balancers", Keys::Tree),
    ("logging.s3.amazonaws.com", ACCESS_LOGS, Keys::Dated),
];
const ACCESS_LOGS: &str = "access logs of S3";
/// Who delivers access logs where an ACL lets S3 in (S3 user guide, "Access control list overview").
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
/// The folder in which services keep what they deliver.
const TREE: &str = "AWSLogs/";

/// How the keys of delivered objects look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keys {
    /// Below `AWSLogs/`.
    Tree,
    /// The last part is a time and 16 characters (S3 user guide, "Logging requests with server access logging").
    Dated,
}

/// What the bucket's policy or ACL says that is delivered into it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Delivery {
    /// In words.
    what: &'static str,
    keys: Keys,
    /// What the keys begin with.
    prefix: String,
}

/// What has been delivered into a bucket since before the incident, as it seems.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is proven that AWS did it: the bucket is left alone.
    Proven(Fault),
    /// A suspect can have made it look so: a person decides. The words say why.
    Doubtful(String),
}

/// Whether logs have been delivered into the bucket since before `since`, the incident's first activity.
///
/// It asks S3 only where the policy or the ACL lets a log service write, and `trail` only where S3 lists something that is old enough. A
/// level that does not ask CloudTrail gives none. What S3 does not list proves nothing: the bucket is then contained like any other one.
pub(crate) async fn delivered(
    bucket: &Bucket,
    base: &BaseState,
    document: &Document,
    since: Timestamp,
    trail: impl AsyncFnOnce() -> Option<Changed>,
) -> Option<Delivered> {
    let deliveries = deliveries(&bucket.name, base, document);
    let each = deliveries.iter().take(MOST).map(|delivery| Box::pin(oldest(bucket, delivery)));
    let oldest = join_all(each).await;
    let known = deliveries.iter().zip(oldest).filter_map(|(delivery, at)| Some((delivery.what, at?)));
    let (what, at) = known.filter(|(_, at)| *at < since).min_by_key(|(_, at)| *at)?;
    let is_old = since.duration_since(at) >= AGE;
    let doubt =
        if is_old { doubt(trail().await.as_ref()) } else { Some("none of them is a week older than the incident".to_owned()) };
    Some(match doubt {
        None => Delivered::Proven(Fault::protected(format!(
            "{what} have been delivered into bucket {} since before the incident: nothing is changed in it, because whoever investigates \
             needs that. A person has to find in CloudTrail who changed its policy and settings, and put them back",
            bucket.name
        ))),
        Some(doubt) => {
            let line = format!("{what} seem to be delivered into it, which a suspect can have made up: {doubt}");
            Delivered::Doubtful(inert(&line, LINE))
        }
    })
}

/// Why what CloudTrail shows does not prove that a delivery is AWS's own.
fn doubt(changed: Option<&Changed>) -> Option<String> {
    let Some(Changed { policy, acl, unread, .. }) = changed else {
        return Some("CloudTrail is not asked at this level".to_owned());
    };
    let by = policy.as_ref().map(|by| ("policy", by)).or(acl.as_ref().map(|by| ("ACL", by)));
    let changed = by.map(|(what, by)| format!("{} changed its {what} since the incident began", by.who));
    changed.or_else(|| unread.as_ref().map(|why| format!("CloudTrail does not show who changed its policy: {why}")))
}

/// What the policy and the ACL say of deliveries, for a bucket that is contained all the same.
pub(crate) fn note(bucket: &Bucket, base: &BaseState) -> Option<Step> {
    let document = Document::parse(base.policy.as_deref()).ok()?;
    let said: BTreeSet<&str> = deliveries(&bucket.name, base, &document).iter().map(|delivery| delivery.what).collect();
    let said = said.into_iter().collect::<Vec<_>>().join(", ");
    let why = format!(
        "its policy or its ACL lets AWS deliver {said}. It is not proven that AWS did so before the incident, so the bucket is contained \
         like any other one. Deliveries go on unless the bucket is sealed"
    );
    (!said.is_empty()).then(|| skipped(StepName::about(StepKind::NoteAccess, "log-delivery"), Fault::malformed(why)))
}

/// When the oldest object of a delivery came, among those that S3 lists first.
async fn oldest(bucket: &Bucket, delivery: &Delivery) -> Option<Timestamp> {
    let asked = bucket.s3.list_objects_v2().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let asked = asked.prefix(&delivery.prefix).max_keys(LISTED).send();
    match asked.await.or_fault("s3:ListObjectsV2") {
        Ok(answer) => {
            let is_delivered = |key: &str| delivery.keys.fit(key);
            let delivered = answer.contents().iter().filter(|object| object.key().is_some_and(is_delivered));
            delivered.filter_map(|object| Timestamp::from_second(object.last_modified()?.secs()).ok()).min()
        }
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "it is not known what was delivered into the bucket");
            None
        }
    }
}

fn deliveries(bucket: &str, base: &BaseState, document: &Document) -> BTreeSet<Delivery> {
    let by_policy = document.statements().iter().flat_map(|statement| let_in(bucket, statement));
    let is_let_in = |grant: &&crate::base::Grant| {
        grant.grantee == LOG_DELIVERY && matches!(grant.permission.as_str(), "WRITE" | "FULL_CONTROL")
    };
    let by_acl = base.acl.iter().find(is_let_in);
    let by_acl = by_acl.map(|_| Delivery { what: ACCESS_LOGS, keys: Keys::Dated, prefix: String::new() });
    by_policy.chain(by_acl).collect()
}

/// What one statement lets services deliver.
fn let_in(bucket: &str, statement: &Value) -> Vec<Delivery> {
    let may_put = texts(statement.get("Action")).into_iter().any(puts_objects);
    if !may_put || statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return vec![];
    }
    let places: Vec<&str> = texts(statement.get("Resource")).into_iter().filter_map(|resource| below(bucket, resource)).collect();
    let services = texts(statement.pointer("/Principal/Service"));
    let known = SERVICES.iter().filter(|(principal, ..)| services.contains(principal));
    let each = known.flat_map(|(_, what, keys)| places.iter().map(move |place| (*what, *keys, *place)));
    each.filter_map(|(what, keys, place)| Some(Delivery { what, keys, prefix: keys.prefix(place)? })).collect()
}

/// IAM takes an action in any case.
fn puts_objects(action: &str) -> bool {
    matches!(action.to_ascii_lowercase().as_str(), "*" | "s3:*" | "s3:put*" | "s3:putobject" | "s3:putobject*")
}

/// What follows the bucket's name in the ARN of objects, up to the first character that stands for others.
fn below<'a>(bucket: &str, resource: &'a str) -> Option<&'a str> {
    let (_, name) = resource.split_once(":::")?;
    name.strip_prefix(bucket)?.strip_prefix('/')?.split(['*', '?', '$']).next()
}

impl Keys {
    /// What keys below `place` begin with. Nothing: where they are is not known.
    fn prefix(self, place: &str) -> Option<String> {
        match self {
            Self::Dated => Some(place.to_owned()),
            Self::Tree if place.contains(TREE) => Some(place.to_owned()),
            Self::Tree => (place.is_empty() || place.ends_with('/')).then(|| format!("{place}{TREE}")),
        }
    }

    /// Whether a key below the prefix is one that a service made. The folder itself proves nothing about a delivery.
    fn fit(self, key: &str) -> bool {
        match self {
            Self::Tree => !key.ends_with('/'),
            Self::Dated => is_dated(key),
        }
    }
}

/// `[prefix][YYYY]-[MM]-[DD]-[hh]-[mm]-[ss]-[16 characters]`.
fn is_dated(key: &str) -> bool {
    let parts: Vec<&str> = key.rsplit('-').take(7).collect();
    let [unique, second, minute, hour, day, month, year] = parts.as_slice() else { return false };
    let is_number = |text: &&&str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    // The prefix stands right before the year.
    let year: Vec<char> = year.chars().rev().take(4).collect();
    unique.len() == 16
        && unique.bytes().all(|b| b.is_ascii_alphanumeric())
        && [second, minute, hour, day, month].iter().all(is_number)
        && year.len() == 4
        && year.iter().all(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Grant;
    use crate::changed::By;
    use firebreak::ids::{AccountId, Partition, Region};
    use firebreak::policy::built_in_protection;
    use firebreak::target::{Place, Target, TargetKind};
    use serde_json::json;

    fn allow(service: &Value, action: &Value, resource: &Value) -> Value {
        json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": action, "Resource": resource })
    }

    fn prefixes(statement: &Value) -> Vec<String> {
        let_in("acme-logs", statement).into_iter().map(|delivery| delivery.prefix).collect()
    }

    #[test]
    fn a_statement_says_who_delivers_and_below_which_prefix() {
        let trail = json!("cloudtrail.amazonaws.com");
        let put = json!("s3:PutObject");
        for (resource, prefix) in [
            ("arn:aws:s3:::acme-logs/AWSLogs/111122223333/*", "AWSLogs/111122223333/"),
            ("arn:aws-cn:s3:::acme-logs/trails/AWSLogs/o-a1b2c3d4e5/*", "trails/AWSLogs/o-a1b2c3d4e5/"),
            ("arn:aws:s3:::acme-logs/*", "AWSLogs/"),
            ("arn:aws:s3:::acme-logs/trails/*", "trails/AWSLogs/"),
            ("arn:aws:s3:::acme-logs/AWSLogs/${aws:SourceAccount}/*", "AWSLogs/"),
        ] {
            assert_eq!(prefixes(&allow(&trail, &put, &json!(resource))), [prefix], "{resource}");
        }
        let several = allow(
            &json!(["ec2.amazonaws.com", "logging.s3.amazonaws.com"]),
            &json!(["S3:putobject"]),
            &json!(["arn:aws:s3:::acme-logs/in*"]),
        );
        assert_eq!(prefixes(&several), ["in"]);
    }

    #[test]
    fn what_lets_nobody_deliver_here_says_nothing() {
        let (trail, put, here) = (json!("cloudtrail.amazonaws.com"), json!("s3:PutObject"), json!("arn:aws:s3:::acme-logs/*"));
        let mut deny = allow(&trail, &put, &here);
        deny["Effect"] = json!("Deny");
        for other in [
            deny,
            allow(&trail, &json!("s3:GetBucketAcl"), &here),
            allow(&json!("ec2.amazonaws.com"), &put, &here),
            allow(&trail, &put, &json!("arn:aws:s3:::acme-logs-2/*")),
            allow(&trail, &put, &json!("arn:aws:s3:::acme-logs")),
            // Keys of data could begin so.
            allow(&trail, &put, &json!("arn:aws:s3:::acme-logs/fin*")),
            json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": here }),
            json!("Allow"),
        ] {
            assert_eq!(prefixes(&other), [""; 0], "{other}");
        }
    }

    #[test]
    fn an_acl_can_let_s3_deliver_too() {
        let base = |permission: &str| {
            let grant = Grant { grantee: LOG_DELIVERY.to_owned(), permission: permission.to_owned() };
            BaseState { acl: vec![grant], ..BaseState::default() }
        };
        let none = Document::parse(None).expect("no policy");
        assert_eq!(deliveries("acme-logs", &base("WRITE"), &none).len(), 1);
        assert!(deliveries("acme-logs", &base("READ_ACP"), &none).is_empty());
    }

    #[test]
    fn only_a_trail_that_shows_no_change_leaves_no_doubt() {
        let by = || {
            let (at, unchanged) = (Timestamp::UNIX_EPOCH, BTreeSet::new());
            let (who, written) = ("mallory".to_owned(), BTreeSet::new());
            Some(By { who, at, is_suspect: false, by_suspect: false, unchanged, written })
        };
        let quiet = Changed { lifecycle: by(), block: by(), ..Changed::default() };
        assert_eq!(doubt(Some(&quiet)), None);
        let unread = Some("no answer".to_owned());
        for (changed, words) in [
            (Some(Changed { policy: by(), ..quiet.clone() }), "mallory changed its policy"),
            (Some(Changed { acl: by(), ..quiet.clone() }), "mallory changed its ACL"),
            (Some(Changed { unread, ..quiet }), "no answer"),
            (None, "not asked"),
        ] {
            let doubt = doubt(changed.as_ref()).expect("a doubt");
            assert!(doubt.contains(words), "{doubt}");
        }
    }

    #[test]
    fn only_a_key_that_s3_makes_is_an_access_log() {
        for key in [
            "2026-11-01-00-00-00-0123456789ABCDEF",
            "logs/acme-2026-11-01-00-00-00-0123456789ABCDEF",
            "x2026-11-01-00-00-00-0123456789ABCDEF",
        ] {
            assert!(is_dated(key), "{key}");
        }
        for key in [
            "",
            "payroll.csv",
            "2026-11-01-report.csv",
            "2026-11-01-00-00-00-short",
            "26-11-01-00-00-00-0123456789ABCDEF",
            "2026-11-01-0x-00-00-0123456789ABCDEF",
        ] {
            assert!(!is_dated(key), "{key}");
        }
        assert!(!Keys::Tree.fit("AWSLogs/") && Keys::Tree.fit("AWSLogs/111122223333/CloudTrail/eu-central-1/x.json.gz"));
    }

    /// Three depths: triage asks nobody whether such a bucket may be contained, the function refuses it, and the role could not do it.
    #[test]
    fn a_bucket_that_the_role_may_not_change_is_one_that_no_decision_contains() {
        let policy: Value = serde_json::from_str(include_str!("../member-policy.json")).expect("JSON");
        let own = "111122223333";
        let is_kept = |statement: &&Value| statement["Effect"] == "Deny" && statement["Action"] == "s3:Put*";
        let kept = policy["Statement"].as_array().expect("statements").iter().filter(is_kept);
        let kept: Vec<String> = kept
            .flat_map(|statement| texts(statement.get("Resource")))
            .filter_map(|arn| arn.split_once(":::"))
            .map(|(_, name)| name.replace("${MemberAccountId}", own).replace('*', "x1"))
            .collect();
        assert_eq!(kept.len(), 6, "{kept:?}");
        let bucket = |account: &str, name: &str| {
            let place = Place {
                account: AccountId::parse(account).expect("an account"),
                region: Region::parse("eu-central-1").expect("a Region"),
                partition: Partition::parse("aws").expect("a partition"),
            };
            Target::new(TargetKind::S3Bucket, name, place)
        };
        for name in &kept {
            assert!(built_in_protection(&bucket(own, name)).is_some(), "{name}");
            assert!(built_in_protection(&bucket("999988887777", name)).is_none(), "{name} of another account");
        }
    }
}

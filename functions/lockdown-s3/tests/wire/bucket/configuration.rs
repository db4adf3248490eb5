//! The bucket's configurations, each with S3's own answers (Amazon S3 API reference).

use super::policy;
use super::state::{OWNER, State};
use super::xml::{Element, Xml, escaped};
use firebreak_testkit::scripted::{Answer, Call, error, ok};
use std::collections::BTreeSet;

const SWITCHES: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
/// A header of lifecycle configurations.
const TRANSITION_DEFAULT: &str = "x-amz-transition-default-minimum-object-size";

/// The answer to a read; nothing for another call.
pub(super) fn read(state: &State, call: &Call) -> Option<Answer> {
    Some(match call.operation.as_str() {
        "HeadBucket" => ok("").with_header("x-amz-bucket-region", &state.region),
        "GetBucketLocation" => location(state),
        "GetBucketPolicy" => state.policy.as_ref().map_or_else(|| error(404, "NoSuchBucketPolicy"), ok),
        "GetPublicAccessBlock" => stored(block(state).as_ref(), "NoSuchPublicAccessBlockConfiguration"),
        "GetBucketAcl" => ok(acl(state).text()),
        "GetBucketOwnershipControls" => stored(ownership(state).as_ref(), "OwnershipControlsNotFoundError"),
        "GetBucketVersioning" => ok(versioning(state).text()),
        "GetBucketLifecycle" => {
            let answer = stored(state.lifecycle.as_ref(), "NoSuchLifecycleConfiguration");
            state.transition_default.iter().fold(answer, |answer, size| answer.with_header(TRANSITION_DEFAULT, size))
        }
        "GetBucketReplication" => stored(state.replication.as_ref(), "ReplicationConfigurationNotFoundError"),
        "GetBucketEncryption" => stored(state.encryption.as_ref(), "ServerSideEncryptionConfigurationNotFoundError"),
        "GetBucketNotification" => ok(state.notification.text()),
        "GetBucketLogging" => ok(state.logging.text()),
        "GetBucketObject-lock" => stored(object_lock(state).as_ref(), "ObjectLockConfigurationNotFoundError"),
        "GetBucketTagging" => stored(tagging(state).as_ref(), "NoSuchTagSet"),
        _ => return None,
    })
}

/// The answer to a change; nothing for another call.
pub(super) fn change(state: &mut State, call: &Call) -> Option<Answer> {
    Some(match call.operation.as_str() {
        "PutBucketPolicy" => policy::put(state, &call.body),
        "DeleteBucketPolicy" => {
            state.policy = None;
            ok("")
        }
        "PutPublicAccessBlock" => put_block(state, call),
        "DeletePublicAccessBlock" => {
            state.block = None;
            ok("")
        }
        "PutBucketVersioning" => put_versioning(state, call),
        "PutBucketLifecycle" => put_lifecycle(state, call),
        "PutBucketReplication" => put_replication(state, call),
        "PutBucketEncryption" => put_encryption(state, call),
        "DeleteBucketEncryption" => {
            state.encryption = None;
            ok("")
        }
        _ => return None,
    })
}

fn stored(document: Option<&Xml>, absent: &str) -> Answer {
    document.map_or_else(|| error(404, absent), |document| ok(document.text()))
}

fn location(state: &State) -> Answer {
    // Amazon S3 API reference, `GetBucketLocation`: the first Region has no name there.
    let name = if state.region == "us-east-1" { "" } else { &state.region };
    ok(Xml::of("LocationConstraint", name).text())
}

fn block(state: &State) -> Option<Xml> {
    let switch = |(name, on): (&str, bool)| format!("<{name}>{on}</{name}>");
    let written = |switches: [bool; 4]| SWITCHES.into_iter().zip(switches).map(switch).collect::<String>();
    state.block.map(|switches| Xml::of("PublicAccessBlockConfiguration", &written(switches)))
}

fn put_block(state: &mut State, call: &Call) -> Answer {
    let Some(document) = Xml::read(&call.body) else { return error(400, "MalformedXML") };
    let root = document.root();
    state.block = Some(SWITCHES.map(|name| root.says(name) == Some("true")));
    ok("")
}

fn acl(state: &State) -> Xml {
    let schema = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let grant = |(grantee, permission): &(String, String)| {
        let (kind, field) = if grantee.starts_with("http") { ("Group", "URI") } else { ("CanonicalUser", "ID") };
        let grantee = format!("<Grantee {schema} xsi:type=\"{kind}\"><{field}>{}</{field}></Grantee>", escaped(grantee));
        format!("<Grant>{grantee}<Permission>{permission}</Permission></Grant>")
    };
    let grants: String = state.grants.iter().map(grant).collect();
    let inner = format!("<Owner><ID>{OWNER}</ID></Owner><AccessControlList>{grants}</AccessControlList>");
    Xml::of("AccessControlPolicy", &inner)
}

fn ownership(state: &State) -> Option<Xml> {
    let rule = |ownership: &String| format!("<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>");
    state.ownership.as_ref().map(|ownership| Xml::of("OwnershipControls", &rule(ownership)))
}

fn object_lock(state: &State) -> Option<Xml> {
    let inner = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
    state.object_lock.then(|| Xml::of("ObjectLockConfiguration", inner))
}

fn tagging(state: &State) -> Option<Xml> {
    let tag =
        |(key, value): (&String, &String)| format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", escaped(key), escaped(value));
    let tags: String = state.tags.iter().map(tag).collect();
    (!tags.is_empty()).then(|| Xml::of("Tagging", &format!("<TagSet>{tags}</TagSet>")))
}

fn versioning(state: &State) -> Xml {
    let status = state.versioning.as_ref().map(|status| format!("<Status>{status}</Status>")).unwrap_or_default();
    let mfa = if state.mfa_delete { "<MfaDelete>Enabled</MfaDelete>" } else { "" };
    Xml::of("VersioningConfiguration", &format!("{status}{mfa}"))
}

fn put_versioning(state: &mut State, call: &Call) -> Answer {
    let status = Xml::read(&call.body).and_then(|document| document.root().says("Status").map(str::to_owned));
    let Some(status) = status.filter(|status| ["Enabled", "Suspended"].contains(&status.as_str())) else {
        return error(400, "MalformedXML");
    };
    if state.mfa_delete && !call.headers.contains_key("x-amz-mfa") {
        return error(403, "AccessDenied").saying("Mfa Authentication must be used for this request");
    }
    if status == "Suspended" && (state.object_lock || state.replication.is_some()) {
        return error(409, "InvalidBucketState");
    }
    state.versioning = Some(status);
    ok("")
}

/// The rules of a document, if each has an id of its own and a status.
fn rules_of(document: &Xml) -> Result<Vec<Element>, Answer> {
    let rules: Vec<Element> = document.root().all("Rule").cloned().collect();
    let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.says("ID")).collect();
    let has_status = |rule: &Element| matches!(rule.says("Status"), Some("Enabled" | "Disabled"));
    if rules.is_empty() || !rules.iter().all(has_status) {
        return Err(error(400, "MalformedXML"));
    }
    if ids.len() < rules.len() {
        return Err(error(400, "InvalidArgument").saying("Rule ID must be unique. Found same ID for more than one rule"));
    }
    Ok(rules)
}

fn put_lifecycle(state: &mut State, call: &Call) -> Answer {
    let Some(document) = Xml::read(&call.body) else { return error(400, "MalformedXML") };
    if let Err(refusal) = rules_of(&document) {
        return refusal;
    }
    let size = call.headers.get(TRANSITION_DEFAULT).and_then(|size| size.as_str());
    state.transition_default = Some(size.unwrap_or("all_storage_classes_128K").to_owned());
    state.lifecycle = Some(document);
    ok("")
}

fn put_replication(state: &mut State, call: &Call) -> Answer {
    let Some(document) = Xml::read(&call.body) else { return error(400, "MalformedXML") };
    if state.versioning.as_deref() != Some("Enabled") {
        let why = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        return error(400, "InvalidRequest").saying(why);
    }
    if document.root().says("Role").is_none_or(str::is_empty) {
        return error(400, "MalformedXML");
    }
    if let Err(refusal) = rules_of(&document) {
        return refusal;
    }
    state.replication = Some(document);
    ok("")
}

fn put_encryption(state: &mut State, call: &Call) -> Answer {
    let root = Xml::read(&call.body).map(|document| document.root());
    let Some(rule) = root.as_ref().and_then(|root| root.child("Rule")) else { return error(400, "MalformedXML") };
    state.encrypt(rule);
    ok("")
}

//! A bucket as S3 shows it, and what CloudTrail recorded about it.

mod around;
mod configuration;
mod policy;
mod state;
mod trail;
mod versions;
mod xml;

pub(crate) use state::{CLOSED, State, Switches, Version};
pub(crate) use xml::Xml;

use crate::NAME;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bucket of a test. Every copy is the same one.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Mutex<State>>);

impl Bucket {
    /// A bucket that nobody configured, without a public access block, and with nothing round it.
    pub(crate) fn new(aws: &ScriptedAws) -> Self {
        let bucket = Self(Arc::new(Mutex::new(State::at_first())));
        let served = bucket.clone();
        aws.on("s3:*", move |call| served.serve(call));
        let served = bucket.clone();
        aws.on("cloudtrail:LookupEvents", move |call| Some(trail::lookup(&served.lock(), call)));
        aws.on("kms:*", around::key);
        let why = "A conflicting conditional operation is currently in progress against this resource. Please try again.";
        aws.one_at_a_time(configures, error(409, "OperationAborted").saying(why));
        bucket
    }

    pub(crate) fn with_policy(self, text: &str) -> Self {
        self.with(|state| state.policy = Some(text.to_owned()))
    }

    pub(crate) fn with_block(self, block: Switches) -> Self {
        self.with(|state| state.block = Some(block))
    }

    /// Beside the owner's. A URI is a group, everything else a canonical id.
    pub(crate) fn with_grant(self, grantee: &str, permission: &str) -> Self {
        self.with(|state| state.grants.push((grantee.to_owned(), permission.to_owned())))
    }

    /// For example `BucketOwnerEnforced`.
    pub(crate) fn with_ownership(self, ownership: &str) -> Self {
        self.with(|state| state.ownership = Some(ownership.to_owned()))
    }

    /// `Enabled` or `Suspended`.
    pub(crate) fn with_versioning(self, status: &str) -> Self {
        self.with(|state| state.versioning = Some(status.to_owned()))
    }

    /// The rules: `<Rule>…</Rule>` for each.
    pub(crate) fn with_lifecycle(self, rules: &str) -> Self {
        self.with(|state| {
            state.lifecycle = Some(Xml::of("LifecycleConfiguration", rules));
            state.transition_default = Some("all_storage_classes_128K".to_owned());
        })
    }

    /// The ARN of the role, and the rules: `<Rule>…</Rule>` for each. S3 replicates only what is versioned.
    pub(crate) fn with_replication(self, role: &str, rules: &str) -> Self {
        self.with(|state| {
            state.versioning = Some("Enabled".to_owned());
            state.replication = Some(Xml::of("ReplicationConfiguration", &format!("<Role>{role}</Role>{rules}")));
        })
    }

    /// What stands inside `<Rule>`.
    pub(crate) fn with_encryption(self, rule: &str) -> Self {
        self.with(|state| state.encrypt(&Xml::of("Rule", rule).root()))
    }

    pub(crate) fn with_notification(self, inner: &str) -> Self {
        self.with(|state| state.notification = Xml::of("NotificationConfiguration", inner))
    }

    pub(crate) fn with_logging(self, inner: &str) -> Self {
        self.with(|state| state.logging = Xml::of("BucketLoggingStatus", inner))
    }

    pub(crate) fn with_tag(self, key: &str, value: &str) -> Self {
        self.with(|state| state.tags.extend([(key.to_owned(), value.to_owned())]))
    }

    /// A principal that was deleted: S3 takes no policy that names it.
    pub(crate) fn with_orphan(self, principal: &str) -> Self {
        self.with(|state| state.orphans.extend([principal.to_owned()]))
    }

    /// A record of CloudTrail, in the bucket's Region.
    pub(crate) fn with_event(self, record: Value) -> Self {
        self.with(|state| state.events.push(record))
    }

    pub(crate) fn with_version(self, version: Version) -> Self {
        self.with(|state| state.versions.push(version))
    }

    pub(crate) fn in_region(self, region: &str) -> Self {
        self.with(|state| region.clone_into(&mut state.region))
    }

    fn with(self, how: impl FnOnce(&mut State)) -> Self {
        self.change(how);
        self
    }

    /// All of it as it is now.
    pub(crate) fn now(&self) -> State {
        self.lock().clone()
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.lock());
    }

    /// Somebody changes its public access block.
    pub(crate) fn set(&self, block: Option<Switches>) {
        self.change(|state| state.block = block);
    }

    /// Its public access block; nothing when it has none.
    pub(crate) fn block(&self) -> Option<Switches> {
        self.lock().block
    }

    /// The text of its policy.
    pub(crate) fn policy(&self) -> Option<String> {
        self.lock().policy.clone()
    }

    /// The names of its policy's statements, in order.
    pub(crate) fn sids(&self) -> Vec<String> {
        self.lock().statements().iter().filter_map(|one| one["Sid"].as_str().map(str::to_owned)).collect()
    }

    /// The statement of this name.
    pub(crate) fn statement(&self, sid: &str) -> Option<Value> {
        self.lock().statements().into_iter().find(|one| one["Sid"] == sid)
    }

    /// `Enabled` or `Disabled`: a rule of its `lifecycle` or its `replication`.
    pub(crate) fn rule_status(&self, of: &str, id: &str) -> Option<String> {
        let rules = self.lock().rules(of);
        rules.iter().find(|rule| rule.says("ID") == Some(id)).and_then(|rule| rule.says("Status")).map(str::to_owned)
    }

    /// The encryption types that new objects must not have.
    pub(crate) fn blocked_encryption(&self) -> Vec<String> {
        self.lock().blocked_encryption()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        if around::is_control(call) {
            return around::control(call);
        }
        if call.path.trim_matches('/') != NAME {
            return None;
        }
        let owner = call.headers.get("x-amz-expected-bucket-owner").and_then(Value::as_str);
        assert!(owner.is_some(), "{}: a bucket of somebody else must be refused", call.operation);
        let mut state = self.lock();
        if let Some(refusal) = refused(&state, call, owner) {
            return Some(refusal);
        }
        match call.operation.as_str() {
            "GetBucketVersions" => Some(versions::list(&state, call)),
            "GetBucketList-type" => Some(versions::current(&state, call)),
            _ => configuration::read(&state, call).or_else(|| configuration::change(&mut state, call)),
        }
    }
}

/// Why S3 does not look at the call. An answer to `HEAD` has no body, so no code.
fn refused(state: &State, call: &Call, owner: Option<&str>) -> Option<Answer> {
    let (status, code) = if !state.exists {
        (404, "NoSuchBucket")
    } else if call.region != state.region {
        (301, "PermanentRedirect")
    } else if owner != Some(state.owner.as_str()) {
        (403, "AccessDenied")
    } else {
        return None;
    };
    let code = if call.operation == "HeadBucket" { "" } else { code };
    let answer = error(status, code);
    Some(if state.exists { answer.with_header("x-amz-bucket-region", &state.region) } else { answer })
}

/// Whether a call changes the configuration of a bucket: S3 carries out one such call after the other.
fn configures(call: &Call) -> bool {
    let is_change = call.operation.starts_with("Put") || call.operation.starts_with("Delete");
    let is_of_bucket = call.operation.contains("Bucket") || call.operation.ends_with("PublicAccessBlock");
    call.service == "s3" && is_change && is_of_bucket
}

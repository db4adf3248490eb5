//! All that S3 and CloudTrail know of one bucket.

use super::xml::{Element, Xml};
use firebreak_testkit::room;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The four switches, in the order of S3's document.
pub(crate) type Switches = [bool; 4];

/// Everything blocked.
pub(crate) const CLOSED: Switches = [true; 4];

/// What a new bucket is encrypted by.
const AES256: &str = "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                      </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>";

/// A bucket. Two are the same when a customer could not tell one from the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) region: String,
    pub(crate) owner: String,
    /// False: S3 has no bucket of this name.
    pub(crate) exists: bool,
    /// Byte for byte.
    pub(crate) policy: Option<String>,
    pub(crate) block: Option<Switches>,
    /// Grantee and permission. A grantee that is a URI is a group.
    pub(crate) grants: Vec<(String, String)>,
    /// For example `BucketOwnerEnforced`.
    pub(crate) ownership: Option<String>,
    /// `Enabled` or `Suspended`. Nothing: never.
    pub(crate) versioning: Option<String>,
    pub(crate) mfa_delete: bool,
    pub(crate) lifecycle: Option<Xml>,
    /// `x-amz-transition-default-minimum-object-size`, of the lifecycle configuration.
    pub(crate) transition_default: Option<String>,
    pub(crate) replication: Option<Xml>,
    pub(crate) encryption: Option<Xml>,
    pub(crate) notification: Xml,
    pub(crate) logging: Xml,
    pub(crate) object_lock: bool,
    pub(crate) tags: BTreeMap<String, String>,
    /// In the order in which S3 lists them: by key, the newest first.
    pub(crate) versions: Vec<Version>,
    /// How many versions are on one page.
    pub(crate) page: usize,
    /// Principals that a policy must not name: they do not exist any more.
    pub(crate) orphans: BTreeSet<String>,
    /// Records of CloudTrail.
    pub(crate) events: Vec<Value>,
    /// How many records are on one page.
    pub(crate) events_page: usize,
}

impl State {
    /// A new bucket of a customer who has opened it: no public access block.
    pub(crate) fn at_first() -> Self {
        Self {
            region: room::REGION.to_owned(),
            owner: room::ACCOUNT.to_owned(),
            exists: true,
            policy: None,
            block: None,
            grants: vec![(OWNER.to_owned(), "FULL_CONTROL".to_owned())],
            ownership: None,
            versioning: None,
            mfa_delete: false,
            lifecycle: None,
            transition_default: None,
            replication: None,
            encryption: Some(Xml::of("ServerSideEncryptionConfiguration", AES256)),
            notification: Xml::of("NotificationConfiguration", ""),
            logging: Xml::of("BucketLoggingStatus", ""),
            object_lock: false,
            tags: BTreeMap::new(),
            versions: vec![],
            page: 1000,
            orphans: BTreeSet::new(),
            events: vec![],
            events_page: 50,
        }
    }

    /// The statements of its policy.
    pub(crate) fn statements(&self) -> Vec<Value> {
        let policy: Value = self.policy.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).expect("a policy"));
        match &policy["Statement"] {
            Value::Array(statements) => statements.clone(),
            Value::Null => vec![],
            one => vec![one.clone()],
        }
    }

    /// Takes a rule of the encryption. Only `NONE` takes a block of encryption types away, and S3 shows the bucket then as if none had ever
    /// been there; a rule that does not speak of them leaves them blocked (hashicorp/terraform-provider-aws, #47359).
    pub(crate) fn encrypt(&mut self, rule: &Element) {
        let spoken = rule.child("BlockedEncryptionTypes").map(|types| types.all("EncryptionType").map(|one| one.text.clone()));
        let blocked: Vec<String> = match spoken {
            Some(types) => types.filter(|one| one != "NONE").collect(),
            None => self.blocked_encryption(),
        };
        let rest = rule.children.iter().filter(|child| child.name != "BlockedEncryptionTypes").map(Element::written);
        let types: String = blocked.iter().map(|one| format!("<EncryptionType>{one}</EncryptionType>")).collect();
        let types = if types.is_empty() { types } else { format!("<BlockedEncryptionTypes>{types}</BlockedEncryptionTypes>") };
        let rule = format!("<Rule>{}{types}</Rule>", rest.collect::<String>());
        self.encryption = Some(Xml::of("ServerSideEncryptionConfiguration", &rule));
    }

    /// The encryption types that objects must not have.
    pub(crate) fn blocked_encryption(&self) -> Vec<String> {
        let root = self.encryption.as_ref().map(Xml::root);
        let blocked = root.as_ref().and_then(|root| root.child("Rule")?.child("BlockedEncryptionTypes"));
        blocked.into_iter().flat_map(|types| types.all("EncryptionType")).map(|one| one.text.clone()).collect()
    }

    /// The rules of its lifecycle or replication configuration.
    pub(crate) fn rules(&self, of: &str) -> Vec<Element> {
        let document = match of {
            "lifecycle" => &self.lifecycle,
            "replication" => &self.replication,
            other => panic!("{other}"),
        };
        document.as_ref().map(|document| document.root().all("Rule").cloned().collect()).unwrap_or_default()
    }
}

/// The canonical id of the account.
pub(crate) const OWNER: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

/// One version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) key: String,
    pub(crate) id: String,
    /// In bytes.
    pub(crate) size: u64,
    /// For example `2026-11-01T10:00:00.000Z`.
    pub(crate) modified: String,
    pub(crate) is_latest: bool,
    pub(crate) is_marker: bool,
    pub(crate) etag: String,
}

impl Version {
    /// An object's present version of three bytes, from before everything.
    pub(crate) fn of(key: &str, id: &str) -> Self {
        Self {
            key: key.to_owned(),
            id: id.to_owned(),
            size: 3,
            modified: "2026-10-01T00:00:00.000Z".to_owned(),
            is_latest: true,
            is_marker: false,
            etag: "acbd18db4cc2f85cedef654fccc4a4d8".to_owned(),
        }
    }

    /// A delete marker that hides an object.
    pub(crate) fn marker(key: &str, id: &str) -> Self {
        Self { is_marker: true, size: 0, ..Self::of(key, id) }
    }
}

//! Under which keys the ledger keeps what is about a target, and when two targets are one.
//!
//! A principal's key is its immutable id: a name can be given to somebody else, and a renamed user stays who it is. Findings and
//! decisions are compared by name, because not every finding has an id.

use crate::addresses;
use crate::ids::{AccessKeyId, PrincipalId};
use crate::objects;
use crate::target::{Scope, Target, TargetKind};

impl Target {
    /// The same target as an earlier version knows it: its keys have the name as it is spelled.
    #[must_use]
    pub fn as_spelled(&self) -> Self {
        Self { by_identity: false, ..self.clone() }
    }

    /// The same target without its immutable id: its keys have the name.
    #[must_use]
    pub fn by_name(&self) -> Self {
        Self { principal_id: None, ..self.clone() }
    }

    /// Whether its keys have a name: then they can mean whoever had the name before.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        self.ledger_key() == self.by_name().ledger_key()
    }

    /// The same target as everybody names it who knows no more than its name.
    fn as_named(&self) -> Self {
        Self { by_identity: true, ..self.by_name() }
    }

    /// The target under each key that the ledger can have for it: this one first, then by id, by name, and as an earlier version
    /// spelled the name. Each key is there once.
    #[must_use]
    pub fn forms(&self) -> Vec<Self> {
        let by_id = Self { by_identity: true, ..self.clone() };
        let mut forms: Vec<Self> = Vec::new();
        for form in [self.clone(), by_id, self.as_named(), self.as_spelled()] {
            if !forms.iter().any(|known| known.scoped_key() == form.scoped_key()) {
                forms.push(form);
            }
        }
        forms
    }

    /// Whether the other one is the same resource by name, whatever part of it is meant and whichever version named it.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        self.as_named().ledger_key() == other.as_named().ledger_key()
    }

    /// Whether both are parts of one resource, by name or by immutable id.
    #[must_use]
    pub fn is_one_with(&self, other: &Self) -> bool {
        let place = |target: &Self| (target.account.clone(), target.kind);
        let has_its_id = self.principal_id.is_some() && self.principal_id == other.principal_id;
        self.is_of(other) || has_its_id && place(self) == place(other)
    }

    /// Whether both have an immutable id, and not the same one.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.principal_id.as_ref().zip(other.principal_id.as_ref()).is_some_and(|(mine, theirs)| mine != theirs)
    }

    /// [`scoped_key`](Self::scoped_key) as namings of one target share it: IAM does not tell case apart, and not every one has an id.
    #[must_use]
    pub fn merge_key(&self) -> String {
        if self.is_principal() { self.as_named().scoped_key() } else { self.scoped_key() }
    }

    /// The key under which the ledger keeps this target's base state: one per resource, whatever the incident. A principal whose id
    /// is unknown goes by name. IAM keeps names unique without regard to case (IAM user guide, "IAM identifiers"); ids have capitals,
    /// and a name in a key has none, so no name can pass for an id.
    #[must_use]
    pub fn ledger_key(&self) -> String {
        let identity = self.principal_id.as_ref().map(PrincipalId::as_str).filter(|id| id.starts_with(self.front_of_ids()));
        match identity {
            _ if !self.by_identity || !self.is_principal() => self.key_with(&self.id),
            Some(id) => self.key_with(id),
            None => self.key_with(&self.id.to_ascii_lowercase()),
        }
    }

    /// [`ledger_key`](Self::ledger_key) and the part of the target that is meant: two sessions of one role are two decisions
    /// about one resource, and so are two sets of remote addresses, two levels of a bucket, and two sets of its objects.
    #[must_use]
    pub fn scoped_key(&self) -> String {
        let digest = match self.scope {
            Scope::Objects => objects::digest(&self.objects),
            _ if self.by_addresses => addresses::digest(&self.addresses),
            _ => String::new(),
        };
        let part = match self.scope {
            Scope::Principal => return self.ledger_key(),
            // There is one of each.
            Scope::Freeze | Scope::Destruction | Scope::Seal => return format!("{}/{}", self.ledger_key(), self.scope.name()),
            Scope::Session => self.session.as_deref().unwrap_or_default(),
            Scope::AccessKey => self.access_key_id.as_ref().map_or("", AccessKeyId::as_str),
            Scope::RemoteAddresses | Scope::Objects => digest.as_str(),
            Scope::OlderSessions => "",
        };
        format!("{}/{}/{part}", self.ledger_key(), self.scope.name())
    }

    fn is_principal(&self) -> bool {
        matches!(self.kind, TargetKind::IamUser | TargetKind::IamRole)
    }

    /// How ids of this kind begin (IAM user guide, "IAM identifiers").
    fn front_of_ids(&self) -> &'static str {
        if self.kind == TargetKind::IamRole { "AROA" } else { "AIDA" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn old() -> Target {
        let old = json!({ "kind": "iam-user", "id": "Mallory", "account": "111122223333", "region": "eu-central-1", "partition": "aws" });
        serde_json::from_value(old).expect("a target of an earlier version")
    }

    fn identified(target: Target, id: &str) -> Target {
        Target { principal_id: Some(PrincipalId::parse(id).expect("an id")), ..target }
    }

    #[test]
    fn case_makes_no_other_principal_and_an_older_payload_keeps_its_key() {
        let new = Target::new(TargetKind::IamUser, "mallory", old().place());
        let other = Target::new(TargetKind::IamUser, "MALLORY", old().place());
        assert_eq!((old().ledger_key().as_str(), other.ledger_key()), ("111122223333/iam-user/Mallory", new.ledger_key()));
        assert_eq!(other.as_spelled().ledger_key(), "111122223333/iam-user/MALLORY");
        assert!(old().is_of(&new) && old().merge_key() == other.merge_key());
        let bucket = Target::new(TargetKind::S3Bucket, "acme", old().place());
        assert!(serde_json::to_value(&bucket).expect("JSON").get("by_identity").is_none());
    }

    #[test]
    fn a_principal_has_one_key_whatever_its_name_and_is_found_by_name_without_its_id() {
        let mallory = Target::new(TargetKind::IamUser, "Mallory", old().place());
        let known = identified(mallory.clone(), "AIDAEXAMPLEMALLORY01");
        let renamed = Target { id: "eve".to_owned(), ..known.clone() };
        assert_eq!(known.ledger_key(), "111122223333/iam-user/AIDAEXAMPLEMALLORY01");
        assert_eq!((renamed.scoped_key(), renamed.is_one_with(&known)), (known.scoped_key(), true));
        assert!(known.is_of(&old()) && known.merge_key() == mallory.merge_key() && !renamed.is_of(&known));
        assert_eq!(
            identified(old(), "AIDAEXAMPLEMALLORY01").ledger_key(),
            old().ledger_key(),
            "an earlier version wrote it by name"
        );
        // The id of a session's key is not the user's.
        assert_eq!(identified(mallory.clone(), "AROAEXAMPLEMALLORY01").ledger_key(), mallory.ledger_key());
    }

    #[test]
    fn each_level_of_a_bucket_has_a_row_of_its_own_and_an_older_payload_is_the_whole() {
        let bucket = Target::new(TargetKind::S3Bucket, "acme", old().place());
        let at = |scope| Target { scope, ..bucket.clone() }.scoped_key();
        assert_eq!(at(Scope::Principal), "111122223333/s3-bucket/acme");
        let keys = [Scope::Freeze, Scope::Destruction, Scope::Seal].map(at);
        assert_eq!(keys, ["freeze", "destruction", "seal"].map(|level| format!("111122223333/s3-bucket/acme/{level}")));
        let mut earlier = serde_json::to_value(&bucket).expect("JSON");
        assert!(earlier.get("scope").is_none(), "what an earlier version reads and writes: {earlier}");
        earlier["scope"] = json!("freeze");
        let frozen: Target = serde_json::from_value(earlier).expect("a target");
        assert!(frozen.is_of(&bucket) && frozen.merge_key() != bucket.merge_key());
    }

    #[test]
    fn each_set_of_objects_has_a_row_of_its_own_beside_the_other_sets_of_its_bucket() {
        let objects = |keys: &[&str]| {
            let one = |key: &&str| objects::ObjectVersion::parse(key, Some("v1"), None).expect("an object");
            let target = Target::new(TargetKind::S3Object, "acme", old().place());
            Target { scope: Scope::Objects, objects: keys.iter().map(one).collect(), ..target }
        };
        let (one, two) = (objects(&["a"]), objects(&["a", "b"]));
        assert!(one.scoped_key().starts_with("111122223333/s3-object/acme/objects/"), "{}", one.scoped_key());
        assert!(one.is_of(&two) && one.merge_key() != two.merge_key());
        assert!(one.whole().objects.is_empty() && !one.is_of(&Target::new(TargetKind::S3Bucket, "acme", old().place())));
        let json = serde_json::to_value(&one).expect("JSON");
        assert_eq!(serde_json::from_value::<Target>(json).expect("a target"), one);
    }

    #[test]
    fn every_key_that_the_ledger_can_have_is_among_the_forms_once() {
        let known = identified(Target::new(TargetKind::IamUser, "Mallory", old().place()), "AIDAEXAMPLEMALLORY01");
        let keys = |target: &Target| target.forms().iter().map(Target::ledger_key).collect::<Vec<_>>();
        let [id, name, spelled] = ["AIDAEXAMPLEMALLORY01", "mallory", "Mallory"].map(|id| format!("111122223333/iam-user/{id}"));
        assert_eq!(keys(&known), [id.clone(), name.clone(), spelled.clone()]);
        assert_eq!(keys(&known.as_spelled()), [spelled, id, name.clone()]);
        assert_eq!(keys(&Target::new(TargetKind::IamUser, "mallory", old().place())), [name]);
    }
}

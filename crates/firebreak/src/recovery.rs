//! What `firebreak s3 recovery-plan` asks of `lockdown-s3` about a bucket, and what the function answers: which objects were deleted or
//! overwritten since an incident began, and which version of each is the one from before.
//!
//! Only people bring objects back. Firebreak has no right to remove a delete marker or to copy an object.

use crate::ids::{AccountId, IncidentId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version id of what was written without versioning, or while it was suspended. A key has one such version or delete marker at most, and
/// the next write without versioning takes its place: it is another object then, by the same id (Amazon S3 user guide, "Working with objects
/// in a versioning-suspended bucket").
pub const NULL: &str = "null";

/// The payload of an invocation that asks for losses. The state machine never sends one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryQuestion {
    /// Where to look.
    pub recover: Wanted,
}

/// A bucket of an incident, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The incident. Only what happened since it began is a loss.
    pub incident: IncidentId,
    /// One of its buckets. The function looks into no other.
    pub bucket: String,
    /// Only keys that begin with one of these, at most [`Wanted::MOST_PREFIXES`]. None: the objects that the findings name, then the whole
    /// bucket.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Where an earlier answer ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Marker>,
}

impl Wanted {
    /// How many prefixes one question can have.
    pub const MOST_PREFIXES: usize = 20;
}

/// Where a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The prefix that is being listed; empty for the whole bucket.
    pub prefix: String,
    /// The last key that was looked at; empty when none was.
    pub key: String,
}

/// What a function answers: as much as it had time and room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// The bucket.
    pub bucket: String,
    /// Its account.
    pub account: AccountId,
    /// Its Region.
    pub region: String,
    /// When what the incident is about began.
    pub since: Timestamp,
    /// Whether the bucket keeps what is deleted and overwritten.
    pub keeps: Keeps,
    /// The prefixes that were asked about. None: the whole bucket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Objects of which a version from before is left, by key.
    pub lost: Vec<Lost>,
    /// Objects that only a person can judge, by key.
    pub by_hand: Vec<ByHand>,
    /// What was looked at.
    pub seen: Seen,
    /// What was not listed begins after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Marker>,
}

impl Losses {
    /// Both together, where `later` is the answer to the question that goes on after this one.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.lost.extend(later.lost);
        self.by_hand.extend(later.by_hand);
        self.seen = self.seen.and(later.seen);
        // Only a later part can show that versioning was off meanwhile.
        if self.keeps == Keeps::Versions {
            self.keeps = later.keeps;
        }
        self.next = later.next;
        self.each_once()
    }

    /// By key, and each object once: one that a finding names is in the listing of the bucket, too.
    #[must_use]
    pub fn each_once(mut self) -> Self {
        self.lost.sort_by(|one, other| one.key.cmp(&other.key));
        self.lost.dedup_by(|one, other| one.key == other.key);
        self.by_hand.sort_by(|one, other| one.key.cmp(&other.key));
        self.by_hand.dedup_by(|one, other| one.key == other.key);
        self
    }

    /// Those that were lost in one way: how many, and how many bytes their versions from before have.
    #[must_use]
    pub fn count(&self, is_meant: impl Fn(&Loss) -> bool) -> (usize, u64) {
        let meant = || self.lost.iter().filter(|lost| is_meant(&lost.loss));
        (meant().count(), meant().map(|lost| lost.bytes).fold(0, u64::saturating_add))
    }
}

/// Whether a bucket keeps what is deleted and overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// It did before the incident, and does.
    Versions,
    /// Its versioning is suspended, or was since the incident began: what was overwritten meanwhile has no earlier version.
    Suspended,
    /// Firebreak switched it on for the incident: what was lost before that is gone.
    SinceTheIncident,
    /// It never did: everything that was deleted or overwritten is gone.
    Nothing,
    /// Its versioning could not be read, or no freeze says how it was when the incident began.
    Unknown,
}

/// One object that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Its key, as it is. Whoever writes to the bucket chose it.
    pub key: String,
    /// The id of the version to bring back.
    pub version: String,
    /// How many bytes that version has.
    pub bytes: u64,
    /// Its storage class, unless that is `STANDARD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// When that version was written. Nothing: an earlier version of the function did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
    /// That version can be older than what the object was: something was written without versioning since, and S3 kept nothing of what was in
    /// its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_be_older: bool,
    /// When the object became what it is now.
    pub changed_at: Timestamp,
    /// How many versions were written since the incident began.
    pub newer: usize,
    /// What happened to it.
    #[serde(flatten)]
    pub loss: Loss,
}

impl Lost {
    /// The most that one copy takes (Amazon S3 API reference, `CopyObject`: "up to 5 GB in size in a single atomic action").
    pub const LARGEST_COPY: u64 = 5 * 1024 * 1024 * 1024;

    /// Why one command does not bring it back. Nothing: it does.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        let is_archived = self.storage_class.as_deref().is_some_and(|class| matches!(class, "GLACIER" | "DEEP_ARCHIVE"));
        match self.loss.markers() {
            [] if is_archived => Some(Obstacle::Archived),
            [] if self.bytes > Self::LARGEST_COPY => Some(Obstacle::TooLarge),
            // Without its markers, the version stays where it is.
            _ => None,
        }
    }
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "loss", rename_all = "kebab-case")]
pub enum Loss {
    /// It was deleted and not written since: without these delete markers it is what it was.
    Deleted {
        /// Their version ids, the newest first.
        markers: Vec<String>,
    },
    /// It was written since, and perhaps deleted, too: a copy of its version from before is on top of that. Not every writer was an attacker.
    Overwritten,
    /// It was first written after the incident had begun, and then deleted.
    New {
        /// The version ids of its delete markers, the newest first. None: a copy of its version is on top of them.
        #[serde(default)]
        markers: Vec<String>,
    },
}

impl Loss {
    /// The version ids of the delete markers without which the object is back. None: it comes back by a copy of its version.
    ///
    /// What has the id [`NULL`] is never removed: it can be an object by then, and nothing brings that one back.
    #[must_use]
    pub fn markers(&self) -> &[String] {
        match self {
            Self::Deleted { markers } | Self::New { markers } if !markers.iter().any(|marker| marker == NULL) => markers,
            _ => &[],
        }
    }
}

/// Why one command does not bring a version back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is in an archive, from which it must be restored first.
    Archived,
    /// It is larger than one copy takes.
    TooLarge,
}

/// An object that only a person can judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Its key, as it is.
    pub key: String,
    /// Why.
    pub why: Why,
}

/// Why only a person can judge an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was deleted, or a finding names it, and no version of it is left.
    NothingLeft,
    /// It has more versions than one question looks at.
    TooManyVersions,
}

/// What was looked at, in keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// All.
    pub keys: u64,
    /// Nothing happened to them since the incident began.
    pub untouched: u64,
    /// They are there, and were first written since.
    pub made: u64,
    /// They were written since with the same content.
    pub same: u64,
}

impl Seen {
    fn and(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            untouched: self.untouched + other.untouched,
            made: self.made + other.made,
            same: self.same + other.same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lost(key: &str, loss: Loss) -> Lost {
        Lost {
            key: key.to_owned(),
            version: "v1".to_owned(),
            bytes: 3,
            storage_class: None,
            written_at: None,
            may_be_older: false,
            changed_at: Timestamp::UNIX_EPOCH,
            newer: 0,
            loss,
        }
    }

    fn losses(lost: Vec<Lost>) -> Losses {
        Losses {
            bucket: "acme".to_owned(),
            account: AccountId::parse("111122223333").expect("an account"),
            region: "eu-central-1".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            keeps: Keeps::Versions,
            prefixes: vec![],
            lost,
            by_hand: vec![],
            seen: Seen { keys: 2, untouched: 1, ..Seen::default() },
            next: None,
        }
    }

    #[test]
    fn only_a_question_about_losses_is_one() {
        let wanted = json!({ "incident": "fb-0123456789abcdef", "bucket": "acme" });
        let asked = json!({ "recover": wanted });
        assert!(serde_json::from_value::<RecoveryQuestion>(asked.clone()).is_ok());
        let mut task = asked;
        task["target"] = json!({ "kind": "s3-bucket" });
        for other in [task, json!({ "recover": { "bucket": "acme" } }), json!({ "prepare": wanted })] {
            assert!(serde_json::from_value::<RecoveryQuestion>(other.clone()).is_err(), "{other}");
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_went() {
        let markers = vec!["m2".to_owned(), "m1".to_owned()];
        let all = [Loss::Deleted { markers: markers.clone() }, Loss::Overwritten, Loss::New { markers }];
        let answer = losses(all.into_iter().map(|loss| lost("k", loss)).collect());
        let text = serde_json::to_string(&answer).expect("JSON");
        assert_eq!(serde_json::from_str::<Losses>(&text).expect("an answer"), answer);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&value["lost"][0]["loss"], &value["lost"][0]["markers"][0]), (&json!("deleted"), &json!("m2")));
    }

    #[test]
    fn answers_that_go_on_are_one_answer_and_an_object_is_there_once() {
        let marker = Marker { prefix: String::new(), key: "b".to_owned() };
        let first = Losses { next: Some(marker), ..losses(vec![lost("z", Loss::Overwritten), lost("b", Loss::Overwritten)]) };
        let all = first.and(losses(vec![lost("c", Loss::Overwritten), lost("z", Loss::Overwritten)]));
        let keys: Vec<&str> = all.lost.iter().map(|lost| lost.key.as_str()).collect();
        assert_eq!((keys, all.next.is_none()), (vec!["b", "c", "z"], true));
        assert_eq!((all.seen.keys, all.seen.untouched), (4, 2));
        assert_eq!(all.count(|loss| *loss == Loss::Overwritten), (3, 9));
    }

    #[test]
    fn what_one_answer_shows_of_versioning_holds_for_all_of_them() {
        let of = |keeps| Losses { keeps, ..losses(vec![]) };
        for (first, later, both) in [
            (Keeps::Versions, Keeps::Suspended, Keeps::Suspended),
            (Keeps::Suspended, Keeps::Versions, Keeps::Suspended),
            (Keeps::Unknown, Keeps::Versions, Keeps::Unknown),
            (Keeps::Versions, Keeps::Versions, Keeps::Versions),
        ] {
            assert_eq!(of(first).and(of(later)).keeps, both, "{first:?} {later:?}");
        }
    }

    #[test]
    fn only_a_copy_can_be_too_large_or_need_an_archive() {
        let archived = |loss| Lost { storage_class: Some("DEEP_ARCHIVE".to_owned()), ..lost("k", loss) };
        let large = |loss| Lost { bytes: Lost::LARGEST_COPY + 1, ..lost("k", loss) };
        assert_eq!(archived(Loss::Overwritten).obstacle(), Some(Obstacle::Archived));
        assert_eq!(large(Loss::Overwritten).obstacle(), Some(Obstacle::TooLarge));
        let markers = vec!["m".to_owned()];
        let removed = [archived(Loss::Deleted { markers: markers.clone() }), large(Loss::New { markers })];
        for one in [&removed[..], &[lost("k", Loss::Overwritten)]].concat() {
            assert_eq!(one.obstacle(), None, "{one:?}");
        }
        assert_eq!(large(Loss::New { markers: vec![] }).obstacle(), Some(Obstacle::TooLarge), "without markers it is a copy");
    }

    #[test]
    fn what_can_be_another_object_by_then_is_never_removed() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let (named, null) = (ids(&["m2", "m1"]), ids(&["m2", "null"]));
        assert_eq!(Loss::Deleted { markers: named.clone() }.markers(), named);
        assert_eq!(Loss::New { markers: named.clone() }.markers(), named);
        for loss in [Loss::Deleted { markers: null.clone() }, Loss::New { markers: null }, Loss::Overwritten] {
            assert_eq!(loss.markers(), [""; 0], "{loss:?}");
        }
    }

    #[test]
    fn what_an_earlier_function_answers_is_read() {
        let earlier = json!({ "key": "k", "version": "v", "bytes": 3, "changed_at": "2026-11-01T00:00:00Z", "newer": 0, "loss": "new",
                              "markers": ["m"] });
        let lost: Lost = serde_json::from_value(earlier).expect("an object");
        assert_eq!((lost.written_at, lost.may_be_older, lost.loss.markers().len()), (None, false, 1));
    }
}

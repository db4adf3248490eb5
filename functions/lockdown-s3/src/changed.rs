//! Who changed the settings of a bucket since the finding's first activity, as CloudTrail shows it.
//!
//! CloudTrail shows a call some minutes after it was made (CloudTrail user guide, "Working with CloudTrail event history"), so what is
//! not shown may have happened all the same.

mod record;
mod trail;
mod who;

use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use jiff::Timestamp;
use record::{Kind, Record};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;
use trail::{Seen, Trail};

/// A bucket's lockdown does not wait longer for CloudTrail.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last change of each setting since a moment. Nothing: CloudTrail shows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// The bucket policy.
    pub(crate) policy: Option<By>,
    /// The bucket's ACL.
    pub(crate) acl: Option<By>,
    /// The lifecycle.
    pub(crate) lifecycle: Option<By>,
    /// The replication.
    pub(crate) replication: Option<By>,
    /// The versioning.
    pub(crate) versioning: Option<By>,
    /// The default encryption, and which encryption is refused.
    pub(crate) encryption: Option<By>,
    /// The public access block.
    pub(crate) block: Option<By>,
    /// What could not be read, for people: then a setting without a change here may have one.
    pub(crate) unread: Option<String>,
}

/// One change, which was not Firebreak's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct By {
    /// The principal's ARN, as far as the record names it: one inert line.
    pub(crate) who: String,
    /// When.
    pub(crate) at: Timestamp,
    /// The incident decides about whoever called.
    pub(crate) is_suspect: bool,
    /// Ids of rules that the call wrote exactly as they were before the moment. A call writes all rules of the document at once, so every
    /// other rule that is there may be the caller's.
    pub(crate) unchanged: BTreeSet<String>,
}

/// What changed in `bucket` since `since`. What could not be read is in [`Changed::unread`]: nothing here stands in the way of a lockdown.
pub(crate) async fn changed(call: &Call, bucket: &Bucket, since: Timestamp, suspects: &Suspects) -> Changed {
    let mut seen = Seen::default();
    let trail = Trail::of(call, bucket, suspects, PATIENCE);
    if timeout(PATIENCE, Box::pin(trail.read(since, &mut seen))).await.is_err() {
        seen.unread.push(format!("CloudTrail did not answer within {} seconds", PATIENCE.as_secs()));
    }
    Changed::of(seen, since)
}

impl Changed {
    fn of(Seen { mut records, unread }: Seen, since: Timestamp) -> Self {
        // Of two in one second, CloudTrail shows the later one first, and the sort leaves it there.
        records.sort_by_key(|record| std::cmp::Reverse(record.at));
        let last = |kind| By::last(&records, kind, since);
        Self {
            policy: last(Kind::Policy),
            acl: last(Kind::Acl),
            lifecycle: last(Kind::Lifecycle),
            replication: last(Kind::Replication),
            versioning: last(Kind::Versioning),
            encryption: last(Kind::Encryption),
            block: last(Kind::Block),
            unread: (!unread.is_empty()).then(|| inert(&unread.join("; "), 400)),
        }
    }

    /// For people: who changed what, and what could not be read.
    pub(crate) fn notes(&self) -> Vec<Step> {
        let named = [
            ("policy", &self.policy),
            ("acl", &self.acl),
            ("lifecycle", &self.lifecycle),
            ("replication", &self.replication),
            ("versioning", &self.versioning),
            ("encryption", &self.encryption),
            ("public-access-block", &self.block),
        ];
        let changes = named.into_iter().filter_map(|(what, by)| Some((what, by.as_ref()?)));
        let told = changes.map(|(what, by)| skipped(StepName::about(StepKind::ReadTrail, what), Fault::malformed(by.told())));
        let unread = self.unread.as_ref().map(|why| skipped(StepKind::ReadTrail, Fault::malformed(why)));
        unread.into_iter().chain(told).collect()
    }
}

impl By {
    /// The newest change of a kind since `since`, among records of which the newest comes first.
    fn last(records: &[Record], kind: Kind, since: Timestamp) -> Option<Self> {
        let of_kind = || records.iter().filter(|record| record.kind == kind);
        let last = of_kind().find(|record| record.at >= since && !record.who.is_own)?;
        let before = of_kind().find(|record| record.at < since);
        let who = last.who.text.clone();
        Some(Self { who, at: last.at, is_suspect: last.who.is_suspect, unchanged: unchanged(last, before) })
    }

    fn told(&self) -> String {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let suspect = if self.is_suspect { ", whom the incident is about" } else { "" };
        format!("last changed at {at} by {}{suspect}", self.who)
    }
}

/// The rules that both calls wrote, in the same form. Nothing where CloudTrail does not show both.
fn unchanged(last: &Record, before: Option<&Record>) -> BTreeSet<String> {
    let (Some(now), Some(then)) = (&last.rules, before.and_then(|record| record.rules.as_ref())) else {
        return BTreeSet::new();
    };
    now.iter().filter(|(id, rule)| then.get(*id) == Some(*rule)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::who::Who;
    use super::*;
    use serde_json::{Value, json};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("a time")
    }

    fn record(kind: Kind, minute: i64, who: &str) -> Record {
        let who = Who { text: who.to_owned(), is_suspect: who == "mallory", is_own: who == "firebreak" };
        Record { kind, at: at(minute), who, rules: None }
    }

    fn with_rules(minute: i64, who: &str, rules: &[(&str, Value)]) -> Record {
        let rules = rules.iter().map(|(id, rule)| ((*id).to_owned(), rule.clone())).collect();
        Record { rules: Some(rules), ..record(Kind::Lifecycle, minute, who) }
    }

    fn changed(records: Vec<Record>) -> Changed {
        Changed::of(Seen { records, unread: vec![] }, at(0))
    }

    #[test]
    fn the_newest_change_since_the_first_activity_counts_and_firebreaks_own_never_does() {
        let seen = changed(vec![
            record(Kind::Policy, 3, "firebreak"),
            record(Kind::Policy, 1, "mallory"),
            record(Kind::Policy, 2, "alice"),
            record(Kind::Acl, -1, "mallory"),
            record(Kind::Block, 0, "mallory"),
        ]);
        let policy = seen.policy.expect("a change");
        assert_eq!((policy.who.as_str(), policy.at, policy.is_suspect), ("alice", at(2), false));
        assert_eq!(seen.acl, None, "before the first activity");
        assert!(seen.block.expect("in the very second").is_suspect);
        assert_eq!(seen.unread, None);
    }

    #[test]
    fn rules_that_an_earlier_call_wrote_in_the_same_form_are_unchanged() {
        let keep = json!({ "Expiration": { "Days": 365 } });
        let seen = changed(vec![
            with_rules(2, "mallory", &[("keep", keep.clone()), ("logs", json!({ "Days": 1 })), ("wipe", json!({ "Days": 1 }))]),
            with_rules(-9, "firebreak", &[("keep", keep.clone()), ("logs", json!({ "Days": 90 }))]),
            with_rules(-20, "alice", &[("wipe", json!({ "Days": 1 }))]),
        ]);
        assert_eq!(seen.lifecycle.expect("a change").unchanged, ["keep".to_owned()].into());
        let alone = changed(vec![with_rules(2, "mallory", &[("keep", keep)])]);
        assert_eq!(alone.lifecycle.expect("a change").unchanged, BTreeSet::new(), "nobody knows what it was before");
    }

    #[test]
    fn people_read_who_changed_what_and_what_is_not_known() {
        let mut seen = changed(vec![record(Kind::Lifecycle, 1, "mallory"), record(Kind::Policy, 2, "alice")]);
        seen.unread = Some("CloudTrail did not answer".to_owned());
        let notes = seen.notes();
        let names: Vec<&str> = notes.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["read-trail", "read-trail policy", "read-trail lifecycle"]);
        let told = |at: usize| notes[at].error.as_ref().expect("words").message.clone();
        assert_eq!(told(1), "last changed at 2027-01-15T08:02:00Z by alice");
        assert_eq!(told(2), "last changed at 2027-01-15T08:01:00Z by mallory, whom the incident is about");
        assert!(changed(vec![]).notes().is_empty());
    }
}

//! Who changed the settings of a bucket since the finding's first activity, as CloudTrail shows it.
//!
//! CloudTrail shows a call some minutes after it was made (CloudTrail user guide, "Working with CloudTrail event history"), so what is
//! not shown may have happened all the same. Looks ask again.

mod record;
mod trail;
mod trust;
mod who;

pub(crate) use record::Kind;
pub(crate) use trust::Trust;

use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use jiff::Timestamp;
use record::{Record, Rule};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;
use trail::{Seen, Trail};

/// A bucket's lockdown does not wait longer for CloudTrail.
const PATIENCE: Duration = Duration::from_secs(5);

/// Settings by which a freeze decides: who wrote them must be known.
const DECIDING: [Kind; 3] = [Kind::Policy, Kind::Lifecycle, Kind::Replication];

/// Of when changes are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// From this moment on.
    pub(crate) since: Timestamp,
    /// Until this one; nothing: until now.
    pub(crate) until: Option<Timestamp>,
}

/// The last change of each setting since a moment. Nothing: CloudTrail shows none.
#[derive(Debug, Clone, Default)]
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
    /// The settings of which a change can be missing here.
    pub(crate) hidden: BTreeSet<Kind>,
    /// Whose word the bucket policy is.
    pub(crate) trust: Trust,
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
    /// A suspect made this change, or another one of the setting since the moment.
    pub(crate) by_suspect: bool,
    /// Ids of rules that do nothing since the moment which they did not do before it, whichever call wrote them. A call writes all rules of
    /// the document at once, so every other rule that is there may be the caller's.
    pub(crate) unchanged: BTreeSet<String>,
    /// Ids of rules that a call wrote since the moment, as far as records show them.
    pub(crate) written: BTreeSet<String>,
}

/// What changed in `bucket` within `window`. What could not be read is in [`Changed::unread`]: nothing here stands in the way of a lockdown.
pub(crate) async fn changed(call: &Call, bucket: &Bucket, window: Window, suspects: &Suspects) -> Changed {
    let mut seen = Seen::nothing();
    let trail = Trail::of(call, bucket, suspects, PATIENCE);
    if timeout(PATIENCE, Box::pin(trail.read(window.since, &mut seen))).await.is_err() {
        seen.unread.push(format!("CloudTrail did not answer within {} seconds", PATIENCE.as_secs()));
    }
    Changed::of(seen, window)
}

impl Changed {
    fn of(Seen { mut records, unread, hidden }: Seen, Window { since, until }: Window) -> Self {
        records.retain(|record| until.is_none_or(|until| record.at <= until));
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
            trust: Trust::of(&records, since),
            hidden,
        }
    }

    /// Whose word it is who may come in.
    pub(crate) fn trust(&self) -> Trust {
        self.trust.clone()
    }

    /// Why a change of a setting can be missing here. Nothing: none can.
    pub(crate) fn why_hidden(&self, kind: Kind) -> Option<&str> {
        self.hidden.contains(&kind).then(|| self.unread.as_deref().unwrap_or("it shows no more"))
    }

    /// Whether a change can be missing here by which a freeze decides.
    pub(crate) fn is_blind(&self) -> bool {
        DECIDING.iter().any(|kind| self.hidden.contains(kind))
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
        // Looks ask again as long as the receipt has the step without more.
        let name = || {
            if self.is_blind() {
                StepName::from(StepKind::ReadTrail)
            } else {
                StepName::about(StepKind::ReadTrail, "older calls")
            }
        };
        let unread = self.unread.as_ref().map(|why| skipped(name(), Fault::malformed(why)));
        unread.into_iter().chain(told).collect()
    }
}

impl By {
    /// The newest change of a kind since `since`, among records of which the newest comes first.
    fn last(records: &[Record], kind: Kind, since: Timestamp) -> Option<Self> {
        let of_kind = || records.iter().filter(|record| record.kind == kind);
        let writes: Vec<&Record> = of_kind().filter(|record| record.at >= since && !record.who.is_own).collect();
        let last = writes.first()?;
        let before = of_kind().find(|record| record.at < since);
        Some(Self {
            who: last.who.text.clone(),
            at: last.at,
            is_suspect: last.who.is_suspect,
            by_suspect: writes.iter().any(|write| write.who.is_suspect),
            unchanged: unchanged(&writes, before),
            written: writes.iter().filter_map(|write| write.rules.as_ref()).flat_map(|rules| rules.keys().cloned()).collect(),
        })
    }

    fn told(&self) -> String {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let suspect = match (self.is_suspect, self.by_suspect) {
            (true, _) => ", whom the incident is about",
            (false, true) => ", after somebody whom the incident is about",
            (false, false) => "",
        };
        format!("last changed at {at} by {}{suspect}", self.who)
    }
}

/// The rules that every call left as they were, as far as the call wrote them at all: which one of two calls in one second came first is
/// not known. Nothing where CloudTrail does not show what each of them wrote, and what was there before.
fn unchanged(writes: &[&Record], before: Option<&Record>) -> BTreeSet<String> {
    let shown: Option<Vec<_>> = writes.iter().map(|write| write.rules.as_ref()).collect();
    let (Some(shown), Some(then)) = (shown, before.and_then(|record| record.rules.as_ref())) else {
        return BTreeSet::new();
    };
    let stays = |(id, then): &(&String, &Rule)| {
        let mut written = shown.iter().filter_map(|rules| rules.get(*id)).peekable();
        written.peek().is_some() && written.all(|now| now.is_as(then))
    };
    then.iter().filter(stays).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::who::Who;
    use super::*;
    use serde_json::json;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("a time")
    }

    fn record(kind: Kind, minute: i64, who: &str) -> Record {
        let who = Who { text: who.to_owned(), is_suspect: who == "mallory", is_own: who == "firebreak" };
        Record { kind, at: at(minute), who, rules: None, policy: None }
    }

    /// Rules by id, days and status.
    fn with_rules(minute: i64, who: &str, rules: &[(&str, u32, &str)]) -> Record {
        let rule = |(id, days, status): &(&str, u32, &str)| {
            ((*id).to_owned(), Rule { body: json!({ "Expiration": { "Days": days } }), status: (*status).to_owned() })
        };
        Record { rules: Some(rules.iter().map(rule).collect()), ..record(Kind::Lifecycle, minute, who) }
    }

    fn changed(records: Vec<Record>) -> Changed {
        Changed::of(Seen { records, ..whole() }, Window { since: at(0), until: None })
    }

    /// CloudTrail that has shown everything.
    fn whole() -> Seen {
        Seen { hidden: BTreeSet::new(), ..Seen::nothing() }
    }

    fn unchanged(records: Vec<Record>) -> Vec<String> {
        changed(records).lifecycle.expect("a change").unchanged.into_iter().collect()
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
        assert!(policy.by_suspect, "another one came before");
        assert!(seen.block.expect("in the very second").is_suspect);
        assert_eq!(seen.unread, None);
    }

    #[test]
    fn rules_that_an_earlier_call_wrote_in_the_same_form_are_unchanged() {
        let (on, off) = ("Enabled", "Disabled");
        let wrote = || with_rules(2, "mallory", &[("keep", 365, on), ("logs", 1, on), ("wipe", 1, on), ("woken", 1, on)]);
        let before = with_rules(-9, "firebreak", &[("keep", 365, on), ("logs", 90, on), ("woken", 1, off)]);
        let old = with_rules(-20, "alice", &[("wipe", 1, on)]);
        assert_eq!(unchanged(vec![wrote(), before, old]), ["keep"]);
        assert_eq!(unchanged(vec![wrote()]), [""; 0], "nobody knows what it was before");
    }

    #[test]
    fn a_rule_is_unchanged_only_where_every_call_left_it_so() {
        let on = "Enabled";
        let before = || with_rules(-9, "alice", &[("keep", 365, on), ("logs", 90, on)]);
        let suspects = || with_rules(2, "mallory", &[("keep", 1, on), ("logs", 90, on)]);
        let later = with_rules(2, "alice", &[("keep", 365, on), ("logs", 90, on)]);
        assert_eq!(unchanged(vec![later, suspects(), before()]), ["logs"], "in one second, nobody knows the order");
        let without = with_rules(3, "alice", &[("keep", 365, on)]);
        assert_eq!(unchanged(vec![without, before()]), ["keep"], "what no call wrote is not known");
        let emptied = with_rules(1, "alice", &[]);
        let again = with_rules(3, "alice", &[("keep", 365, on)]);
        assert_eq!(unchanged(vec![again, emptied, before()]), ["keep"], "deleted, and made again as it was");
        let silent = record(Kind::Lifecycle, 5, "alice");
        assert_eq!(unchanged(vec![silent, suspects(), before()]), [""; 0], "one call does not say what it wrote");
        let written = changed(vec![suspects(), before()]).lifecycle.expect("a change").written;
        assert_eq!(written, ["keep".to_owned(), "logs".to_owned()].into());
    }

    #[test]
    fn what_came_after_the_window_is_nobodys() {
        let records = vec![with_rules(9, "alice", &[]), with_rules(2, "mallory", &[]), record(Kind::Policy, 9, "mallory")];
        let seen = Changed::of(Seen { records, ..whole() }, Window { since: at(0), until: Some(at(5)) });
        assert_eq!(seen.lifecycle.expect("a change").who, "mallory");
        assert!(seen.policy.is_none() && !seen.trust.policy_by_suspect);
    }

    #[test]
    fn people_read_who_changed_what_and_what_is_not_known() {
        let mut seen = changed(vec![record(Kind::Lifecycle, 1, "mallory"), record(Kind::Policy, 2, "alice")]);
        seen.unread = Some("CloudTrail did not answer".to_owned());
        let named = |seen: &Changed| seen.notes().first().map(|step| step.name.as_str().to_owned());
        assert_eq!(named(&seen).as_deref(), Some("read-trail older calls"), "nothing by which a freeze decides");
        seen.hidden = [Kind::Replication].into();
        let notes = seen.notes();
        let names: Vec<&str> = notes.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["read-trail", "read-trail policy", "read-trail lifecycle"]);
        let told = |at: usize| notes[at].error.as_ref().expect("words").message.clone();
        assert_eq!(told(1), "last changed at 2027-01-15T08:02:00Z by alice");
        assert_eq!(told(2), "last changed at 2027-01-15T08:01:00Z by mallory, whom the incident is about");
        assert!(changed(vec![]).notes().is_empty());
        let after = changed(vec![record(Kind::Policy, 2, "alice"), record(Kind::Policy, 1, "mallory")]).notes();
        let told = after.first().and_then(|step| step.error.clone()).expect("words").message;
        assert!(told.ends_with("by alice, after somebody whom the incident is about"), "{told}");
    }
}

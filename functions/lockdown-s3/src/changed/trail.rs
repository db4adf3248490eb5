//! Pages of `LookupEvents` about one bucket, not faster than CloudTrail answers.

use super::record::{self, Kind, Record};
use super::trust::Trust;
use super::who::Caller;
use crate::suspects::Suspects;
use aws_config::Region as AwsRegion;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::Region;
use firebreak::trail::TrailPlace;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::TurnsWanted;
use firebreak_s3::Bucket;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// Events of a page: the most there are (CloudTrail API reference, `LookupEvents`).
const PAGE: i32 = 50;
/// How far back CloudTrail remembers (the same page).
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// From one request to the next. CloudTrail answers two a second in an account and Region (the same page), and one of them is the
/// customer's.
const PACE: Duration = Duration::from_secs(1);
/// What is asked for by name where a bucket has more than a page of calls: whoever only reads a bucket could hide a change behind that.
const BY_NAME: [&str; 3] = ["PutBucketLifecycle", "PutBucketReplication", PUT_POLICY];
const PUT_POLICY: &str = "PutBucketPolicy";

/// What was read so far.
pub(super) struct Seen {
    /// Every change of a setting, in any order. Two pages can show the same one.
    pub(super) records: Vec<Record>,
    /// What is not known, one line each.
    pub(super) unread: Vec<String>,
    /// Settings of which a change can be missing here.
    pub(super) hidden: BTreeSet<Kind>,
}

impl Seen {
    /// Nothing was read yet.
    pub(super) fn nothing() -> Self {
        Self { records: vec![], unread: vec![], hidden: Kind::ALL.into() }
    }
}

/// CloudTrail's memory of one bucket.
pub(super) struct Trail<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    caller: Caller<'a>,
    client: Client,
    place: TrailPlace,
    from: Timestamp,
    until: Timestamp,
    /// No request begins later.
    latest: Timestamp,
    pace: Duration,
}

struct Page {
    records: Vec<Record>,
    /// The time of its oldest event.
    oldest: Option<Timestamp>,
    is_last: bool,
    /// Events that are no JSON, or ambiguous.
    unreadable: usize,
    /// The settings that those can be about.
    hides: BTreeSet<Kind>,
}

impl<'a> Trail<'a> {
    /// The trail of the bucket's account and Region, which is asked for `patience` at most.
    pub(super) fn of(call: &'a Call, bucket: &'a Bucket, suspects: &'a Suspects, patience: Duration) -> Self {
        let until = clock::now();
        let region = Region::parse(bucket.region.as_str()).unwrap_or_else(|_| call.target.region.clone());
        // A page that CloudTrail had no time for is asked again in its turn: the SDK would not wait for one.
        let config = call.config.to_builder().region(AwsRegion::new(region.to_string())).retry_config(RetryConfig::disabled());
        Self {
            call,
            bucket,
            caller: Caller::of(bucket, suspects),
            client: Client::new(&config.build()),
            place: (call.target.account.clone(), region),
            from: until.checked_sub(HISTORY).unwrap_or(until),
            until,
            latest: until.checked_add(signed(patience)).unwrap_or(until),
            // An AWS whose reads are never behind is a test's, which has no time.
            pace: PACE.min(call.settle),
        }
    }

    /// Reads what was called since `since`. One request, unless the bucket has more than a page of calls: then one more for each name, or
    /// for the policy alone where a suspect wrote it and the page does not show how it was before.
    pub(super) async fn read(&self, since: Timestamp, seen: &mut Seen) {
        if since < self.from {
            seen.unread.push(format!("what was before {}: CloudTrail's event history has 90 days", told(self.from)));
        }
        let first = match Box::pin(self.first()).await {
            Ok(first) => first,
            Err(fault) => {
                seen.unread.push(format!("the calls about the bucket: {}", fault.told()));
                return;
            }
        };
        let (is_whole, is_last, oldest) = (first.reaches(since), first.is_last, first.oldest);
        if is_whole {
            seen.hidden.clear();
        }
        first.keep(seen);
        if is_whole {
            if !is_last {
                Box::pin(self.before(since, seen)).await;
            }
            return;
        }
        let before = oldest.map_or_else(|| "the newest 50 calls".to_owned(), told);
        seen.unread.push(format!("of what was before {before}, only {} were looked for", BY_NAME.join(", ")));
        for name in BY_NAME {
            match Box::pin(self.in_turn(name)).await {
                Ok(page) => {
                    if page.reaches(since) {
                        seen.hidden.retain(|kind| Kind::of(name) != Some(*kind));
                    } else {
                        let before = page.oldest.map_or_else(String::new, |oldest| format!(" before {}", told(oldest)));
                        seen.unread.push(format!("{name}{before}: there are more than {PAGE}"));
                    }
                    page.keep(seen);
                }
                Err(fault) => seen.unread.push(format!("{name}: {}", fault.told())),
            }
        }
    }

    /// Looks for the policy of before a suspect wrote it. Reads fill the newest page of many buckets within hours.
    async fn before(&self, since: Timestamp, seen: &mut Seen) {
        let trust = Trust::of(&seen.records, since);
        if !trust.policy_by_suspect || trust.before.is_some() {
            return;
        }
        match Box::pin(self.in_turn(PUT_POLICY)).await {
            Ok(page) => seen.records.extend(page.records),
            Err(fault) => seen.unread.push(format!("{PUT_POLICY} of before: {}", fault.told())),
        }
    }

    /// The newest calls about the bucket. A policy waits for them, so they are asked for beside their turn: a request that came too early
    /// is made again when it is due.
    async fn first(&self) -> Result<Page, Fault> {
        let ask = || self.page(LookupAttributeKey::ResourceName, &self.bucket.name);
        let (turn, page) = futures::join!(self.turn(), Box::pin(ask()));
        match page {
            Err(fault) if fault.kind == FaultKind::Transient => {
                sleep(turn.ok_or(fault)?.max(self.pace)).await;
                Box::pin(ask()).await
            }
            page => page,
        }
    }

    /// The newest calls of one name in the account and Region.
    async fn in_turn(&self, name: &str) -> Result<Page, Fault> {
        let busy = || Fault::new(FaultKind::Transient, "CloudTrail was asked too much there, and had no time");
        sleep(self.turn().await.ok_or_else(busy)?).await;
        self.page(LookupAttributeKey::EventName, name).await
    }

    /// How long to wait until the next request may be sent. Nothing: others have the trail until later.
    async fn turn(&self) -> Option<Duration> {
        let at = clock::now();
        let wanted = TurnsWanted { count: 1, pace: signed(self.pace), at, latest: self.latest };
        match self.call.ledger.take_turns(&self.place, wanted).await {
            Ok(first) => Some(Duration::try_from(first?.duration_since(at)).unwrap_or_default()),
            Err(fault) => {
                tracing::error!(fault.message = %fault.message, "the ledger gave no turn at CloudTrail");
                Some(self.pace)
            }
        }
    }

    async fn page(&self, key: LookupAttributeKey, value: &str) -> Result<Page, Fault> {
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value).build();
        let answer = self
            .client
            .lookup_events()
            .lookup_attributes(attribute.map_err(|_| Fault::bug("a lookup attribute without key or value"))?)
            .start_time(DateTime::from_secs(self.from.as_second()))
            .end_time(DateTime::from_secs(self.until.as_second()))
            .max_results(PAGE)
            .send()
            .await
            .or_fault("cloudtrail:LookupEvents")?;
        let is_last = answer.next_token.is_none();
        let mut page = Page { records: vec![], oldest: None, is_last, unreadable: 0, hides: BTreeSet::new() };
        for event in answer.events.unwrap_or_default() {
            let Some(text) = event.cloud_trail_event else { continue };
            match record::read(&text, &self.bucket.name, &self.caller) {
                Ok(record::Read { at, record }) => {
                    page.oldest = page.oldest.into_iter().chain(at).min();
                    page.records.extend(record);
                }
                Err(_) => {
                    page.unreadable += 1;
                    let of_name = |name: String| -> Vec<Kind> { Kind::of(&name).into_iter().collect() };
                    page.hides.extend(event.event_name.map_or_else(|| Kind::ALL.to_vec(), of_name));
                }
            }
        }
        Ok(page)
    }
}

impl Page {
    /// Whether nothing since `since` is left behind it.
    fn reaches(&self, since: Timestamp) -> bool {
        self.is_last || self.oldest.is_some_and(|oldest| oldest < since)
    }

    fn keep(self, seen: &mut Seen) {
        seen.records.extend(self.records);
        seen.hidden.extend(self.hides);
        if self.unreadable > 0 {
            seen.unread.push(format!("{} records that are no JSON or ambiguous", self.unreadable));
        }
    }
}

fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or_default()
}

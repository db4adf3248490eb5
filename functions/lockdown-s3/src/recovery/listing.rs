//! Goes through the versions of a bucket, key by key, as far as one invocation has time and room.

use super::judge::{Judged, judge, shows_a_gap};
use super::page::{Entry, Start, read};
use firebreak::fault::Fault;
use firebreak::recovery::{ByHand, Keeps, Losses, Marker, Why};
use firebreak_s3::Bucket;
use futures::stream::{StreamExt as _, iter};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Pages of 1,000 versions.
const MOST_PAGES: usize = 20;
/// No page is begun later. The function has 60 seconds.
const TIME: Duration = Duration::from_secs(30);
/// In bytes of JSON: Lambda's answers have 6 MB at most (Lambda developer guide, "Lambda quotas").
const ROOM: usize = 4_000_000;
/// How long objects are looked at by name, and how many of them at once.
const BY_NAME: (Duration, usize) = (Duration::from_secs(10), 5);

/// A way through a bucket.
pub(super) struct Walk<'a> {
    bucket: &'a Bucket,
    since: Timestamp,
    losses: Losses,
    pages: usize,
    until: Instant,
    room: usize,
}

impl<'a> Walk<'a> {
    /// Begins with what is known. Its time began with the invocation.
    pub(super) fn begin(bucket: &'a Bucket, since: Timestamp, losses: Losses, began: Instant) -> Self {
        Self { bucket, since, losses, pages: MOST_PAGES, until: began + TIME, room: ROOM }
    }

    /// What it found.
    pub(super) fn end(self) -> Losses {
        self.losses.each_once()
    }

    /// Looks at these objects by name. What is late is left to the listing of the bucket, which also counts them.
    ///
    /// # Errors
    /// The bucket could not be listed.
    pub(super) async fn keys(&mut self, keys: &[String]) -> Result<(), Fault> {
        let (bucket, (patience, at_once)) = (self.bucket, BY_NAME);
        let looks = iter(keys).map(async |key| (key, Box::pin(one(bucket, key)).await));
        let Ok(looked) = timeout(patience, looks.buffered(at_once).collect::<Vec<_>>()).await else {
            tracing::warn!("what the findings name was not looked at by name: S3 is slow");
            return Ok(());
        };
        for (key, found) in looked {
            let judged = match found? {
                ByName::Whole(entries) => self.judged(key, &entries),
                ByName::Partly => Judged::Untouched,
                ByName::Nothing => Judged::ByHand(Why::NothingLeft),
            };
            self.keep(key, judged);
        }
        Ok(())
    }

    /// Lists the keys that begin with these, in order, from where an earlier answer ended.
    ///
    /// # Errors
    /// `Malformed` when no earlier answer can have ended there; the bucket could not be listed.
    pub(super) async fn prefixes(&mut self, prefixes: &[String], after: Option<&Marker>) -> Result<(), Fault> {
        let place = after.map_or(Some(0), |marker| prefixes.iter().position(|prefix| *prefix == marker.prefix));
        let place =
            place.ok_or_else(|| Fault::malformed("no answer to this question ended there: ask with the same prefixes"))?;
        let mut key = after.map(|marker| marker.key.clone()).filter(|key| !key.is_empty());
        for prefix in prefixes.iter().skip(place) {
            if let Some(key) = self.prefix(prefix, key.take()).await? {
                self.losses.next = Some(Marker { prefix: prefix.clone(), key });
                break;
            }
        }
        Ok(())
    }

    /// Lists the keys that begin with `prefix` and come after a key. Nothing: all of them. Else the last one that it looked at.
    async fn prefix(&mut self, prefix: &str, after: Option<String>) -> Result<Option<String>, Fault> {
        let first = after.clone().unwrap_or_default();
        let mut last = first.clone();
        let mut start = Start { key: after, version: None };
        let mut open: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        while self.pages > 0 && Instant::now() < self.until {
            self.pages -= 1;
            let page = Box::pin(read(self.bucket, prefix, start)).await?;
            for (key, entries) in page.keys {
                open.entry(key).or_default().extend(entries);
            }
            // The next page can have more versions of the last key.
            let unfinished = if page.next.is_some() { open.pop_last() } else { None };
            while let Some((key, entries)) = open.pop_first() {
                let judged = self.judged(&key, &entries);
                self.count(&key, judged);
                last = key;
                if self.room == 0 {
                    return Ok(Some(last));
                }
            }
            let Some(next) = page.next else { return Ok(None) };
            open.extend(unfinished);
            start = next;
        }
        // A key that takes all of one answer would take all of the next one.
        if last == first
            && let Some((key, entries)) = open.pop_first()
        {
            self.notice(&entries);
            self.count(&key, Judged::ByHand(Why::TooManyVersions));
            last = key;
        }
        Ok(Some(last))
    }

    fn judged(&mut self, key: &str, entries: &[Entry]) -> Judged {
        self.notice(entries);
        judge(key, entries, self.since)
    }

    /// A freeze says how versioning was when it began, which is later than the incident, and a look switches it on again.
    fn notice(&mut self, entries: &[Entry]) {
        if self.losses.keeps == Keeps::Versions && shows_a_gap(entries, self.since) {
            self.losses.keeps = Keeps::Suspended;
        }
    }

    fn count(&mut self, key: &str, judged: Judged) {
        let seen = &mut self.losses.seen;
        seen.keys += 1;
        match judged {
            Judged::Untouched => seen.untouched += 1,
            Judged::Made => seen.made += 1,
            Judged::Same => seen.same += 1,
            Judged::Lost(_) | Judged::ByHand(_) => {}
        }
        self.keep(key, judged);
    }

    fn keep(&mut self, key: &str, judged: Judged) {
        let room = match judged {
            Judged::Untouched | Judged::Made | Judged::Same => 0,
            Judged::Lost(lost) => {
                let room = serde_json::to_string(&lost).map_or(0, |text| text.len());
                self.losses.lost.push(*lost);
                room
            }
            Judged::ByHand(why) => {
                let by_hand = ByHand { key: key.to_owned(), why };
                let room = serde_json::to_string(&by_hand).map_or(0, |text| text.len());
                self.losses.by_hand.push(by_hand);
                room
            }
        };
        self.room = self.room.saturating_sub(room + 1);
    }
}

/// What a look at one object by its name found.
enum ByName {
    /// All of its versions and delete markers.
    Whole(Vec<Entry>),
    /// More than a page has: it is left to the listing of the bucket.
    Partly,
    /// No version and no marker.
    Nothing,
}

/// Looks at one object by its name. A key that begins with another one comes after it.
async fn one(bucket: &Bucket, key: &str) -> Result<ByName, Fault> {
    let mut page = read(bucket, key, Start::default()).await?;
    let is_whole = page.next.is_none() || page.keys.len() > 1;
    Ok(match page.keys.remove(key) {
        Some(entries) if is_whole => ByName::Whole(entries),
        Some(_) => ByName::Partly,
        None => ByName::Nothing,
    })
}

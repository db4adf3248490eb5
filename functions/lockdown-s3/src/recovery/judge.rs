//! What happened to one object since the incident began, by its versions.

use super::page::{Entry, Object};
use firebreak::recovery::{Loss, Lost, NULL, Why};
use jiff::Timestamp;

/// More delete markers than that are left where they are: a copy on top of them is one command.
const MOST_MARKERS: usize = 10;

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Nothing.
    Untouched,
    /// It was first written since, and is there.
    Made,
    /// It was written since with the content that it had.
    Same,
    /// It is not what it was, and what it was is there.
    Lost(Box<Lost>),
    /// Only a person can say.
    ByHand(Why),
}

/// Judges the object of `key` by all of its versions and delete markers.
pub(super) fn judge(key: &str, entries: &[Entry], since: Timestamp) -> Judged {
    let latest = entries.iter().find(|entry| entry.is_latest);
    let Some(now) = latest.or_else(|| entries.iter().max_by_key(|entry| entry.at)) else { return Judged::Untouched };
    if now.at < since {
        return Judged::Untouched;
    }
    let newer = entries.iter().filter(|entry| entry.at >= since && entry.object.is_some()).count();
    let lost = |(version, object): (&Entry, &Object), loss: Loss| {
        Judged::Lost(Box::new(Lost {
            key: key.to_owned(),
            version: version.id.clone(),
            bytes: object.bytes,
            storage_class: object.storage_class.clone(),
            written_at: Some(version.at),
            may_be_older: may_be_older(version, entries, since),
            changed_at: now.at,
            newer,
            loss,
        }))
    };
    match (before(entries, since), &now.object) {
        (Before::Version(_, object), Some(own)) if is_same(object, own) => Judged::Same,
        (Before::Version(version, object), None) if newer == 0 => {
            let removed = removable(entries, since).map(|markers| Loss::Deleted { markers });
            lost((version, object), removed.unwrap_or(Loss::Overwritten))
        }
        (Before::Version(version, object), _) => lost((version, object), Loss::Overwritten),
        (Before::Deleted | Before::Nothing, Some(_)) => Judged::Made,
        // Whoever deleted it again took nothing away.
        (Before::Deleted, None) if newer == 0 => Judged::Untouched,
        (Before::Deleted | Before::Nothing, None) => match newest(entries, |_| true) {
            Some((version, object)) if newer > 0 => {
                lost((version, object), Loss::New { markers: removable(entries, version.at).unwrap_or_default() })
            }
            _ => Judged::ByHand(Why::NothingLeft),
        },
    }
}

/// Whether versioning was off for a time since then, whatever it was before and is now: something was written without an id of its own. S3
/// kept nothing of what had been there with that id, so a key that seems to have been made since can have been overwritten.
pub(super) fn shows_a_gap(entries: &[Entry], since: Timestamp) -> bool {
    entries.iter().any(|entry| entry.id == NULL && entry.at >= since)
}

/// What an object was when the incident began.
enum Before<'a> {
    /// This version.
    Version(&'a Entry, &'a Object),
    /// It had been deleted.
    Deleted,
    /// There is no version from before.
    Nothing,
}

fn before(entries: &[Entry], since: Timestamp) -> Before<'_> {
    let marker = entries.iter().filter(|entry| entry.object.is_none() && entry.at < since).map(|entry| entry.at).max();
    match newest(entries, |entry| entry.at < since) {
        // Of one second, S3 does not say which came first: the version counts.
        Some((version, object)) if marker.is_none_or(|marker| marker <= version.at) => Before::Version(version, object),
        None if marker.is_none() => Before::Nothing,
        _ => Before::Deleted,
    }
}

/// The newest version among those that are meant. S3 lists the newest first, also of one second.
fn newest(entries: &[Entry], is_meant: impl Fn(&Entry) -> bool) -> Option<(&Entry, &Object)> {
    let meant = entries.iter().filter(|entry| is_meant(entry)).filter_map(|entry| Some((entry, entry.object.as_ref()?)));
    meant.rev().max_by_key(|(entry, _)| entry.at)
}

/// The delete markers that were made from `since` on, the newest first. Nothing: they are too many, or one of them has no id of its own. By
/// the time somebody removes that one, it can be an object.
fn removable(entries: &[Entry], since: Timestamp) -> Option<Vec<String>> {
    let mut made: Vec<&Entry> = entries.iter().filter(|entry| entry.object.is_none() && entry.at >= since).collect();
    made.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    let is_safe = made.len() <= MOST_MARKERS && made.iter().all(|entry| entry.id != NULL);
    is_safe.then(|| made.into_iter().map(|entry| entry.id.clone()).collect())
}

/// Whether the object can have been another one than `version`: what was written without versioning since took the place of whatever had
/// the same id, also of an object that was newer than `version`.
fn may_be_older(version: &Entry, entries: &[Entry], since: Timestamp) -> bool {
    version.id != NULL && entries.iter().any(|entry| entry.id == NULL && entry.at >= since && entry.at >= version.at)
}

fn is_same(one: &Object, other: &Object) -> bool {
    one.etag.is_some() && one.etag == other.etag && one.bytes == other.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: i64 = 1000;

    fn entry(id: &str, at: i64, object: Option<Object>) -> Entry {
        let at = Timestamp::from_second(at).expect("a time");
        Entry { id: id.to_owned(), at, is_latest: false, object }
    }

    fn version(id: &str, at: i64) -> Entry {
        entry(id, at, Some(Object { bytes: 3, storage_class: None, etag: Some(format!("etag of {id}")) }))
    }

    fn marker(id: &str, at: i64) -> Entry {
        entry(id, at, None)
    }

    /// Judges a key whose present entry is the first one.
    fn judged(mut entries: Vec<Entry>) -> Judged {
        if let Some(first) = entries.first_mut() {
            first.is_latest = true;
        }
        // S3 gives versions and markers apart.
        let (versions, markers): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.object.is_some());
        let since = Timestamp::from_second(SINCE).expect("a time");
        judge("k", &[versions, markers].concat(), since)
    }

    fn lost(judged: Judged) -> (String, usize, Loss) {
        match judged {
            Judged::Lost(lost) => (lost.version, lost.newer, lost.loss),
            other => panic!("{other:?}"),
        }
    }

    fn named(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_was_deleted_comes_back_when_its_markers_go() {
        let markers = named(&["m2", "m1"]);
        let entries = vec![marker("m2", 1001), marker("m1", 1000), version("v1", 999), version("v0", 1)];
        assert_eq!(lost(judged(entries)), ("v1".to_owned(), 0, Loss::Deleted { markers }));
    }

    #[test]
    fn what_was_overwritten_has_a_version_from_before_whatever_came_later() {
        let overwritten = [
            vec![version("v2", 1001), version("v1", 999)],
            vec![version("v3", 1002), version("v2", 1001), version("v1", 999), version("v0", 1)],
            vec![marker("m", 1002), version("v2", 1001), version("v1", 999)],
            vec![version("v2", 1002), marker("m", 1001), version("v1", 999)],
        ];
        for (entries, newer) in overwritten.into_iter().zip([1, 2, 1, 1]) {
            assert_eq!(lost(judged(entries)), ("v1".to_owned(), newer, Loss::Overwritten));
        }
    }

    #[test]
    fn many_markers_are_left_where_they_are() {
        let mut entries: Vec<Entry> = (0..11).rev().map(|n| marker(&format!("m{n}"), 1002 + n)).collect();
        entries.push(version("v1", 999));
        assert_eq!(lost(judged(entries.clone())), ("v1".to_owned(), 0, Loss::Overwritten));
        let fewer = judged(entries.split_off(1));
        assert!(matches!(lost(fewer).2, Loss::Deleted { markers } if markers.len() == MOST_MARKERS));
        let mut made: Vec<Entry> = (0..11).rev().map(|n| marker(&format!("m{n}"), 1002 + n)).collect();
        made.push(version("v1", 1001));
        assert_eq!(lost(judged(made)), ("v1".to_owned(), 1, Loss::New { markers: vec![] }), "it is not from before");
    }

    #[test]
    fn a_marker_without_an_id_of_its_own_is_left_where_it_is() {
        let suspended =
            [vec![marker("null", 1001), version("v1", 999)], vec![marker("m", 1002), marker("null", 1001), version("v1", 999)]];
        for entries in suspended {
            let Judged::Lost(lost) = judged(entries.clone()) else { panic!("{entries:?}") };
            assert_eq!((lost.version.as_str(), &lost.loss, lost.may_be_older), ("v1", &Loss::Overwritten, true), "{entries:?}");
        }
        let Judged::Lost(made) = judged(vec![marker("null", 1002), version("v1", 1001)]) else { panic!("it was deleted") };
        assert_eq!((made.loss, made.may_be_older), (Loss::New { markers: vec![] }, true));
    }

    #[test]
    fn a_version_is_said_to_be_older_perhaps_where_s3_kept_nothing_of_what_was_replaced() {
        let is_older = |entries: Vec<Entry>| match judged(entries) {
            Judged::Lost(lost) => (lost.may_be_older, lost.written_at.map(Timestamp::as_second)),
            other => panic!("{other:?}"),
        };
        // The version `null` of last week is gone: what is left is of years ago.
        assert_eq!(is_older(vec![version("null", 1001), version("v1", 1)]), (true, Some(1)));
        assert_eq!(is_older(vec![marker("m", 1002), version("null", 1001), version("v1", 1)]), (true, Some(1)));
        // It is still there.
        assert_eq!(is_older(vec![version("v2", 1001), version("null", 999), version("v1", 1)]), (false, Some(999)));
        assert_eq!(is_older(vec![version("v2", 1001), version("v1", 999)]), (false, Some(999)));
        assert_eq!(is_older(vec![marker("m", 1002), version("null", 1001)]), (false, Some(1001)), "nothing was in its place");
    }

    #[test]
    fn what_was_made_and_deleted_since_is_lost_too_but_not_from_before() {
        let entries = vec![marker("m", 1003), version("v2", 1002), version("v1", 1001)];
        assert_eq!(lost(judged(entries)), ("v2".to_owned(), 2, Loss::New { markers: named(&["m"]) }));
        // It had been deleted before, too.
        let entries = vec![marker("m2", 1003), version("v2", 1002), marker("m1", 999), version("v1", 998)];
        assert_eq!(lost(judged(entries)), ("v2".to_owned(), 1, Loss::New { markers: named(&["m2"]) }));
    }

    #[test]
    fn what_nobody_touched_or_somebody_made_or_wrote_again_is_no_loss() {
        assert_eq!(judged(vec![version("v1", 999), version("v0", 1)]), Judged::Untouched);
        assert_eq!(judged(vec![marker("m", 999), version("v1", 998)]), Judged::Untouched);
        assert_eq!(judged(vec![marker("m2", 1001), marker("m1", 999), version("v1", 998)]), Judged::Untouched);
        assert_eq!(judged(vec![version("v1", 1000)]), Judged::Made);
        assert_eq!(judged(vec![version("v2", 1000), marker("m", 999), version("v1", 998)]), Judged::Made);
        let again = Entry { object: version("v1", 0).object, ..version("v2", 1001) };
        assert_eq!(judged(vec![again, version("v1", 999)]), Judged::Same);
        assert_eq!(judged(vec![]), Judged::Untouched);
    }

    #[test]
    fn only_what_was_written_without_an_id_since_then_shows_that_versioning_was_off() {
        let shows = |entries: &[Entry]| shows_a_gap(entries, Timestamp::from_second(SINCE).expect("a time"));
        assert!(shows(&[version("null", 1000)]) && shows(&[version("v1", 1002), marker("null", 1001)]));
        assert!(!shows(&[version("v1", 1001), version("null", 999)]) && !shows(&[]));
    }

    #[test]
    fn where_nothing_is_left_a_person_must_look_elsewhere() {
        assert_eq!(judged(vec![marker("null", 1001)]), Judged::ByHand(Why::NothingLeft));
    }
}

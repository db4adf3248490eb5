//! What was lost, for whoever reads the plan.

use super::plan::{Plan, Way};
use super::quoting::{ascii, quoted};
use crate::paint;
use firebreak::recovery::{Keeps, Losses, Obstacle, Why};
use firebreak::text::inert;
use std::fmt::Write as _;
use std::path::Path;

/// Where else lost objects can be.
const ELSEWHERE: &str = "look for copies elsewhere: replicas in other buckets, recovery points of AWS Backup, exports and \
                         snapshots of what wrote the objects";

/// What no listing shows: "preserves" the last modified date and the `ETag` (Amazon S3 API reference, `UpdateObjectEncryption`).
const NOT_SEEN: &str = "A listing does not show what somebody encrypted again in place with another KMS key: CloudTrail's data events do \
                        (UpdateObjectEncryption)";

/// On a screen.
pub(super) fn shown(plan: &Plan) -> String {
    let mut out = String::new();
    for line in plan.buckets.iter().flat_map(lines).chain(unread(plan)) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// What to do with the file of a script.
pub(super) fn next(plan: &Plan, file: &Path) -> String {
    let file = file.display().to_string();
    let mut out = format!("written to {}: nothing was run\n", inert(&file, 300));
    for way in [Way::Deleted, Way::Overwritten, Way::New] {
        if plan.buckets.iter().any(|losses| losses.lost.iter().any(|lost| Way::of(&lost.loss) == way)) {
            let _ = writeln!(out, "  bash {} {}", quoted(&file), way.name());
        }
    }
    out
}

/// What one bucket lost, line by line. No line has a line break or anything that a terminal acts on.
pub(super) fn lines(losses: &Losses) -> Vec<String> {
    let Losses { account, since, seen, .. } = losses;
    let (bucket, region) = (inert(&losses.bucket, 80), inert(&losses.region, 30));
    let mut lines = vec![format!("bucket {bucket} of account {account}, {region}: since {}", paint::time(*since))];
    let mut say = |line: String| lines.push(format!("  {line}"));
    if let Some(words) = keeps(losses.keeps) {
        say(words);
    }
    if losses.keeps == Keeps::Nothing {
        return lines;
    }
    let count = |way: Way| {
        let (count, bytes) = losses.count(|loss| Way::of(loss) == way);
        format!("{count} ({bytes} bytes)")
    };
    let (deleted, overwritten, new) = (count(Way::Deleted), count(Way::Overwritten), count(Way::New));
    say(format!("deleted: {deleted}; overwritten: {overwritten}; first written since then, and deleted: {new}"));
    let older = losses.lost.iter().filter(|lost| lost.may_be_older).count();
    if older > 0 {
        say(format!("{older} of them come back perhaps OLDER than they were: S3 kept nothing of what was replaced"));
    }
    let by_hand = by_hand(losses);
    if !by_hand.is_empty() {
        say(format!("by hand: {}", by_hand.join("; ")));
    }
    let (keys, untouched, made, same) = (seen.keys, seen.untouched, seen.made, seen.same);
    // Without versions, S3 shows an overwrite as it shows a new object.
    let made_how = if losses.keeps == Keeps::Versions { "made since then" } else { "made or overwritten since then" };
    say(format!(
        "{keys} keys listed: {untouched} untouched, {made} {made_how}, {same} written again with the same content. {NOT_SEEN}"
    ));
    if !losses.prefixes.is_empty() {
        say(format!("only keys that begin with one of {}: no other was looked at", inert(&ascii(&losses.prefixes), 300)));
    }
    if let Some(next) = &losses.next {
        let go_on = format!("the same command with --bucket {} --after {}", quoted(&bucket), quoted(&ascii(next)));
        say(format!("NOT listed to the end. Go on: {go_on}"));
    }
    lines
}

/// Buckets that could not be listed.
pub(super) fn unread(plan: &Plan) -> impl Iterator<Item = String> {
    plan.unread.iter().map(|unread| format!("bucket {}: NOT listed: {}", inert(&unread.bucket, 80), inert(&unread.why, 400)))
}

/// What a person must know of the bucket's versions.
fn keeps(keeps: Keeps) -> Option<String> {
    Some(match keeps {
        Keeps::Versions => return None,
        Keeps::Suspended => {
            format!("versioning is or was off: what was overwritten meanwhile has no earlier version; {ELSEWHERE}")
        }
        Keeps::SinceTheIncident => {
            format!("versions are kept only since Firebreak froze it: what was lost before is gone from it; {ELSEWHERE}")
        }
        Keeps::Nothing => format!("it keeps no versions: nothing can be brought back from it; {ELSEWHERE}"),
        Keeps::Unknown => {
            format!("whether it kept all versions since then is not known: what is missing here can be gone; {ELSEWHERE}")
        }
    })
}

/// What the script has no command for, by reason.
fn by_hand(losses: &Losses) -> Vec<String> {
    let judged = |why: Why| losses.by_hand.iter().filter(|one| one.why == why).count();
    let hindered = |what: Obstacle| losses.lost.iter().filter(|lost| lost.obstacle() == Some(what)).count();
    let all = [
        (judged(Why::NothingLeft), reason(Why::NothingLeft)),
        (judged(Why::TooManyVersions), reason(Why::TooManyVersions)),
        (hindered(Obstacle::Archived), obstacle(Obstacle::Archived)),
        (hindered(Obstacle::TooLarge), obstacle(Obstacle::TooLarge)),
    ];
    all.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect()
}

/// Why only a person can judge an object.
pub(super) fn reason(why: Why) -> &'static str {
    match why {
        Why::NothingLeft => "with no version left",
        Why::TooManyVersions => "with more versions than were looked at",
    }
}

/// Why one command does not bring a version back.
pub(super) fn obstacle(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Archived => "archived: `aws s3api restore-object` first",
        Obstacle::TooLarge => "larger than 5 GB: copied in parts, `aws s3api upload-part-copy`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::room;
    use serde_json::{Value, json};

    fn losses(change: &Value) -> Losses {
        let mut losses = json!({ "bucket": "acme", "account": room::ACCOUNT, "region": room::REGION, "since": "2026-11-01T00:00:00Z",
            "keeps": "versions", "lost": [], "by_hand": [], "seen": { "keys": 9, "untouched": 7, "made": 1, "same": 1 } });
        for (name, value) in change.as_object().into_iter().flatten() {
            losses[name] = value.clone();
        }
        serde_json::from_value(losses).expect("an answer")
    }

    fn lost(change: &Value) -> Value {
        let mut lost = json!({ "key": "k", "version": "v", "bytes": 70, "changed_at": "2026-11-01T00:00:00Z", "newer": 1, "loss": "overwritten" });
        for (name, value) in change.as_object().into_iter().flatten() {
            lost[name] = value.clone();
        }
        lost
    }

    fn plan(losses: Losses) -> Plan {
        Plan { incident: room::incident("one"), buckets: vec![losses], unread: vec![] }
    }

    #[test]
    fn what_was_lost_is_counted_and_what_has_no_command_is_said() {
        let all = [
            lost(&json!({})),
            lost(&json!({ "storage_class": "GLACIER" })),
            lost(&json!({ "loss": "deleted", "markers": ["m"] })),
        ];
        let losses = losses(&json!({ "lost": all, "by_hand": [{ "key": "x", "why": "nothing-left" }] }));
        let text = shown(&plan(losses));
        for words in [
            "deleted: 1 (70 bytes); overwritten: 2 (140 bytes)",
            "1 with no version left; 1 archived",
            "9 keys listed: 7 untouched",
            "encrypted again in place with another KMS key",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn only_a_plan_that_has_everything_is_whole() {
        assert_eq!(plan(losses(&json!({ "lost": [lost(&json!({}))] }))).lacks(), None);
        for (change, words) in [
            (json!({ "keeps": "nothing" }), "1 bucket that did not keep all versions"),
            (json!({ "keeps": "since-the-incident" }), "1 bucket that did not keep all versions"),
            (json!({ "keeps": "suspended" }), "1 bucket that did not keep all versions"),
            (json!({ "keeps": "unknown" }), "1 bucket of which it is not known whether it kept all versions"),
            (json!({ "lost": [lost(&json!({ "may_be_older": true }))] }), "1 object of which a newer version can be gone"),
            (json!({ "next": { "prefix": "", "key": "k" } }), "1 bucket not listed to the end"),
            (json!({ "by_hand": [{ "key": "x", "why": "too-many-versions" }] }), "1 object by hand"),
            (json!({ "lost": [lost(&json!({ "storage_class": "DEEP_ARCHIVE" }))] }), "1 object by hand"),
        ] {
            assert_eq!(plan(losses(&change)).lacks().as_deref(), Some(words), "{change}");
        }
    }

    #[test]
    fn a_key_of_an_attacker_is_inert_and_one_line_and_the_place_to_go_on_can_be_pasted() {
        let key = "it's\u{1b}[2J\n$(x)\u{202e}";
        let losses = losses(&json!({ "prefixes": [key], "next": { "prefix": key, "key": key } }));
        let text = shown(&plan(losses));
        assert!(text.lines().count() == 5 && text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text}");
        let pasted = text.rsplit_once("--after '").and_then(|(_, rest)| rest.split_once('\'')).expect("a marker").0;
        let marker: firebreak::recovery::Marker = serde_json::from_str(pasted).expect("JSON");
        assert_eq!((marker.key.as_str(), marker.prefix.as_str()), (key, key));
    }
}

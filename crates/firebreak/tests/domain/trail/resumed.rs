//! Looks that go on where the one before ended.

use super::looks::{contained, decisions, noise};
use super::*;
use firebreak::trail::{LATER, Looked, Start, Way, Window};
use jiff::{SignedDuration, Timestamp};

const OURS: &str = "ASIAOURSOURSOEXAMPLE";
const SECOND: &str = "AKIASECONDSECEXAMPLE";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn begin() -> Timestamp {
    time("2026-11-19T03:00:00Z")
}

fn happens(at: &str, mut record: Value) -> Value {
    record["event"]["eventTime"] = json!(at);
    record
}

/// `LookupEvents`, about the part of the time that is asked for.
fn answer_within(trail: &[Value], lookup: &Lookup) -> (Vec<String>, Option<String>) {
    let window = lookup.window.expect("a part of the time");
    let is_in = |entry: &&Value| {
        let at = time(entry["event"]["eventTime"].as_str().expect("a text"));
        (window.from..=window.until).contains(&at)
    };
    let part: Vec<Value> = trail.iter().filter(is_in).cloned().collect();
    answer(&part, lookup)
}

/// A look at a time, of so many pages, that goes on from what the one before left in the ledger.
fn look_at(trail: &[Value], start: Start<'_>, until: Timestamp, pages: usize, looked: &Looked) -> (Found, Vec<Lookup>) {
    let policy = generous();
    let looked = serde_json::from_str(&serde_json::to_string(looked).expect("JSON")).expect("what was written");
    let mut search = Search::begin(Start { window: Some(Window { from: begin(), until }), looked, ..start }, &policy);
    let mut asked = Vec::new();
    while asked.len() < pages {
        let Some(lookup) = search.next_page() else { break };
        asked.push(lookup.clone());
        let (events, token) = answer_within(trail, &lookup);
        search.page(lookup, &events, token);
    }
    search.postpone(|_| true);
    (search.finish(), asked)
}

#[test]
fn a_thousand_refused_calls_of_the_same_name_hide_nothing_for_long() {
    let mut refused = creates_user("mallory");
    refused["event"]["errorCode"] = json!("AccessDenied");
    let trail = [noise(&refused), vec![creates_user("mallory")]].concat();
    let suspects = [alice()];
    let first = time("2026-11-20T03:17:00Z");
    let (found, _) = look_at(&trail, contained(&suspects, Way::FirstPages), first, 100, &Looked::default());
    assert!(found.traced.is_empty() && found.missing.is_empty(), "{found:#?}");
    let line = format!("everybody's CreateUser in us-east-1 of account {HOME}, earlier calls: {LATER}");
    assert!(found.later.contains(&line), "{:?}", found.later);
    let (mut looked, mut is_found) = (found.looked, false);
    for hours in 1..12 {
        let until = first + SignedDuration::from_hours(hours);
        let (found, asked) = look_at(&trail, contained(&suspects, Way::Everything), until, 30, &looked);
        is_found |= shown(&decisions(&found, &generous()).decisions, Mode::Auto) == ["quarantine-iam IAM user mallory"];
        if hours == 11 {
            let new = until - SignedDuration::from_hours(1) - SignedDuration::from_mins(20);
            let is_new = |lookup: &Lookup| lookup.window.is_some_and(|window| window.from >= new);
            assert!(asked.iter().all(is_new) && found.later.is_empty(), "all else is read: {asked:#?} {:?}", found.later);
        }
        looked = found.looked;
    }
    assert!(is_found, "each look goes on below");
}

#[test]
fn whom_an_earlier_look_found_is_followed_until_the_suspect_is_none_any_more() {
    let mut assumes = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", "nightly");
    assumes["event"]["responseElements"]["credentials"] = json!({ "accessKeyId": OURS });
    let made = happens("2026-11-20T03:50:00Z", by_session("nightly", OURS, creates_user("ghost")));
    let suspects = [alice()];
    let (first, second) = (time("2026-11-20T03:20:00Z"), time("2026-11-20T04:00:00Z"));
    let start = || contained(&suspects, Way::Everything);
    let (found, _) = look_at(std::slice::from_ref(&assumes), start(), first, 100, &Looked::default());
    let trail = [assumes, made];
    let (later, _) = look_at(&trail, start(), second, 100, &found.looked);
    assert_eq!(shown(&decisions(&later, &generous()).decisions, Mode::Auto), ["quarantine-iam IAM user ghost"]);
    assert_eq!(later.traced.len(), 1, "what was read is not read again: {:#?}", later.traced);
    // A person let alice go, and carol is a suspect.
    let others = [target(TargetKind::IamUser, "carol")];
    let (none, asked) = look_at(&trail, contained(&others, Way::Everything), second, 100, &found.looked);
    assert!(none.traced.is_empty(), "{:#?}", none.traced);
    assert!(asked.iter().all(|lookup| lookup.window.is_some_and(|window| window.from == begin())), "it begins anew");
}

#[test]
fn what_a_key_signed_before_anybody_knew_it_is_read_again_once_it_is_known() {
    let made = happens("2026-11-20T03:12:00Z", signed(SECOND, creates_user("mallory")));
    let key = json!({"accessKey": {"userName": "alice", "accessKeyId": SECOND}});
    let issued = by_alice("iam", "CreateAccessKey", &json!({"userName": "alice"}), &key);
    let trail = [made, happens("2026-11-20T03:05:00Z", issued)];
    let suspects = [alice()];
    let look =
        |trail: &[Value], at: &str, looked: &Looked| look_at(trail, contained(&suspects, Way::Suspects), time(at), 100, looked);
    let (first, _) = look(&trail[..1], "2026-11-20T03:20:00Z", &Looked::default());
    assert_eq!(shown(&decisions(&first, &generous()).decisions, Mode::Gate), ["quarantine-iam IAM user mallory"]);
    // CloudTrail was late.
    let (second, _) = look(&trail, "2026-11-20T03:30:00Z", &first.looked);
    let derived = decisions(&second, &generous());
    assert!(shown(&derived.decisions, Mode::Auto).contains(&"quarantine-iam IAM user mallory".to_owned()), "{derived:#?}");
    let (_, asked) = look(&trail, "2026-11-20T03:40:00Z", &second.looked);
    let is_anew = |lookup: &Lookup| lookup.attribute == Attribute::Username && lookup.window.is_some_and(|w| w.from == begin());
    assert!(asked.iter().any(is_anew), "{asked:#?}");
}

/// Fifty sessions, or two hundred renames, cost the suspect nothing.
#[test]
fn too_many_sessions_hide_nothing_for_long_and_nobody_promises_what_the_next_look_does_not_read() {
    let assumes = |at: usize| {
        let mut assumes = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", &format!("night-{at}"));
        assumes["event"]["responseElements"]["credentials"] = json!({ "accessKeyId": format!("ASIAEXAMPLEEXAM{at:05}") });
        happens("2026-11-20T03:18:00Z", assumes)
    };
    let mut refused = creates_user("mallory");
    refused["event"]["errorCode"] = json!("AccessDenied");
    let trail = [(0..60).map(assumes).collect(), noise(&refused), vec![creates_user("mallory")]].concat();
    let (suspects, first) = ([alice()], time("2026-11-20T04:00:00Z"));
    let not_read = format!("IAM user alice in us-east-1 of account {HOME}: earlier calls were not read");
    let goes_on = format!("everybody's CreateUser in us-east-1 of account {HOME}, earlier calls: {LATER}");
    let (mut looked, mut is_found) = (Looked::default(), false);
    for hours in 0..10 {
        let until = first + SignedDuration::from_hours(hours);
        let (found, _) = look_at(&trail, contained(&suspects, Way::Everything), until, 50, &looked);
        let is_promised = found.later.iter().any(|line| line.contains("alice") || line.contains("night-"));
        assert!(found.missing.contains(&not_read) && !is_promised, "{:#?} {:#?}", found.missing, found.later);
        if hours == 0 {
            assert!(found.traced.len() >= 60 && found.later.contains(&goes_on), "{:#?}", found.later);
        }
        is_found |= found.traced.iter().any(|traced| traced.what.contains("mallory"));
        looked = found.looked;
    }
    assert!(is_found, "each look goes on below");
}

#[test]
fn of_whoever_becomes_a_suspect_later_everybodys_calls_are_read_again() {
    let trail = [by_session("ci", OURS, creates_user("mallory"))];
    let role = Target { scope: Scope::Principal, session: None, ..session("nightly", None) };
    let (one, both) = ([alice()], [alice(), role]);
    let look = |suspects: &[Target], at: &str, looked: &Looked| {
        look_at(&trail, contained(suspects, Way::Everything), time(at), 100, looked).0
    };
    let first = look(&one, "2026-11-20T03:20:00Z", &Looked::default());
    assert!(first.traced.is_empty(), "{:#?}", first.traced);
    let second = look(&both, "2026-11-20T04:20:00Z", &first.looked);
    assert_eq!(shown(&decisions(&second, &generous()).decisions, Mode::Gate), ["quarantine-iam IAM user mallory"]);
    let third = look(&both, "2026-11-20T05:20:00Z", &second.looked);
    assert!(third.traced.is_empty(), "once: {:#?}", third.traced);
}

#[test]
fn what_of_a_page_could_not_be_read_is_said_by_each_look_that_goes_on() {
    let (policy, suspects, others) = (generous(), [alice()], [target(TargetKind::IamUser, "carol")]);
    let window = Some(Window { from: begin(), until: time("2026-11-20T03:20:00Z") });
    let mut search = Search::begin(Start { window, ..contained(&suspects, Way::Suspects) }, &policy);
    let lookup = search.next_page().expect("a question");
    search.page::<&str>(lookup, &["no record"], None);
    let first = search.finish();
    assert!(first.missing.len() == 1 && first.missing[0].contains("could not be read"), "{:?}", first.missing);
    let next = |suspects: &[Target], looked: &Looked| {
        look_at(&[], contained(suspects, Way::Suspects), time("2026-11-20T03:40:00Z"), 100, looked).0
    };
    let second = next(&suspects, &first.looked);
    assert_eq!(second.missing, first.missing, "nobody reads it again");
    assert_eq!(next(&suspects, &second.looked).missing, first.missing);
    assert_eq!(next(&others, &second.looked).missing, [""; 0], "it begins anew");
}

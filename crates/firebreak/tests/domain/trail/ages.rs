//! How old what a suspect did may be: sessions are over one day, and what was made long ago may have other users.

use super::*;
use firebreak::trail::{Ages, Traced};
use jiff::{SignedDuration, Timestamp};

const OPENED: &str = "2026-11-20T03:00:00Z";
const KEY: &str = "ASIAOURSOURSOEXAMPLE";
/// A look runs for some minutes after the incident was opened.
const LOOKED: SignedDuration = SignedDuration::from_mins(10);

/// A record of so many minutes before the look; of no known time without a number.
fn aged(minutes: Option<i64>, mut record: Value) -> Value {
    let opened: Timestamp = OPENED.parse().expect("a time");
    let at = |minutes: i64| (opened + LOOKED - SignedDuration::from_mins(minutes)).to_string();
    record["event"]["eventTime"] = minutes.map(at).into();
    record
}

/// What is decided after ages were judged, and all lines.
fn judged(trail: &[Value], suspect: Target) -> (Derived, Vec<String>) {
    let opened_at: Timestamp = OPENED.parse().expect("a time");
    let policy = generous();
    let suspects = [suspect];
    let (mut found, _) = look(trail, &suspects, &policy);
    let before: Vec<String> = found.traced.iter().map(Traced::line).collect();
    found.traced.iter_mut().for_each(|traced| traced.judge_by_age(Ages { opened_at, now: opened_at + LOOKED }));
    let lines: Vec<String> = found.traced.iter().map(Traced::line).collect();
    assert_eq!(lines, before, "a line that reads otherwise a day later would alarm again");
    let [suspect] = suspects;
    (derive(traced(&found), &[decided(suspect, Mode::Auto)], &policy), lines)
}

fn creates_role() -> Value {
    by_alice("iam", "CreateRole", &json!({"roleName": "batch"}), &json!({"role": {"roleName": "batch", "path": "/"}}))
}

fn creates_key() -> Value {
    let key = json!({"accessKey": {"userName": "bob", "accessKeyId": "AKIABOBBOBBOBEXAMPLE"}});
    by_alice("iam", "CreateAccessKey", &json!({"userName": "bob"}), &key)
}

fn assumes(session: &str) -> Value {
    let mut record = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", session);
    record["event"]["responseElements"]["credentials"] = json!({"accessKeyId": KEY});
    record
}

fn gets(name: &str) -> Value {
    by_alice("sts", name, &Value::Null, &json!({"credentials": {"accessKeyId": KEY}}))
}

fn key_alone() -> Target {
    Target { scope: Scope::AccessKey, ..alice() }
}

/// What it is, the record, its suspect, its limit in minutes, and what follows at each age.
type Row = (&'static str, Value, Target, i64, [Option<Mode>; 5]);

#[test]
fn each_kind_has_its_age() {
    const HOUR: i64 = 60;
    let attached = || by_alice("iam", "AttachUserPolicy", &json!({"userName": "carol"}), &Value::Null);
    let launched = || {
        by_alice(
            "ec2",
            "RunInstances",
            &Value::Null,
            &json!({"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}}),
        )
    };
    let bucket = || by_alice("s3", "PutBucketPolicy", &json!({"bucketName": "acme-web"}), &Value::Null);
    let (auto, gate) = (Some(Mode::Auto), Some(Mode::Gate));
    // A record, its suspect; what follows of one just made, of one that is a minute before its limit, a minute after it, of a
    // month ago, of no known time.
    let table: [Row; 12] = [
        // A day before the incident is ten minutes more before the look.
        ("a user", creates_user("mallory"), alice(), 24 * HOUR + 10, [auto, auto, gate, gate, gate]),
        ("a role", creates_role(), alice(), 24 * HOUR + 10, [auto, auto, gate, gate, gate]),
        ("a key", creates_key(), alice(), 24 * HOUR + 10, [auto, auto, gate, gate, gate]),
        ("a session", assumes("alice-cli"), alice(), 12 * HOUR, [auto, auto, None, None, gate]),
        ("an instance's name", assumes("i-0123456789abcdef0"), alice(), 12 * HOUR, [gate, gate, None, None, gate]),
        ("a name that no tag takes", assumes("a,b"), alice(), 12 * HOUR, [gate, gate, None, None, gate]),
        ("GetSessionToken, by a key alone", gets("GetSessionToken"), key_alone(), 36 * HOUR, [gate, gate, None, None, gate]),
        (
            "GetFederationToken, by a key alone",
            gets("GetFederationToken"),
            key_alone(),
            36 * HOUR,
            [gate, gate, None, None, gate],
        ),
        ("GetSessionToken, by a user", gets("GetSessionToken"), alice(), 36 * HOUR, [None; 5]),
        ("a changed user", attached(), alice(), 24 * HOUR, [gate; 5]),
        ("an instance", launched(), alice(), 24 * HOUR, [gate; 5]),
        ("a channel", bucket(), alice(), 24 * HOUR, [gate; 5]),
    ];
    for (name, record, suspect, limit, expected) in table {
        let ages = [Some(10), Some(limit - 1), Some(limit + 1), Some(30 * 24 * HOUR), None];
        for (age, expected) in ages.into_iter().zip(expected) {
            let (derived, lines) = judged(&[aged(age, record.clone())], suspect.clone());
            let modes: Vec<Mode> = derived.decisions.iter().map(|decision| decision.mode).collect();
            assert_eq!(modes, expected.into_iter().collect::<Vec<_>>(), "{name}, {age:?}: {:#?}", derived.decisions);
            assert_eq!(lines.len(), 1, "people see it, however old: {name}, {age:?}");
        }
    }
}

#[test]
fn what_waits_because_of_its_age_says_so() {
    let (derived, _) = judged(&[aged(Some(3000), creates_key())], alice());
    assert!(derived.decisions[0].reason.contains("over a day before the incident"), "{}", derived.decisions[0].reason);
    let (derived, _) = judged(&[aged(None, assumes("alice-cli"))], alice());
    assert!(derived.decisions[0].reason.contains("at an unknown time"), "{}", derived.decisions[0].reason);
}

#[test]
fn sessions_of_weeks_take_no_slot_and_do_not_ask_for_the_role() {
    let weeks: Vec<Value> = (1..=200).map(|at| aged(Some(at * 720 + 1), assumes(&format!("run-{at}")))).collect();
    let (derived, lines) = judged(&weeks, alice());
    assert_eq!((derived, lines.len()), (Derived::default(), 200));
}

#[test]
fn what_was_done_with_a_session_that_is_over_is_followed() {
    let session = |minutes, record| aged(Some(minutes), by_session("nightly", KEY, record));
    let trail = [
        aged(Some(3000), assumes("nightly")),
        session(2990, creates_user("mallory")),
        session(2980, assumed("arn:aws:iam::111122223333:role/admin", "AROAADMINADMIEXAMPLE5", "second")),
    ];
    let (derived, lines) = judged(&trail, alice());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user mallory"], "{lines:#?}");
    assert_eq!((derived.decisions.len(), lines.len()), (1, 3));
}

#[test]
fn a_console_session_outlives_the_credentials_that_opened_it() {
    let of_console = "ASIACONSOLECOEXAMPLE";
    let token = |result: &str| {
        let answer = json!({"credentials": {"accessKeyId": of_console}, "GetSigninToken": result});
        by_alice("signin", "GetSigninToken", &Value::Null, &answer)
    };
    let by_console = aged(Some(60), by_session("nightly", of_console, creates_user("mallory")));
    let trail = |result: &str| {
        [aged(Some(1380), assumes("nightly")), aged(Some(680), by_session("nightly", KEY, token(result))), by_console.clone()]
    };
    let (derived, _) = judged(&trail("Success"), alice());
    assert_eq!(
        shown(&derived.decisions, Mode::Auto),
        ["quarantine-iam IAM user mallory", "quarantine-iam session nightly of IAM role deploy"]
    );
    let (derived, _) = judged(&trail("Failure"), alice());
    assert!(!shown(&derived.decisions, Mode::Auto).iter().any(|line| line.contains("nightly")), "{:#?}", derived.decisions);
    let whole = [aged(Some(5), token("Success"))];
    let (derived, lines) = judged(&whole, alice());
    assert_eq!((derived.decisions.len(), lines.len()), (0, 1), "what denies the user denies its console, too");
}

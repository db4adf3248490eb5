//! Others act under a suspect's name, too: only what its credentials signed is its own for sure.

use super::*;

const DEPLOY: &str = "arn:aws:iam::111122223333:role/deploy";
const OURS: &str = "ASIAOURSOURSOEXAMPLE";
const OTHER: &str = "ASIAOTHEROTHEEXAMPLE";

/// `AssumeRole` by alice, with the key that came of it.
fn issued(session: &str, key: &str) -> Value {
    let mut record = assumed(DEPLOY, "AROADEPLOYDEPEXAMPLE4", session);
    record["event"]["responseElements"]["credentials"] = json!({"accessKeyId": key});
    record
}

#[test]
fn the_owner_of_a_leaked_key_is_not_blamed_for_it() {
    let own = signed("AKIAOWNERSOWNEXAMPLE", creates_user("intern"));
    let next = signed("AKIAOWNERSOWNEXAMPLE", issued("nightly", OTHER));
    let opened =
        signed("AKIAOWNERSOWNEXAMPLE", by_alice("s3", "PutBucketPolicy", &json!({"bucketName": "acme-web"}), &Value::Null));
    let trail = [creates_user("mallory"), own, next, opened, by_session("nightly", OTHER, creates_user("temp"))];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    let waits = shown(&derived.decisions, Mode::Gate);
    let expected =
        ["quarantine-iam IAM user intern", "quarantine-iam session nightly of IAM role deploy", "by hand S3 bucket acme-web"];
    assert!(expected.iter().all(|line| waits.contains(&(*line).to_owned())) && waits.len() == 3, "{waits:?}");
    for decision in derived.decisions.iter().filter(|decision| decision.mode == Mode::Gate) {
        assert!(decision.reason.starts_with("under the same name, but not with credentials known"), "{}", decision.reason);
    }
    let lines: Vec<String> = found.traced.iter().map(firebreak::trail::Traced::line).collect();
    assert!(lines.iter().any(|line| line.ends_with("CreateUser perhaps by IAM user alice: IAM user intern")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("temp")), "what may be the owner's is not followed: {lines:#?}");
}

#[test]
fn runs_of_one_name_do_not_answer_for_each_other() {
    let (ours, theirs) = (creates_user("mallory"), creates_user("intern"));
    let trail = [by_session("GitHubActions", OURS, ours), by_session("GitHubActions", OTHER, theirs)];
    let (_, derived) = sweep(&trail, &[session("GitHubActions", Some(OURS))], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user intern"]);
    let (_, derived) = sweep(&trail, &[session("GitHubActions", None)], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), Vec::<String>::new(), "without a key, nothing is sure");
    assert_eq!(derived.decisions.len(), 2);
}

#[test]
fn an_instance_and_a_user_without_a_known_key_answer_for_their_names() {
    let instance = "i-0123456789abcdef0";
    let trail = [by_session(instance, OURS, creates_user("mallory")), by_session(instance, OTHER, creates_user("ghost"))];
    let (_, derived) = sweep(&trail, &[session(instance, Some(OURS))], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto).len(), 2, "its credentials change every hour");
    let console = Target { access_key_id: None, ..alice() };
    let (_, derived) = sweep(&[signed(OTHER, creates_user("mallory"))], &[console], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
}

#[test]
fn an_instance_s_name_that_a_suspect_chose_proves_nothing() {
    let instance = "i-0123456789abcdef0";
    let trail = [issued(instance, OURS), by_session(instance, OTHER, creates_user("intern"))];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), Vec::<String>::new(), "the instance itself made it");
}

#[test]
fn a_key_that_becomes_known_late_explains_what_was_read_before() {
    let at = |time: &str, mut record: Value| {
        record["event"]["eventTime"] = json!(time);
        record
    };
    let new = "AKIANEWKEYNEWEXAMPLE";
    let made = by_alice("iam", "CreateAccessKey", &Value::Null, &json!({"accessKey": {"accessKeyId": new, "userName": "alice"}}));
    let got = by_alice("sts", "GetSessionToken", &Value::Null, &json!({"credentials": {"accessKeyId": OURS}}));
    let trail = [
        at("2026-11-20T02:09:00Z", signed(OURS, creates_user("mallory"))),
        at("2026-11-20T02:05:00Z", signed(new, got)),
        at("2026-11-20T02:01:00Z", made),
    ];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"], "{:#?}", found.traced);
}

#[test]
fn a_session_of_a_key_outlives_it() {
    let key = Target { scope: Scope::AccessKey, ..alice() };
    let got = by_alice("sts", "GetSessionToken", &Value::Null, &json!({"credentials": {"accessKeyId": OURS}}));
    let (found, derived) = sweep(std::slice::from_ref(&got), &[key], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user alice"]);
    assert!(derived.decisions[0].reason.starts_with("its session outlives the access key"), "{}", derived.decisions[0].reason);
    assert!(found.traced.iter().all(|traced| !traced.what.contains("what denies the user")), "{:?}", found.traced);
    let (_, derived) = sweep(&[got], &[alice()], &generous());
    assert_eq!(derived.decisions, vec![], "what denies the user denies it, too");
}

#[test]
fn a_session_whose_name_others_use_waits_for_a_person() {
    let alone = [issued("nightly", OURS), by_session("nightly", OURS, creates_user("mallory"))];
    let (_, derived) = sweep(&alone, &[alice()], &generous());
    assert!(shown(&derived.decisions, Mode::Auto).contains(&"quarantine-iam session nightly of IAM role deploy".to_owned()));
    let both =
        [alone.as_slice(), &[by_session("nightly", OTHER, by_alice("s3", "ListBuckets", &Value::Null, &Value::Null))]].concat();
    let (_, derived) = sweep(&both, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam session nightly of IAM role deploy"]);
    let again = [both.as_slice(), &[issued("nightly", OTHER)]].concat();
    let (_, derived) = sweep(&again, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto).len(), 2, "both keys were issued to the suspect");
}

#[test]
fn sessions_of_two_roles_under_one_name_are_both_looked_at() {
    let admin = assumed("arn:aws:iam::111122223333:role/admin", "AROAADMINADMIEXAMPLE5", "me");
    let trail = [issued("me", OURS), admin, by_session("me", OURS, creates_user("mallory"))];
    for trail in [trail.clone(), [trail[1].clone(), trail[0].clone(), trail[2].clone()]] {
        let (_, derived) = sweep(&trail, &[alice()], &generous());
        assert!(shown(&derived.decisions, Mode::Auto).contains(&"quarantine-iam IAM user mallory".to_owned()));
    }
}

//! What Firebreak must not write, or not now.

use crate::policy::{Policy, denying, shipped};
use crate::{contain, in_management, is_locked, lock_for_another, lock_key, stage, user};
use firebreak::fault::FaultKind;
use firebreak_testkit::dynamodb::Value;
use serde_json::json;

/// Something that is not Firebreak's, and a word of the error that says so.
type Theirs = (&'static str, fn(&mut Policy));

const THEIRS: [Theirs; 4] = [
    ("OurRegions", |policy| {
        let mut content = shipped();
        let theirs = json!({ "Sid": "OurRegions", "Effect": "Deny", "Action": "*", "Resource": "*" });
        content["Statement"].as_array_mut().expect("statements").push(theirs);
        policy.content = Some(content);
    }),
    ("would never write", |policy| policy.content = Some(denying(&["arn:aws:iam::111122223333:role/*"]))),
    ("not a service control policy", |policy| policy.kind = "TAG_POLICY"),
    ("no quarantine policy", |policy| policy.content = None),
];

#[tokio::test]
async fn a_policy_that_is_not_the_shipped_one_is_refused_and_left_as_it_is() {
    for (word, change) in THEIRS {
        let (aws, organizations) = stage().await;
        organizations.change(change);
        let before = organizations.now();
        let fault = contain(&aws, "one", &user("alice")).await.expect_err(word);
        assert!(fault.kind == FaultKind::Malformed && fault.message.contains(word), "{fault}");
        assert_eq!(organizations.now(), before, "{word}");
        assert_eq!(aws.changes(), [""; 0], "{word}");
        assert!(!is_locked(&aws), "{word}");
    }
}

#[tokio::test]
async fn a_principal_of_the_management_account_is_refused_without_a_call() {
    let (aws, organizations) = stage().await;
    let fault = contain(&aws, "one", &in_management(user("alice"))).await.expect_err("no effect there");
    assert!(fault.kind == FaultKind::Malformed && fault.message.contains("management account"), "{fault}");
    assert_eq!(organizations.content(), shipped());
    assert!(aws.calls().is_empty(), "nothing is asked and nothing is recorded");
}

/// It waits for its turn, as long as the function does.
#[tokio::test]
async fn while_another_attempt_writes_the_policy_it_is_neither_read_nor_written() {
    let (aws, organizations) = stage().await;
    lock_for_another(&aws, "2099-01-01T00:00:00.000000Z");
    let fault = contain(&aws, "one", &user("alice")).await.expect_err("not its turn");
    assert_eq!((fault.kind, organizations.content()), (FaultKind::Transient, shipped()));
    assert!(aws.calls().iter().all(|call| call.service != "organizations"), "what is read before the lock is old");
    let table = aws.table();
    let lock = table.item(&lock_key(), "lock").expect("a lock");
    assert_eq!(lock["locked_by"], Value::S("fb-another#1".to_owned()), "it stays with its owner");
}

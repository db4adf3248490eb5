//! Pauses: who may end one, what counts when two persons ask, and what is found of them later.

use super::at;
use firebreak::fault::FaultKind;
use firebreak::ids::AccountId;
use firebreak::pause::Pauses;
use firebreak_ledger::Ledger;
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::{ScriptedAws, TABLE, error};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const ONE: &str = "111122223333";
const OTHER: &str = "444455556666";
/// The seconds of the pauses.
const LASTS: i64 = 7_200;

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

fn account(number: &str) -> AccountId {
    AccountId::parse(number).expect("an account")
}

/// Where something is paused at a time, among these accounts.
async fn paused(ledger: &Ledger, accounts: &[&str], second: i64) -> Vec<String> {
    let accounts: BTreeSet<AccountId> = accounts.iter().map(|number| account(number)).collect();
    places(&ledger.pauses(&accounts, at(second)).await.expect("read"))
}

fn places(pauses: &Pauses) -> Vec<String> {
    let mut places: Vec<String> = pauses.all().map(|pause| pause.place()).collect();
    places.sort();
    places
}

#[tokio::test]
async fn a_pause_holds_where_it_was_asked_for_until_its_time_is_over() {
    let (aws, ledger) = stage().await;
    assert_eq!(paused(&ledger, &[ONE, OTHER], 0).await, [""; 0]);
    let pause = room::pause(&aws, Some(ONE), at(0)).await;
    assert_eq!(ledger.pauses(&BTreeSet::from([account(ONE)]), at(1)).await.expect("read").of(&account(ONE)), Some(&pause));
    assert_eq!(paused(&ledger, &[ONE, OTHER], LASTS - 1).await, [format!("account {ONE}")]);
    assert_eq!(paused(&ledger, &[OTHER], 1).await, [""; 0], "the others are left");
    assert_eq!(paused(&ledger, &[ONE], LASTS).await, [""; 0], "it is over by itself");
    room::pause(&aws, None, at(1)).await;
    assert_eq!(paused(&ledger, &[OTHER], 2).await, ["all accounts"]);
}

#[tokio::test]
async fn the_last_request_counts_and_nothing_of_a_pause_is_deleted() {
    let (aws, ledger) = stage().await;
    room::pause(&aws, None, at(0)).await;
    let ended = ledger.resume(None, "bob", at(10)).await.expect("written").expect("a pause");
    assert_eq!((ended.by.as_str(), ended.at, ended.pause.by.as_str()), ("bob", at(10), PAUSER));
    assert_eq!(paused(&ledger, &[ONE], 11).await, [""; 0]);
    let row = aws.table().item("pause#all", "pause").cloned().expect("a row");
    for name in ["since", "until", "by", "reason", "resumed_at", "resumed_by"] {
        assert!(row.contains_key(name), "{name}: {row:?}");
    }
    room::pause(&aws, None, at(20)).await;
    assert_eq!(paused(&ledger, &[ONE], LASTS + 19).await, ["all accounts"], "a second pause sets a new end");
    let ended = ledger.resume(None, "carol", at(21)).await.expect("written").expect("a pause");
    assert_eq!(ended.by, "carol");
}

#[tokio::test]
async fn what_is_paused_is_found_whatever_the_account() {
    let (aws, ledger) = stage().await;
    assert!(ledger.pauses_everywhere(at(0)).await.expect("read").is_empty());
    room::pause(&aws, Some(OTHER), at(0)).await;
    room::pause(&aws, Some(ONE), at(0)).await;
    room::pause(&aws, None, at(0)).await;
    let all = ledger.pauses_everywhere(at(1)).await.expect("read");
    assert_eq!(places(&all), [format!("account {ONE}"), format!("account {OTHER}"), "all accounts".to_owned()]);
    ledger.resume(Some(&account(ONE)), "bob", at(2)).await.expect("written").expect("a pause");
    let left = ledger.pauses_everywhere(at(3)).await.expect("read");
    assert_eq!(places(&left), [format!("account {OTHER}"), "all accounts".to_owned()], "to resume one leaves the others");
}

#[tokio::test]
async fn what_is_not_paused_cannot_be_resumed_and_an_end_that_nobody_heard_of_comes_again() {
    let (aws, ledger) = stage().await;
    assert_eq!(ledger.resume(None, "bob", at(0)).await.expect("written"), None);
    assert_eq!(aws.table().items().count(), 0, "nothing is written");
    room::pause(&aws, None, at(0)).await;
    assert_eq!(ledger.resume(Some(&account(ONE)), "bob", at(1)).await.expect("written"), None, "that is another pause");
    assert_eq!(ledger.resume(None, "bob", at(LASTS + 1)).await.expect("written"), None, "it is over");
    room::pause(&aws, None, at(LASTS + 2)).await;
    let ended = ledger.resume(None, "bob", at(LASTS + 3)).await.expect("written");
    assert_eq!(ended.as_ref().map(|ended| ended.by.as_str()), Some("bob"));
    assert_eq!(ledger.resume(None, "carol", at(LASTS + 4)).await.expect("read"), ended, "bob's notice may not be out");
    ledger.pause_is_told(None, at(LASTS + 5)).await.expect("written");
    assert_eq!(ledger.resume(None, "carol", at(LASTS + 6)).await.expect("read"), None);
}

#[tokio::test]
async fn a_pause_that_cannot_be_read_counts_as_one_and_only_what_passes_is_an_error() {
    let read = async |ledger: &Ledger| ledger.pauses(&BTreeSet::from([account(ONE)]), at(1)).await;
    let (aws, ledger) = stage().await;
    aws.always("dynamodb:GetItem", error(400, "AccessDeniedException"));
    let refused = read(&ledger).await.expect("a pause");
    assert!(refused.of(&account(ONE)).is_some_and(|pause| pause.not_known), "{refused:?}");
    aws.mend();
    aws.always("dynamodb:GetItem", error(400, "ThrottlingException"));
    assert_eq!(read(&ledger).await.expect_err("it passes").kind, FaultKind::Transient);

    let (aws, ledger) = stage().await;
    room::pause(&aws, Some(ONE), at(0)).await;
    let key = json!({ "pk": { "S": format!("pause#{ONE}") }, "sk": { "S": "pause" } });
    let broken = json!({ "TableName": TABLE, "Key": key, "UpdateExpression": "SET #until = :until",
        "ExpressionAttributeNames": { "#until": "until" }, "ExpressionAttributeValues": { ":until": { "S": "soon" } } });
    let mut table = aws.table();
    assert!(table.call("UpdateItem", &broken).is_ok());
    aws.replace_table(table);
    let malformed = read(&ledger).await.expect("a pause");
    assert!(malformed.of(&account(ONE)).is_some_and(|pause| pause.not_known), "{malformed:?}");
    assert!(malformed.of(&account(OTHER)).is_none(), "it is about its own account");
}

#[tokio::test]
async fn a_lost_answer_is_no_other_persons_end() {
    let (aws, ledger) = stage().await;
    room::pause(&aws, None, at(0)).await;
    ledger.pause_is_told(None, at(0)).await.expect("written");
    aws.forget();
    aws.delay_call("dynamodb:UpdateItem", 1, Duration::from_millis(500));
    let ended = ledger.resume(None, "bob", at(1)).await.expect("written").expect("the SDK asks again");
    assert_eq!((ended.by.as_str(), ended.at), ("bob", at(1)));
}

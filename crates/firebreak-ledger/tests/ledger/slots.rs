//! When a slot ends, who has it while a release goes on, and what becomes of the lists of earlier versions.

use super::at;
use super::sessions::{LIFE, conflict, hold, own, role, slots, stage, taken};
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::target::{Scope, Target};
use firebreak_ledger::{Held, Ledger, SESSION_SLOTS};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::{ScriptedAws, error};
use futures::future::join_all;
use serde_json::json;

const INSTANCE: &str = "i-0123456789abcdef0";
/// Longer than a release may take, in seconds.
const LEASE: i64 = 90;

fn session(name: &str) -> Target {
    Target { scope: Scope::Session, session: Some(name.to_owned()), ..role() }
}

/// The sessions whose slots have an end.
async fn ending(ledger: &Ledger) -> Vec<String> {
    let slots = ledger.session_slots(&role()).await.expect("the ledger answers");
    slots.into_iter().filter(|slot| slot.until.is_some()).map(|slot| slot.session).collect()
}

/// A row as versions before decision 0044 wrote it, under this spelling of the role's name.
fn written_before(aws: &ScriptedAws, name: &str, sessions: &[&str]) {
    let list: Vec<_> = sessions.iter().map(|session| json!({ "S": session })).collect();
    let pk = format!("target#111122223333/iam-role/{name}");
    let item = json!({ "pk": { "S": pk }, "sk": { "S": "sessions" }, "slots": { "L": list } });
    let mut table = aws.table();
    table.call("PutItem", &json!({ "Item": item })).expect("a row");
    aws.replace_table(table);
}

#[tokio::test]
async fn what_an_earlier_version_gave_out_ends_12_hours_after_somebody_wanted_a_slot() {
    for name in ["Deploy", "deploy"] {
        let (aws, ledger) = stage().await;
        written_before(&aws, name, &["old", "-", "older", INSTANCE]);
        assert_eq!(taken(&ledger).await, slots(&[(1, "old"), (3, "older"), (4, INSTANCE)]), "{name}");
        assert_eq!(ending(&ledger).await, [""; 0], "{name}");
        assert_eq!(hold(&ledger, role(), "new", &own("new"), 0).await, Ok(2), "{name}");
        assert_eq!(taken(&ledger).await, slots(&[(1, "old"), (2, "new"), (3, "older"), (4, INSTANCE)]), "{name}");
        assert_eq!(ending(&ledger).await, ["old", "new", "older"], "{name}: an instance may live");
        assert_eq!(hold(&ledger, role(), "older", &own("again"), 1).await, Ok(3), "{name}: its own");
        assert_eq!(hold(&ledger, role(), "five", &own("five"), 1).await, Ok(5), "{name}");
        let full = hold(&ledger, role(), "six", &own("six"), LIFE).await.expect_err("all of them can live");
        assert_eq!(full.kind, FaultKind::Malformed, "{name}: {full}");
        assert_eq!(hold(&ledger, role(), "six", &own("six"), LIFE + 1).await, Ok(1), "{name}");
        ledger.free_session(&role(), "older").await.expect("freed");
        assert_eq!(hold(&ledger, role(), "seven", &own("seven"), LIFE + 1).await, Ok(3), "{name}");
    }
}

#[tokio::test]
async fn five_names_of_an_earlier_version_do_not_fill_a_role_for_ever() {
    for name in ["Deploy", "deploy"] {
        let (aws, ledger) = stage().await;
        written_before(&aws, name, &["a", "b", "c", "d", "e"]);
        let full = hold(&ledger, role(), "late", &own("late"), 0).await.expect_err("none is left");
        assert_eq!(full.kind, FaultKind::Malformed, "{name}: {full}");
        let all = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(ending(&ledger).await, all, "{name}: the session that has no tag has no slot");
        assert_eq!(hold(&ledger, role(), "late", &own("late"), LIFE + 1).await, Ok(1), "{name}");
        // Without anybody who wants a slot.
        let (aws, ledger) = stage().await;
        written_before(&aws, name, &[INSTANCE, "b", "c", "d", "e"]);
        ledger.end_session(&role(), INSTANCE, at(0)).await.expect("ended");
        assert_eq!(hold(&ledger, role(), "late", &own("late"), LIFE + 1).await, Ok(1), "{name}");
        // A release finds what is listed.
        let (aws, ledger) = stage().await;
        written_before(&aws, name, &["a", "b"]);
        ledger.free_session(&role(), "a").await.expect("freed");
        assert_eq!(taken(&ledger).await, slots(&[(2, "b")]), "{name}");
    }
}

#[tokio::test]
async fn however_a_call_breaks_what_was_listed_keeps_its_slot_and_gets_an_end() {
    let listed = async || {
        let (aws, ledger) = stage().await;
        written_before(&aws, "Deploy", &["-", "old", "older"]);
        (aws, ledger)
    };
    let calls = {
        let (aws, ledger) = listed().await;
        hold(&ledger, role(), "new", &own("new"), 0).await.expect("a slot");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ledger) = listed().await;
        how.run(&aws, point, hold(&ledger, role(), "new", &own("new"), 0)).await;
        aws.mend();
        let named = taken(&ledger).await;
        for old in slots(&[(2, "old"), (3, "older")]) {
            assert!(named.contains(&old), "{point:?} {how:?}: {named:?}");
        }
        assert_eq!(hold(&ledger, role(), "new", &own("new"), 1).await, Ok(1), "{point:?} {how:?}");
        assert_eq!(taken(&ledger).await, slots(&[(1, "new"), (2, "old"), (3, "older")]), "{point:?} {how:?}");
        assert_eq!(ending(&ledger).await, ["new", "old", "older"], "{point:?} {how:?}");
    })
    .await;
    println!("a slot beside a list: {tried} broken calls");
}

#[tokio::test]
async fn a_slot_of_a_session_that_gets_no_tag_is_given_back_and_one_that_it_had_stays() {
    let (aws, ledger) = stage().await;
    let (target, refused) = (session("suspect"), error(400, "AccessDeniedException"));
    let held = Held { target: &target, containment: Containment::QuarantineIam };
    aws.always("dynamodb:GetItem", refused.clone());
    let unread = hold(&ledger, role(), "suspect", &own("one"), 0).await.expect_err("what others listed is not known");
    aws.mend();
    assert_eq!((unread.kind, taken(&ledger).await), (FaultKind::Denied, vec![]));
    assert_eq!(ledger.is_held(held).await, Ok(true), "a release finds it");
    assert_eq!(hold(&ledger, role(), "suspect", &own("one"), 1).await, Ok(1));
    aws.always("dynamodb:GetItem", refused);
    hold(&ledger, role(), "suspect", &own("two"), 2).await.expect_err("the same");
    aws.mend();
    assert_eq!(taken(&ledger).await, slots(&[(1, "suspect")]), "its tag is there");
}

#[tokio::test]
async fn five_at_once_have_a_slot_each_also_where_their_transactions_meet() {
    let (aws, ledger) = stage().await;
    let names: Vec<String> = (1..=SESSION_SLOTS).map(|n| format!("worker-{n}")).collect();
    for _ in &names {
        aws.next("dynamodb:TransactWriteItems", conflict());
    }
    let holders: Vec<_> = names.iter().map(|name| own(name)).collect();
    let all = names.iter().zip(&holders).map(|(name, holder)| hold(&ledger, role(), name, holder, 0));
    let mut got = join_all(all).await.into_iter().collect::<Result<Vec<usize>, _>>().expect("a slot each");
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3, 4, 5]);
    assert_eq!(taken(&ledger).await.len(), SESSION_SLOTS);
}

#[tokio::test]
async fn a_name_that_aws_gave_has_no_end_whichever_finding_comes_later() {
    let (_aws, ledger) = stage().await;
    let by_aws = Target { session_by_aws: true, ..role() };
    assert_eq!(hold(&ledger, role(), "pay", &own("before"), 0).await, Ok(1));
    assert_eq!(ending(&ledger).await, ["pay"]);
    assert_eq!(hold(&ledger, by_aws, "pay", &own("one"), 1).await, Ok(1));
    assert_eq!(hold(&ledger, role(), "pay", &own("two"), 2).await, Ok(1));
    assert_eq!(ending(&ledger).await, [""; 0], "AWS renews it");
}

#[tokio::test]
async fn a_session_that_a_release_lets_go_keeps_its_slot_and_nothing_is_left_there_for_its_sake() {
    let (_aws, ledger) = stage().await;
    let names: Vec<String> = (1..=SESSION_SLOTS).map(|n| format!("worker-{n}")).collect();
    for name in &names {
        hold(&ledger, role(), name, &own(name), 0).await.expect("a slot");
    }
    let now = LIFE + 1;
    ledger.leave_session(&role(), "worker-1", at(now)).await.expect("noted");
    assert_eq!(ledger.staying_sessions(&role(), at(now + LEASE)).await.expect("names"), names[1..]);
    assert_eq!(hold(&ledger, role(), "next", &own("next"), now + 1).await, Ok(2), "the release takes the first one's tag away");
    assert_eq!(ledger.named_sessions(&role()).await.expect("names").len(), SESSION_SLOTS);
    // A release that died, and one that failed.
    let staying = ledger.staying_sessions(&role(), at(now + LEASE + 1)).await.expect("names");
    assert!(staying.contains(&names[0]), "{staying:?}");
    ledger.keep_session(&role(), "worker-1").await.expect("noted");
    let staying = ledger.staying_sessions(&role(), at(now)).await.expect("names");
    assert!(staying.contains(&names[0]), "{staying:?}");
    ledger.leave_session(&role(), "worker-1", at(now)).await.expect("noted");
    ledger.free_session(&role(), "worker-1").await.expect("freed");
    assert_eq!(hold(&ledger, role(), "late", &own("late"), now + 1).await, Ok(1));
}

#[tokio::test]
async fn only_who_has_its_slot_has_replaced_a_session() {
    let (_aws, ledger) = stage().await;
    hold(&ledger, role(), "first", &own("first"), 0).await.expect("a slot");
    hold(&ledger, role(), "second", &own("second"), 0).await.expect("a slot");
    let target = session("first");
    let held = Held { target: &target, containment: Containment::QuarantineIam };
    ledger.free_session(&role(), "first").await.expect("freed");
    assert_eq!(ledger.session_was_replaced(held, "first").await, Ok(false), "nobody has its slot");
    assert_eq!(hold(&ledger, role(), "third", &own("third"), 1).await, Ok(1));
    assert_eq!(ledger.session_was_replaced(held, "first").await, Ok(true));
}

//! Sessions of one role get their slots, whoever else wants one, and give them back.

use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::{Holder, Holders};
use firebreak::ids::{IncidentId, PrincipalId, SessionName};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_ledger::{Held, Ledger, ReleaseClaim, SESSION_SLOTS};
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use serde_json::json;

/// More rounds than any order needs.
const ROUNDS: usize = 8;
const HOUR: i64 = 3_600;
/// As long as a session of a chosen name keeps its slot for sure, in seconds.
pub(crate) const LIFE: i64 = 12 * HOUR + 15 * 60;

/// The role, spelled as findings spell it.
pub(crate) fn role() -> Target {
    let principal_id = PrincipalId::parse("AROAEXAMPLEEXAMPLE01").ok();
    Target { principal_id, ..Target::new(TargetKind::IamRole, "Deploy", user("x").place()) }
}

fn redeployed() -> Target {
    Target { principal_id: PrincipalId::parse("AROAEXAMPLEEXAMPLE02").ok(), ..role() }
}

pub(crate) async fn hold(ledger: &Ledger, role: Target, session: &str, holder: &Holder, seconds: i64) -> Result<usize, Fault> {
    let target = Target { scope: Scope::Session, session: Some(session.to_owned()), ..role };
    let held = Held { target: &target, containment: Containment::QuarantineIam };
    ledger.hold_session(held, &SessionName::parse(session).expect("a name"), holder, at(seconds)).await
}

pub(crate) fn own(name: &str) -> Holder {
    Holder::Own(incident(name))
}

/// Slots and sessions of the role.
pub(crate) async fn taken(ledger: &Ledger) -> Vec<(usize, String)> {
    let slots = ledger.session_slots(&role()).await.expect("the ledger answers");
    slots.into_iter().map(|slot| (slot.slot, slot.session)).collect()
}

pub(crate) fn slots(sessions: &[(usize, &str)]) -> Vec<(usize, String)> {
    sessions.iter().map(|(slot, session)| (*slot, (*session).to_owned())).collect()
}

pub(crate) async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

#[test]
fn whatever_the_order_two_sessions_have_a_slot_each_and_are_held() {
    let start = |world: &World, process: usize, killed: usize| -> LocalBoxFuture<'static, ()> {
        let (world, name) = (world.clone(), ["first", "second"][process]);
        async move {
            if killed > 0 {
                world.until_leases_end(process).await;
            }
            let ledger = ledger(&world, process);
            for _ in 0..ROUNDS {
                world.at_place(process, "before taking a slot");
                match hold(&ledger, role(), name, &own(name), world.now()).await {
                    Ok(slot) => return world.write(process, name, &slot.to_string()).await,
                    Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
                }
            }
            panic!("{name} never got a slot");
        }
        .boxed_local()
    };
    let check = |world: &World| {
        let (first, second) = (world.resource("first"), world.resource("second"));
        assert!(first != second && !first.is_empty() && !second.is_empty(), "{first} {second}");
        let table = world.table();
        let row = table.item("target#111122223333/iam-role/deploy", "sessions").expect("a row");
        let known: Vec<&String> = row.keys().filter(|name| name.starts_with('s') && *name != "sk").collect();
        assert_eq!(known, [&format!("s{}", first.clone().min(second.clone())), &format!("s{}", first.max(second))]);
        let held = table.items().filter(|((_, sk), item)| sk.starts_with("base#") && item.contains_key("holders"));
        assert_eq!(held.count(), 2);
    };
    for kills in [0, 1] {
        let explored = every_order(Bounds { processes: 2, kills, switches: None }, &start, &check);
        report(&format!("two incidents take a slot, {kills} kill(s)"), explored);
        assert!(explored.states > 10, "{explored:?}");
    }
}

#[tokio::test]
async fn a_slot_is_taken_only_with_the_hold() {
    let (_aws, ledger) = stage().await;
    let target = Target { scope: Scope::Session, session: Some("suspect".to_owned()), ..role() };
    let held = Held { target: &target, containment: Containment::QuarantineIam };
    ledger.mark_held(held, &own("one"), at(0)).await.expect("held");
    let one = incident("one");
    let joined = incident("joined");
    let holders = Holders::of(&one).with([&joined]);
    let claim = ledger.begin_release::<String>(held, &holders, at(1)).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { panic!("{claim:?}") };
    let refused = hold(&ledger, role(), "suspect", &own("two"), 2).await.expect_err("it is being released");
    assert_eq!((refused.kind, taken(&ledger).await), (FaultKind::Transient, vec![]));
    ledger.end_release(held, &lease, at(3)).await.expect("released");
    let answered = hold(&ledger, role(), "suspect", &Holder::Joined(joined), 4).await.expect_err("it was answered");
    assert_eq!((answered.kind, taken(&ledger).await), (FaultKind::Malformed, vec![]));
    assert_eq!(hold(&ledger, role(), "suspect", &own("two"), 5).await, Ok(1));
}

#[tokio::test]
async fn a_session_that_cannot_live_any_more_leaves_its_slot_once_no_other_one_is_free() {
    let (_aws, ledger) = stage().await;
    let names = ["first", "i-0123456789abcdef0", "third", "fourth"];
    for (at, name) in names.iter().enumerate() {
        assert_eq!(hold(&ledger, role(), name, &own(name), i64::try_from(at).expect("small")).await, Ok(at + 1));
    }
    // As long as there is another one, it keeps its own: it may come back under its name.
    assert_eq!(hold(&ledger, role(), "fifth", &own("fifth"), 2 * LIFE).await, Ok(5));
    let refreshed = hold(&ledger, role(), "first", &own("again"), 2 * LIFE).await;
    assert_eq!(refreshed, Ok(1), "it was denied again: it begins to live again");
    assert_eq!(hold(&ledger, role(), "sixth", &own("sixth"), 2 * LIFE + 10).await, Ok(3), "of those that ended the oldest");
    assert_eq!(taken(&ledger).await, slots(&[(1, "first"), (2, names[1]), (3, "sixth"), (4, "fourth"), (5, "fifth")]));
    let third = Target { scope: Scope::Session, session: Some("third".to_owned()), ..role() };
    let held = Held { target: &third, containment: Containment::QuarantineIam };
    assert_eq!(ledger.session_was_replaced(held, "third").await, Ok(true));
    assert_eq!(hold(&ledger, role(), "seventh", &own("seventh"), 2 * LIFE + 10).await, Ok(4));
    let full = hold(&ledger, role(), "eighth", &own("eighth"), 2 * LIFE + 20).await.expect_err("none is left");
    assert!(full.kind == FaultKind::Malformed && full.message.contains("firebreak slots"), "{full}");
    // An instance has its name as long as it lives, and what was stolen from it lives on as long as a session can.
    ledger.end_session(&role(), names[1], at(LIFE + 21)).await.expect("ended");
    let full = hold(&ledger, role(), "eighth", &own("eighth"), 2 * LIFE + 20).await.expect_err("it can be in use still");
    assert_eq!(full.kind, FaultKind::Malformed);
    assert_eq!(hold(&ledger, role(), "eighth", &own("eighth"), 2 * LIFE + 30).await, Ok(2));
}

#[tokio::test]
async fn five_sessions_at_most_and_a_slot_that_is_given_back_is_the_next_one_s() {
    let (_aws, ledger) = stage().await;
    for slot in 1..=SESSION_SLOTS {
        let name = format!("worker-{slot}");
        assert_eq!(hold(&ledger, role(), &name, &own(&name), 0).await, Ok(slot));
    }
    assert_eq!(hold(&ledger, role(), "late", &own("late"), LIFE - 1).await.expect_err("full").kind, FaultKind::Malformed);
    ledger.free_session(&role(), "worker-4").await.expect("freed");
    ledger.free_session(&role(), "worker-4").await.expect("freed before");
    assert_eq!(hold(&ledger, role(), "late", &own("late"), LIFE - 1).await, Ok(4));
}

#[tokio::test]
async fn a_role_that_was_created_anew_has_all_its_slots() {
    let (_aws, ledger) = stage().await;
    for name in ["old-1", "old-2"] {
        hold(&ledger, role(), name, &own(name), 0).await.expect("a slot");
    }
    assert_eq!(ledger.named_sessions(&redeployed()).await, Ok(vec![]), "they are of a role that is gone");
    for (name, slot) in [("new-1", 3), ("new-2", 4), ("new-3", 5), ("new-4", 1), ("new-5", 2)] {
        assert_eq!(hold(&ledger, redeployed(), name, &own(name), 1).await, Ok(slot), "{name}");
    }
    assert_eq!(ledger.named_sessions(&redeployed()).await.expect("names").len(), SESSION_SLOTS);
    let full = hold(&ledger, redeployed(), "new-6", &own("new-6"), 1).await.expect_err("none is left");
    assert_eq!(full.kind, FaultKind::Malformed);
}

#[tokio::test]
async fn a_late_finding_about_a_deleted_role_wipes_nothing_of_the_one_that_has_its_name() {
    let (_aws, ledger) = stage().await;
    hold(&ledger, role(), "old", &own("old"), 0).await.expect("a slot");
    assert_eq!(hold(&ledger, redeployed(), "new", &own("new"), 1).await, Ok(2));
    assert_eq!(hold(&ledger, role(), "late", &own("late"), 2).await, Ok(3));
    ledger.free_session(&role(), "new").await.expect("nothing to free");
    assert_eq!(ledger.named_sessions(&redeployed()).await, Ok(vec!["new".to_owned()]));
    // Where the id is not known, nothing is compared.
    let unknown = Target { principal_id: None, ..role() };
    assert_eq!(hold(&ledger, unknown, "new", &own("again"), 3).await, Ok(2));
}

/// What DynamoDB answers while another transaction changes the row.
pub(crate) fn conflict() -> Answer {
    let reasons =
        json!([{ "Code": "None" }, { "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }]);
    let body = json!({ "__type": "TransactionCanceledException", "Message": "cancelled", "CancellationReasons": reasons });
    Answer::raw(400, body.to_string())
}

#[tokio::test]
async fn a_transaction_that_meets_another_one_is_made_again() {
    let (aws, ledger) = stage().await;
    aws.next("dynamodb:TransactWriteItems", conflict());
    assert_eq!(hold(&ledger, role(), "suspect", &own("one"), 0).await, Ok(1));
    for _ in 0..8 {
        aws.next("dynamodb:TransactWriteItems", conflict());
    }
    let busy = hold(&ledger, role(), "other", &own("two"), 0).await.expect_err("it is busy");
    assert_eq!(busy.kind, FaultKind::Transient);
    aws.mend();
    aws.always("dynamodb:TransactWriteItems", error(400, "AccessDeniedException"));
    let denied = hold(&ledger, role(), "other", &own("two"), 0).await.expect_err("it is denied");
    assert_eq!((denied.kind, taken(&ledger).await), (FaultKind::Denied, slots(&[(1, "suspect")])));
}

#[tokio::test]
async fn a_role_without_denied_sessions_costs_one_round_trip() {
    let (aws, ledger) = stage().await;
    let lower = Target { id: "deploy".to_owned(), ..role() };
    hold(&ledger, lower.clone(), "one", &own("one"), 0).await.expect("a slot");
    let calls: Vec<String> = aws.calls().iter().map(|call| call.operation.clone()).collect();
    assert_eq!(calls, ["TransactWriteItems"]);
    aws.forget();
    hold(&ledger, lower, "two", &own("two"), 0).await.expect("a slot");
    let calls: Vec<String> = aws.calls().iter().map(|call| call.operation.clone()).collect();
    assert_eq!(calls, ["TransactWriteItems"; 2], "the refusal shows the row");
}

/// Whose slot it is, for people.
#[tokio::test]
async fn a_slot_says_for_which_incident_since_when_and_until_when() {
    let (_aws, ledger) = stage().await;
    for (name, of) in [("suspect", "one"), ("i-0123456789abcdef0", "two")] {
        hold(&ledger, role(), name, &own(of), 0).await.expect("a slot");
    }
    let known = ledger.session_slots(&role()).await.expect("the ledger answers");
    let ids: Vec<Option<IncidentId>> =
        known.iter().map(|slot| slot.incident.as_deref().and_then(|id| IncidentId::parse(id).ok())).collect();
    assert_eq!(ids, [Some(incident("one")), Some(incident("two"))]);
    let time = |text: &Option<String>| text.as_deref().map(|text| text.parse::<jiff::Timestamp>().expect("a time"));
    assert_eq!(known.iter().map(|slot| time(&slot.since)).collect::<Vec<_>>(), [Some(at(0)), Some(at(0))]);
    assert_eq!(known.iter().map(|slot| time(&slot.until)).collect::<Vec<_>>(), [Some(at(LIFE)), None]);
}

//! Turns at CloudTrail: incidents that ask the same trail share one request a second.

use super::at;
use firebreak::ids::{AccountId, Region};
use firebreak::trail::TrailPlace;
use firebreak_ledger::TurnsWanted;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use jiff::{SignedDuration, Timestamp};

fn place(region: &str) -> TrailPlace {
    (AccountId::parse("111122223333").expect("an account"), Region::parse(region).expect("a Region"))
}

/// So many turns of a second each, from `from` on, the first one within ten seconds.
fn wanted(count: u32, from: Timestamp) -> TurnsWanted {
    TurnsWanted { count, pace: SignedDuration::from_secs(1), at: from, latest: from + SignedDuration::from_secs(10) }
}

#[tokio::test]
async fn nobody_has_the_turn_of_another() {
    let aws = ScriptedAws::start().await.expect("a port");
    let (one, other, here) = (room::ledger(&aws), room::ledger(&aws), place("eu-central-1"));
    assert_eq!(one.take_turns(&here, wanted(4, at(0))).await.expect("written"), Some(at(0)));
    assert_eq!(other.take_turns(&here, wanted(4, at(0))).await.expect("written"), Some(at(4)), "behind the four");
    assert_eq!(one.take_turns(&here, wanted(1, at(1))).await.expect("written"), Some(at(8)));
    assert_eq!(one.take_turns(&place("us-east-1"), wanted(1, at(1))).await.expect("written"), Some(at(1)), "another trail");
    assert_eq!(one.take_turns(&here, wanted(1, at(60))).await.expect("written"), Some(at(60)), "what passed unused is gone");
}

#[tokio::test]
async fn who_cannot_wait_so_long_takes_no_turn() {
    let aws = ScriptedAws::start().await.expect("a port");
    let (ledger, here) = (room::ledger(&aws), place("eu-central-1"));
    ledger.take_turns(&here, wanted(12, at(0))).await.expect("written");
    assert_eq!(ledger.take_turns(&here, wanted(1, at(0))).await.expect("written"), None);
    assert_eq!(ledger.take_turns(&here, wanted(1, at(2))).await.expect("written"), Some(at(12)), "and none was lost");
    let row = aws.table().item("lookups#111122223333#eu-central-1", "lookups").cloned().expect("a row");
    assert!(row.contains_key("expires_at"));
}

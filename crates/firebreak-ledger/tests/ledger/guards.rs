//! A look writes again what it finds missing, while its incident is contained and released.

use super::joined::{CLOSED, OPEN, OWN, contain, had_its_time, ids, names, release};
use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::holders::{Holder, Holders};
use firebreak_ledger::{Held, Ledger, Mark, ReleaseClaim};
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

async fn look(world: &World, process: usize, ledger: &Ledger) {
    let target = user("alice");
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    world.busy(process, true);
    if world.read(process, "alice").await != CLOSED
        && let Some(guard) = ledger.guard(held, incident(OWN).as_str(), at(world.now())).await.expect("the ledger answers")
    {
        world.write(process, "alice", CLOSED).await;
        ledger.end_guard(held, &guard).await.expect("the ledger takes it");
    }
    world.busy(process, false);
}

/// A look that read before the release can write after it.
#[test]
fn whenever_a_look_writes_the_release_has_the_last_word() {
    let start = |world: &World, process: usize, killed: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            had_its_time(&world, process, killed).await;
            let ledger = ledger(&world, process);
            if process == 0 {
                contain(&world, process, &ledger, Holder::Own(incident(OWN))).await;
                release(&world, process, &ledger, &[OWN]).await;
            } else {
                look(&world, process, &ledger).await;
            }
        }
        .boxed_local()
    };
    let check = |world: &World| {
        assert_eq!(world.resource("alice"), OPEN, "it is contained for an incident that is over");
        assert_eq!((names(world, "holders"), names(world, "containing")), (ids(&[]), ids(&[])));
    };
    for (kills, switches) in [(0, None), (1, Some(3))] {
        let explored = every_order(Bounds { processes: 2, kills, switches }, &start, &check);
        report(&format!("a look beside a release, {kills} kill(s)"), explored);
        assert!(explored.states > 20, "{explored:?}");
    }
}

/// Whoever died is named there for ever, unless somebody forgets it: each later one would make it last 90 seconds more.
#[tokio::test]
async fn what_died_keeps_no_release_waiting_longer_because_others_come_and_go() {
    let (target, own, joined) = (user("alice"), incident(OWN), ["two", "three"].map(incident));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let [dies, comes] = joined.clone().map(Holder::Joined);
    for comes_as in ["a look", "a mark", "a record"] {
        let aws = ScriptedAws::start().await.expect("a port");
        let ledger = room::ledger(&aws);
        for holder in [&Holder::Own(own.clone()), &dies] {
            assert_eq!(ledger.mark_held(held, holder, at(0)).await.expect("the ledger takes it"), Mark::Held);
        }
        assert!(ledger.guard(held, own.as_str(), at(1)).await.expect("the ledger takes it").is_some());
        let pass = async |second: i64| {
            if comes_as == "a look" {
                let guard = ledger.guard(held, own.as_str(), at(second)).await.expect("the ledger takes it").expect("a guard");
                ledger.end_guard(held, &guard).await.expect("the ledger takes it");
            } else {
                if comes_as == "a mark" {
                    ledger.mark_held(held, &comes, at(second)).await.expect("the ledger takes it");
                } else {
                    let recorded = ledger.hold(held, &comes, "the resource's id", &OPEN.to_owned(), at(second)).await;
                    recorded.expect("the ledger takes it");
                }
                ledger.end_containment(held, &comes).await.expect("the ledger takes it");
            }
        };
        let release =
            async |second: i64| ledger.begin_release::<String>(held, &Holders::of(&own).with(&joined), at(second)).await;
        pass(50).await;
        let refused = release(85).await.expect_err("they can be alive");
        assert_eq!(refused.kind, FaultKind::Transient, "{refused}");
        for second in [150, 200] {
            pass(second).await;
        }
        let claim = release(201).await;
        assert!(matches!(claim, Ok(ReleaseClaim::Ours { .. })), "{comes_as}: {claim:?}");
    }
}

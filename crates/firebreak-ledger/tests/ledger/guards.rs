//! A look writes again what it finds missing, while its incident is contained and released.

use super::joined::{CLOSED, OPEN, OWN, contain, had_its_time, ids, names, release};
use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::holders::Holder;
use firebreak_ledger::{Held, Ledger};
use firebreak_testkit::interleaving::{Bounds, World, every_order};
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

//! Two incidents contain one target, and release it.

use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::holders::{Holder, Holders};
use firebreak_ledger::{Held, Ledger, ReleaseClaim};
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// More rounds than any order needs: each waits for the lease of somebody who was killed.
const ROUNDS: usize = 8;

/// A function that contains the target: it reads, records, and closes.
async fn contain(world: &World, process: usize, ledger: &Ledger, name: &str) {
    let (target, holder) = (user("alice"), Holder::Own(incident(name)));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    for _ in 0..ROUNDS {
        world.at_place(process, "before containing");
        let state = world.read(process, "alice").await;
        let state = if state == CLOSED { CLOSED } else { OPEN }.to_owned();
        match ledger.hold(held, &holder, "the resource's id", &state, at(world.now())).await {
            Ok(_) => {
                world.at_place(process, "held");
                return world.write(process, "alice", CLOSED).await;
            }
            Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
        }
        world.until_leases_end(process).await;
    }
    panic!("{name} never got the target");
}

/// A function that releases the target: it asks, puts back, and forgets.
async fn release(world: &World, process: usize, ledger: &Ledger, name: &str) {
    let (target, incident) = (user("alice"), incident(name));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    for _ in 0..ROUNDS {
        world.at_place(process, "before releasing");
        world.busy(process, true);
        let claim = ledger.begin_release::<String>(held, &Holders::of(&incident), at(world.now())).await;
        if let Ok(ReleaseClaim::Ours { base, lease, .. }) = claim {
            world.write(process, "alice", &base.expect("a state was recorded")).await;
            ledger.end_release(held, &lease, at(world.now())).await.expect("the ledger takes it");
            return world.busy(process, false);
        }
        world.busy(process, false);
        match claim {
            Ok(_) => return,
            Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
        }
        world.until_leases_end(process).await;
    }
    panic!("{name} could not release the target");
}

fn is_held(world: &World) -> bool {
    let target = user("alice");
    let item = world.table();
    let item = item.item(&format!("target#{}", target.ledger_key()), "base");
    item.is_some_and(|item| item.contains_key("holders"))
}

fn contain_and_release(world: &World, process: usize, killed: usize) -> LocalBoxFuture<'static, ()> {
    let (world, name) = (world.clone(), ["one", "other"][process]);
    async move {
        if killed > 0 {
            // The state machine starts a function again only after the killed one had its time.
            world.until_leases_end(process).await;
        }
        let ledger = ledger(&world, process);
        contain(&world, process, &ledger, name).await;
        release(&world, process, &ledger, name).await;
    }
    .boxed_local()
}

#[test]
fn whatever_the_order_a_target_that_nobody_holds_is_as_it_was() {
    let check = |world: &World| {
        assert_eq!(world.resource("alice"), OPEN, "stranded: nobody holds it and it is closed");
        assert!(!is_held(world));
    };
    for (kills, switches) in [(0, None), (1, None)] {
        let explored = every_order(Bounds { processes: 2, kills, switches }, &contain_and_release, &check);
        report(&format!("two incidents contain and release, {kills} kill(s)"), explored);
        assert!(explored.states > 50, "{explored:?}");
    }
}

#[test]
fn what_one_incident_releases_stays_contained_for_the_other() {
    let start = |world: &World, process: usize, _: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            let ledger = ledger(&world, process);
            match process {
                0 => {
                    contain(&world, process, &ledger, "one").await;
                    release(&world, process, &ledger, "one").await;
                }
                _ => contain(&world, process, &ledger, "other").await,
            }
        }
        .boxed_local()
    };
    let check = |world: &World| {
        assert_eq!(world.resource("alice"), CLOSED, "the other incident holds it, and it is open");
        assert!(is_held(world));
    };
    let explored = every_order(Bounds { processes: 2, kills: 0, switches: None }, &start, &check);
    report("one incident releases, the other holds", explored);
    assert!(explored.states > 50, "{explored:?}");
}

/// Two executions of one incident release at the same time: the first one was taken for dead.
#[test]
fn two_releases_of_one_incident_put_back_once_and_both_end() {
    let start = |world: &World, process: usize, _: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            let ledger = ledger(&world, process);
            if process == 0 {
                contain(&world, process, &ledger, "one").await;
                world.write(process, "contained", "yes").await;
            } else {
                world.until_there(process, "contained").await;
            }
            release(&world, process, &ledger, "one").await;
        }
        .boxed_local()
    };
    let check = |world: &World| {
        assert_eq!(world.resource("alice"), OPEN);
        assert!(!is_held(world));
    };
    let explored = every_order(Bounds { processes: 2, kills: 0, switches: Some(3) }, &start, &check);
    report("two releases of one incident", explored);
}

//! A finding joins an incident and contains a target, while the incident is released.

use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::{Holder, Holders};
use firebreak::ids::IncidentId;
use firebreak_ledger::{Held, Ledger, Mark, ReleaseClaim};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use std::collections::BTreeSet;

pub(crate) const OPEN: &str = "open";
pub(crate) const CLOSED: &str = "closed";

/// More rounds than any order needs: each waits for the lease of somebody who was killed.
const ROUNDS: usize = 8;

/// The incident's own name, and the findings that joined it.
pub(crate) const OWN: &str = "one";
const SECOND: &str = "two";
const THIRD: &str = "three";

/// A function that contains the target. One for a finding that joined marks it first, and leaves it when it was answered.
pub(crate) async fn contain(world: &World, process: usize, ledger: &Ledger, holder: Holder) {
    for _ in 0..ROUNDS {
        world.at_place(process, &format!("before containing for {}", holder.id()));
        world.busy(process, true);
        let tried = attempt(world, process, ledger, &holder).await;
        world.busy(process, false);
        match tried {
            Ok(()) => return,
            Err(fault) => assert_eq!(fault.kind, FaultKind::Transient, "{fault}"),
        }
        world.until_leases_end(process).await;
    }
    panic!("{} never got the target", holder.id());
}

async fn attempt(world: &World, process: usize, ledger: &Ledger, holder: &Holder) -> Result<(), Fault> {
    let target = user("alice");
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    if let Holder::Joined(_) = holder
        && ledger.mark_held(held, holder, at(world.now())).await? == Mark::Answered
    {
        return Ok(());
    }
    let began = at(world.now());
    let state = world.read(process, "alice").await;
    let state = if state == CLOSED { CLOSED } else { OPEN }.to_owned();
    let recorded = ledger.hold(held, holder, "the resource's id", &state, began).await;
    if recorded.is_ok() {
        world.write(process, "alice", CLOSED).await;
    }
    ledger.end_containment(held, holder).await?;
    recorded.map(drop)
}

/// A function that releases the target for these names, the incident's own first.
pub(crate) async fn release(world: &World, process: usize, ledger: &Ledger, names: &[&str]) {
    let (target, ids) = (user("alice"), names.iter().map(|name| incident(name)).collect::<Vec<IncidentId>>());
    let (own, joined) = ids.split_first().expect("at least the incident's own");
    let (held, holders) = (Held { target: &target, containment: Containment::LockdownS3 }, Holders::of(own).with(joined));
    for _ in 0..ROUNDS {
        world.at_place(process, "before releasing");
        world.busy(process, true);
        let claim = ledger.begin_release::<String>(held, &holders, at(world.now())).await;
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
    panic!("{names:?} could not release the target");
}

/// The names in a set of the target's row.
pub(crate) fn names(world: &World, set: &str) -> BTreeSet<String> {
    let target = user("alice");
    let table = world.table();
    let set = table.item(&format!("target#{}", target.ledger_key()), "base").and_then(|item| item.get(set));
    match set {
        Some(Value::Ss(names)) => names.iter().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

pub(crate) fn ids(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| incident(name).to_string()).collect()
}

/// Restarts a killed function only after it had its time, as the state machine does.
pub(crate) async fn had_its_time(world: &World, process: usize, killed: usize) {
    if killed > 0 {
        world.until_leases_end(process).await;
    }
}

/// Process 0 contains for the incident, and releases what its ticket `shows`. Process 1 contains for the finding that joined.
fn late_containment(what: &str, shows: &'static [&'static str], check: &dyn Fn(&World)) {
    let start = |world: &World, process: usize, killed: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            had_its_time(&world, process, killed).await;
            let ledger = ledger(&world, process);
            if process == 0 {
                contain(&world, process, &ledger, Holder::Own(incident(OWN))).await;
                release(&world, process, &ledger, shows).await;
            } else {
                contain(&world, process, &ledger, Holder::Joined(incident(SECOND))).await;
            }
        }
        .boxed_local()
    };
    for (kills, switches) in [(0, None), (1, Some(3))] {
        let explored = every_order(Bounds { processes: 2, kills, switches }, &start, check);
        report(&format!("{what}, {kills} kill(s)"), explored);
        assert!(explored.states > 50, "{explored:?}");
    }
}

#[test]
fn a_finding_that_the_ticket_showed_is_put_back_with_the_rest_however_late_it_is_contained() {
    late_containment("a joined containment and a release that names it", &[OWN, SECOND], &|world| {
        assert_eq!(world.resource("alice"), OPEN, "it is contained for an incident that is over");
        assert_eq!((names(world, "holders"), names(world, "containing")), (ids(&[]), ids(&[])));
        assert!(names(world, "released_by").is_superset(&ids(&[OWN, SECOND])), "it could be contained later");
    });
}

#[test]
fn a_finding_that_joined_after_the_ticket_stays_contained_and_held() {
    late_containment("a joined containment and a release of an older ticket", &[OWN], &|world| {
        assert_eq!(world.resource("alice"), CLOSED, "nobody has judged the later finding");
        assert_eq!((names(world, "holders"), names(world, "released_by")), (ids(&[SECOND]), ids(&[OWN])));
    });
}

/// Two executions release, as when the first was taken for dead. The third name never held anything.
fn two_releases(first: &'static [&'static str], kills: usize) {
    let start = |world: &World, process: usize, killed: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            had_its_time(&world, process, killed).await;
            let ledger = ledger(&world, process);
            if process == 0 {
                // The state machine starts the killed function again, and none before it.
                if world.read(process, "contained").await != "yes" {
                    contain(&world, process, &ledger, Holder::Own(incident(OWN))).await;
                    contain(&world, process, &ledger, Holder::Joined(incident(SECOND))).await;
                    world.write(process, "contained", "yes").await;
                }
                release(&world, process, &ledger, first).await;
            } else {
                world.until_there(process, "contained").await;
                release(&world, process, &ledger, &[OWN, SECOND, THIRD]).await;
            }
        }
        .boxed_local()
    };
    let check = |world: &World| {
        assert_eq!((world.resource("alice").as_str(), names(world, "holders")), (OPEN, ids(&[])));
        assert_eq!(names(world, "released_by"), ids(&[OWN, SECOND, THIRD]), "one of them could be contained later");
    };
    let explored = every_order(Bounds { processes: 2, kills, switches: Some(3) }, &start, &check);
    report(&format!("two releases of three names, the first of {}, {kills} kill(s)", first.len()), explored);
}

#[test]
fn two_releases_of_three_names_put_back_once_and_bar_each_name() {
    for kills in [0, 1] {
        two_releases(&[OWN, SECOND, THIRD], kills);
    }
}

#[test]
fn a_release_of_an_older_ticket_beside_one_of_all_names_leaves_nothing_held() {
    two_releases(&[OWN], 0);
}

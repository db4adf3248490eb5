//! The ledger in every order: whatever incidents, releases and kills do to each other, nothing is stranded and nothing is lost.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod bases;
mod budgets;
mod decisions;
mod feed;
mod fleets;
mod gate;
mod gathered;
mod guards;
mod joined;
mod joins;
mod lookups;
mod names;
mod parts;
mod pauses;
mod revisions;
mod sessions;
mod slots;
mod writes;

use firebreak::ids::{AccountId, IncidentId, Partition, Region};
use firebreak::target::{Place, Target, TargetKind};
use firebreak_ledger::Ledger;
use firebreak_testkit::interleaving::{Explored, World};
use jiff::{SignedDuration, Timestamp};

fn ledger(world: &World, process: usize) -> Ledger {
    Ledger::new(&world.config(process), "firebreak-ledger".to_owned())
}

fn incident(name: &str) -> IncidentId {
    IncidentId::of(name)
}

fn user(name: &str) -> Target {
    let account = AccountId::parse("111122223333").expect("an account");
    let place = Place {
        account,
        region: Region::parse("eu-central-1").expect("a Region"),
        partition: Partition::parse("aws").expect("a partition"),
    };
    Target::new(TargetKind::IamUser, name, place)
}

/// A time of this many seconds. Processes have no clock: an order must not depend on when it is tried.
fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
}

fn report(what: &str, explored: Explored) {
    let runs = explored.orders + explored.joined;
    println!("{what}: {runs} orders, {} of them to their end, {} states", explored.orders, explored.states);
}

//! Places of a group: how many hosts of it are isolated at once, whoever isolates them.

use super::{at, incident, ledger, report, user};
use firebreak::target::{Target, TargetKind};
use firebreak_ledger::{Fleet, Hosts, Ledger, Share};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use std::collections::BTreeSet;

const HOUR: i64 = 3_600;
const ROW: &str = "fleet#111122223333#eu-central-1#web";

fn host(id: &str) -> Target {
    Target::new(TargetKind::Ec2Instance, id, user("x").place())
}

/// A group in which all of these serve.
fn serving(ids: &[&str]) -> Hosts {
    let members: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    Hosts { healthy: members.clone(), members, own: BTreeSet::new() }
}

/// What the host `id` sees of a target group by address: its own target stands under its id, and seven serve.
fn by_address(id: &str, address: &str) -> Hosts {
    let all = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"];
    Hosts { own: [address.to_owned()].into(), ..serving(&all.map(|known| if known == address { id } else { known })) }
}

async fn reserve(ledger: &Ledger, id: &str, hosts: &Hosts, seconds: i64) -> Share {
    let host = host(id);
    let fleet = Fleet { host: &host, group: "web" };
    ledger.reserve_share(fleet, &incident("one"), hosts, 25, at(seconds)).await.expect("the ledger answers")
}

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

fn places(row: Option<&Value>) -> Vec<String> {
    match row {
        Some(Value::M(hosts)) => hosts.keys().cloned().collect(),
        _ => vec![],
    }
}

#[test]
fn of_two_isolations_at_once_one_gets_the_last_place_in_every_order_and_after_every_kill() {
    let start = |world: &World, process: usize, _: usize| -> LocalBoxFuture<'static, ()> {
        let (world, name) = (world.clone(), ["i-a", "i-b"][process]);
        async move {
            let share = reserve(&ledger(&world, process), name, &serving(&["i-a", "i-b", "i-c", "i-d"]), 0).await;
            assert_eq!((share.hosts, share.allowed), (4, 1));
            if share.granted {
                world.write(process, name, "isolated").await;
            }
        }
        .boxed_local()
    };
    let check = |world: &World| {
        let isolated: Vec<&str> = ["i-a", "i-b"].into_iter().filter(|name| !world.resource(name).is_empty()).collect();
        let table = world.table();
        assert_eq!(isolated.len(), 1, "{isolated:?}");
        assert_eq!(places(table.item(ROW, "hosts").and_then(|row| row.get("hosts"))), isolated);
    };
    for kills in [0, 1] {
        let explored = every_order(Bounds { processes: 2, kills, switches: None }, &start, &check);
        report(&format!("two incidents isolate hosts of one group, {kills} kill(s)"), explored);
        assert!(explored.states > 5, "{explored:?}");
    }
}

#[tokio::test]
async fn a_group_loses_no_more_than_its_share_and_one_host_in_any_case() {
    let (_aws, ledger) = stage().await;
    let eight = serving(&["i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7", "i-8"]);
    for id in ["i-1", "i-2"] {
        assert!(reserve(&ledger, id, &eight, 0).await.granted, "{id}");
    }
    let refused = Share { granted: false, isolated: 2, hosts: 8, allowed: 2 };
    assert_eq!(reserve(&ledger, "i-3", &eight, 1).await, refused);
    // The two are in standby, and each has a replacement.
    let replaced = serving(&["i-3", "i-4", "i-5", "i-6", "i-7", "i-8", "i-9", "i-10"]);
    assert_eq!(reserve(&ledger, "i-3", &replaced, 2).await, Share { hosts: 10, ..refused });
    assert!(reserve(&ledger, "i-2", &replaced, 3).await.granted, "it has a place: a second run goes on");
    let second = host("i-2");
    let fleet = Fleet { host: &second, group: "web" };
    for _ in 0..2 {
        ledger.give_share_back(fleet).await.expect("given back");
    }
    assert!(reserve(&ledger, "i-3", &replaced, 4).await.granted);
    assert!(!reserve(&ledger, "i-2", &replaced, 5).await.granted);
    ledger.take_share(fleet, &incident("two"), &BTreeSet::new(), at(6)).await.expect("a person approved it");
    assert_eq!(reserve(&ledger, "i-4", &replaced, 7).await.isolated, 3, "what was approved counts");
}

#[tokio::test]
async fn a_group_of_one_may_lose_it() {
    let (_aws, ledger) = stage().await;
    assert!(reserve(&ledger, "i-1", &serving(&["i-1"]), 0).await.granted);
    assert!(!reserve(&ledger, "i-2", &serving(&["i-2"]), 1).await.granted, "and not its replacement");
}

#[tokio::test]
async fn who_left_the_group_gives_the_place_up_after_a_day() {
    let (aws, ledger) = stage().await;
    let hosts = |id: &str| serving(&[id, "i-8", "i-9"]);
    assert!(reserve(&ledger, "i-1", &hosts("i-1"), 0).await.granted);
    assert!(!reserve(&ledger, "i-2", &hosts("i-2"), 23 * HOUR).await.granted, "not before");
    assert!(!reserve(&ledger, "i-2", &serving(&["i-1", "i-2"]), 25 * HOUR).await.granted, "it is still a member");
    let late = reserve(&ledger, "i-2", &hosts("i-2"), 25 * HOUR).await;
    assert_eq!(late, Share { granted: true, isolated: 0, hosts: 3, allowed: 1 });
    let table = aws.table();
    let row = table.item(ROW, "hosts").expect("a row");
    assert_eq!(places(row.get("hosts")), ["i-2"]);
    assert!(row.contains_key("expires_at"));
    // Its own place is never among those that are given up.
    assert!(reserve(&ledger, "i-2", &serving(&["i-9"]), 90 * HOUR).await.granted);
}

/// Hosts that Auto Scaling replaced long ago must not keep every isolation waiting while their group cannot be read.
#[tokio::test]
async fn where_the_hosts_cannot_be_read_old_places_of_others_do_not_count() {
    let (aws, ledger) = stage().await;
    let eight = serving(&["i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7", "i-8"]);
    for id in ["i-1", "i-2"] {
        assert!(reserve(&ledger, id, &eight, 0).await.granted, "{id}");
    }
    let as_seen = async |id: &str, hours: i64| {
        let host = host(id);
        let fleet = Fleet { host: &host, group: "web" };
        let share = ledger.reserve_share_as_seen(fleet, &incident("one"), 25, at(hours * HOUR)).await;
        let share = share.expect("the ledger answers").expect("they were read once");
        (share.granted, share.isolated)
    };
    assert_eq!(as_seen("i-3", 23).await, (false, 2));
    assert_eq!(as_seen("i-3", 25).await, (true, 0));
    assert_eq!(as_seen("i-4", 25).await, (true, 1));
    assert_eq!(as_seen("i-5", 25).await, (false, 2), "the share counts anew");
    assert_eq!(as_seen("i-1", 25).await, (true, 2), "its own place lasts");
    let table = aws.table();
    let row = table.item(ROW, "hosts").expect("a row");
    assert_eq!(places(row.get("hosts")), ["i-1", "i-2", "i-3", "i-4"], "nobody knows that they are gone");
}

/// From its place to its way out of the group, an isolated host serves there under its address.
#[tokio::test]
async fn a_host_that_its_group_knows_by_address_counts_once_whoever_took_its_place() {
    for is_approved in [false, true] {
        let (_aws, ledger) = stage().await;
        let first = by_address("i-1", "10.0.0.1");
        if is_approved {
            let host = host("i-1");
            let fleet = Fleet { host: &host, group: "web" };
            ledger.take_share(fleet, &incident("one"), &first.own, at(0)).await.expect("written");
        } else {
            assert_eq!(reserve(&ledger, "i-1", &first, 0).await, Share { granted: true, isolated: 0, hosts: 7, allowed: 1 });
        }
        let refused = Share { granted: false, isolated: 1, hosts: 7, allowed: 1 };
        assert_eq!(reserve(&ledger, "i-2", &by_address("i-2", "10.0.0.2"), 1).await, refused, "approved: {is_approved}");
    }
}

#[tokio::test]
async fn a_place_lasts_as_long_as_a_target_is_registered_under_the_host_s_address() {
    let (_aws, ledger) = stage().await;
    assert!(reserve(&ledger, "i-1", &by_address("i-1", "10.0.0.1"), 0).await.granted);
    let mut now = by_address("i-2", "10.0.0.2");
    assert!(!reserve(&ledger, "i-2", &now, 25 * HOUR).await.granted, "it could not leave the group");
    now.members.remove("10.0.0.1");
    now.healthy.remove("10.0.0.1");
    assert!(reserve(&ledger, "i-2", &now, 25 * HOUR).await.granted);
}

#[tokio::test]
async fn to_look_at_a_share_writes_nothing_and_finds_what_a_reservation_would() {
    let (aws, ledger) = stage().await;
    let hosts = serving(&["i-1", "i-2", "i-3", "i-4"]);
    let look = async |id: &str| {
        let host = host(id);
        ledger.share_of(Fleet { host: &host, group: "web" }, &hosts, 25, at(1)).await.expect("the ledger answers")
    };
    let free = Share { granted: false, isolated: 0, hosts: 4, allowed: 1 };
    assert_eq!((look("i-1").await, free.is_used_up()), (free, false));
    assert_eq!(aws.table().item(ROW, "hosts"), None);
    assert!(reserve(&ledger, "i-1", &hosts, 2).await.granted);
    let (own, other) = (look("i-1").await, look("i-2").await);
    assert_eq!((own.granted, own.is_used_up(), other.granted, other.is_used_up()), (true, false, false, true));
}

#[tokio::test]
async fn an_incident_gives_back_only_what_it_took() {
    let (aws, ledger) = stage().await;
    assert!(reserve(&ledger, "i-1", &serving(&["i-1", "i-2"]), 0).await.granted);
    let first = host("i-1");
    let fleet = Fleet { host: &first, group: "web" };
    let taken = || places(aws.table().item(ROW, "hosts").and_then(|row| row.get("hosts")));
    ledger.give_own_share_back(fleet, &incident("two")).await.expect("nothing of its own");
    assert_eq!(taken(), ["i-1"]);
    for _ in 0..2 {
        ledger.give_own_share_back(fleet, &incident("one")).await.expect("given back");
        assert_eq!(taken(), [""; 0]);
    }
}

#[tokio::test]
async fn hosts_that_cannot_be_read_are_worth_one_more_try_a_day() {
    let (_aws, ledger) = stage().await;
    let first = async |id: &str, hours: i64| {
        let host = host(id);
        ledger.is_first_unread(Fleet { host: &host, group: "web" }, at(hours * HOUR)).await.expect("written")
    };
    assert!(first("i-1", 0).await && first("i-2", 1).await);
    assert!(!first("i-1", 1).await && !first("i-1", 23).await);
    assert!(first("i-1", 25).await && !first("i-1", 26).await);
}

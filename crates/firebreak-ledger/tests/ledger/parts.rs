//! A target that is held in several parts: who finds whose rows, and who may write at the same time.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::holders::Holder;
use firebreak::ids::AccessKeyId;
use firebreak::target::{Scope, Target};
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

fn held(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::QuarantineIam }
}

#[tokio::test]
async fn every_part_finds_the_rows_of_the_whole_and_of_all_parts_and_no_others() {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    let whole = user("alice");
    let key = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key id");
    let part = Target { scope: Scope::AccessKey, access_key_id: Some(key), ..whole.clone() };
    let own = |name: &str| Holder::Own(incident(name));
    for (target, name) in [(&whole, "one"), (&part, "two"), (&user("bob"), "three")] {
        ledger.mark_held(held(target), &own(name), at(0)).await.expect("written");
    }
    // What the organization denies has a base of its own, which another containment wrote.
    let denied = Held { target: &whole, containment: Containment::QuarantineScp };
    ledger.mark_held(denied, &own("four"), at(0)).await.expect("written");
    for target in [&whole, &part] {
        let rows = ledger.rows_of(held(target), at(1)).await.expect("read");
        let found: Vec<(String, Vec<String>)> = rows.into_iter().map(|(key, row)| (key, row.holders)).collect();
        let expected = [(&whole, "one"), (&part, "two")].map(|(it, name)| (held(it).key().1, vec![incident(name).to_string()]));
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn an_owner_with_a_name_finds_its_own_lock_again_and_nobody_elses() {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    let lock =
        async |owner: &str, second: i64| ledger.lock_for("a bucket", owner, at(second), at(second + 60)).await.expect("asked");
    let killed = lock("freeze", 0).await.expect("a lock");
    assert!(lock("destruction", 1).await.is_none(), "one writer at a time");
    let again = lock("freeze", 2).await.expect("the run after the killed one need not wait");
    // The killed one was slow, not dead: both are one owner.
    ledger.unlock(killed).await.expect("written");
    assert!(lock("destruction", 3).await.is_some());
    ledger.unlock(again).await.expect("it is somebody else's by now, and stays");
    assert!(lock("freeze", 4).await.is_none());
    assert!(lock("freeze", 64).await.is_some(), "its lease has ended");
}

//! Findings join an incident while others open, join and close it.

use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::joining::{Joiner, Merge};
use firebreak::plan::FindingSummary;
use firebreak_ledger::{JoinEnd, Ledger, Pointed, Pointing, RawEvent};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

fn decision(name: &str) -> Decision {
    Decision::new(user(name), Some(Containment::QuarantineIam), Mode::Auto, "a finding")
}

/// An incident about these users.
fn about(name: &str, users: &[&str]) -> Incident {
    Incident { decisions: users.iter().map(|user| decision(user)).collect(), ..room::opened(name) }
}

fn pointing<'a>(to: &'a IncidentId, from: Option<&'a IncidentId>) -> Pointing<'a> {
    Pointing { to, opened_at: at(0), not_before: at(-3600), from }
}

/// Adds a finding about these users.
fn adding<'a>(id: &'a IncidentId, finding: &'a FindingSummary, users: &[&str]) -> impl Fn(&Incident) -> Merge + use<'a> {
    let decisions: Vec<Decision> = users.iter().map(|user| decision(user)).collect();
    move |open: &Incident| {
        Joiner { id, finding, decisions: &decisions, receipts: &[], releases: &[], checks: &[], at: at(1) }.merge(open)
    }
}

async fn open(ledger: &Ledger, incident: &Incident) {
    // What a killed try opened is not written again: others may have joined it.
    if ledger.record(&incident.id).await.expect("read").is_none() {
        ledger.open_incident(incident, IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
    }
}

/// Every incident that the ledger knows, by its id.
fn incidents(world: &World) -> Vec<Incident> {
    let table = world.table();
    let rows = table.items().filter(|((pk, sk), _)| pk.starts_with("incident#") && sk == "incident");
    let documents = rows.filter_map(|(_, row)| match row.get("doc") {
        Some(Value::S(document)) => Some(document.clone()),
        _ => None,
    });
    documents.map(|document| serde_json::from_str(&document).expect("an incident")).collect()
}

const NAMES: [&str; 2] = ["one", "other"];
/// In sorted order.
const KEYS: [[&str; 2]; 2] = [["a", "b"], ["b", "c"]];

/// A triage: it opens an incident when all its keys are its own, else it joins the one that was first.
fn triage(world: &World, process: usize, _: usize) -> LocalBoxFuture<'static, ()> {
    let world = world.clone();
    async move {
        let (ledger, name) = (ledger(&world, process), NAMES[process]);
        let new = about(name, &KEYS[process]);
        let mut first = None;
        for key in KEYS[process] {
            if let Pointed::Theirs(theirs) = ledger.point(key, pointing(&new.id, None)).await.expect("written") {
                first = Some(theirs);
                break;
            }
        }
        let Some(theirs) = first else {
            open(&ledger, &new).await;
            world.write(process, &format!("opened {}", new.id), "yes").await;
            return;
        };
        // A triage waits some seconds for the other one's. Here that always helps.
        world.until_there(process, &format!("opened {theirs}")).await;
        let end = ledger.join(&theirs, adding(&new.id, &new.finding, &KEYS[process])).await.expect("written");
        assert!(matches!(end, JoinEnd::Joined(_)), "{end:?}");
        for key in KEYS[process] {
            let pointed = ledger.point(key, pointing(&theirs, Some(&new.id))).await.expect("written");
            assert_eq!(pointed, Pointed::Ours);
        }
    }
    .boxed_local()
}

#[test]
fn of_two_findings_that_share_a_key_one_opens_an_incident_and_the_other_one_joins_it() {
    let check = |world: &World| {
        let incidents = incidents(world);
        assert_eq!(incidents.len(), 1, "a circle, or two incidents: {incidents:?}");
        let open = &incidents[0];
        let joined = open.findings.iter().filter_map(|finding| finding.joined.as_ref()).map(|joined| joined.id.clone());
        let mut findings: Vec<IncidentId> = joined.chain([open.id.clone()]).collect();
        findings.sort();
        let mut both = NAMES.map(incident);
        both.sort();
        assert_eq!(findings, both, "each finding in one incident, and once");
        let mut users: Vec<&str> = open.decisions.iter().map(|decision| decision.target.id.as_str()).collect();
        users.sort_unstable();
        assert_eq!((users, open.revision), (vec!["a", "b", "c"], 1));
        for key in ["a", "b", "c"] {
            let table = world.table();
            let row = table.item(&format!("open#{key}"), "open").expect("a pointer");
            assert_eq!(row.get("incident"), Some(&Value::S(open.id.to_string())), "{key}");
        }
    };
    for (kills, switches) in [(0, None), (1, Some(2))] {
        let explored = every_order(Bounds { processes: 2, kills, switches }, &triage, &check);
        report(&format!("two findings share a key, {kills} kill(s)"), explored);
        assert!(explored.orders > 1, "{explored:?}");
    }
}

/// One process opens and closes the incident, the other one joins it.
fn join_or_close(world: &World, process: usize, _: usize) -> LocalBoxFuture<'static, ()> {
    let world = world.clone();
    async move {
        let ledger = ledger(&world, process);
        let known = about("one", &["alice"]);
        if process == 0 {
            open(&ledger, &known).await;
            world.write(process, "opened", "yes").await;
            let ended = ledger.finish(&known.id, IncidentStatus::Closed, at(2), Some(0)).await.expect("asked");
            world.write(process, "closed", if ended { "yes" } else { "no" }).await;
            return;
        }
        world.until_there(process, "opened").await;
        let (own, finding) = (incident("other"), known.finding);
        let joined = match ledger.join(&known.id, adding(&own, &finding, &["bob"])).await.expect("written") {
            JoinEnd::Joined(_) => "yes",
            JoinEnd::Over => "no",
            other => panic!("{other:?}"),
        };
        world.write(process, "joined", joined).await;
    }
    .boxed_local()
}

#[test]
fn a_finding_joins_or_the_answer_closes_and_never_both() {
    let check = |world: &World| {
        let incidents = incidents(world);
        let is_in = incidents[0].findings.iter().any(|finding| finding.joined.is_some());
        let (joined, closed) = (world.resource("joined") == "yes", world.resource("closed") == "yes");
        assert!(joined != closed, "joined: {joined}, closed: {closed}");
        assert_eq!((is_in, incidents[0].decisions.len()), (joined, if joined { 2 } else { 1 }));
    };
    for kills in [0, 1] {
        let explored = every_order(Bounds { processes: 2, kills, switches: None }, &join_or_close, &check);
        report(&format!("a finding joins while an answer closes, {kills} kill(s)"), explored);
        assert!(explored.orders > 1, "{explored:?}");
    }
}

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    open(&ledger, &about("one", &["alice"])).await;
    (aws, ledger)
}

#[tokio::test]
async fn a_pointer_stays_with_the_first_until_it_is_out_of_date_or_given_up() {
    let (aws, ledger) = stage().await;
    let (one, other, third) = (incident("one"), incident("other"), incident("third"));
    let theirs = Pointed::Theirs(one.clone());
    assert_eq!(ledger.pointer("key").await.expect("read"), None);
    assert_eq!(ledger.point("key", pointing(&one, None)).await.expect("written"), Pointed::Ours);
    assert_eq!(ledger.point("key", pointing(&one, None)).await.expect("written"), Pointed::Ours, "asked again");
    assert_eq!(ledger.point("key", pointing(&other, None)).await.expect("asked"), theirs);
    assert_eq!(ledger.point("key", pointing(&other, Some(&third))).await.expect("asked"), theirs, "somebody else is over");
    let known = ledger.pointer("key").await.expect("read").expect("a pointer");
    assert_eq!((known.incident, known.opened_at), (one.clone(), at(0)));
    let row = aws.table().item("open#key", "open").cloned().expect("a row");
    assert_eq!(row.get("expires_at"), Some(&Value::N((at(0).as_second() + 8 * 24 * 3600).to_string())));

    assert_eq!(ledger.point("key", pointing(&other, Some(&one))).await.expect("written"), Pointed::Ours, "it was over");
    let exact = Pointing { opened_at: at(7200), not_before: at(0), ..pointing(&third, None) };
    assert_eq!(ledger.point("key", exact).await.expect("asked"), Pointed::Theirs(other), "as old as may be");
    let late = Pointing { not_before: at(1), ..exact };
    assert_eq!(ledger.point("key", late).await.expect("written"), Pointed::Ours, "it was too old");
    assert_eq!(ledger.pointer("key").await.expect("read").expect("a pointer").opened_at, at(7200));
}

#[tokio::test]
async fn a_finding_joins_once_and_is_still_in_an_incident_that_ended_since() {
    let (aws, ledger) = stage().await;
    let (one, own) = (incident("one"), incident("other"));
    let finding = room::opened("other").finding;
    let join = || ledger.join(&one, adding(&own, &finding, &["bob"]));
    let first = join().await.expect("written");
    let JoinEnd::Joined(merged) = &first else { panic!("{first:?}") };
    assert_eq!((merged.incident.revision, merged.incident.decisions[1].since), (1, 1));
    let row = aws.table().item(&format!("incident#{one}"), "incident").cloned().expect("a row");
    assert_eq!(row.get("revision"), Some(&Value::N("1".to_owned())));
    assert_eq!(join().await.expect("read"), first);
    assert_eq!(aws.table().item(&format!("incident#{one}"), "incident"), Some(&row), "nothing is written twice");

    assert!(!ledger.finish(&one, IncidentStatus::Closed, at(2), Some(0)).await.expect("asked"), "nobody was asked about it");
    assert!(ledger.finish(&one, IncidentStatus::Closed, at(3), Some(1)).await.expect("written"));
    assert_eq!(join().await.expect("read"), first, "what happened, happened");
    let third = incident("third");
    let late = ledger.join(&one, adding(&third, &finding, &["carol"])).await.expect("read");
    assert_eq!(late, JoinEnd::Over);
}

#[tokio::test]
async fn an_incident_is_joined_while_it_is_open_and_in_no_other_status() {
    use IncidentStatus::{AwaitingReview, Closed, Containing, Failed, Ignored, Notified, Released, Triaged};
    let statuses = [Triaged, Containing, AwaitingReview, Closed, Released, Failed, Notified, Ignored];
    for (n, status) in statuses.into_iter().enumerate() {
        let (_aws, ledger) = stage().await;
        let (one, own) = (incident("one"), incident("other"));
        ledger.set_status(&one, status, &[]).await.expect("written");
        let finding = room::opened("other").finding;
        let end = ledger.join(&one, adding(&own, &finding, &["bob"])).await.expect("asked");
        assert_eq!(matches!(end, JoinEnd::Joined(_)), n < 3, "{status:?}: {end:?}");
        assert_eq!(end == JoinEnd::Over, n >= 3, "{status:?}");
    }
}

#[tokio::test]
async fn an_incident_that_nobody_wrote_or_that_has_no_room_is_not_joined() {
    let (aws, ledger) = stage().await;
    let (one, own) = (incident("one"), incident("other"));
    let finding = room::opened("other").finding;
    let unknown = ledger.join(&incident("nobody wrote it"), adding(&own, &finding, &["bob"])).await.expect("read");
    assert_eq!(unknown, JoinEnd::Unknown);
    let before = aws.table().item(&format!("incident#{one}"), "incident").cloned();
    let apart = ledger.join(&one, |_| Merge::Apart("no room")).await.expect("read");
    assert_eq!((apart, aws.table().item(&format!("incident#{one}"), "incident").cloned()), (JoinEnd::Apart("no room"), before));
}

#[tokio::test]
async fn findings_that_join_at_the_same_time_are_all_listed_and_what_is_only_counted_is_counted() {
    let (aws, ledger) = stage().await;
    let (one, finding) = (incident("one"), room::opened("other").finding);
    let own = ["bob", "carol", "dave"].map(|name| (name, incident(name)));
    let joins = own.iter().map(|(name, id)| ledger.join(&one, adding(id, &finding, &[*name])));
    for end in futures::future::join_all(joins).await {
        assert!(matches!(end.expect("written"), JoinEnd::Joined(_)));
    }
    let now = ledger.record(&one).await.expect("read").expect("an incident").incident;
    let mut revisions: Vec<Option<u32>> =
        now.findings.iter().filter_map(|f| f.joined.as_ref()).map(|joined| joined.revision).collect();
    revisions.sort_unstable();
    assert_eq!((revisions, now.revision), (vec![Some(1), Some(2), Some(3)], 3));
    ledger.count_joined(&one).await.expect("written");
    ledger.count_joined(&one).await.expect("written");
    let row = aws.table().item(&format!("incident#{one}"), "joins").cloned().expect("a row");
    assert_eq!(row.get("more"), Some(&Value::N("2".to_owned())));
    assert!(ledger.incident(&one).await.expect("read").is_some(), "the row disturbs nobody");
}

//! Incidents in the order in which they were opened, over as many pages as there are.

use super::at;
use firebreak::containment::Containment;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::TargetKind;
use firebreak_ledger::{IncidentRecord, RawEvent};
use firebreak_testkit::dynamodb::{Item, Table};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use std::collections::BTreeSet;

#[tokio::test]
async fn incidents_since_a_time_are_read_to_the_last_page_newest_first() {
    let aws = ScriptedAws::start().await.expect("a port");
    aws.replace_table(Table::default().with_page_size(2));
    let ledger = room::ledger(&aws);
    for second in [3, 0, 4, 1, 5, 2] {
        let incident = Incident { opened_at: at(second), ..room::opened(&format!("opened at {second}")) };
        ledger.open_incident(&incident, IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
    }
    let found = ledger.incidents_since(at(1)).await.expect("read");
    let opened: Vec<_> = found.iter().map(|record| record.incident.opened_at).collect();
    assert_eq!(opened, [5, 4, 3, 2, 1].map(at), "the one before is left out, the one at that time is not");
    assert!(ledger.incidents_since(at(6)).await.expect("read").is_empty());
}

/// How many values of `feed` the table has.
fn partitions(aws: &ScriptedAws) -> BTreeSet<String> {
    let feed = |item: &Item| item.get("feed").map(|value| format!("{value:?}"));
    aws.table().items().filter_map(|(_, item)| feed(item)).collect()
}

#[tokio::test]
async fn no_partition_of_the_index_has_all_incidents_and_the_newest_are_found_over_all() {
    let aws = ScriptedAws::start().await.expect("a port");
    aws.replace_table(Table::default().with_page_size(3));
    let ledger = room::ledger(&aws);
    for second in 0..60 {
        let incident = Incident { opened_at: at(second), ..room::opened(&format!("opened at {second}")) };
        ledger.open_incident(&incident, IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
        if second % 2 == 0 {
            ledger.set_status(&incident.id, IncidentStatus::AwaitingReview, &[]).await.expect("written");
        }
    }
    let partitions = partitions(&aws);
    assert!(partitions.len() > 8, "{partitions:?}");
    let opened = |found: Vec<IncidentRecord>| found.iter().map(|r| r.incident.opened_at).collect::<Vec<_>>();
    assert_eq!(opened(ledger.incidents(3).await.expect("read")), [59, 58, 57].map(at));
    let waiting = ledger.incidents_in(IncidentStatus::AwaitingReview).await.expect("read");
    assert_eq!(opened(waiting), (0..30).rev().map(|half| at(half * 2)).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_incident_of_an_earlier_version_is_listed_too() {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    let incident = room::opened("of an earlier version");
    ledger.open_incident(&incident, IncidentStatus::AwaitingReview, &RawEvent::Inline("{}")).await.expect("written");
    let mut table = aws.table();
    let as_before = serde_json::json!({ "Key": { "pk": { "S": format!("incident#{}", incident.id) }, "sk": { "S": "incident" } },
        "UpdateExpression": "SET feed = :feed", "ExpressionAttributeValues": { ":feed": { "S": "incident" } } });
    table.call("UpdateItem", &as_before).expect("written");
    aws.replace_table(table);
    assert_eq!(ledger.incidents(5).await.expect("read").len(), 1);
    assert_eq!(ledger.incidents_in(IncidentStatus::AwaitingReview).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_list_says_how_open_incidents_stand_and_reads_of_the_others_one_row() {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    for (name, status) in [("waits", IncidentStatus::AwaitingReview), ("over", IncidentStatus::Closed)] {
        let incident = room::opened(name);
        ledger.open_incident(&incident, status, &RawEvent::Inline("{}")).await.expect("written");
        let receipt = Receipt::of(room::target(TargetKind::IamUser, "bob"), Containment::QuarantineIam, Status::Contained);
        ledger.keep_receipt(&incident.id, &Receipt { finished_at: Some(at(1)), ..receipt }).await.expect("written");
    }
    aws.forget();
    let all = ledger.overviews(5).await.expect("read");
    let known: Vec<_> = all.iter().map(|overview| (overview.record.status, overview.receipts.len())).collect();
    assert!(known.contains(&(IncidentStatus::AwaitingReview, 1)) && known.contains(&(IncidentStatus::Closed, 0)), "{known:?}");
    // 17 partitions of the index; rows and looks of the one that waits; the row of the other.
    assert_eq!((aws.calls_of("dynamodb:Query").len(), aws.calls_of("dynamodb:GetItem").len()), (19, 1));
    let waiting = ledger.overviews_in(IncidentStatus::AwaitingReview).await.expect("read");
    assert_eq!(waiting.iter().map(|overview| &overview.record.incident.id).collect::<Vec<_>>(), [&room::incident("waits")]);
}

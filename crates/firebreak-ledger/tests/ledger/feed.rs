//! Incidents in the order in which they were opened, over as many pages as there are.

use super::at;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak_ledger::RawEvent;
use firebreak_testkit::dynamodb::Table;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

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
    assert_eq!(aws.calls_of("dynamodb:Query").len(), 3);
    assert!(ledger.incidents_since(at(6)).await.expect("read").is_empty());
}

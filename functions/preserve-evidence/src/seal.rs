//! Seals the evidence: base states, receipts, and the manifest as the last object.

use crate::store::{Put, Store, pretty};
use firebreak::evidence::{Entry, Manifest, manifest_key};
use firebreak::fault::Fault;
use firebreak::incident::{Branch, Incident, Report};
use firebreak_aws::clock;
use serde_json::{Value, json};

/// Writes what containment left in the ledger, then the manifest. A second run finds the manifest and changes nothing.
pub(crate) async fn seal(store: &Store, incident: &Incident, report: &Report) -> Result<Branch, Fault> {
    let mut missing = report.evidence.missing.clone();
    if report.evidence.status != "ok" {
        missing.push(format!("the collection failed: {}", report.evidence.error.as_deref().unwrap_or("no error name")));
    }
    if !is_sealed(store, incident).await? {
        keep_bases(store, incident, &mut missing).await?;
        store.keep(&incident.id, "report", "what the state machine gathered", &json!(report)).await?;
    }
    let mut entries = entries(store, incident).await?;
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let count = entries.len() as u64;
    let manifest = Manifest { schema: 1, incident: incident.id.clone(), sealed_at: clock::now(), missing, entries };
    if store.put(&manifest_key(&incident.id), &pretty(&manifest)?).await? == Put::Written {
        store.ledger.note(&incident.id, manifest.sealed_at, &format!("evidence sealed: {count} items")).await?;
    }
    Ok(Branch { status: "ok".to_owned(), count: Some(count), ..Branch::default() })
}

/// True once the report, the last entry before the manifest, is in the ledger.
pub(crate) async fn is_sealed(store: &Store, incident: &Incident) -> Result<bool, Fault> {
    let last = format!("{}report.json", firebreak::evidence::prefix(&incident.id));
    Ok(entries(store, incident).await?.iter().any(|entry| entry.key == last))
}

async fn entries(store: &Store, incident: &Incident) -> Result<Vec<Entry>, Fault> {
    Ok(store.ledger.incident(&incident.id).await?.map(|view| view.evidence).unwrap_or_default())
}

async fn keep_bases(store: &Store, incident: &Incident, missing: &mut Vec<String>) -> Result<(), Fault> {
    for decision in incident.decisions.iter().filter(|d| d.containment.is_some()) {
        let target = &decision.target;
        match store.ledger.base::<Value>(target).await? {
            Some(base) => {
                let name = format!("{}/state-before-containment", target.ledger_key().replace([':', '@', '+', ',', '='], "_"));
                let content = json!({ "target": target, "state": base.state, "held_by": base.holders });
                store.keep(&incident.id, &name, "the ledger's base state", &content).await?;
            }
            None => missing.push(format!("{target}: no state was recorded, nothing was changed")),
        }
    }
    Ok(())
}

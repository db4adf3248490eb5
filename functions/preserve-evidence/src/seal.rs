//! Seals the evidence: base states, receipts, and the manifest as the last object.

use crate::store::{Store, pretty};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::digest::sha256_hex;
use firebreak::evidence::Manifest;
use firebreak::fault::Fault;
use firebreak::ids::PrincipalId;
use firebreak::incident::Incident;
use firebreak::report::{Branch, Report};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger, Row};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Writes what containment left in the ledger, then the manifest of everything the ledger vouches for.
pub(crate) async fn seal(store: &Store, incident: &Incident, report: &Report) -> Result<Branch, Fault> {
    // What was appended or corrected since the state machine read the incident is sealed, too.
    let (mut incident, mut report) = (incident.clone(), report.clone());
    store.ledger.gather(&mut incident, &mut report).await?;
    let mut missing = report.evidence.missing.clone();
    if report.evidence.status != "ok" {
        missing.push(format!("the collection failed: {}", report.evidence.error.as_deref().unwrap_or("no error name")));
    }
    // One report per execution: a finding whose first response broke down has several.
    let execution = &sha256_hex(incident.execution_arn.as_bytes())[..8];
    // Executions of findings that joined write the list anew: what another one could not collect stays in it.
    store.ledger.keep_missing(&incident.id, execution, &missing).await?;
    let mut missing = store.ledger.missing(&incident.id).await?;
    keep_bases(store, &incident, &mut missing).await?;
    store.keep(&incident.id, &format!("report-{execution}"), "what the state machine gathered", &json!(report)).await?;

    let mut entries = store.ledger.incident(&incident.id).await?.map(|view| view.evidence).unwrap_or_default();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let count = entries.len() as u64;
    let manifest = Manifest { schema: 1, incident: incident.id.clone(), sealed_at: clock::now(), missing, entries };
    store.put_manifest(&incident.id, &pretty(&manifest)?).await?;
    store.ledger.note(&incident.id, manifest.sealed_at, &format!("evidence list closed: {count} items, hash kept")).await?;
    Ok(Branch { status: "ok".to_owned(), count: Some(count), ..Branch::default() })
}

async fn keep_bases(store: &Store, incident: &Incident, missing: &mut Vec<String>) -> Result<(), Fault> {
    let (mut kept, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (containment, target) in
        incident.decisions.iter().filter(|d| d.mode == Mode::Auto).filter_map(|d| Some((d.containment?, &d.target)))
    {
        if !kept.insert((containment, target.scoped_key())) {
            continue;
        }
        let mut is_recorded = false;
        for (target, row) in meant(&store.ledger, incident, Held { target, containment }).await? {
            let Some(state) = row.base::<Value>()? else { continue };
            is_recorded = true;
            // People look for the name. What would be written over another one has the id, or what contained it, as well.
            let keys = [target.by_name().scoped_key(), target.scoped_key(), format!("{}/{containment}", target.scoped_key())];
            let file = |key: &String| format!("{}/state-before-containment", key.replace([':', '@', '+', ',', '='], "_"));
            let Some(name) = keys.iter().map(file).find(|name| names.insert(name.clone())) else {
                missing.push(format!("{target}: another target has the same name"));
                continue;
            };
            let content = json!({ "target": target, "state": state, "held_by": row.holders });
            store.keep(&incident.id, &name, "the ledger's base state", &content).await?;
        }
        if !is_recorded {
            missing.push(format!("{target}: no state before containment is recorded"));
        }
    }
    Ok(())
}

/// The rows of whom a decision is about. A user's row by name can be about whoever had the name before: then it is another incident's
/// evidence.
async fn meant(ledger: &Ledger, incident: &Incident, held: Held<'_>) -> Result<Vec<(Target, Row)>, Fault> {
    let Held { target, containment } = held;
    let row = ledger.row(held, clock::now()).await?;
    if (containment, target.kind) != (Containment::QuarantineIam, TargetKind::IamUser) || !target.is_by_name() {
        return Ok(vec![(target.clone(), row)]);
    }
    let is_own = |name: &str| incident.holds_as(name);
    let is_of = |user: &Target| row.identity.as_deref() == user.principal_id.as_ref().map(PrincipalId::as_str);
    let (here, elsewhere): (Vec<Target>, Vec<Target>) = row.leads(is_own, target).into_iter().partition(is_of);
    let is_meant = !here.is_empty() || row.captured_by.as_deref().is_some_and(is_own);
    let mut rows = Vec::new();
    for user in elsewhere {
        let row = ledger.row(Held { target: &user, containment }, clock::now()).await?;
        rows.push((user, row));
    }
    if is_meant {
        rows.insert(0, (target.clone(), row));
    }
    Ok(rows)
}

//! Seals the evidence: base states, receipts, and the manifest as the last object.
//!
//! Two executions seal one incident, one after its first look and one after its collection, and findings that join do, too. Whoever
//! comes last lists everything.

use crate::execution_of;
use crate::store::{Store, pretty};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::evidence::{Entry, Manifest, prefix};
use firebreak::fault::Fault;
use firebreak::ids::{IncidentId, PrincipalId};
use firebreak::incident::Incident;
use firebreak::report::{Branch, Report};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger, Row};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Writes what containment left in the ledger, then the manifest of everything the ledger vouches for.
pub(crate) async fn seal(store: &Store, incident: &Incident, report: &Report) -> Result<Branch, Fault> {
    // One report per execution: a finding whose first response broke down has several.
    let execution = &execution_of(incident);
    keep_failure(store, incident, execution, &report.evidence).await?;
    // What was appended or corrected since the state machine read the incident is sealed, too.
    let is_outcome = !report.containment.status.is_empty() || !report.containment.receipts.is_empty();
    let (mut incident, mut report) = (incident.clone(), report.clone());
    store.ledger.gather(&mut incident, &mut report).await?;
    let mut unread = Vec::new();
    keep_bases(store, &incident, &mut unread).await?;
    // The execution that collected knows nothing of what was done.
    if is_outcome {
        store.keep(&incident.id, &format!("report-{execution}"), "what the state machine gathered", &json!(report)).await?;
    }
    let count = list(store, &incident.id, &unread).await?;
    Ok(Branch { status: "ok".to_owned(), count: Some(count), ..Branch::default() })
}

/// Executions of findings that joined, and earlier definitions, write the list anew: what another one could not collect stays in it.
async fn keep_failure(store: &Store, incident: &Incident, execution: &str, carried: &Branch) -> Result<(), Fault> {
    let mut missing = carried.missing.clone();
    // Where nobody says how the collection ended, it did not end well.
    if !matches!(carried.status.as_str(), "ok" | "started") {
        missing.push(format!("the collection failed: {}", carried.error.as_deref().unwrap_or("no error name")));
        let failed = Branch { status: "failed".to_owned(), ..carried.clone() };
        store.ledger.keep_collection(&incident.id, execution, &failed).await?;
    }
    if missing.is_empty() { Ok(()) } else { store.ledger.keep_missing(&incident.id, execution, &missing).await }
}

/// So often the list is written while entries are added. After that whoever adds them writes it.
const TIMES: usize = 5;

/// Writes the list of what the ledger vouches for, until nothing was added while it was written.
async fn list(store: &Store, id: &IncidentId, unread: &[String]) -> Result<u64, Fault> {
    let mut written: Option<(Vec<Entry>, Vec<String>)> = None;
    for _ in 0..TIMES {
        let (entries, missing) = (entries(store, id).await?, missing(store, id, unread).await?);
        if written.as_ref().is_some_and(|known| known.0 == entries && known.1 == missing) {
            break;
        }
        let (incident, sealed_at) = (id.clone(), clock::now());
        let manifest = Manifest { schema: 1, incident, sealed_at, missing: missing.clone(), entries: entries.clone() };
        store.put_manifest(id, &pretty(&manifest)?).await?;
        written = Some((entries, missing));
    }
    let count = written.map_or(0, |(entries, _)| entries.len() as u64);
    store.ledger.note(id, clock::now(), &format!("evidence list closed: {count} items, hash kept")).await?;
    Ok(count)
}

async fn entries(store: &Store, id: &IncidentId) -> Result<Vec<Entry>, Fault> {
    let mut entries = store.ledger.incident(id).await?.map(|view| view.evidence).unwrap_or_default();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// What the list lacks. While evidence is collected it says so.
async fn missing(store: &Store, id: &IncidentId, unread: &[String]) -> Result<Vec<String>, Fault> {
    let mut missing = store.ledger.missing(id).await?;
    if store.ledger.is_collecting(id).await? {
        missing.push("evidence was still being collected when this list was written".to_owned());
    }
    missing.extend(unread.iter().cloned());
    Ok(missing)
}

async fn keep_bases(store: &Store, incident: &Incident, missing: &mut Vec<String>) -> Result<(), Fault> {
    let (mut kept, mut names) = (BTreeSet::new(), BTreeSet::new());
    // A release forgets the state that an earlier list has.
    let before = entries(store, &incident.id).await?;
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
            let Some(name) = files(&target, containment).into_iter().find(|name| names.insert(name.clone())) else {
                missing.push(format!("{target}: another target has the same name"));
                continue;
            };
            let content = json!({ "target": target, "state": state, "held_by": row.holders });
            store.keep(&incident.id, &name, "the ledger's base state", &content).await?;
        }
        // An object that another target has got just now is not this one's.
        let own: Vec<String> = files(target, containment).into_iter().filter(|name| !names.contains(name)).collect();
        if !is_recorded && !is_kept(&before, &incident.id, &own) {
            missing.push(format!("{target}: no state before containment is recorded"));
        }
    }
    Ok(())
}

/// Under which names a state can be kept. People look for the name. What would be written over another one has the id, or what contained
/// it, as well.
fn files(target: &Target, containment: Containment) -> [String; 3] {
    let keys = [target.by_name().scoped_key(), target.scoped_key(), format!("{}/{containment}", target.scoped_key())];
    keys.map(|key| format!("{}/state-before-containment", key.replace([':', '@', '+', ',', '='], "_")))
}

/// Whether the list has an object of one of these names, or a later copy of it.
fn is_kept(entries: &[Entry], incident: &IncidentId, names: &[String]) -> bool {
    let objects: Vec<String> = names.iter().map(|name| format!("{}{name}.", prefix(incident))).collect();
    entries.iter().any(|entry| objects.iter().any(|object| entry.key.starts_with(object.as_str())))
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

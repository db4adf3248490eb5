//! What an answer about some targets must say, and answers that nobody could carry out.

use crate::Function;
use firebreak::answer::{Decided, Targets};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::naming::Named;
use firebreak::plan::MAX_DECISIONS;
use firebreak::review::DecideRequest;
use firebreak::text::inert;
use firebreak_ledger::Gate;
use std::collections::BTreeSet;

/// A request whose names mean one target each.
pub(crate) struct Resolved {
    pub(crate) request: DecideRequest,
    /// The digest of what the names mean; nothing where it names no target.
    pub(crate) means: Option<String>,
}

impl Function {
    /// The request with names that mean one target each. Refuses names that the incident does not have, and those of several targets: a
    /// slip would contain or keep another target than was meant, or have one asked about for ever.
    ///
    /// # Errors
    /// `Malformed` with the slip; the ledger could not be read.
    pub(crate) async fn resolved(&self, request: DecideRequest) -> Result<Resolved, Fault> {
        let Targets { only, except } = &request.targets;
        if !only.is_empty() && !except.is_empty() {
            return Err(Fault::malformed("an answer is about some targets (--only) or about all but some (--except), not both"));
        }
        if request.targets.is_all() && request.accept_open.is_empty() {
            return Ok(Resolved { request, means: None });
        }
        if only.len().max(except.len()).max(request.accept_open.len()) > MAX_DECISIONS {
            return Err(Fault::malformed(format!("an answer names at most {MAX_DECISIONS} targets")));
        }
        let known = self.ledger.record(&request.incident_id).await?.map(|record| record.incident);
        let all = |names: &[String]| own_names(known.as_ref(), names);
        let targets = Targets { only: all(only)?, except: all(except)? };
        let accept_open = all(&request.accept_open)?;
        let request = DecideRequest { targets, accept_open, ..request };
        let means = known.map(|incident| meaning(&incident, &request));
        Ok(Resolved { request, means })
    }

    /// Why nobody could carry the answer out; nothing when somebody can.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn nothing_to_do(&self, id: &IncidentId, said: &Decided, gate: &Gate) -> Result<Option<Fault>, Fault> {
        if !gate.takes.can(said.answer, &said.targets) {
            // Its definition would end at a word that it does not know.
            let told = "the execution began under an earlier version of Firebreak: answer approve or release, for all targets";
            return Ok(Some(Fault::malformed(told)));
        }
        if said.targets.is_all() {
            return Ok(None);
        }
        let Some(record) = self.ledger.record(id).await? else { return Ok(None) };
        let told = "nothing that waits for an answer is among these targets: they were answered before, are only told of, or were decided \
                    after the ticket. See firebreak incidents show";
        Ok(record.incident.open_of(said).next().is_none().then(|| Fault::malformed(told)))
    }
}

/// The digest of what a resolved request means here: its names can be others in a moment, its targets cannot.
fn meaning(incident: &Incident, request: &DecideRequest) -> String {
    let key = |name: &String| match incident.named(name) {
        Named::One(target) => target.merge_key(),
        Named::Several(_) | Named::Nobody => name.clone(),
    };
    let DecideRequest { answer, targets: Targets { only, except }, accept_open, .. } = request;
    let keys = [only, except, accept_open].map(|names| names.iter().map(key).collect::<BTreeSet<String>>());
    sha256_hex(format!("{} {keys:?}", answer.word()).as_bytes())
}

/// So many characters of names are listed: a fault is cut, and a cut name means nothing.
const LISTED: usize = 220;

/// The name of each target that is meant and no other one has, once.
fn own_names(incident: Option<&Incident>, names: &[String]) -> Result<Vec<String>, Fault> {
    let mut own: Vec<String> = Vec::new();
    for name in names {
        let shown = inert(name, 100);
        let name = match incident.map_or(Named::Nobody, |incident| incident.named(name)) {
            Named::One(target) => incident.map(|incident| incident.name_of(target)).unwrap_or_default(),
            Named::Several(others) => {
                let told =
                    format!("{shown} can mean several targets of the incident. Name the one that you mean: {}", listed(&others));
                return Err(Fault::malformed(told));
            }
            Named::Nobody => {
                return Err(Fault::malformed(format!("the incident has no target {shown}: see firebreak incidents show")));
            }
        };
        if !own.contains(&name) {
            own.push(name);
        }
    }
    Ok(own)
}

/// As many of the names as fit, between quotes.
fn listed(names: &[String]) -> String {
    let mut list = String::new();
    for name in names {
        if list.len() + name.len() > LISTED {
            list.push_str(" and more");
            break;
        }
        let comma = if list.is_empty() { "" } else { ", " };
        list.extend([comma, "\"", name.as_str(), "\""]);
    }
    list
}

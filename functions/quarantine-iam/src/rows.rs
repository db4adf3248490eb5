//! The ledger's rows about one principal, side by side.
//!
//! A decision with an immutable id has its row by that id. A finding without an id has its row by a name, and so has an earlier version's
//! decision; the name can mean somebody else by now. So whoever undoes or takes off asks all of them.

use crate::base::BaseState;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::PrincipalId;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::{Handed, Held, Row};
use futures::future::try_join_all;

/// The target with the immutable id that IAM showed.
pub(crate) fn identified(target: &Target, id: &str) -> Target {
    Target { principal_id: PrincipalId::parse(id).ok(), ..target.clone() }
}

/// Every row that can be about `part` of the principal with this id: by the id, and by each of the names.
fn of(part: &Target, id: &str, names: &[&str]) -> Vec<Target> {
    let known = identified(part, id);
    let mut rows: Vec<Target> = Vec::new();
    for name in names {
        for row in (Target { id: (*name).to_owned(), by_identity: true, ..known.clone() }).forms() {
            if !rows.iter().any(|other| other.scoped_key() == row.scoped_key()) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Whether the row's key is a name. Then the row can be about whoever had the name before.
fn is_by_name(target: &Target) -> bool {
    target.ledger_key() == target.by_name().ledger_key()
}

async fn read(call: &Call, rows: Vec<Target>) -> Result<Vec<(Target, Row)>, Fault> {
    try_join_all(rows.into_iter().map(async |target| {
        let row = call.ledger.row(Held { target: &target, containment: call.containment }, clock::now()).await?;
        Ok::<_, Fault>((target, row))
    }))
    .await
}

/// Another incident, or a finding that joined one, which holds a row.
fn other<'a>(call: &Call, row: &'a Row) -> Option<&'a str> {
    row.holders.iter().map(String::as_str).find(|name| !call.is_own(name))
}

/// Whether another incident holds `part` of the principal that has the present name and this id.
///
/// # Errors
/// The ledger could not be read, or nobody can tell yet: `Transient`.
pub(crate) async fn is_theirs(call: &Call, part: &Target, id: &str) -> Result<bool, Fault> {
    let rows = read(call, of(part, id, &[call.present.id.as_str()])).await?;
    let mut unsure = None;
    for (target, row) in &rows {
        let Some(by) = other(call, row) else { continue };
        match row.identity.as_deref() {
            Some(known) if known != id => {}
            known if row.is_releasing || known.is_none() && is_by_name(target) => unsure = Some(by),
            _ => return Ok(true),
        }
    }
    match unsure {
        None => Ok(false),
        Some(by) => {
            let why = format!("nobody can tell yet whether incident {by} contains {}", call.present);
            Err(Fault::new(FaultKind::Transient, why))
        }
    }
}

/// A row by a name must not lose the base of whoever had the name before and is held: users are renamed, and are not gone then. A row by
/// id needs no look.
pub(crate) async fn may_record(call: &Call, id: &str) -> Result<(), Fault> {
    if call.target.kind != TargetKind::IamUser || !is_by_name(&call.target) {
        return Ok(());
    }
    let row = call.ledger.row(call.held(), clock::now()).await?;
    match other(call, &row).filter(|_| row.identity.as_deref().is_some_and(|known| known != id)) {
        Some(by) => Err(Fault::malformed(format!("the record of {} is another user's, whom incident {by} holds", call.target))),
        None => Ok(()),
    }
}

/// Whether anybody holds `part`, under whichever key.
pub(crate) async fn is_held(call: &Call, part: &Target, id: &str) -> Result<bool, Fault> {
    let rows = read(call, of(part, id, &[call.target.id.as_str(), call.present.id.as_str()])).await?;
    Ok(rows.iter().any(|(_, row)| !row.holders.is_empty()))
}

/// Gives the recorded state to another incident that holds the same part of the principal under another key, and says which incident that
/// is. Nothing: the principal can be put back.
///
/// # Errors
/// The ledger could not be read or written; `Transient` while the other row is being released.
pub(crate) async fn hand_over(call: &Call, base: Option<&BaseState>, now: &BaseState) -> Result<Option<String>, Fault> {
    let id = now.principal_id.as_str();
    let mut rows = of(&call.target, id, &[call.target.id.as_str(), call.present.id.as_str()]);
    rows.retain(|row| row.scoped_key() != call.target.scoped_key());
    for (target, row) in read(call, rows).await? {
        let is_meant = row.identity.as_deref().is_none_or(|known| known == id);
        let Some(by) = other(call, &row).filter(|_| is_meant) else { continue };
        if row.is_releasing {
            let why = format!("{} is being released for incident {by}, too", call.target);
            return Err(Fault::new(FaultKind::Transient, why));
        }
        if let Some(own) = base {
            give(call, own, (&target, &row), (id, by)).await?;
        }
        return Ok(Some(by.to_owned()));
    }
    Ok(None)
}

/// The older state is how the principal was before Firebreak touched it; the other one knows what was made since.
async fn give(call: &Call, own: &BaseState, (target, row): (&Target, &Row), (id, by): (&str, &str)) -> Result<(), Fault> {
    let at = clock::now();
    let captured_at = call.ledger.row(call.held(), at).await?.captured_at;
    let mut own = own.clone();
    own.exposed.extend(call.exposed.iter().cloned());
    let (state, captured_at) = match row.base::<BaseState>()? {
        Some(theirs) if row.captured_at < captured_at => (theirs.joined_by(&own), &row.captured_at),
        Some(theirs) => (own.joined_by(&theirs), &captured_at),
        None => (own, &captured_at),
    };
    let handed = Handed { identity: id, state: &state, captured_at: captured_at.as_deref(), to: by };
    call.ledger.hand_over(Held { target, containment: call.containment }, row, &handed, at).await
}

//! The ledger's rows about one principal, side by side.
//!
//! A decision with an immutable id has its row by that id. A finding without an id has its row by a name, and so has an earlier version's
//! decision; the name can mean somebody else by now. So whoever undoes or takes off asks all of them, and whoever holds a user by name
//! marks the row of the id that was seen, too: under that one row everybody finds everybody.

use crate::base::BaseState;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::PrincipalId;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_function::containment::{Call, Guards};
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

/// Every row that can be about the call's target, if its principal has this id.
fn of_target(call: &Call, id: &str) -> Vec<Target> {
    of(&call.target, id, &[call.target.id.as_str(), call.present.id.as_str()])
}

/// The target under that id alone.
fn by_id(target: &Target, id: &str) -> Target {
    Target { by_identity: true, ..identified(target, id) }
}

/// Whether the decision names a user and not who that is. A role cannot be renamed.
fn goes_by_name(call: &Call) -> bool {
    call.target.kind == TargetKind::IamUser && call.target.is_by_name()
}

pub(crate) fn held<'a>(call: &Call, target: &'a Target) -> Held<'a> {
    Held { target, containment: call.containment }
}

async fn read(call: &Call, rows: Vec<Target>) -> Result<Vec<(Target, Row)>, Fault> {
    try_join_all(rows.into_iter().map(async |target| {
        let row = call.ledger.row(held(call, &target), clock::now()).await?;
        Ok::<_, Fault>((target, row))
    }))
    .await
}

/// Another incident, or a finding that joined one, which holds a row.
fn other<'a>(call: &Call, row: &'a Row) -> Option<&'a str> {
    row.holders.iter().map(String::as_str).find(|name| !call.is_own(name))
}

/// Whether a row can be about the principal with this id.
fn is_meant(row: &Row, id: &str) -> bool {
    row.identity.as_deref().is_none_or(|known| known == id)
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
            known if row.is_releasing || known.is_none() && target.is_by_name() => unsure = Some(by),
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

/// Whether the incident itself holds `part` of the user with this id, in whichever of its names.
///
/// # Errors
/// The ledger could not be read.
pub(crate) async fn is_ours(call: &Call, part: &Target, id: &str) -> Result<bool, Fault> {
    let row = call.ledger.row(held(call, &by_id(part, id)), clock::now()).await?;
    Ok(row.holders.iter().any(|name| call.is_own(name)))
}

/// The row that takes the base of the principal with this id: the decision's own; that of the id where the one by name is about somebody
/// else, who must not lose a base. Where the decision goes by a name, the row of the id is marked.
///
/// # Errors
/// The ledger could not be read or written; `Transient` while another row is being released.
pub(crate) async fn place(call: &Call, id: &str) -> Result<Target, Fault> {
    let by_id = by_id(&call.target, id);
    if !goes_by_name(call) || by_id.is_by_name() {
        return Ok(call.target.clone());
    }
    // First the way to the row, then the row: a release must find what is held.
    let (row, led) = futures::join!(call.ledger.row(call.held(), clock::now()), call.ledger.lead(call.held(), &call.holder, id));
    led?;
    if !is_meant(&row?, id) {
        return Ok(by_id);
    }
    call.ledger.mark_held(held(call, &by_id), &call.holder, clock::now()).await?.held(&by_id)?;
    guards_no_more(call, &by_id).await;
    is_quiet(call, Some(id)).await?;
    Ok(call.target.clone())
}

/// The decision's own row says until the end that a finding that joined is being contained. Nobody ends it in another row.
async fn guards_no_more(call: &Call, row: &Target) {
    if let Err(fault) = call.ledger.end_containment(held(call, row), &call.holder).await {
        tracing::warn!(fault.message = %fault.message, "a release has to wait until the mark ends by itself");
    }
}

/// Takes the mark back that was set by name before anybody knew that the row is about somebody else, now that `place` is held. Whoever
/// held that one, too, goes on doing so.
///
/// # Errors
/// The ledger could not be read or written.
pub(crate) async fn settle(call: &Call, place: &Target) -> Result<(), Fault> {
    if place.scoped_key() == call.target.scoped_key() {
        return Ok(());
    }
    guards_no_more(call, place).await;
    let row = call.ledger.row(call.held(), clock::now()).await?;
    if knows(&row, |name| call.holder.id().as_str() == name) {
        return Ok(());
    }
    call.ledger.leave(call.held(), &call.holder).await
}

/// Whether one of these holders of a row by name contains whom the row is about.
fn knows(row: &Row, is_holder: impl Fn(&str) -> bool) -> bool {
    let led = row.principals.iter().any(|(by, id)| is_holder(by) && row.identity.as_ref() == Some(id));
    led || row.captured_by.as_deref().is_some_and(is_holder)
}

/// The row of a decision that goes by a name. Nothing, and no read, where the decision has an id.
///
/// # Errors
/// The ledger could not be read.
pub(crate) async fn by_name(call: &Call) -> Result<Option<Row>, Fault> {
    if !goes_by_name(call) {
        return Ok(None);
    }
    call.ledger.row(call.held(), clock::now()).await.map(Some)
}

/// The row in which a look finds hold and base: of whom the incident contains under the name, that of whoever has it now. `row`: what
/// [`by_name`] gave; `seen`: the id that the look has just read. The incident holds in all of its names.
pub(crate) fn own(call: &Call, row: Option<&Row>, seen: Option<&str>) -> Target {
    let Some(row) = row else { return call.target.clone() };
    let led: Vec<&str> = row.principals.iter().filter(|(by, _)| call.is_own(by)).map(|(_, id)| id.as_str()).collect();
    let seen = seen.filter(|id| led.contains(id));
    let is_about = |id: &str| row.identity.as_deref() == Some(id);
    let is_marked = row.identity.is_none() && row.holders.iter().any(|name| call.is_own(name));
    let is_here = is_marked || seen.map_or_else(|| knows(row, |name| call.is_own(name)), is_about);
    let elsewhere = seen.or_else(|| led.into_iter().find(|id| !is_about(id))).filter(|_| !is_here);
    elsewhere.map_or_else(|| call.target.clone(), |id| by_id(&call.target, id))
}

/// A look marks the row of the id for a containment that did not: an earlier version's, whose hold is in its `own` row by name. Nothing
/// where a release ended the hold meanwhile.
pub(crate) async fn mark_seen(call: &Call, own: &Target, id: &str) {
    if !goes_by_name(call) || own.scoped_key() != call.target.scoped_key() {
        return;
    }
    let marked = async {
        if place(call, id).await?.scoped_key() != call.target.scoped_key() {
            return Ok(());
        }
        let is_held = call.holds(&call.target).await?;
        if is_held { Ok(()) } else { call.ledger.leave(held(call, &by_id(&call.target, id)), &call.holder).await }
    };
    if let Err(fault) = marked.await {
        tracing::warn!(fault.message = %fault.message, "other incidents may not know yet that the user is contained");
    }
}

/// What a release of another row writes, or has just written, must not become a base. Asked after a mark: a release that begins later
/// sees the mark. Without an id only the own row can be known, and that one says so itself.
///
/// # Errors
/// `Transient` while another row is being released, or when it was since the work began; the ledger could not be read.
pub(crate) async fn is_quiet(call: &Call, id: Option<&str>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    let mut rows = of_target(call, id);
    rows.retain(|row| row.scoped_key() != call.target.scoped_key());
    let rows = read(call, rows).await?;
    match rows.iter().find(|(_, row)| is_meant(row, id) && row.is_settling(call.began_at)) {
        Some(_) => Err(Fault::new(FaultKind::Transient, format!("{} is being released for another incident", call.target))),
        None => Ok(()),
    }
}

/// Keeps releases from beginning in the `own` row of a look and in every other one that the incident has about the principal: a release
/// can lease any of them.
///
/// # Errors
/// The ledger could not be read or written.
pub(crate) async fn guard(call: &Call, own: &Target, id: &str) -> Result<Option<Guards>, Fault> {
    let mut rows = of_target(call, id);
    if !rows.iter().any(|row| row.scoped_key() == own.scoped_key()) {
        rows.push(own.clone());
    }
    call.guard(&rows).await
}

/// Whether anybody holds `part`, under whichever key.
pub(crate) async fn is_held(call: &Call, part: &Target, id: &str) -> Result<bool, Fault> {
    let rows = read(call, of(part, id, &[call.target.id.as_str(), call.present.id.as_str()])).await?;
    Ok(rows.iter().any(|(_, row)| !row.holders.is_empty()))
}

/// Nobody began to hold the principal under another key since the release began.
///
/// # Errors
/// `Transient` when somebody did: the next run leaves the principal to that one. The ledger could not be read.
pub(crate) async fn is_free(call: &Call, now: &BaseState) -> Result<(), Fault> {
    let id = now.principal_id.as_str();
    let rows = read(call, of_target(call, id)).await?;
    match rows.iter().filter(|(_, row)| is_meant(row, id)).find_map(|(_, row)| other(call, row)) {
        Some(by) => {
            let why = format!("{} was contained for incident {by} while it was released", call.target);
            Err(Fault::new(FaultKind::Transient, why))
        }
        None => Ok(()),
    }
}

/// Whose a principal is when one incident lets go of it.
pub(crate) enum Left {
    /// Another incident's, or a finding's that joined one: it has the base now.
    To(String),
    /// Nobody's: it can be put back to this, the oldest state that the incident's own rows have.
    Free(Option<Box<BaseState>>),
}

/// Gives the recorded state to another incident that holds the same part of the principal under another key.
///
/// # Errors
/// The ledger could not be read or written; `Transient` while the other row is being released.
pub(crate) async fn hand_over(call: &Call, base: Option<&BaseState>, now: &BaseState) -> Result<Left, Fault> {
    let id = now.principal_id.as_str();
    let rows = read(call, of_target(call, id)).await?;
    let own = joined(call, base, &rows, id)?;
    for (target, row) in &rows {
        let Some(by) = other(call, row).filter(|_| is_meant(row, id)) else { continue };
        if row.is_releasing {
            let why = format!("{} is being released for incident {by}, too", call.target);
            return Err(Fault::new(FaultKind::Transient, why));
        }
        match &own {
            Some(own) => give(call, own, (target, row), (id, by)).await?,
            // What nobody may make active again is known without a state.
            None => call.ledger.expose(held(call, target), &call.exposed).await?,
        }
        return Ok(Left::To(by.to_owned()));
    }
    Ok(Left::Free(own.map(|(base, _)| Box::new(base))))
}

/// A state, and when it was read.
type Dated = (BaseState, Option<String>);

/// The leased row's state and those of other rows that the incident has about the same principal. A row that came second has the
/// contained state.
fn joined(call: &Call, base: Option<&BaseState>, rows: &[(Target, Row)], id: &str) -> Result<Option<Dated>, Fault> {
    let leased = call.leased.as_ref().unwrap_or(&call.target).scoped_key();
    let is_leased = |target: &Target| target.scoped_key() == leased;
    let captured_at = rows.iter().find(|(target, _)| is_leased(target)).and_then(|(_, row)| row.captured_at.clone());
    let mut known = base.map(|base| (base.clone(), captured_at));
    let own = rows.iter().filter(|(target, row)| !is_leased(target) && row.identity.as_deref() == Some(id));
    for (_, row) in own.filter(|(_, row)| row.holders.iter().any(|name| call.is_own(name))) {
        let Some(theirs) = row.base::<BaseState>()? else { continue };
        let theirs = (theirs, row.captured_at.clone());
        known = Some(match known {
            Some(known) => older(known, theirs),
            None => theirs,
        });
    }
    Ok(known)
}

/// The older state is how the principal was before Firebreak touched it; the other one knows what was made since.
fn older(one: Dated, other: Dated) -> Dated {
    let (first, then) = if other.1 < one.1 { (other, one) } else { (one, other) };
    (first.0.joined_by(&then.0), first.1)
}

async fn give(call: &Call, own: &Dated, (target, row): (&Target, &Row), (id, by): (&str, &str)) -> Result<(), Fault> {
    let (mut own, captured_at) = own.clone();
    own.exposed.extend(call.exposed.iter().cloned());
    let own = (own, captured_at);
    let (state, captured_at) = match row.base::<BaseState>()? {
        Some(theirs) => older(own, (theirs, row.captured_at.clone())),
        None => own,
    };
    let handed = Handed { identity: id, state: &state, captured_at: captured_at.as_deref(), to: by };
    call.ledger.hand_over(held(call, target), row, &handed, clock::now()).await
}

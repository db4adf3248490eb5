//! Shells of Session Manager on the instance, port forwarding too.
//!
//! The agent keeps a connection of its own open, which no security group cuts. `ssm:TerminateSession` is Firebreak's one call that destroys
//! outside a release: what it ends cannot be put back, and the containment's declaration says why it is made all the same.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{Session, SessionFilter, SessionFilterKey, SessionState, SessionStatus};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Look;
use firebreak::text::inert;
use firebreak_aws::classify::{code, fault};
use firebreak_aws::clock;
use firebreak_aws::pages::{self, Page};
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};
use firebreak_function::step::{skipped, step, unrecorded};
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

/// Shells that have a step, or a line, of their own: whoever may open shells must not fill a receipt with them.
const NAMED: usize = 20;
/// Characters of a shell's id (Systems Manager API reference, `TerminateSession`).
const ID: usize = 96;
/// A shell that was opened while the containment ran is no revert.
const MEANWHILE: SignedDuration = SignedDuration::from_mins(1);

/// The ids of the shells that are open.
///
/// # Errors
/// Session Manager did not say, or not all of them.
pub(crate) async fn read(call: &Call) -> Result<Vec<String>, Fault> {
    let open = open(&Client::new(&call.config), &call.target.id).await?;
    Ok(open.into_iter().filter_map(|session| session.session_id).collect())
}

/// Ends them, each on its own. An account without Session Manager, or that lets nobody read it, loses nothing of its isolation.
pub(crate) async fn end(call: &Call, sessions: &Result<Vec<String>, Fault>, held: bool) -> Vec<Step> {
    let ids = match sessions {
        Ok(ids) if ids.is_empty() => return vec![step(StepKind::EndShell, async { Ok(Outcome::Skipped) }).await],
        Ok(ids) => ids,
        Err(fault) if fault.kind == FaultKind::Denied => return vec![skipped(StepKind::EndShell, unknown(fault))],
        Err(fault) => return vec![step(StepKind::EndShell, async { Err(unknown(fault)) }).await],
    };
    let ssm = Client::new(&call.config);
    let (named, more) = ids.split_at(ids.len().min(NAMED));
    let each = named.iter().map(|id| {
        let name = StepName::about(StepKind::EndShell, inert(id, ID));
        step(name, end_all(&ssm, std::slice::from_ref(id), held)).boxed_local()
    });
    let rest = (!more.is_empty()).then(|| {
        let name = StepName::about(StepKind::EndShell, format!("and {} more", more.len()));
        step(name, end_all(&ssm, more, held)).boxed_local()
    });
    join_all(each.chain(rest)).await
}

/// Whether a shell is open. One that is gets ended where the look may write: whoever holds the guard of the target calls this.
///
/// # Errors
/// Session Manager or the ledger did not answer. A refusal is no error but a note: it says nothing of the isolation.
pub(crate) async fn check(call: &Call) -> Result<Checked, Fault> {
    let ssm = Client::new(&call.config);
    let found = match open(&ssm, &call.target.id).await {
        Ok(found) if found.is_empty() => return Ok(Checked::default()),
        Ok(found) => found,
        Err(fault) if fault.kind == FaultKind::Denied => {
            return Ok(Checked { notes: vec![unknown(&fault).message], ..Checked::default() });
        }
        Err(fault) => return Err(fault),
    };
    let since = isolated_at(call).await?;
    let (later, left): (Vec<&Session>, Vec<&Session>) = found.iter().partition(|session| is_later(session, since));
    match call.look {
        Look::Reapply => end_again(call, &ssm, &later, &left).await,
        Look::Paused => {
            let lines = |shells: &[&Session]| lines(shells, NOT_WRITTEN_AGAIN);
            Ok(Checked { problems: [lines(&later), lines(&left)].concat(), reverted: lines(&later), notes: vec![] })
        }
        Look::ReadOnly => Ok(lines(&found.iter().collect::<Vec<_>>(), "NOT ended").into()),
    }
}

/// Ends what is open. What somebody opened since the isolation is a revert; what the containment could not end is none.
async fn end_again(call: &Call, ssm: &Client, later: &[&Session], left: &[&Session]) -> Result<Checked, Fault> {
    if !later.is_empty() {
        call.foresee(&lines(later, "to be ended")).await?;
    }
    let mut checked = Checked::default();
    for (shells, is_revert) in [(later, true), (left, false)] {
        if shells.is_empty() {
            continue;
        }
        let ids: Vec<String> = shells.iter().filter_map(|shell| shell.session_id.clone()).collect();
        let ended = end_all(ssm, &ids, true).await;
        if let Err(fault) = &ended {
            checked.problems.push(format!("a shell of Session Manager could not be ended: {}", fault.message));
        }
        let how = if ended.is_ok() { "ended" } else { "NOT ended for sure" };
        let into = if is_revert { &mut checked.reverted } else { &mut checked.notes };
        into.extend(lines(shells, how));
    }
    Ok(checked)
}

/// The sessions of an instance that are open, or that somebody can resume. Those of port forwarding are sessions like others.
async fn open(ssm: &Client, instance: &str) -> Result<Vec<Session>, Fault> {
    let of_instance = SessionFilter::builder().key(SessionFilterKey::TargetId).value(instance).build();
    let of_instance = of_instance.map_err(|_| Fault::bug("a filter of sessions has a key and a value"))?;
    let listed = pages::read(|marker: Option<String>| {
        let asked = ssm.describe_sessions().state(SessionState::Active).filters(of_instance.clone()).set_next_token(marker);
        async move {
            asked.send().await.map(|page| {
                let is_truncated = page.next_token.is_some();
                Page { items: page.sessions.unwrap_or_default(), is_truncated, marker: page.next_token }
            })
        }
    });
    let mut sessions = pages::whole("ssm:DescribeSessions", listed.await)?;
    // A session that was ended is listed for a moment.
    sessions.retain(|session| {
        let over = [SessionStatus::Terminating, SessionStatus::Terminated, SessionStatus::Failed];
        session.session_id.is_some() && session.status.as_ref().is_none_or(|status| !over.contains(status))
    });
    Ok(sessions)
}

/// One that fails keeps none of the others open.
async fn end_all(ssm: &Client, ids: &[String], held: bool) -> Result<Outcome, Fault> {
    if !held {
        return Err(unrecorded());
    }
    let ended = join_all(ids.iter().map(|id| terminate(ssm, id).boxed_local())).await;
    let ended = ended.into_iter().collect::<Result<Vec<Outcome>, Fault>>()?;
    Ok(if ended.contains(&Outcome::Applied) { Outcome::Applied } else { Outcome::Already })
}

#[expect(clippy::disallowed_methods, reason = "the declaration of isolate-ec2 says why: `destroys`")]
async fn terminate(ssm: &Client, id: &str) -> Result<Outcome, Fault> {
    match ssm.terminate_session().session_id(id).send().await {
        Ok(_) => Ok(Outcome::Applied),
        // It is over.
        Err(error) if code(&error) == Some("DoesNotExistException") => Ok(Outcome::Already),
        Err(error) => Err(fault("ssm:TerminateSession", &error)),
    }
}

/// When the state before the isolation was read.
async fn isolated_at(call: &Call) -> Result<Option<Timestamp>, Fault> {
    let row = call.ledger.row(call.held(), clock::now()).await?;
    Ok(row.captured_at.and_then(|at| at.parse().ok()))
}

/// Whether a shell was opened when the containment was over, as far as that is known.
fn is_later(session: &Session, since: Option<Timestamp>) -> bool {
    let began = session.start_date.as_ref().and_then(|at| Timestamp::from_second(at.secs()).ok());
    began.zip(since).is_some_and(|(began, since)| began.duration_since(since) > MEANWHILE)
}

fn lines(shells: &[&Session], how: &str) -> Vec<String> {
    let named = shells.iter().take(NAMED).filter_map(|shell| shell.session_id.as_deref());
    let mut lines: Vec<String> =
        named.map(|id| format!("a shell of Session Manager is open, {}; {how}", inert(id, ID))).collect();
    if shells.len() > NAMED {
        lines.push(format!("{} more shells of Session Manager are open; {how}", shells.len() - NAMED));
    }
    lines
}

fn unknown(fault: &Fault) -> Fault {
    Fault::new(fault.kind, format!("whether a shell of Session Manager is open is not known: {}", fault.message))
}

//! Reads back whether the quarantine holds, and writes again what somebody took away.
//!
//! IAM needs seconds to propagate a deny, and whoever may change the principal can use them. So a quarantine is looked at several
//! times, and applied again as long as this incident holds the target.

use crate::base::{self, BaseState, Unread};
use crate::deny::{self, Attached};
use crate::session::{self, session_name};
use crate::{by_hand, credentials, document, policies, record, revoke, rows, tags, take_off, user, whom};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Look, Scope, Target, TargetKind};
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};
use firebreak_function::step::unrecorded;
use firebreak_ledger::SESSION_SLOTS;

/// What a look at one name showed.
enum Looked {
    /// At the principal that was contained.
    Checked(Checked),
    /// At somebody else, or at nobody.
    Other(Other),
}

/// Who was seen where the contained principal is not.
struct Other {
    /// The id of the one that was contained.
    id: Option<String>,
    /// What to say if that one is nowhere.
    fault: Fault,
    /// A line for people about somebody whom Firebreak denies by mistake.
    bystander: Option<String>,
}

impl Other {
    fn nobody(id: Option<String>, fault: Fault) -> Looked {
        Looked::Other(Self { id, fault, bystander: None })
    }

    async fn seen(call: &Call, id: Option<String>, now: &BaseState) -> Looked {
        Looked::Other(Self { id, fault: record::another_principal(call), bystander: bystander(call, now).await })
    }

    fn told(self) -> Fault {
        match self.bystander {
            Some(line) => Fault::new(self.fault.kind, format!("{}; {line}", self.fault.message)),
            None => self.fault,
        }
    }
}

/// A renamed user is looked at under its present name.
pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let other = match look(call).await? {
        Looked::Checked(checked) => return Ok(checked),
        Looked::Other(other) => other,
    };
    let iam = Client::new(&call.config);
    let found = Box::pin(whom::follow(call, &iam, other.id.as_deref())).await?;
    let Some(there) = found else { return Err(other.told()) };
    match Box::pin(look(&there)).await? {
        Looked::Checked(mut checked) => {
            checked.problems.extend(other.bystander);
            Ok(checked)
        }
        Looked::Other(there) => Err(there.told()),
    }
}

/// A user who has the name, another id and Firebreak's deny, and whom no incident contains: the release takes the deny off, or a person.
async fn bystander(call: &Call, now: &BaseState) -> Option<String> {
    let is_whole = (call.target.kind, call.target.scope) == (TargetKind::IamUser, Scope::Principal);
    if !is_whole || now.has_policy(&policies::deny(&call.target)) != Some(true) {
        return None;
    }
    let is_contained = async {
        let is_ours = rows::is_ours(call, &call.present.whole(), &now.principal_id).await?;
        Ok::<_, Fault>(is_ours || take_off::is_theirs(call, now).await?)
    };
    let why = match Box::pin(is_contained).await {
        Ok(true) => return None,
        Ok(false) => "no incident contains that user".to_owned(),
        Err(fault) => format!("whether an incident contains that user is not known: {}", fault.message),
    };
    Some(format!("{} ({}) has Firebreak's deny, and {why}", call.present, now.principal_id))
}

/// Who has the name, and the row in which the look finds hold and base.
async fn seen(call: &Call, iam: &Client) -> Result<(whom::Read, Target), Fault> {
    let (read, named) = futures::join!(base::read(iam, &call.present), rows::by_name(call));
    let id = read.as_ref().ok().map(|(now, _)| now.principal_id.as_str());
    let own = rows::own(call, named?.as_ref(), id);
    Ok((read, own))
}

async fn look(call: &Call) -> Result<Looked, Fault> {
    let iam = Client::new(&call.config);
    let (read, own) = Box::pin(seen(call, &iam)).await?;
    let row = rows::held(call, &own);
    let (held, changed, kept, base) = futures::join!(
        call.holds(&own),
        document::problem(call, &iam),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.ledger.base::<BaseState>(row)
    );
    let base = base.ok().flatten().map(|(base, _)| base);
    let mut receipt = kept.ok().flatten();
    let id = whom::id(call, base.as_ref());
    let (now, unread) = match read {
        Err(fault) if fault.kind == FaultKind::Gone => return Ok(Other::nobody(id.map(str::to_owned), fault)),
        read => read?,
    };
    if id.map_or_else(|| receipt.as_ref().is_some_and(was_another), |id| id != now.principal_id) {
        return Ok(Other::seen(call, id.map(str::to_owned), &now).await);
    }
    // A base that cannot be read says nothing about the controls.
    let before = base.as_ref().filter(|base| base.principal_id == now.principal_id);
    let notes = before.map(|base| by_hand::made_since(base, &now, &call.present.id)).unwrap_or_default();
    let problems = renamed(call, receipt.as_ref()).into_iter().chain(changed).collect();
    let mut checked = Checked { problems, notes, ..Checked::default() };
    // What the containment could not write was not reverted by anybody.
    let unwritten = receipt.as_ref().map(Receipt::failed_steps).unwrap_or_default();
    checked.problems.extend(unread.into_iter().map(|missing| missing.fault.message));
    // What is released at this moment must not come back.
    let held = held?;
    if held && before.is_some() {
        Box::pin(rows::mark_seen(call, &own, &now.principal_id)).await;
    }
    checked.problems.extend(replaced(call, &now).await?);
    let mut missing = reverted(call, &iam, &now).await?;
    if !missing.is_empty() {
        let (later, unread) = match later(call, &iam, &now).await? {
            Ok(read) => read,
            Err(other) => return Ok(other),
        };
        missing = reverted(call, &iam, &later).await?;
        // What only the second read lacks would be written again by nobody, and must not be called well.
        let lines = unread.into_iter().map(|missing| missing.fault.message);
        let new: Vec<String> = lines.filter(|line| !checked.problems.contains(line)).collect();
        checked.problems.extend(new);
    }
    let is_mended = held && call.look == Look::Reapply && !missing.is_empty();
    let guards = if is_mended { Box::pin(rows::guard(call, &own, &now.principal_id)).await? } else { None };
    if let Some(guards) = guards {
        let written = Box::pin(mend(call, &iam, &now, missing, &unwritten, receipt.as_mut(), &mut checked)).await;
        call.end_guards(guards).await;
        written?;
    } else {
        for (line, again) in missing {
            let late = is_late(&again, &unwritten);
            unwritten_line(call, &now, held, (line, &again, late), &mut checked).await;
        }
    }
    if let Some(receipt) = receipt.filter(|receipt| receipt.failed_steps() != unwritten) {
        keep_late(call, receipt).await?;
    }
    Ok(Looked::Checked(checked))
}

/// Writes again what is missing, while no release can begin.
async fn mend(
    call: &Call,
    iam: &Client,
    now: &BaseState,
    missing: Vec<(String, Again)>,
    unwritten: &[StepName],
    mut receipt: Option<&mut Receipt>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let foreseen = foreseen(&missing, unwritten);
    call.foresee(&foreseen).await?;
    for (line, again) in missing {
        let late = is_late(&again, unwritten);
        match write_again(call, iam, now, &again).await {
            Ok(()) if late => written_at_last(receipt.as_deref_mut(), &again),
            Ok(()) => checked.reverted.push(format!("{line}; written again")),
            Err(fault) => {
                checked.problems.push(format!("{line}; it could not be written: {fault}"));
                checked.reverted.extend((!late).then(|| format!("{line}; it could not be written again")));
            }
        }
    }
    Ok(())
}

/// A release goes by the receipt: what was written late is Firebreak's to put back.
async fn keep_late(call: &Call, receipt: Receipt) -> Result<(), Fault> {
    let status = Receipt::status_of(&receipt.steps, call.decisive());
    call.ledger.keep_receipt(&call.incident, &Receipt { status, ..receipt }).await
}

/// Whether it is what the containment could not write.
fn is_late(again: &Again, unwritten: &[StepName]) -> bool {
    again.steps().iter().any(|step| unwritten.contains(step))
}

/// What a look is about to write again, for the record that it keeps before.
fn foreseen(missing: &[(String, Again)], unwritten: &[StepName]) -> Vec<String> {
    let again = missing.iter().filter(|(_, again)| !is_late(again, unwritten));
    again.map(|(line, _)| format!("{line}; to be written again")).collect()
}

/// A read of a moment later: one right after a write can be old (IAM user guide: "IAM is eventually consistent"), and nothing is claimed on
/// one of them. The name can be somebody else's by then.
async fn later(call: &Call, iam: &Client, now: &BaseState) -> Result<Result<(BaseState, Vec<Unread>), Looked>, Fault> {
    tokio::time::sleep(call.settle).await;
    let id = Some(now.principal_id.clone());
    match base::read(iam, &call.present).await {
        Ok((later, _)) if later.principal_id != now.principal_id => Ok(Err(Other::seen(call, id, &later).await)),
        Err(fault) if fault.kind == FaultKind::Gone => Ok(Err(Other::nobody(id, fault))),
        read => read.map(Ok),
    }
}

/// What is missing and not to be written by this look.
async fn unwritten_line(
    call: &Call,
    now: &BaseState,
    held: bool,
    (line, again, late): (String, &Again, bool),
    checked: &mut Checked,
) {
    if !held || call.look != Look::Paused {
        checked.problems.push(line);
        return;
    }
    let line = format!("{line}; {NOT_WRITTEN_AGAIN}");
    checked.problems.push(line.clone());
    checked.problems.extend(exposed(call, now, again).await);
    checked.reverted.extend((!late).then_some(line));
}

/// The containment found somebody else under the name: nothing is written on whoever that is.
fn was_another(receipt: &Receipt) -> bool {
    receipt.steps.iter().any(|step| step.is(StepKind::CheckIdentity) && step.outcome == Outcome::Failed)
}

/// A line for people when the user has another name than at the containment.
fn renamed(call: &Call, receipt: Option<&Receipt>) -> Option<String> {
    let name = whom::renamed_to(&call.present.id);
    let is_known = receipt.is_some_and(|receipt| receipt.steps.iter().any(|step| step.name == name));
    let line = || format!("{} was renamed to {} since the containment", call.target, call.present.id);
    (call.present.id != call.target.id && !is_known).then(line)
}

fn written_at_last(receipt: Option<&mut Receipt>, again: &Again) {
    let steps = receipt.into_iter().flat_map(|receipt| &mut receipt.steps);
    for step in steps.filter(|step| again.steps().contains(&step.name)) {
        tracing::info!(step = %step.name, "written at last");
        step.outcome = Outcome::Applied;
        step.error = None;
    }
}

/// Remembers a credential that works although it should not, as a look that writes again does: what was made after the containment
/// counts as exposed, and a release leaves it inactive. Says what could not be remembered.
async fn exposed(call: &Call, now: &BaseState, again: &Again) -> Option<String> {
    let Again::Credential(credential) = again else { return None };
    let recorded = recorded(call, now, credential).await;
    let is_lost = recorded.outcome == Outcome::Failed;
    is_lost
        .then(|| format!("a release would leave {} {} active: it could not be recorded", credential.kind.word(), credential.id))
}

/// A base that a look extends waits for releases of other rows, as a first one does.
async fn recorded(call: &Call, now: &BaseState, credential: &base::Credential) -> Step {
    let quiet = rows::is_quiet(call, Some(&now.principal_id)).await;
    record::record(call, now, std::slice::from_ref(credential), quiet).await
}

/// A control that is to be written again.
enum Again {
    Deny,
    Session,
    Revocation,
    Credential(base::Credential),
}

impl Again {
    /// The steps of the containment that write it.
    fn steps(&self) -> Vec<StepName> {
        match self {
            Self::Deny => [StepKind::AttachDeny, StepKind::DenyByBoundary, StepKind::DenySession].map(StepName::from).into(),
            Self::Session => vec![StepKind::DenySession.into()],
            Self::Revocation => vec![StepKind::RevokeOlderSessions.into()],
            Self::Credential(credential) => vec![credentials::step_name(credential)],
        }
    }
}

async fn reverted(call: &Call, iam: &Client, now: &BaseState) -> Result<Vec<(String, Again)>, Fault> {
    let mut lines = Vec::new();
    match call.target.scope {
        Scope::Principal | Scope::Session => {
            let denied = match now.has_policy(&policies::deny(&call.target)) {
                Some(attached) => attached || now.boundary.as_ref() == Some(&policies::boundary(&call.target)),
                None => base::attached_policies(iam, &call.present).await?.contains(&policies::deny(&call.target)),
            };
            if !denied {
                lines.push(("the quarantine policy is not attached".to_owned(), Again::Deny));
            }
        }
        Scope::OlderSessions => {
            let unread = || Fault::malformed("the role's inline policies could not be read");
            if !revoke::is_there(call, now).ok_or_else(unread)? {
                lines.push(("the policy that ends older sessions is gone".to_owned(), Again::Revocation));
            }
        }
        Scope::AccessKey => {}
        // No principal has such a part.
        Scope::RemoteAddresses | Scope::Freeze | Scope::Destruction | Scope::Seal | Scope::Objects => {}
    }
    if call.target.scope == Scope::Session && !names_session(call, now)? && !session::was_replaced(call).await? {
        lines.push(("no tag names the denied session any more".to_owned(), Again::Session));
    }
    if matches!(call.target.scope, Scope::Principal | Scope::AccessKey) {
        let each = user::working(call, now).into_iter();
        lines.extend(each.map(|c| (format!("{} {} is active", c.kind.word(), c.id), Again::Credential(c))));
    }
    Ok(lines)
}

/// A line for people when a session that is held has given its slot to another one.
async fn replaced(call: &Call, now: &BaseState) -> Result<Option<String>, Fault> {
    let is_let_in = call.target.scope == Scope::Session && !names_session(call, now)? && session::was_replaced(call).await?;
    let line = "nothing denies the session any more: its 12 hours were over, and its slot is another session's now; if the suspect can \
                still assume the role under this name, contain the whole role";
    Ok(is_let_in.then(|| line.to_owned()))
}

fn names_session(call: &Call, now: &BaseState) -> Result<bool, Fault> {
    let session = session_name(&call.target)?;
    let seen = now.tags.as_ref().ok_or_else(|| Fault::malformed("the role's tags could not be read"))?;
    // Only these keys are compared by the policy.
    let slots = (1..=SESSION_SLOTS).map(|slot| tags::session_tag(slot, session.as_str()));
    Ok(slots.into_iter().any(|(key, name)| seen.get(&key) == Some(&name)))
}

async fn write_again(call: &Call, iam: &Client, now: &BaseState, control: &Again) -> Result<(), Fault> {
    match control {
        Again::Deny => match deny::attach(call, iam).await? {
            Attached::Done => Ok(()),
            Attached::NoRoom(_) => deny::put_boundary(call, iam, now).await.map(|_| ()),
        },
        Again::Session => {
            let session = session_name(&call.target)?;
            let slot = call.ledger.name_session(&call.target, &session).await?;
            tags::put(call, iam, &[tags::session_tag(slot, session.as_str())]).await
        }
        // Another function writes it, after an approval.
        Again::Revocation => Err(Fault::new(FaultKind::Denied, "only an approval ends older sessions")),
        Again::Credential(credential) => {
            // One that was made after the containment is recorded first, as exposed: a release leaves it inactive.
            if recorded(call, now, credential).await.outcome == Outcome::Failed {
                return Err(unrecorded());
            }
            credentials::set(iam, &call.present.id, credential, StatusType::Inactive).await.map(|_| ())
        }
    }
}

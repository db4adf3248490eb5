//! One access key of a user who may be innocent: the rest keeps working.

use crate::base::{self, BaseState, Credential, CredentialKind};
use crate::record::{check_identity, is_held, record};
use crate::{credentials, rows, whom};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::step;

/// The key becomes inactive in the first wave, beside the reads: it is exposed and stays so after a release. For a user who does not have
/// it IAM answers that there is no such key.
pub(crate) async fn contain(call: &Call, iam: &Client, marked: Result<(), Fault>) -> Result<Vec<Step>, Fault> {
    let key = exposed_key(call)?;
    let mut steps = Vec::new();
    if let Err(fault) = marked {
        steps.push(step(StepKind::MarkHeld, async { Err(fault) }).await);
    }
    let quiet = rows::is_quiet(call, whom::id(call, None));
    let (first, read, quiet) = futures::join!(deactivate(call, iam, &key), base::read(iam, &call.present), quiet);
    let is_done = first.outcome == Outcome::Applied;
    let other = match read {
        Ok((current, unread)) => match check_identity(call, &current) {
            Ok(()) if is_done || current.credentials.iter().any(|known| is(known, &key)) => {
                steps.extend(finish(call, iam, &current, &key, (first, quiet)).await);
                return Ok(steps);
            }
            // Of a key that IAM did not find at this user, an incomplete list says nothing.
            Ok(()) => match base::unlisted_keys(&unread).filter(|_| first.outcome == Outcome::Failed) {
                Some(missing) => missing.fault.clone(),
                None => Fault::gone(format!("{} does not exist any more", call.target)),
            },
            Err(fault) => fault,
        },
        Err(fault) if fault.kind == FaultKind::Gone => fault,
        Err(fault) if is_done => {
            steps.extend([first, step(StepKind::ReadBase, async { Err(fault) }).await]);
            return Ok(steps);
        }
        Err(fault) => return Err(fault),
    };
    if is_done {
        // Whoever has the name has the key, and is not the user of the finding.
        steps.extend([first, step(StepKind::CheckIdentity, async { Err(other) }).await]);
        return Ok(steps);
    }
    steps.extend(Box::pin(at_owner(call, iam, &key, other)).await?);
    Ok(steps)
}

/// The key becomes inactive whoever has it. Only an owner with the finding's id is the user of the finding; of anybody else people judge.
async fn at_owner(call: &Call, iam: &Client, key: &Credential, other: Fault) -> Result<Vec<Step>, Fault> {
    let Some(owner) = whom::owners(call, iam).await?.into_iter().next() else { return Err(other) };
    let there = call.under(&owner).await?;
    let iam = &Client::new(&there.config);
    let quiet = rows::is_quiet(&there, whom::id(&there, None));
    let (first, read, quiet) = futures::join!(deactivate(&there, iam, key), base::read(iam, &there.present), quiet);
    match (&call.target.principal_id, read) {
        (Some(id), Ok((current, _))) if current.principal_id == id.as_str() => {
            let mut steps = vec![whom::note(&there)];
            steps.extend(finish(&there, iam, &current, key, (first, quiet)).await);
            Ok(steps)
        }
        (Some(_), Err(fault)) => Ok(vec![first, step(StepKind::ReadBase, async { Err(fault) }).await]),
        _ => {
            let why = Fault::malformed(format!("{} belongs to user {owner}: judge {owner}", call.target));
            Ok(vec![first, step(StepKind::CheckIdentity, async { Err(why) }).await])
        }
    }
}

/// The record, and another try of a key that the first wave could not change.
async fn finish(
    call: &Call,
    iam: &Client,
    current: &BaseState,
    key: &Credential,
    (first, quiet): (Step, Result<(), Fault>),
) -> Vec<Step> {
    let before = credentials::before(current, std::slice::from_ref(&first));
    let known = before.credentials.iter().find(|known| is(known, key)).unwrap_or(key);
    let meant = std::slice::from_ref(known);
    let recorded = record(call, &before, meant, quiet).await;
    let held = is_held(&recorded);
    let mut steps = vec![recorded];
    match first.outcome {
        Outcome::Failed | Outcome::Skipped => {
            let again = credentials::deactivate_all(iam, &call.present.id, meant, &[], held).await;
            steps.extend(again.into_iter().map(|step| unless_away(call, step)));
        }
        _ => steps.push(first),
    }
    steps
}

/// The list has the key, and the change did not find it: the user had another name for a moment, or the key was deleted. The next run
/// sees which.
fn unless_away(call: &Call, step: Step) -> Step {
    if step.outcome != Outcome::Skipped {
        return step;
    }
    let why = Fault::new(FaultKind::Transient, format!("{} was not found where it was listed", call.target));
    Step { outcome: Outcome::Failed, error: Some(why), ..step }
}

async fn deactivate(call: &Call, iam: &Client, key: &Credential) -> Step {
    step(credentials::step_name(key), credentials::set(iam, &call.present.id, key, StatusType::Inactive)).await
}

fn is(known: &Credential, key: &Credential) -> bool {
    known.kind == key.kind && known.id == key.id
}

/// The access key that is meant by [`Scope::AccessKey`](firebreak::target::Scope::AccessKey).
fn exposed_key(call: &Call) -> Result<Credential, Fault> {
    let key = call.target.access_key_id.as_ref();
    let key = key.ok_or_else(|| Fault::malformed(format!("{} names no access key", call.target)))?;
    Ok(Credential { kind: CredentialKind::AccessKey, id: key.to_string(), active: true })
}

//! An IAM user: everything is denied, every credential becomes inactive.

use crate::base::{self, BaseState, Credential, CredentialKind, Unread};
use crate::deny::{self, Attached};
use crate::record::{check_identity, is_held, record};
use crate::{credentials, policies, tags};
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};

/// The deny goes out in the first wave, beside the reads: its inverse is known without them, and every second counts. The ledger has
/// learned beside `AssumeRole` that something is held. Credentials wait until the base says which of them were active.
pub(crate) async fn contain(call: &Call, iam: &Client, marked: Result<(), Fault>) -> Result<Vec<Step>, Fault> {
    let mut no_room = None;
    let attach = step(StepKind::AttachDeny, async {
        if let Attached::NoRoom(fault) = deny::attach(call, iam).await? {
            no_room = Some(fault);
        }
        Ok(Outcome::Applied)
    });
    let (attached, read) = futures::join!(attach, base::read(iam, &call.target));
    let mut steps = Vec::new();
    if let Err(fault) = marked {
        steps.push(step(StepKind::MarkHeld, async { Err(fault) }).await);
    }
    let (current, unread) = match read {
        Ok(read) => read,
        Err(fault) => {
            steps.extend(deny::steps(call, iam, attached, no_room, None, false).await);
            steps.push(step(StepKind::ReadBase, async { Err(fault) }).await);
            return Ok(steps);
        }
    };
    if let Err(fault) = check_identity(call, &current) {
        // The deny may be out already; a namesake's credentials are left alone and people are told.
        let fault = Fault::malformed(format!("{}; the deny went out beside this look and stays until a release", fault.message));
        steps.extend(deny::steps(call, iam, attached, no_room, None, false).await);
        steps.push(step(StepKind::CheckIdentity, async { Err(fault) }).await);
        return Ok(steps);
    }
    let recorded = record(call, &current, &current.credentials).await;
    let held = is_held(&recorded);
    let (denied, deactivated) = futures::join!(
        deny::steps(call, iam, attached, no_room, Some(&current), held),
        credentials::deactivate_all(iam, &call.target.id, &current.credentials, &unread, held)
    );
    let signs = signs(call, &current, &unread);
    steps.extend(denied);
    steps.push(recorded);
    steps.extend(deactivated);
    steps.extend(signs);
    steps.push(tags::label(call, iam, held).await);
    Ok(steps)
}

/// What people should know of the user besides: no change, and no failure.
fn signs(call: &Call, current: &BaseState, unread: &[Unread]) -> Vec<Step> {
    let mut signs = Vec::new();
    let attached = current.attached_policies.iter().flatten();
    if let Some(policy) = attached.into_iter().find(|arn| policies::is_quarantine_of_aws(arn)) {
        let name = policy.rsplit('/').next().unwrap_or_default();
        let why = format!("AWS attached {name}: it has found a key of this user in public");
        signs.push(skipped(StepKind::NoteQuarantineOfAws, Fault::malformed(why)));
    }
    // A key that is not among those of an incomplete list may be the user's all the same.
    let named = call.target.keys().filter(|key| unlisted(unread).is_none() && key.as_str().starts_with("AKIA"));
    for key in named.filter(|key| !current.credentials.iter().any(|known| known.id == key.as_str())) {
        let why = format!("access key {key} of the finding is not among the user's: deleted since, or another user's");
        signs.push(skipped(StepKind::FindExposedKey, Fault::gone(why)));
    }
    signs
}

/// One access key of a user who may be innocent: the rest keeps working.
pub(crate) async fn contain_key(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let key = exposed_key(call)?;
    let (current, unread) = base::read(iam, &call.target).await?;
    check_identity(call, &current)?;
    let found: Vec<Credential> = current.credentials.iter().filter(|known| known.id == key).cloned().collect();
    if found.is_empty() {
        if let Some(missing) = unlisted(&unread) {
            return Err(missing.fault.clone());
        }
        return Err(Fault::gone(format!("{} does not exist any more", call.target)));
    }
    let recorded = record(call, &current, &found).await;
    let mut steps = credentials::deactivate_all(iam, &call.target.id, &found, &[], is_held(&recorded)).await;
    steps.insert(0, recorded);
    Ok(steps)
}

/// What keeps the list of access keys from being complete.
fn unlisted(unread: &[Unread]) -> Option<&Unread> {
    unread.iter().find(|missing| missing.kind == CredentialKind::AccessKey)
}

/// The access key that is meant by [`Scope::AccessKey`](firebreak::target::Scope::AccessKey).
pub(crate) fn exposed_key(call: &Call) -> Result<String, Fault> {
    let key = call.target.access_key_id.as_ref().map(ToString::to_string);
    key.ok_or_else(|| Fault::malformed(format!("{} names no access key", call.target)))
}

/// Credentials that work although they should not.
pub(crate) fn working(call: &Call, current: &BaseState) -> Vec<Credential> {
    use firebreak::target::Scope;
    let meant = |credential: &&Credential| match call.target.scope {
        Scope::AccessKey => {
            credential.kind == CredentialKind::AccessKey
                && call.target.access_key_id.as_ref().is_some_and(|key| key.as_str() == credential.id)
        }
        _ => true,
    };
    current.credentials.iter().filter(|credential| credential.active).filter(meant).cloned().collect()
}

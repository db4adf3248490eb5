//! Makes a user's credentials inactive, each on its own.

use crate::base::{BaseState, Credential, CredentialKind, Unread};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::ids::AccessKeyId;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepName;
use firebreak::target::{Scope, Target};
use firebreak_aws::classify::{OrFault, SdkResult, code};
use firebreak_function::containment::Call;
use firebreak_function::step::{step, unrecorded};
use futures::future::join_all;

/// The step that makes a credential inactive.
pub(crate) fn step_name(credential: &Credential) -> StepName {
    StepName::about(credential.kind.deactivate(), &credential.id)
}

/// The long-term keys that the decision is about: one, or all that its findings name. Temporary ones cannot become inactive.
pub(crate) fn named(target: &Target) -> impl Iterator<Item = &AccessKeyId> {
    let more = target.more_keys.iter().filter(move |_| target.scope != Scope::AccessKey);
    target.access_key_id.iter().chain(more).filter(|key| key.as_str().starts_with("AKIA"))
}

/// Makes the keys that the finding names inactive before anything is recorded: a release leaves them so. For a user who does not have one
/// of them IAM answers that there is no such key.
pub(crate) async fn deactivate_exposed(call: &Call, iam: &Client) -> Vec<Step> {
    let each = named(&call.target).map(|key| async move {
        let exposed = Credential { kind: CredentialKind::AccessKey, id: key.to_string(), active: true };
        step(step_name(&exposed), set(iam, &call.present.id, &exposed, StatusType::Inactive)).await
    });
    join_all(each).await
}

/// The state before `first`: a read beside a write can show either. A key that was inactive before counts as active, too; it is exposed,
/// and a release leaves it inactive in any case.
pub(crate) fn before(current: &BaseState, first: &[Step]) -> BaseState {
    let mut before = current.clone();
    for credential in &mut before.credentials {
        let name = step_name(credential);
        credential.active |= first.iter().any(|step| step.outcome == Outcome::Applied && step.name == name);
    }
    before
}

/// The steps of `first` that stand, and the credentials that are left to do. What failed is tried again, and what IAM did not find although
/// the user has it: the name was somebody else's, or nobody's, for a moment. That a key is not the user's says `find-exposed-key`.
pub(crate) fn left(all: &[Credential], first: Vec<Step>) -> (Vec<Step>, Vec<Credential>) {
    let stands = |step: &Step| {
        let is_theirs = all.iter().any(|credential| step_name(credential) == step.name);
        match step.outcome {
            Outcome::Failed => !is_theirs,
            Outcome::Skipped => false,
            Outcome::Applied | Outcome::Already => true,
        }
    };
    let done: Vec<Step> = first.into_iter().filter(stands).collect();
    let is_done = |credential: &Credential| done.iter().any(|step| step.name == step_name(credential));
    let left = all.iter().filter(|credential| !is_done(credential)).cloned().collect();
    (done, left)
}

/// One step per credential, all at once, and one per kind that could not be listed.
pub(crate) async fn deactivate_all(iam: &Client, user: &str, all: &[Credential], unread: &[Unread], held: bool) -> Vec<Step> {
    let each = all.iter().map(|credential| step(step_name(credential), deactivate_unless_done(iam, user, credential, held)));
    let missing = unread.iter().map(|missing| step(missing.kind.list(), async { Err(missing.fault.clone()) }));
    let (mut steps, missing) = futures::join!(join_all(each), join_all(missing));
    steps.extend(missing);
    steps
}

async fn deactivate_unless_done(iam: &Client, user: &str, credential: &Credential, held: bool) -> Result<Outcome, Fault> {
    match (credential.active, held) {
        (false, _) => Ok(Outcome::Already),
        // An unrecorded credential could not be told from one that was inactive before.
        (true, false) => Err(unrecorded()),
        (true, true) => set(iam, user, credential, StatusType::Inactive).await,
    }
}

/// Sets the status of a credential. One that was deleted meanwhile cannot be used either.
pub(crate) async fn set(iam: &Client, user: &str, credential: &Credential, status: StatusType) -> Result<Outcome, Fault> {
    let id = &credential.id;
    match credential.kind {
        CredentialKind::AccessKey => {
            let update = iam.update_access_key().user_name(user).access_key_id(id).status(status);
            outcome("iam:UpdateAccessKey", update.send().await)
        }
        CredentialKind::ServiceSpecific => {
            let update = iam.update_service_specific_credential().user_name(user).service_specific_credential_id(id);
            outcome("iam:UpdateServiceSpecificCredential", update.status(status).send().await)
        }
        CredentialKind::SshKey => {
            let update = iam.update_ssh_public_key().user_name(user).ssh_public_key_id(id).status(status);
            outcome("iam:UpdateSSHPublicKey", update.send().await)
        }
        CredentialKind::Certificate => {
            let update = iam.update_signing_certificate().user_name(user).certificate_id(id).status(status);
            outcome("iam:UpdateSigningCertificate", update.send().await)
        }
    }
}

fn outcome<T, E: ProvideErrorMetadata>(operation: &str, answer: SdkResult<T, E>) -> Result<Outcome, Fault> {
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(Outcome::Skipped);
    }
    answer.or_fault(operation)?;
    Ok(Outcome::Applied)
}

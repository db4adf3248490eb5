//! Puts a principal back as it was.
//!
//! Credentials first, the deny after them, labels last: as long as anything is unfinished the principal stays harmless. What the
//! finding exposed stays inactive, what somebody else changed stays as it is, and nothing is recreated.
#![expect(clippy::disallowed_methods, reason = "this is the release of the quarantine")]

use crate::base::{self, BaseState, Credential};
use crate::{credentials, drift, policies, tags};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::decision::TargetKind;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak_aws::classify::{OrFault, SdkResult, code};
use firebreak_aws::containment::Call;
use firebreak_aws::step::{skipped, step};
use futures::future::join_all;
use std::collections::BTreeMap;

/// Undoes the quarantine of `call.target` down to `base`. Without a base only the deny and the labels were written, and only they are
/// taken away.
///
/// When somebody changed the principal since, nothing is done the first time: the step `check-drift` says what, for the analyst. A
/// release that is asked for after that takes back what is Firebreak's and leaves the rest.
///
/// # Errors
/// `Gone` when the principal no longer exists or another one has its name now, and read errors. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let iam = Client::new(&call.config);
    let (now, _) = base::read(&iam, &call.target).await?;
    if base.is_some_and(|base| base.principal_id != now.principal_id) {
        return Err(Fault::gone(format!(
            "{} was deleted and created anew since the containment; the new one is left as it is",
            call.target
        )));
    }
    let mut steps = Vec::new();
    if let Some(drift) = base.and_then(|base| drifted(call, base, &now)) {
        if !call.seen_drift.contains(&drift.message) {
            return Ok(vec![step("check-drift", async { Err(drift) }).await]);
        }
        steps.push(skipped("check-drift", drift));
    }
    let ours = |base: &BaseState| base.credentials.iter().filter(|c| base.deactivated.contains(&c.id)).cloned().collect();
    let known: Vec<Credential> = base.map(ours).unwrap_or_default();
    let exposed = |credential: &Credential| base.is_some_and(|base| base.exposed.contains(&credential.id));
    steps.extend(join_all(known.iter().map(|credential| restore(call, &iam, credential, &now, exposed(credential)))).await);
    if let Some(failed) = steps.iter().find(|step| step.outcome == Outcome::Failed) {
        let why = format!("not tried: as long as {} is unfinished the deny stays", failed.name);
        steps.push(step("detach-deny", async { Err(Fault::malformed(why)) }).await);
        return Ok(steps);
    }
    let (boundary, revocations, denies) = futures::join!(
        restore_boundary(call, &iam, base, &now),
        delete_revocations(call, &iam, &now),
        detach(call, &iam, base, &now)
    );
    steps.extend(boundary.into_iter().chain(revocations).chain(denies));
    // The guard of the organization recognises a quarantined principal by its tags: they go when the deny is gone.
    if steps.iter().all(|step| step.outcome != Outcome::Failed) {
        steps.push(step("restore-tags", restore_tags(call, &iam, base, &now)).await);
    }
    Ok(steps)
}

fn drifted(call: &Call, base: &BaseState, now: &BaseState) -> Option<Fault> {
    let lines = drift::since(base, now, call);
    let text =
        || format!("changed by somebody since the containment, release again to leave that as it is: {}", lines.join("; "));
    (!lines.is_empty()).then(|| Fault::malformed(text()))
}

async fn restore(call: &Call, iam: &Client, credential: &Credential, now: &BaseState, exposed: bool) -> Step {
    let (word, id) = (credential.kind.word(), &credential.id);
    if exposed {
        let works = now.credentials.iter().any(|c| c.id == *id && c.active);
        if works {
            return step(format!("keep-inactive {id}"), credentials::set(iam, &call.target.id, credential, StatusType::Inactive))
                .await;
        }
        let why = format!("{word} {id} was exposed: it stays inactive, replace it");
        return skipped(format!("keep-inactive {id}"), Fault::malformed(why));
    }
    step(format!("reactivate-{word} {id}"), async {
        let Some(current) = now.credentials.iter().find(|c| c.id == *id) else { return Ok(Outcome::Skipped) };
        if current.active == credential.active {
            return Ok(Outcome::Already);
        }
        let not_ours = call.failed_steps.contains(&credentials::step_name(credential));
        if !credential.active || not_ours {
            // Active now and not before, or made inactive by somebody else: not Firebreak's to change.
            return Ok(Outcome::Skipped);
        }
        credentials::set(iam, &call.target.id, credential, StatusType::Active).await
    })
    .await
}

/// Only where Firebreak's policy is the boundary now.
async fn restore_boundary(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Option<Step> {
    let ours = policies::all(&call.target);
    now.boundary.as_ref().filter(|boundary| ours.contains(boundary))?;
    let name = &call.target.id;
    let is_role = call.target.kind == TargetKind::IamRole;
    let restored = async {
        let Some(base) = base else {
            return Err(Fault::bug("the boundary before the containment was not recorded; put it back by hand"));
        };
        match &base.boundary {
            Some(before) if is_role => {
                let put = iam.put_role_permissions_boundary().role_name(name).permissions_boundary(before).send().await;
                put.or_fault("iam:PutRolePermissionsBoundary")?;
            }
            Some(before) => {
                let put = iam.put_user_permissions_boundary().user_name(name).permissions_boundary(before).send().await;
                put.or_fault("iam:PutUserPermissionsBoundary")?;
            }
            None if is_role => {
                let delete = iam.delete_role_permissions_boundary().role_name(name).send().await;
                return undone("iam:DeleteRolePermissionsBoundary", delete);
            }
            None => {
                let delete = iam.delete_user_permissions_boundary().user_name(name).send().await;
                return undone("iam:DeleteUserPermissionsBoundary", delete);
            }
        }
        Ok(Outcome::Applied)
    };
    Some(step("restore-boundary", restored).await)
}

/// The inline policies of every incident that held this role: this is the last one.
async fn delete_revocations(call: &Call, iam: &Client, now: &BaseState) -> Vec<Step> {
    let ours = now.inline_policies.iter().flatten().filter(|name| name.starts_with(policies::REVOCATION));
    join_all(ours.map(|name| {
        step("delete-revocation", async move {
            let delete = iam.delete_role_policy().role_name(&call.target.id).policy_name(name).send().await;
            undone("iam:DeleteRolePolicy", delete)
        })
    }))
    .await
}

async fn detach(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Vec<Step> {
    let attached = |arn: &&String| now.has_policy(arn) != Some(false) && base.and_then(|base| base.has_policy(arn)) != Some(true);
    let ours = policies::all(&call.target);
    let denies: Vec<&String> = ours.iter().filter(attached).collect();
    if denies.is_empty() {
        return vec![step("detach-deny", async { Ok(Outcome::Already) }).await];
    }
    let name = &call.target.id;
    join_all(denies.into_iter().map(|policy| {
        step("detach-deny", async move {
            match call.target.kind {
                TargetKind::IamRole => {
                    let detached = iam.detach_role_policy().role_name(name).policy_arn(policy).send().await;
                    undone("iam:DetachRolePolicy", detached)
                }
                _ => {
                    let detached = iam.detach_user_policy().user_name(name).policy_arn(policy).send().await;
                    undone("iam:DetachUserPolicy", detached)
                }
            }
        })
    }))
    .await
}

fn undone<T, E: ProvideErrorMetadata>(operation: &str, answer: SdkResult<T, E>) -> Result<Outcome, Fault> {
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(Outcome::Already);
    }
    answer.or_fault(operation)?;
    Ok(Outcome::Applied)
}

async fn restore_tags(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Result<Outcome, Fault> {
    let nothing = BTreeMap::new();
    let then = base.and_then(|base| base.tags.as_ref()).unwrap_or(&nothing);
    let now = now.tags.as_ref().ok_or_else(|| Fault::new(FaultKind::Denied, "the tags could not be read"))?;
    let differing = now.keys().chain(then.keys()).filter(|key| tags::is_ours(key) && then.get(*key) != now.get(*key));
    let (mut before, mut added): (Vec<&String>, Vec<&String>) = differing.partition(|key| then.contains_key(*key));
    before.dedup();
    added.dedup();
    if before.is_empty() && added.is_empty() {
        return Ok(Outcome::Already);
    }
    let name = &call.target.id;
    if !added.is_empty() {
        let keys = Some(added.into_iter().cloned().collect());
        match call.target.kind {
            TargetKind::IamRole => {
                iam.untag_role().role_name(name).set_tag_keys(keys).send().await.map(|_| ()).or_fault("iam:UntagRole")?
            }
            _ => iam.untag_user().user_name(name).set_tag_keys(keys).send().await.map(|_| ()).or_fault("iam:UntagUser")?,
        }
    }
    if !before.is_empty() {
        let old: Vec<(String, String)> = before.into_iter().map(|key| (key.clone(), then[key].clone())).collect();
        tags::put(call, iam, &old).await?;
    }
    Ok(Outcome::Applied)
}

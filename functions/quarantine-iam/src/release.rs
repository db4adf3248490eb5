//! Puts a principal back as it was.
//!
//! Credentials first, the deny last: as long as anything is unfinished the principal stays harmless. Keys that were inactive before
//! stay inactive, and nothing is recreated.
#![expect(clippy::disallowed_methods, reason = "this is the release of the quarantine")]

use crate::base::{self, AccessKey, BaseState};
use crate::quarantine_policy_arn;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak::decision::TargetKind;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::containment::{Call, TAG_KEYS};
use firebreak_aws::step::step;
use futures::future::join_all;
use std::collections::BTreeMap;

/// Undoes the quarantine of `call.target` down to `base`. Without a base only the deny and the labels were written, and only they are
/// taken away.
///
/// # Errors
/// `Gone` when the principal no longer exists or another one has its name now, and read errors. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let iam = Client::new(&call.config);
    let now = base::read(&iam, &call.target).await?;
    if base.is_some_and(|base| base.principal_id != now.principal_id) {
        return Err(Fault::gone(format!(
            "{} was deleted and created anew since the containment; the new one is left as it is",
            call.target
        )));
    }
    let keys = base.map_or(&[][..], |base| &base.access_keys);
    let mut steps =
        join_all(keys.iter().map(|key| step(format!("reactivate-key {}", key.id), reactivate(call, &iam, key, &now)))).await;
    steps.push(step("restore-tags", restore_tags(call, &iam, base, &now)).await);
    let unfinished = steps.iter().any(|step| step.outcome == Outcome::Failed);
    let detached = step("detach-deny", async {
        if unfinished {
            return Err(Fault::malformed("not tried: as long as an earlier step is unfinished the deny stays"));
        }
        detach(call, &iam, base, &now).await
    });
    steps.push(detached.await);
    Ok(steps)
}

async fn reactivate(call: &Call, iam: &Client, key: &AccessKey, now: &BaseState) -> Result<Outcome, Fault> {
    let Some(current) = now.access_keys.iter().find(|k| k.id == key.id) else { return Ok(Outcome::Skipped) };
    if current.active == key.active {
        return Ok(Outcome::Already);
    }
    let not_ours = call.failed_steps.contains(&format!("deactivate-key {}", key.id));
    if !key.active || not_ours {
        // Active now and not before, or deactivated by somebody else: not Firebreak's to change.
        return Ok(Outcome::Skipped);
    }
    iam.update_access_key()
        .user_name(&call.target.id)
        .access_key_id(&key.id)
        .status(StatusType::Active)
        .send()
        .await
        .or_fault("iam:UpdateAccessKey")?;
    Ok(Outcome::Applied)
}

async fn restore_tags(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Result<Outcome, Fault> {
    let nothing = BTreeMap::new();
    let then = base.and_then(|base| base.tags.as_ref()).unwrap_or(&nothing);
    let now = now.tags.as_ref().ok_or_else(|| Fault::new(FaultKind::Denied, "the tags could not be read"))?;
    let differing = TAG_KEYS.into_iter().filter(|key| then.get(*key) != now.get(*key));
    let (before, added): (Vec<&str>, Vec<&str>) = differing.partition(|key| then.contains_key(*key));
    if before.is_empty() && added.is_empty() {
        return Ok(Outcome::Already);
    }
    let name = &call.target.id;
    let old = before.iter().map(|k| base::tag(k, &then[*k])).collect::<Result<Vec<_>, _>>()?;
    let new: Vec<String> = added.iter().map(|k| (*k).to_owned()).collect();
    let is_role = call.target.kind == TargetKind::IamRole;
    if !new.is_empty() && is_role {
        iam.untag_role().role_name(name).set_tag_keys(Some(new)).send().await.or_fault("iam:UntagRole")?;
    } else if !new.is_empty() {
        iam.untag_user().user_name(name).set_tag_keys(Some(new)).send().await.or_fault("iam:UntagUser")?;
    }
    if !old.is_empty() && is_role {
        iam.tag_role().role_name(name).set_tags(Some(old)).send().await.or_fault("iam:TagRole")?;
    } else if !old.is_empty() {
        iam.tag_user().user_name(name).set_tags(Some(old)).send().await.or_fault("iam:TagUser")?;
    }
    Ok(Outcome::Applied)
}

async fn detach(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Result<Outcome, Fault> {
    let policy = quarantine_policy_arn(&call.target);
    if base.and_then(|base| base.has_policy(&policy)) == Some(true) {
        return Ok(Outcome::Skipped);
    }
    if now.has_policy(&policy) == Some(false) {
        return Ok(Outcome::Already);
    }
    let name = &call.target.id;
    let gone = match call.target.kind {
        TargetKind::IamRole => {
            let detached = iam.detach_role_policy().role_name(name).policy_arn(policy).send().await;
            let gone = detached.as_ref().err().and_then(code) == Some("NoSuchEntity");
            if !gone {
                detached.or_fault("iam:DetachRolePolicy")?;
            }
            gone
        }
        _ => {
            let detached = iam.detach_user_policy().user_name(name).policy_arn(policy).send().await;
            let gone = detached.as_ref().err().and_then(code) == Some("NoSuchEntity");
            if !gone {
                detached.or_fault("iam:DetachUserPolicy")?;
            }
            gone
        }
    };
    Ok(if gone { Outcome::Already } else { Outcome::Applied })
}

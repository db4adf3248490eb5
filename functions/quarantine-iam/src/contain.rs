//! Denies everything to a principal, then makes its keys unusable.

use crate::base::{self, BaseState};
use crate::quarantine_policy_arn;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak::decision::TargetKind;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::clock;
use firebreak_aws::containment::{Call, tag_outcome, tags};
use firebreak_aws::step::step;
use futures::FutureExt as _;
use futures::future::join_all;

/// IAM paths of roles that are AWS's or Firebreak's own. Nobody can create a role under AWS's two; a role that an attacker puts under
/// `/firebreak/` is refused with an error that people see, and the guard on that path is the organization's.
const PROTECTED_PATHS: [&str; 3] = ["/aws-service-role/", "/aws-reserved/", "/firebreak/"];

pub(crate) async fn contain(call: &Call) -> Result<Vec<Step>, Fault> {
    let iam = Client::new(&call.config);
    match call.target.kind {
        TargetKind::IamRole => role(call, &iam).await,
        _ => user(call, &iam).await,
    }
}

/// The deny goes out in the first wave, beside the reads: its inverse is known without them, and every second counts. The ledger learns
/// in the same wave that something is held. Keys wait until the base says which of them were active.
async fn user(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let (deny, marked, base) = futures::join!(
        step("attach-deny", attach(call, iam)),
        call.ledger.mark_held(&call.target, &call.incident, clock::now()),
        base::read(iam, &call.target)
    );
    let mut steps = vec![deny];
    if let Err(fault) = marked {
        steps.push(step("mark-held", async { Err(fault) }).await);
    }
    let current = match base {
        Ok(base) => base,
        Err(fault) => {
            steps.push(step("read-base", async { Err(fault) }).await);
            return Ok(steps);
        }
    };
    if let Err(fault) = check_identity(call, &current) {
        // The deny is already out; a namesake's keys are left alone and people are told.
        steps.push(step("check-identity", async { Err(fault) }).await);
        return Ok(steps);
    }
    let recorded = record(call, &current).await;
    let held = recorded.outcome != Outcome::Failed;
    steps.push(recorded);
    let keys = current.access_keys.iter().map(|key| {
        let name = format!("deactivate-key {}", key.id);
        step(name, async move {
            match (key.active, held) {
                (false, _) => Ok(Outcome::Already),
                // An unrecorded key could not be told from one that was inactive before.
                (true, false) => Err(Fault::bug("not tried: the base state could not be recorded")),
                (true, true) => deactivate(iam, &call.target.id, &key.id).await,
            }
        })
        .boxed()
    });
    let label = step("tag", tag(call, iam, held)).boxed();
    steps.extend(join_all(keys.chain([label])).await);
    Ok(steps)
}

/// A role is looked at first: denying a service-linked or reserved role would break AWS's own management, and only its path tells.
async fn role(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let current = base::read(iam, &call.target).await?;
    if let Some(path) = PROTECTED_PATHS.iter().find(|path| current.path.starts_with(**path)) {
        return Err(Fault::protected(format!("{} is under the path {path}", call.target)));
    }
    check_identity(call, &current)?;
    let recorded = record(call, &current).await;
    let held = recorded.outcome != Outcome::Failed;
    let (deny, label) = futures::join!(step("attach-deny", attach(call, iam)), step("tag", tag(call, iam, held)));
    Ok(vec![recorded, deny, label])
}

/// A name can be given again after its first owner was deleted; the immutable id cannot.
fn check_identity(call: &Call, current: &BaseState) -> Result<(), Fault> {
    match &call.target.principal_id {
        Some(id) if id.as_str() != current.principal_id => {
            Err(Fault::malformed(format!("{} is not the principal of the finding: it was created anew", call.target)))
        }
        _ => Ok(()),
    }
}

/// The first wave may have attached the deny before the base was read: the base is the state without it.
async fn record(call: &Call, current: &BaseState) -> Step {
    let ours = quarantine_policy_arn(&call.target);
    let mut base = current.clone();
    if let Some(attached) = &mut base.attached_policies {
        attached.retain(|arn| *arn != ours);
    }
    step("record-base", async {
        let known = call.ledger.hold(&call.target, &call.incident, &base.principal_id, &base, clock::now()).await?;
        let all = known.with_keys_of(&base);
        if all != known {
            call.ledger.extend_base(&call.target, &known, &all).await?;
        }
        Ok(Outcome::Applied)
    })
    .await
}

async fn attach(call: &Call, iam: &Client) -> Result<Outcome, Fault> {
    let (name, policy) = (&call.target.id, quarantine_policy_arn(&call.target));
    match call.target.kind {
        TargetKind::IamRole => {
            iam.attach_role_policy().role_name(name).policy_arn(policy).send().await.or_fault("iam:AttachRolePolicy")?;
        }
        _ => {
            iam.attach_user_policy().user_name(name).policy_arn(policy).send().await.or_fault("iam:AttachUserPolicy")?;
        }
    }
    Ok(Outcome::Applied)
}

async fn deactivate(iam: &Client, user: &str, key: &str) -> Result<Outcome, Fault> {
    let update = iam.update_access_key().user_name(user).access_key_id(key).status(StatusType::Inactive).send().await;
    if update.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        // Deleted since the list was read: it cannot be used either.
        return Ok(Outcome::Skipped);
    }
    update.or_fault("iam:UpdateAccessKey")?;
    Ok(Outcome::Applied)
}

async fn tag(call: &Call, iam: &Client, held: bool) -> Result<Outcome, Fault> {
    if !held {
        return Ok(Outcome::Skipped);
    }
    let labels = tags(&call.incident, "quarantined").iter().map(|(k, v)| base::tag(k, v)).collect::<Result<Vec<_>, _>>()?;
    let name = &call.target.id;
    let with_code = |code: Option<&str>, fault| (code.map(str::to_owned), fault);
    tag_outcome(match call.target.kind {
        TargetKind::IamRole => match iam.tag_role().role_name(name).set_tags(Some(labels)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(with_code(code(&error), firebreak_aws::classify::fault("iam:TagRole", &error))),
        },
        _ => match iam.tag_user().user_name(name).set_tags(Some(labels)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(with_code(code(&error), firebreak_aws::classify::fault("iam:TagUser", &error))),
        },
    })
}

//! Looking into member accounts for `firebreak doctor`.

use aws_config::SdkConfig;
use firebreak::diagnosis::{Observation, Places};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use firebreak_aws::Aws;
use firebreak_aws::clients::MemberRole;
use futures::stream::{StreamExt as _, iter};

/// The name of the check of every member role.
pub const MEMBER_ROLE: &str = "member-role";
/// Accounts looked into at once.
const AT_ONCE: usize = 8;

/// Assumes `role` in every account, and calls `further` with each session. The session may make `calls` and no other.
///
/// # Errors
/// `Malformed` when there is no Region to look in.
pub async fn member_accounts(
    aws: &Aws,
    places: &Places,
    role: MemberRole,
    calls: &[&str],
    further: impl AsyncFn(&AccountId, SdkConfig) -> Vec<Observation>,
) -> Result<Vec<Observation>, Fault> {
    let region = places.regions.first().ok_or_else(|| Fault::malformed("no Region to look in"))?;
    let observed = iter(&places.accounts).map(async |account| {
        let subject = format!("{} in {account}", role.name());
        match aws.look(role, (&places.partition, account, region), calls).await {
            Ok(session) => {
                let mut seen = vec![Observation::sound(MEMBER_ROLE, subject, "assumed")];
                seen.extend(further(account, session).await);
                seen
            }
            Err(fault) => vec![not_assumed(subject, role, &fault)],
        }
    });
    Ok(observed.buffered(AT_ONCE).collect::<Vec<_>>().await.concat())
}

/// Assumes `role` in every account, and nothing else.
///
/// # Errors
/// As [`member_accounts`].
pub async fn member_role(aws: &Aws, places: &Places, role: MemberRole) -> Result<Vec<Observation>, Fault> {
    member_accounts(aws, places, role, &[], async |_, _| vec![]).await
}

/// STS says `AccessDenied` for a role that does not exist, too.
fn not_assumed(subject: String, role: MemberRole, fault: &Fault) -> Observation {
    let stack = if role == MemberRole::QuarantineScp { "management-account" } else { "member-account" };
    match fault.kind {
        FaultKind::Transient => Observation::unknown(MEMBER_ROLE, subject, fault.message.clone(), "run `firebreak doctor` again"),
        _ => Observation::broken(
            MEMBER_ROLE,
            subject,
            format!("cannot be assumed: it is missing, or trusts somebody else ({})", fault.message),
            format!(
                "make deploy ENV=<env> STACK={stack}; if that was done: docs/runbooks.md, \"A resource was changed by hand\""
            ),
        ),
    }
}

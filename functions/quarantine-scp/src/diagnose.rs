//! For `firebreak doctor`: whether the second tier could deny anybody.

use crate::organization::Organization;
use crate::scp::Scp;
use aws_config::SdkConfig;
use firebreak::diagnosis::{Observation, Places};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use firebreak_aws::Aws;
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_accounts;

/// The name of the check.
const QUARANTINE_SCP: &str = "quarantine-scp";
/// Not by a deployment: that would write the shipped text, without the entries of incidents.
const FIX: &str = "read infra/README.md, \"The quarantine policy is written by incidents\", before you write it";

/// The accounts of `places` do not matter: the policy is in one account.
pub(crate) async fn diagnose(aws: &Aws, places: &Places, organization: &Organization) -> Result<Vec<Observation>, Fault> {
    let places = organization.management_account(&places.partition)?;
    let calls = ["organizations:DescribePolicy", "organizations:ListTargetsForPolicy"];
    let policy = async |_: &AccountId, session: SdkConfig| {
        let scp = Scp::at(&session, organization, &places.partition);
        let (document, attached) = futures::join!(scp.read(), scp.is_attached());
        let id = organization.policy.as_str();
        vec![
            match document {
                Ok(_) => Observation::sound(QUARANTINE_SCP, id, "as shipped, but for what incidents wrote into its lists"),
                Err(fault) if fault.kind == FaultKind::Transient => {
                    Observation::unknown(QUARANTINE_SCP, id, fault.message, "run `firebreak doctor` again")
                }
                Err(fault) => Observation::broken(QUARANTINE_SCP, id, fault.message, FIX),
            },
            match attached {
                Some(true) => Observation::sound(QUARANTINE_SCP, format!("{id} attached"), "yes"),
                Some(false) => {
                    let fix = format!("aws organizations attach-policy --policy-id {id} --target-id <root or unit>");
                    Observation::broken(QUARANTINE_SCP, format!("{id} attached"), "to nothing: it denies nobody", fix)
                }
                None => Observation::unknown(QUARANTINE_SCP, format!("{id} attached"), "not known", FIX),
            },
        ]
    };
    member_accounts(aws, &places, MemberRole::QuarantineScp, &calls, policy).await
}

//! An IAM role: its policies, and the instance profiles that hand it out.

use crate::ask::{RawAnswer, ask, undocumented};
use aws_config::SdkConfig;
use firebreak::target::Target;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (iam, name) = (aws_sdk_iam::Client::new(config), target.id.as_str());
    let (role, attached, inline, profiles) = futures::join!(
        ask!("iam:GetRole", iam.get_role().role_name(name)),
        ask!("iam:ListAttachedRolePolicies", iam.list_attached_role_policies().role_name(name)),
        ask!("iam:ListRolePolicies", iam.list_role_policies().role_name(name)),
        ask!("iam:ListInstanceProfilesForRole", iam.list_instance_profiles_for_role().role_name(name)),
    );
    let mut answers = vec![role, attached, inline, profiles];
    match iam.list_role_policies().role_name(name).send().await {
        Ok(list) => {
            for policy in list.policy_names() {
                let document = ask!("iam:GetRolePolicy", iam.get_role_policy().role_name(name).policy_name(policy)).await;
                answers.push(RawAnswer { part: Some(policy.clone()), ..document });
            }
        }
        Err(error) => answers.push(undocumented("iam:ListRolePolicies", &error)),
    }
    answers
}

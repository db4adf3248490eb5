//! An IAM role: its policies, and the instance profiles that hand it out.

use crate::ask::{RawAnswer, ask, ask_pages, undocumented};
use aws_config::SdkConfig;
use firebreak::target::Target;
use firebreak_aws::pages;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (iam, name) = (aws_sdk_iam::Client::new(config), target.id.as_str());
    let (role, attached, inline, profiles) = futures::join!(
        ask!("iam:GetRole", iam.get_role().role_name(name)),
        ask_pages!("iam:ListAttachedRolePolicies", iam.list_attached_role_policies().role_name(name)),
        ask_pages!("iam:ListRolePolicies", iam.list_role_policies().role_name(name)),
        ask_pages!("iam:ListInstanceProfilesForRole", iam.list_instance_profiles_for_role().role_name(name)),
    );
    let mut answers: Vec<RawAnswer> = [vec![role], attached, inline, profiles].into_iter().flatten().collect();
    let listed = pages!(iam.list_role_policies().role_name(name), policy_names).await;
    let (policies, missing) = pages::partly("iam:ListRolePolicies", listed);
    for policy in policies {
        let document = ask!("iam:GetRolePolicy", iam.get_role_policy().role_name(name).policy_name(&policy)).await;
        answers.push(RawAnswer { part: Some(policy), ..document });
    }
    answers.extend(missing.map(|fault| undocumented("iam:ListRolePolicies", fault)));
    answers
}

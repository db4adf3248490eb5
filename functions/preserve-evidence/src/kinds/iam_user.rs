//! An IAM user: its keys, policies, groups and second factors.

use crate::ask::{RawAnswer, ask, undocumented};
use aws_config::SdkConfig;
use firebreak::target::Target;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (iam, name) = (aws_sdk_iam::Client::new(config), target.id.as_str());
    let (user, keys, attached, inline, groups, mfa) = futures::join!(
        ask!("iam:GetUser", iam.get_user().user_name(name)),
        ask!("iam:ListAccessKeys", iam.list_access_keys().user_name(name)),
        ask!("iam:ListAttachedUserPolicies", iam.list_attached_user_policies().user_name(name)),
        ask!("iam:ListUserPolicies", iam.list_user_policies().user_name(name)),
        ask!("iam:ListGroupsForUser", iam.list_groups_for_user().user_name(name)),
        ask!("iam:ListMFADevices", iam.list_mfa_devices().user_name(name)),
    );
    let mut answers = vec![user, keys, attached, inline, groups, mfa];
    match iam.list_user_policies().user_name(name).send().await {
        Ok(list) => {
            for policy in list.policy_names() {
                let document = ask!("iam:GetUserPolicy", iam.get_user_policy().user_name(name).policy_name(policy)).await;
                answers.push(RawAnswer { part: Some(policy.clone()), ..document });
            }
        }
        Err(error) => answers.push(undocumented("iam:ListUserPolicies", &error)),
    }
    answers
}

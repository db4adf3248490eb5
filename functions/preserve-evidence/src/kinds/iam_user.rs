//! An IAM user: its keys, policies, groups and second factors.

use crate::ask::{RawAnswer, ask, ask_pages, undocumented};
use aws_config::SdkConfig;
use firebreak::target::Target;
use firebreak_aws::pages;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (iam, name) = (aws_sdk_iam::Client::new(config), target.id.as_str());
    let (user, keys, attached, inline, groups, mfa) = futures::join!(
        ask!("iam:GetUser", iam.get_user().user_name(name)),
        ask_pages!("iam:ListAccessKeys", iam.list_access_keys().user_name(name)),
        ask_pages!("iam:ListAttachedUserPolicies", iam.list_attached_user_policies().user_name(name)),
        ask_pages!("iam:ListUserPolicies", iam.list_user_policies().user_name(name)),
        ask_pages!("iam:ListGroupsForUser", iam.list_groups_for_user().user_name(name)),
        ask_pages!("iam:ListMFADevices", iam.list_mfa_devices().user_name(name)),
    );
    let mut answers: Vec<RawAnswer> = [vec![user], keys, attached, inline, groups, mfa].into_iter().flatten().collect();
    let listed = pages!(iam.list_user_policies().user_name(name), policy_names).await;
    let (policies, missing) = pages::partly("iam:ListUserPolicies", listed);
    for policy in policies {
        let document = ask!("iam:GetUserPolicy", iam.get_user_policy().user_name(name).policy_name(&policy)).await;
        answers.push(RawAnswer { part: Some(policy), ..document });
    }
    answers.extend(missing.map(|fault| undocumented("iam:ListUserPolicies", fault)));
    answers
}

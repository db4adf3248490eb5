//! Which questions are asked about each kind of target.

use crate::transcript::Transcript;
use aws_config::SdkConfig;
use aws_sdk_ec2::types::Filter;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::target::Target;
use firebreak_aws::classify::fault;
use lockdown_s3::Bucket;
use serde_json::{Value, json};

/// One answer: the operation, and what AWS said or why it said nothing.
pub(crate) struct RawAnswer {
    pub(crate) operation: &'static str,
    /// Tells several answers of one operation apart.
    pub(crate) part: Option<String>,
    pub(crate) content: Result<Value, String>,
}

/// Sends one request and keeps the raw answer. An error that AWS answered is an answer.
macro_rules! ask {
    ($operation:literal, $request:expr) => {
        async {
            let transcript = Transcript::default();
            let result = $request.customize().interceptor(transcript.clone()).send().await;
            answer($operation, &transcript, result.as_ref().err())
        }
    };
}

fn answer<E: ProvideErrorMetadata>(
    operation: &'static str,
    transcript: &Transcript,
    error: Option<&SdkError<E, HttpResponse>>,
) -> RawAnswer {
    // What AWS answered counts, whether or not this version of the SDK can read it. A refusal or a fault is not the resource's
    // configuration: it is evidence that is missing.
    let content = match (transcript.take(), error) {
        (Some((status, answer)), _) if matches!(status, 200..=299 | 404) => {
            Ok(json!({ "http_status": status, "answer": answer }))
        }
        (_, Some(error)) => Err(fault(operation, error).message),
        (_, None) => Err(format!("{operation}: no answer")),
    };
    RawAnswer { operation, part: None, content }
}

/// The documents of inline policies could not even be asked for.
fn undocumented<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> RawAnswer {
    RawAnswer { operation, part: Some("documents".to_owned()), content: Err(fault(operation, error).message) }
}

pub(crate) async fn iam_user(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
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

pub(crate) async fn iam_role(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
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

pub(crate) async fn ec2_instance(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let (ec2, id) = (aws_sdk_ec2::Client::new(config), target.id.as_str());
    let attached = || Filter::builder().name("attachment.instance-id").values(id).build();
    let (instance, interfaces, volumes, console) = futures::join!(
        ask!("ec2:DescribeInstances", ec2.describe_instances().instance_ids(id)),
        ask!("ec2:DescribeNetworkInterfaces", ec2.describe_network_interfaces().filters(attached())),
        ask!("ec2:DescribeVolumes", ec2.describe_volumes().filters(attached())),
        ask!("ec2:GetConsoleOutput", ec2.get_console_output().instance_id(id)),
    );
    vec![instance, interfaces, volumes, console]
}

pub(crate) async fn s3_bucket(bucket: &Bucket) -> Vec<RawAnswer> {
    let Bucket { s3, name, owner } = bucket;
    let (policy, acl, block, ownership, versioning, encryption, logging, lifecycle, replication) = futures::join!(
        ask!("s3:GetBucketPolicy", s3.get_bucket_policy().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketAcl", s3.get_bucket_acl().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetPublicAccessBlock", s3.get_public_access_block().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketOwnershipControls", s3.get_bucket_ownership_controls().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketVersioning", s3.get_bucket_versioning().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketEncryption", s3.get_bucket_encryption().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketLogging", s3.get_bucket_logging().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetLifecycleConfiguration", s3.get_bucket_lifecycle_configuration().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetReplicationConfiguration", s3.get_bucket_replication().bucket(name).expected_bucket_owner(owner)),
    );
    vec![policy, acl, block, ownership, versioning, encryption, logging, lifecycle, replication]
}

/// Stands for all answers of a target that could not be asked.
pub(crate) fn unreachable(fault: Fault) -> RawAnswer {
    RawAnswer { operation: "s3:HeadBucket", part: None, content: Err(fault.message) }
}

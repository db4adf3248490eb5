//! Reading a principal: one wave of independent calls.

use super::{BaseState, Credential, CredentialKind};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{AttachedPolicy, StatusType, Tag};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::classify::{OrFault, SdkResult, code};
use std::collections::{BTreeMap, BTreeSet};

/// What could not be read and is needed to contain a user fully: which of its credentials there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The kind of credential.
    pub(crate) kind: CredentialKind,
    /// Why.
    pub(crate) fault: Fault,
}

/// Reads the state of a principal. Who it is and its access keys are needed, the rest is welcome.
pub(crate) async fn read(iam: &Client, target: &Target) -> Result<(BaseState, Vec<Unread>), Fault> {
    match target.kind {
        TargetKind::IamUser => user(iam, &target.id).await,
        TargetKind::IamRole => Ok((role(iam, &target.id).await?, vec![])),
        _ => Err(Fault::malformed(format!("quarantine-iam cannot contain {target}"))),
    }
}

async fn user(iam: &Client, name: &str) -> Result<(BaseState, Vec<Unread>), Fault> {
    let (user, (credentials, unread), policies, inline, tags, groups, password, mfa) = futures::join!(
        iam.get_user().user_name(name).send(),
        credentials(iam, name),
        iam.list_attached_user_policies().user_name(name).send(),
        iam.list_user_policies().user_name(name).send(),
        iam.list_user_tags().user_name(name).send(),
        iam.list_groups_for_user().user_name(name).send(),
        iam.get_login_profile().user_name(name).send(),
        iam.list_mfa_devices().user_name(name).send(),
    );
    let user = user.or_fault("iam:GetUser")?.user.ok_or_else(|| Fault::bug("iam:GetUser answered without a user"))?;
    if let Some(missing) = unread.iter().find(|missing| missing.kind == CredentialKind::AccessKey) {
        return Err(missing.fault.clone());
    }
    let state = BaseState {
        principal_id: user.user_id,
        path: user.path,
        boundary: user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        attached_policies: welcome("iam:ListAttachedUserPolicies", policies).map(|p| arns(p.attached_policies())),
        inline_policies: welcome("iam:ListUserPolicies", inline).map(|p| p.policy_names().iter().cloned().collect()),
        tags: welcome("iam:ListUserTags", tags).map(|answer| tag_map(answer.tags)),
        credentials,
        groups: welcome("iam:ListGroupsForUser", groups).map(|g| g.groups().iter().map(|g| g.group_name.clone()).collect()),
        console_password: match password {
            Ok(_) => Some(true),
            Err(error) if code(&error) == Some("NoSuchEntity") => Some(false),
            Err(_) => None,
        },
        mfa_devices: welcome("iam:ListMFADevices", mfa)
            .map(|d| d.mfa_devices().iter().map(|d| d.serial_number.clone()).collect()),
        trust_policy: None,
        deactivated: BTreeSet::new(),
        exposed: BTreeSet::new(),
    };
    Ok((state, unread))
}

async fn role(iam: &Client, name: &str) -> Result<BaseState, Fault> {
    let (role, policies, inline, tags) = futures::join!(
        iam.get_role().role_name(name).send(),
        iam.list_attached_role_policies().role_name(name).send(),
        iam.list_role_policies().role_name(name).send(),
        iam.list_role_tags().role_name(name).send(),
    );
    let role = role.or_fault("iam:GetRole")?.role.ok_or_else(|| Fault::bug("iam:GetRole answered without a role"))?;
    Ok(BaseState {
        principal_id: role.role_id,
        path: role.path,
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        attached_policies: welcome("iam:ListAttachedRolePolicies", policies).map(|p| arns(p.attached_policies())),
        inline_policies: welcome("iam:ListRolePolicies", inline).map(|p| p.policy_names().iter().cloned().collect()),
        tags: welcome("iam:ListRoleTags", tags).map(|answer| tag_map(answer.tags)),
        credentials: vec![],
        groups: None,
        console_password: None,
        mfa_devices: None,
        trust_policy: role.assume_role_policy_document,
        deactivated: BTreeSet::new(),
        exposed: BTreeSet::new(),
    })
}

/// All of a user's credentials, and the kinds that could not be listed.
async fn credentials(iam: &Client, name: &str) -> (Vec<Credential>, Vec<Unread>) {
    let (keys, service, ssh, certificates) = futures::join!(
        iam.list_access_keys().user_name(name).send(),
        iam.list_service_specific_credentials().user_name(name).send(),
        iam.list_ssh_public_keys().user_name(name).send(),
        iam.list_signing_certificates().user_name(name).send(),
    );
    let mut all = Listed::default();
    all.add(CredentialKind::AccessKey, "iam:ListAccessKeys", keys, |answer| {
        let key = |k: &aws_sdk_iam::types::AccessKeyMetadata| Some((k.access_key_id()?.to_owned(), k.status().cloned()?));
        answer.access_key_metadata().iter().filter_map(key).collect()
    });
    all.add(CredentialKind::ServiceSpecific, "iam:ListServiceSpecificCredentials", service, |answer| {
        let each = answer.service_specific_credentials().iter();
        each.map(|c| (c.service_specific_credential_id.clone(), c.status.clone())).collect()
    });
    all.add(CredentialKind::SshKey, "iam:ListSSHPublicKeys", ssh, |answer| {
        answer.ssh_public_keys().iter().map(|k| (k.ssh_public_key_id.clone(), k.status.clone())).collect()
    });
    all.add(CredentialKind::Certificate, "iam:ListSigningCertificates", certificates, |answer| {
        answer.certificates().iter().map(|c| (c.certificate_id.clone(), c.status.clone())).collect()
    });
    (all.found, all.unread)
}

#[derive(Default)]
struct Listed {
    found: Vec<Credential>,
    unread: Vec<Unread>,
}

impl Listed {
    fn add<T, E: ProvideErrorMetadata>(
        &mut self,
        kind: CredentialKind,
        operation: &str,
        answer: SdkResult<T, E>,
        read: impl Fn(&T) -> Vec<(String, StatusType)>,
    ) {
        match answer {
            Ok(answer) => {
                let each = read(&answer).into_iter();
                self.found.extend(each.map(|(id, status)| Credential { kind, id, active: status == StatusType::Active }));
            }
            // A partition without CodeCommit or Keyspaces has no such credentials.
            Err(error) if code(&error) == Some("NotSupportedService") => {}
            Err(error) => self.unread.push(Unread { kind, fault: firebreak_aws::classify::fault(operation, &error) }),
        }
    }
}

/// The policies attached to a principal: all that a look for a reverted deny needs of them.
pub(crate) async fn attached_policies(iam: &Client, target: &Target) -> Result<BTreeSet<String>, Fault> {
    let name = &target.id;
    Ok(match target.kind {
        TargetKind::IamRole => {
            let answer = iam.list_attached_role_policies().role_name(name).send().await;
            arns(answer.or_fault("iam:ListAttachedRolePolicies")?.attached_policies())
        }
        _ => {
            let answer = iam.list_attached_user_policies().user_name(name).send().await;
            arns(answer.or_fault("iam:ListAttachedUserPolicies")?.attached_policies())
        }
    })
}

fn welcome<T, E: ProvideErrorMetadata>(operation: &str, answer: SdkResult<T, E>) -> Option<T> {
    let answer = answer.or_fault(operation);
    if let Err(fault) = &answer {
        tracing::warn!(fault.message = %fault.message, "not recorded");
    }
    answer.ok()
}

fn arns(policies: &[AttachedPolicy]) -> BTreeSet<String> {
    policies.iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect()
}

fn tag_map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

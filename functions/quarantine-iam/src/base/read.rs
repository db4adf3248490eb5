//! Reading a principal: one wave of independent calls. A list that has more pages is read to its end.

use super::{BaseState, Credential, CredentialKind};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{AttachedPolicy, StatusType, Tag};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_aws::pages;
use firebreak_aws::pages::Listed;
use std::collections::{BTreeMap, BTreeSet};

/// What could not be read, or not to its end, and is needed to contain a user fully: which of its credentials there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The kind of credential.
    pub(crate) kind: CredentialKind,
    /// Why.
    pub(crate) fault: Fault,
}

/// What keeps the list of a user's access keys from being complete.
pub(crate) fn unlisted_keys(unread: &[Unread]) -> Option<&Unread> {
    unread.iter().find(|missing| missing.kind == CredentialKind::AccessKey)
}

/// Reads the state of a principal. Who it is and its access keys are needed, the rest is welcome.
///
/// A list that ends too early is not recorded, as if it could not be read: what is missing in it would look as if somebody had taken
/// it away. Of credentials, what was read can be made inactive all the same.
pub(crate) async fn read(iam: &Client, target: &Target) -> Result<(BaseState, Vec<Unread>), Fault> {
    match target.kind {
        TargetKind::IamUser => user(iam, &target.id).await,
        TargetKind::IamRole => Ok((role(iam, &target.id).await?, vec![])),
        _ => Err(Fault::malformed(format!("quarantine-iam cannot contain {target}"))),
    }
}

async fn user(iam: &Client, name: &str) -> Result<(BaseState, Vec<Unread>), Fault> {
    let (user, credentials, policies, inline, tags, groups, password, mfa) = futures::join!(
        iam.get_user().user_name(name).send(),
        credentials(iam, name),
        pages!(iam.list_attached_user_policies().user_name(name), attached_policies),
        pages!(iam.list_user_policies().user_name(name), policy_names),
        pages!(iam.list_user_tags().user_name(name), tags),
        pages!(iam.list_groups_for_user().user_name(name), groups),
        iam.get_login_profile().user_name(name).send(),
        pages!(iam.list_mfa_devices().user_name(name), mfa_devices),
    );
    let user = user.or_fault("iam:GetUser")?.user.ok_or_else(|| Fault::bug("iam:GetUser answered without a user"))?;
    let (credentials, unread) = credentials?;
    let state = BaseState {
        principal_id: user.user_id,
        path: user.path,
        boundary: user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        attached_policies: welcome("iam:ListAttachedUserPolicies", policies).map(arns),
        inline_policies: welcome("iam:ListUserPolicies", inline).map(|names| names.into_iter().collect()),
        tags: welcome("iam:ListUserTags", tags).map(tag_map),
        credentials,
        groups: welcome("iam:ListGroupsForUser", groups).map(|all| all.into_iter().map(|group| group.group_name).collect()),
        console_password: match password {
            Ok(_) => Some(true),
            Err(error) if code(&error) == Some("NoSuchEntity") => Some(false),
            Err(_) => None,
        },
        mfa_devices: welcome("iam:ListMFADevices", mfa).map(|all| all.into_iter().map(|device| device.serial_number).collect()),
        trust_policy: None,
        deactivated: BTreeSet::new(),
        exposed: BTreeSet::new(),
    };
    Ok((state, unread))
}

async fn role(iam: &Client, name: &str) -> Result<BaseState, Fault> {
    let (role, policies, inline, tags) = futures::join!(
        iam.get_role().role_name(name).send(),
        pages!(iam.list_attached_role_policies().role_name(name), attached_policies),
        pages!(iam.list_role_policies().role_name(name), policy_names),
        pages!(iam.list_role_tags().role_name(name), tags),
    );
    let role = role.or_fault("iam:GetRole")?.role.ok_or_else(|| Fault::bug("iam:GetRole answered without a role"))?;
    Ok(BaseState {
        principal_id: role.role_id,
        path: role.path,
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        attached_policies: welcome("iam:ListAttachedRolePolicies", policies).map(arns),
        inline_policies: welcome("iam:ListRolePolicies", inline).map(|names| names.into_iter().collect()),
        tags: welcome("iam:ListRoleTags", tags).map(tag_map),
        credentials: vec![],
        groups: None,
        console_password: None,
        mfa_devices: None,
        trust_policy: role.assume_role_policy_document,
        deactivated: BTreeSet::new(),
        exposed: BTreeSet::new(),
    })
}

/// All of a user's credentials, and the kinds that could not be listed to their end. An error when there is no access key to go by.
async fn credentials(iam: &Client, name: &str) -> Result<(Vec<Credential>, Vec<Unread>), Fault> {
    let (keys, service, ssh, certificates) = futures::join!(
        pages!(iam.list_access_keys().user_name(name), access_key_metadata),
        pages!(iam.list_service_specific_credentials().user_name(name), service_specific_credentials),
        pages!(iam.list_ssh_public_keys().user_name(name), ssh_public_keys),
        pages!(iam.list_signing_certificates().user_name(name), certificates),
    );
    if let Err(error) = &keys {
        return Err(fault("iam:ListAccessKeys", error));
    }
    let mut all = Found::default();
    all.add(CredentialKind::AccessKey, "iam:ListAccessKeys", keys, |key| Some((key.access_key_id?, key.status?)));
    all.add(CredentialKind::ServiceSpecific, "iam:ListServiceSpecificCredentials", service, |credential| {
        Some((credential.service_specific_credential_id, credential.status))
    });
    all.add(CredentialKind::SshKey, "iam:ListSSHPublicKeys", ssh, |key| Some((key.ssh_public_key_id, key.status)));
    all.add(CredentialKind::Certificate, "iam:ListSigningCertificates", certificates, |certificate| {
        Some((certificate.certificate_id, certificate.status))
    });
    Ok((all.credentials, all.unread))
}

#[derive(Default)]
struct Found {
    credentials: Vec<Credential>,
    unread: Vec<Unread>,
}

impl Found {
    fn add<T, E: ProvideErrorMetadata>(
        &mut self,
        kind: CredentialKind,
        operation: &str,
        listed: Listed<T, E>,
        read: impl Fn(T) -> Option<(String, StatusType)>,
    ) {
        match listed {
            Ok(pages) => {
                let each = pages.items.into_iter().filter_map(read);
                self.credentials.extend(each.map(|(id, status)| Credential { kind, id, active: status == StatusType::Active }));
                self.unread.extend(pages.cut.map(|cut| Unread { kind, fault: cut.fault(operation) }));
            }
            // A partition without CodeCommit or Keyspaces has no such credentials.
            Err(error) if code(&error) == Some("NotSupportedService") => {}
            Err(error) => self.unread.push(Unread { kind, fault: fault(operation, &error) }),
        }
    }
}

/// The policies attached to a principal: all that a look for a reverted deny needs of them.
pub(crate) async fn attached_policies(iam: &Client, target: &Target) -> Result<BTreeSet<String>, Fault> {
    let name = &target.id;
    let attached = match target.kind {
        TargetKind::IamRole => {
            let listed = pages!(iam.list_attached_role_policies().role_name(name), attached_policies).await;
            pages::whole("iam:ListAttachedRolePolicies", listed)
        }
        _ => {
            let listed = pages!(iam.list_attached_user_policies().user_name(name), attached_policies).await;
            pages::whole("iam:ListAttachedUserPolicies", listed)
        }
    };
    attached.map(arns)
}

fn welcome<T, E: ProvideErrorMetadata>(operation: &str, listed: Listed<T, E>) -> Option<Vec<T>> {
    let whole = pages::whole(operation, listed);
    if let Err(fault) = &whole {
        tracing::warn!(fault.message = %fault.message, "not recorded");
    }
    whole.ok()
}

fn arns(policies: Vec<AttachedPolicy>) -> BTreeSet<String> {
    policies.into_iter().filter_map(|policy| policy.policy_arn).collect()
}

fn tag_map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

//! IAM's answers about users, roles and administrators. Names and ids in them pass the same checks as a finding's.

use super::{Found, owner};
use aws_sdk_cloudtrail::Client as Trail;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{PolicyUsageType, User};
use firebreak::fault::Fault;
use firebreak::ids::{AccessKeyId, AccountId, IamName, InstanceProfileName, Partition, PrincipalId, Region};
use firebreak::plan::{Administrator, Known, Owner};
use firebreak::target::TargetKind;
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::pages;
use futures::future::join_all;
use std::collections::BTreeSet;

/// Users of a page: the most there are.
const PAGE: i32 = 1000;
/// Groups whose members are asked for. In more of them there is somebody else.
const MAX_GROUPS: usize = 3;

/// A user whom a finding names.
pub(super) struct Named<'a> {
    pub(super) account: &'a AccountId,
    pub(super) name: &'a IamName,
    pub(super) id: Option<&'a PrincipalId>,
    pub(super) keys: &'a [AccessKeyId],
}

impl Named<'_> {
    /// Who has the name and whose the keys are; where that does not fit, who the keys' owners are, or which user has the id.
    pub(super) async fn ask(&self, iam: &Client, trail: &Trail, region: &Region, found: &Found) -> Result<(), Fault> {
        let owners = join_all(self.keys.iter().map(|key| lasting_owner(iam, trail, region, key, found)));
        let (holder, owners) = futures::join!(user(iam, self.account, self.name, found), owners);
        let failed = owners.iter().find_map(|owner| owner.as_ref().err().cloned());
        let owners: Vec<Owner> = owners.into_iter().filter_map(Result::ok).flatten().collect();
        let others: BTreeSet<&IamName> = owners
            .iter()
            .map(|owner| &owner.name)
            .filter(|name| !name.as_str().eq_ignore_ascii_case(self.name.as_str()))
            .collect();
        for other in join_all(others.into_iter().map(|name| user(iam, self.account, name, found))).await {
            other?;
        }
        let holder = holder?;
        if let Some(id) = self.id.filter(|id| owners.is_empty() && holder.as_ref().is_none_or(|holder| holder != *id)) {
            self.search(iam, id, found).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Looks through the account's users for an id.
    async fn search(&self, iam: &Client, id: &PrincipalId, found: &Found) -> Result<(), Fault> {
        let listed = pages!(iam.list_users().max_items(PAGE), users).await;
        found.hear(&listed);
        let (users, cut) = pages::partly("iam:ListUsers", listed);
        let user = users.iter().find(|user| user.user_id() == id.as_str());
        if let (None, Some(fault)) = (user, cut) {
            return Err(fault);
        }
        let name = user.and_then(|user| IamName::parse(user.user_name()).ok());
        if user.is_none() || name.is_some() {
            found.learn(|known| known.learn_id(self.account, id.clone(), name));
        }
        Ok(())
    }
}

/// The owner that a key has now. Of a temporary key only CloudTrail tells, and the name of then.
async fn lasting_owner(
    iam: &Client,
    trail: &Trail,
    region: &Region,
    key: &AccessKeyId,
    found: &Found,
) -> Result<Option<Owner>, Fault> {
    if key.as_str().starts_with("ASIA") {
        owner::from_trail(trail, region, key, found).await?;
        return Ok(None);
    }
    owner::from_iam(iam, key, found).await
}

/// The id of who has a user's name now; none when nobody has it.
async fn user(iam: &Client, account: &AccountId, name: &IamName, found: &Found) -> Result<Option<PrincipalId>, Fault> {
    let answer = iam.get_user().user_name(name.as_str()).send().await;
    found.hear(&answer);
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        found.learn(|known| known.learn_user(account, name, None));
        return Ok(None);
    }
    let answer = answer.or_fault("iam:GetUser")?;
    let user = answer.user().ok_or_else(|| Fault::bug("iam:GetUser answered without a user"))?;
    let user = known(user.user_name(), user.user_id(), user.path())?;
    let id = user.id.clone();
    found.learn(|known| known.learn_user(account, name, Some(user)));
    Ok(Some(id))
}

/// What a role is now.
pub(super) async fn role(iam: &Client, account: &AccountId, name: &IamName, found: &Found) -> Result<(), Fault> {
    let answer = iam.get_role().role_name(name.as_str()).send().await;
    found.hear(&answer);
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        found.learn(|known| known.learn_role(account, name, None));
        return Ok(());
    }
    let answer = answer.or_fault("iam:GetRole")?;
    let role = answer.role().ok_or_else(|| Fault::bug("iam:GetRole answered without a role"))?;
    let role = known(role.role_name(), role.role_id(), role.path())?;
    found.learn(|known| known.learn_role(account, name, Some(role)));
    Ok(())
}

/// Which role is in an instance profile: one at most (IAM user guide, "Using instance profiles").
pub(super) async fn role_of_profile(
    iam: &Client,
    account: &AccountId,
    name: &InstanceProfileName,
    found: &Found,
) -> Result<(), Fault> {
    let answer = iam.get_instance_profile().instance_profile_name(name.as_str()).send().await;
    found.hear(&answer);
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        found.learn(|known| known.learn_profile(account, name, None));
        return Ok(());
    }
    let answer = answer.or_fault("iam:GetInstanceProfile")?;
    let profile = answer.instance_profile().ok_or_else(|| Fault::bug("iam:GetInstanceProfile answered without a profile"))?;
    let role = profile.roles().first();
    let role = role.map(|role| known(role.role_name(), role.role_id(), role.path())).transpose()?;
    found.learn(|known| known.learn_profile(account, name, role));
    Ok(())
}

fn known(name: &str, id: &str, path: &str) -> Result<Known, Fault> {
    let checked = IamName::parse(name).and_then(|name| Ok(Known { name, id: PrincipalId::parse(id)?, path: path.to_owned() }));
    checked.map_err(|error| Fault::malformed(format!("IAM's answer: {error}")))
}

/// Whether one user or role has the administrator's policy, by itself or in a group, and nobody else. The first page tells.
pub(super) async fn administrators(iam: &Client, account: &AccountId, partition: &Partition, found: &Found) -> Result<(), Fault> {
    let answer = iam
        .list_entities_for_policy()
        .policy_arn(format!("arn:{partition}:iam::aws:policy/AdministratorAccess"))
        .policy_usage_filter(PolicyUsageType::PermissionsPolicy)
        .send()
        .await;
    found.hear(&answer);
    let answer = answer.or_fault("iam:ListEntitiesForPolicy")?;
    let (users, roles, groups) = (answer.policy_users(), answer.policy_roles(), answer.policy_groups());
    if answer.is_truncated() || users.len() + roles.len() > 1 || groups.len() > MAX_GROUPS {
        return Ok(());
    }
    let members = join_all(groups.iter().map(|group| members(iam, group.group_name().unwrap_or_default(), found))).await;
    let members = members.into_iter().collect::<Result<Vec<_>, Fault>>()?.concat();
    let users = users.iter().map(|user| administrator(TargetKind::IamUser, user.user_name(), user.user_id()));
    let roles = roles.iter().map(|role| administrator(TargetKind::IamRole, role.role_name(), role.role_id()));
    let members = members.iter().map(|user| administrator(TargetKind::IamUser, Some(user.user_name()), Some(user.user_id())));
    // Who cannot be read is somebody else.
    let all: Option<Vec<Administrator>> = users.chain(roles).chain(members).collect();
    if let Some([only, others @ ..]) = all.as_deref()
        && others.iter().all(|other| is_same(only, other))
    {
        found.learn(|known| known.learn_only_administrator(account, only.clone()));
    }
    Ok(())
}

/// The users in a group: an empty one, or one of the suspect alone, is nobody else.
async fn members(iam: &Client, group: &str, found: &Found) -> Result<Vec<User>, Fault> {
    let listed = pages!(iam.get_group().group_name(group), users).await;
    found.hear(&listed);
    pages::whole("iam:GetGroup", listed)
}

fn administrator(kind: TargetKind, name: Option<&str>, id: Option<&str>) -> Option<Administrator> {
    let id = id.and_then(|id| PrincipalId::parse(id).ok());
    Some(Administrator { kind, name: IamName::parse(name?).ok()?, id })
}

fn is_same(one: &Administrator, other: &Administrator) -> bool {
    let same = match (&one.id, &other.id) {
        (Some(one), Some(other)) => one == other,
        _ => one.name.as_str().eq_ignore_ascii_case(other.name.as_str()),
    };
    one.kind == other.kind && same
}

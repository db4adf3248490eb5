//! The empty security group of a VPC.
//!
//! A security group belongs to one VPC, so there is one per VPC, made when first needed or by `firebreak prepare`, and kept. A new group
//! allows all egress, over IPv4 and, in a VPC with IPv6, over `::/0` as well: every rule is revoked, in both directions. A group that
//! somebody has filled since is emptied again, and one that cannot be emptied is passed over: it must not keep a VPC open.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::operation::create_security_group::CreateSecurityGroupError;
use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup, Tag, TagSpecification};
use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::classify::{OrFault, SdkResult, code, fault};
use firebreak_aws::clock;
use std::time::Duration;

/// A kind of group that Firebreak makes.
///
/// Name and tag together make a group ours. A name cannot be changed later, so nobody can turn a production group into ours with a tag;
/// the tag is what the member role's policy lets Firebreak touch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// The group's name, or its beginning where the name was taken.
    pub(crate) name: &'static str,
    /// The value of [`TAG`].
    tag: &'static str,
    /// The description.
    describes: &'static str,
}

/// Without rules.
pub(crate) const ISOLATION: Kind =
    Kind { name: "firebreak-isolation", tag: "isolation", describes: "Firebreak: isolates instances. No rules, by design." };
/// It lets everything through, both ways: an interface passes it on the way into the empty one.
pub(crate) const OPEN: Kind = Kind {
    name: "firebreak-open",
    tag: "open",
    describes: "Firebreak: cuts open connections. An interface is here for seconds.",
};

/// The suffix of a group that no incident asked for.
pub(crate) const PREPARED: &str = "prepared";

const TAG: &str = "firebreak-sg";

/// How often a group is emptied before giving up: somebody may be filling it at the same time.
const ATTEMPTS: usize = 3;

/// What EC2 says of a group that it made a moment ago and does not know everywhere yet (EC2 API reference, "Eventual consistency").
const NOT_YET: [&str; 2] = ["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"];
/// How long it is waited for: about three seconds.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

impl Kind {
    /// Whether a group is Firebreak's, and of this kind.
    pub(crate) fn is(self, group: &SecurityGroup) -> bool {
        let is_tagged = group.tags().iter().any(|tag| tag.key() == Some(TAG) && tag.value() == Some(self.tag));
        is_tagged && group.group_name().is_some_and(|name| name.starts_with(self.name))
    }

    /// Those of `groups` that are of this kind and in `vpc`, the lowest id first.
    pub(crate) fn of(self, groups: &[SecurityGroup], vpc: &str) -> Vec<SecurityGroup> {
        let mut own: Vec<_> = groups.iter().filter(|group| self.is(group) && group.vpc_id() == Some(vpc)).cloned().collect();
        own.sort_by(|a, b| a.group_id().cmp(&b.group_id()));
        own
    }

    /// Names for a new group in a VPC: the second and the third are for a VPC where somebody else has the first, or keeps it filled.
    pub(crate) fn names(self, suffix: &str) -> [String; 3] {
        let Self { name, .. } = self;
        [name.to_owned(), format!("{name}-{suffix}"), format!("{name}-{suffix}-{}", clock::now().as_second())]
    }

    /// Makes a group. The id that EC2 gives is used: a search may not find the group yet.
    pub(crate) async fn create(self, ec2: &Client, vpc: &str, name: &str) -> SdkResult<String, CreateSecurityGroupError> {
        let tag = Tag::builder().key(TAG).value(self.tag).build();
        let tags = TagSpecification::builder().resource_type(ResourceType::SecurityGroup).tags(tag).build();
        let group = ec2.create_security_group().group_name(name).description(self.describes).vpc_id(vpc).tag_specifications(tags);
        Ok(group.send().await?.group_id.unwrap_or_default())
    }
}

/// A rule was missing, and EC2 revoked none. Two incidents may empty the same group at once, so the group is looked at again.
const MISSING: &str = "InvalidPermission.NotFound";

/// Repeats a call that names a group which EC2 may not know everywhere yet. What EC2 still does not know then is a passing fault.
pub(crate) async fn patiently<T, E: ProvideErrorMetadata>(
    operation: &str,
    call: impl AsyncFn() -> SdkResult<T, E>,
) -> Result<T, Fault> {
    let answer = patient(call).await;
    answer.map_err(|error| told(operation, &error))
}

/// As [`patiently`]. Nothing where EC2 answers with the code `idle`: the call had nothing to do.
pub(crate) async fn patiently_unless<T, E: ProvideErrorMetadata>(
    operation: &str,
    idle: &str,
    call: impl AsyncFn() -> SdkResult<T, E>,
) -> Result<Option<T>, Fault> {
    match patient(call).await {
        Err(error) if code(&error) == Some(idle) => Ok(None),
        answer => answer.map(Some).map_err(|error| told(operation, &error)),
    }
}

async fn patient<T, E: ProvideErrorMetadata>(call: impl AsyncFn() -> SdkResult<T, E>) -> SdkResult<T, E> {
    for pause in PAUSES {
        let answer = call().await;
        if !answer.as_ref().err().is_some_and(is_not_yet) {
            return answer;
        }
        tokio::time::sleep(pause).await;
    }
    call().await
}

fn told<E: ProvideErrorMetadata>(
    operation: &str,
    error: &aws_sdk_ec2::error::SdkError<E, aws_sdk_ec2::config::http::HttpResponse>,
) -> Fault {
    let why = fault(operation, error);
    if is_not_yet(error) { Fault::new(FaultKind::Transient, why.message) } else { why }
}

fn is_not_yet<E: ProvideErrorMetadata>(error: &aws_sdk_ec2::error::SdkError<E, aws_sdk_ec2::config::http::HttpResponse>) -> bool {
    code(error).is_some_and(|code| NOT_YET.contains(&code))
}

/// Every isolation and open group of the account in this Region.
pub(crate) async fn all(ec2: &Client) -> Result<Vec<SecurityGroup>, Fault> {
    let values = vec![ISOLATION.tag.to_owned(), OPEN.tag.to_owned()];
    let wanted = Filter::builder().name(format!("tag:{TAG}")).set_values(Some(values)).build();
    let tagged = ec2.describe_security_groups().filters(wanted);
    let groups: Vec<_> = tagged.into_paginator().items().send().try_collect().await.or_fault("ec2:DescribeSecurityGroups")?;
    Ok(groups.into_iter().filter(|group| ISOLATION.is(group) || OPEN.is(group)).collect())
}

/// Every isolation group of the account in this Region.
pub(crate) async fn everywhere(ec2: &Client) -> Result<Vec<SecurityGroup>, Fault> {
    Ok(all(ec2).await?.into_iter().filter(|group| ISOLATION.is(group)).collect())
}

/// The groups of one VPC, as they are now: another incident may have made one a moment ago.
pub(crate) async fn in_vpc(ec2: &Client, vpc: &str, kind: Kind) -> Result<Vec<SecurityGroup>, Fault> {
    let tagged = ec2.describe_security_groups().filters(filter("vpc-id", vpc)).filters(filter(&format!("tag:{TAG}"), kind.tag));
    let groups: Vec<_> = tagged.into_paginator().items().send().try_collect().await.or_fault("ec2:DescribeSecurityGroups")?;
    Ok(kind.of(&groups, vpc))
}

/// The groups of `vpc` by the first wave, or by another read where that one failed. A group can be made without either.
pub(crate) async fn known(ec2: &Client, vpc: &str, seen: &Result<Vec<SecurityGroup>, Fault>, kind: Kind) -> Vec<SecurityGroup> {
    match seen {
        Ok(groups) => kind.of(groups, vpc),
        Err(_) => in_vpc(ec2, vpc, kind).await.unwrap_or_default(),
    }
}

/// Returns the id of an empty group of `vpc`: one that is empty, one that can be emptied, or a new one. `suffix` is for a new group's
/// name, where the first one is taken: the incident.
///
/// # Errors
/// No group could be made or emptied.
pub(crate) async fn ensure(
    ec2: &Client,
    vpc: &str,
    seen: &Result<Vec<SecurityGroup>, Fault>,
    suffix: &str,
) -> Result<String, Fault> {
    let groups = known(ec2, vpc, seen, ISOLATION).await;
    if let Some(id) = usable(ec2, &groups).await {
        return Ok(id);
    }
    for name in ISOLATION.names(suffix) {
        if groups.iter().any(|group| group.group_name() == Some(name.as_str())) {
            continue;
        }
        match ISOLATION.create(ec2, vpc, &name).await {
            Ok(id) => return fresh(ec2, id).await,
            Err(error) if code(&error) == Some("InvalidGroup.Duplicate") => {
                // Another incident was first, or the name belongs to a group that is not ours.
                let now = in_vpc(ec2, vpc, ISOLATION).await?;
                let others: Vec<_> =
                    now.into_iter().filter(|group| !groups.iter().any(|old| old.group_id() == group.group_id())).collect();
                if let Some(id) = usable(ec2, &others).await {
                    return Ok(id);
                }
            }
            Err(error) => return Err(fault("ec2:CreateSecurityGroup", &error)),
        }
    }
    Err(Fault::new(FaultKind::Transient, format!("no isolation group of {vpc} could be emptied")))
}

/// The same before an incident needs it.
///
/// # Errors
/// The groups of the VPC could not be read, or none could be made or emptied.
pub(crate) async fn prepare(ec2: &Client, vpc: &str) -> Result<String, Fault> {
    let seen = Ok(in_vpc(ec2, vpc, ISOLATION).await?);
    ensure(ec2, vpc, &seen, PREPARED).await
}

/// The first group that is empty, else the first that can be emptied.
async fn usable(ec2: &Client, groups: &[SecurityGroup]) -> Option<String> {
    if let Some(group) = groups.iter().find(|group| is_empty(group)) {
        return group.group_id().map(str::to_owned);
    }
    for group in groups {
        match empty(ec2, group).await {
            Ok(()) => return group.group_id().map(str::to_owned),
            Err(fault) => tracing::warn!(fault.message = %fault.message, "an isolation group could not be emptied"),
        }
    }
    None
}

async fn fresh(ec2: &Client, id: String) -> Result<String, Fault> {
    empty(ec2, &one(ec2, &id).await?).await?;
    Ok(id)
}

async fn one(ec2: &Client, id: &str) -> Result<SecurityGroup, Fault> {
    let found =
        patiently("ec2:DescribeSecurityGroups", async || ec2.describe_security_groups().group_ids(id).send().await).await?;
    let group = found.security_groups.unwrap_or_default().into_iter().next();
    group.ok_or_else(|| Fault::new(FaultKind::Transient, format!("the security group {id} is not visible yet")))
}

/// True when no rule lets anything through.
pub(crate) fn is_empty(group: &SecurityGroup) -> bool {
    group.ip_permissions().is_empty() && group.ip_permissions_egress().is_empty()
}

/// Takes every rule out of a group. It counts as empty once it is seen empty, or every rule that was seen was revoked.
///
/// # Errors
/// A rule could not be revoked, or the group is filled again and again.
pub(crate) async fn empty(ec2: &Client, group: &SecurityGroup) -> Result<(), Fault> {
    let id = group.group_id().ok_or_else(|| Fault::bug("ec2:DescribeSecurityGroups answered without a group id"))?;
    let mut group = group.clone();
    for pause in PAUSES.into_iter().take(ATTEMPTS) {
        if is_empty(&group) {
            return Ok(());
        }
        let (egress, ingress) = futures::join!(revoke_egress(ec2, id, &group), revoke_ingress(ec2, id, &group));
        if egress? && ingress? {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        group = one(ec2, id).await?;
    }
    if is_empty(&group) {
        Ok(())
    } else {
        Err(Fault::new(FaultKind::Transient, format!("the isolation group {id} is not empty yet")))
    }
}

/// Whether all of these rules are gone by this call.
async fn revoke_egress(ec2: &Client, id: &str, group: &SecurityGroup) -> Result<bool, Fault> {
    let rules = group.ip_permissions_egress();
    if rules.is_empty() {
        return Ok(true);
    }
    let revoke = async || ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(Some(rules.to_vec())).send().await;
    let revoked = patiently_unless("ec2:RevokeSecurityGroupEgress", MISSING, revoke).await?;
    // In a default VPC a rule that EC2 does not find is no error (EC2 API reference, `RevokeSecurityGroupEgress`).
    Ok(revoked.is_some_and(|answer| answer.unknown_ip_permissions().is_empty()))
}

/// Whether all of these rules are gone by this call.
async fn revoke_ingress(ec2: &Client, id: &str, group: &SecurityGroup) -> Result<bool, Fault> {
    let rules = group.ip_permissions();
    if rules.is_empty() {
        return Ok(true);
    }
    let revoke = async || ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(rules.to_vec())).send().await;
    let revoked = patiently_unless("ec2:RevokeSecurityGroupIngress", MISSING, revoke).await?;
    Ok(revoked.is_some_and(|answer| answer.unknown_ip_permissions().is_empty()))
}

pub(crate) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

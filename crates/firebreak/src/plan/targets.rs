//! From a resource that a finding names to a target, or to work for a person.

use super::Circumstances;
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::{Credentials, Finding, Named, Principal, Resource, Subject};
use crate::ids::{InstanceId, Partition};
use crate::target::{Place, Scope, Target, TargetKind};

/// What is named in no form that could be used: a person looks for it.
pub(super) fn unusable(resource: &Resource, place: &Place) -> Option<Wanted> {
    let (kind, id, why) = match &resource.named {
        Named::Unusable(_, why, called) => (TargetKind::Other, called.clone(), *why),
        Named::Credentials(credentials) => {
            let why = match &credentials.principal {
                Principal::Unknown(why) => *why,
                Principal::Root(Some(of)) if *of != place.account => ANOTHERS_ROOT,
                _ => contradicted(resource, place)?,
            };
            (TargetKind::Principal, called(credentials), why)
        }
        Named::Instance(id) => (TargetKind::Other, id.to_string(), contradicted(resource, place)?),
        Named::Bucket { name, .. } => (TargetKind::Other, name.to_string(), contradicted(resource, place)?),
        Named::Objects(objects) => (TargetKind::Other, objects.label(), contradicted(resource, place)?),
        Named::Other(..) => return None,
    };
    Some(Wanted::by_hand(Mode::Gate, target_of(kind, &id, resource, place), resource).noting(why).listed(false))
}

const ANOTHERS_ROOT: &str = "a principal under the id of another account";

/// What people find a principal by.
fn called(credentials: &Credentials) -> String {
    let Credentials { principal_id, access_key_id, called, .. } = credentials;
    let id = access_key_id.as_ref().map(ToString::to_string).or_else(|| principal_id.as_ref().map(ToString::to_string));
    id.or_else(|| called.clone()).unwrap_or_else(|| "unnamed".to_owned())
}

/// Partition and Region, of the resource's own ARN or as the finding states them, do not belong together: nobody knows where the
/// resource is.
fn contradicted(resource: &Resource, place: &Place) -> Option<&'static str> {
    // IAM is global: a Region beside a principal says nothing.
    let its_own = resource.region.as_ref().filter(|_| !matches!(resource.named, Named::Credentials(_)));
    let region = its_own.unwrap_or(&place.region);
    let partition = resource.partition.as_ref().unwrap_or(&place.partition);
    (*partition != Partition::of(region)).then_some("a resource of another partition than its Region")
}

/// Objects that the finding names and one containment is not about: people are asked about them.
pub(super) fn more_objects(resource: &Resource, place: &Place) -> Option<Wanted> {
    let Named::Objects(objects) = &resource.named else { return None };
    let target = target_of(TargetKind::S3Object, &objects.rest()?, resource, place);
    let why = "the finding names more objects than one containment is about: the event has all of them";
    Some(Wanted::by_hand(Mode::Gate, target, resource).noting(why))
}

/// A decision about a resource that people look after, whatever its kind.
pub(super) fn for_people(resource: &Resource, mode: Mode, place: &Place, circumstances: &Circumstances<'_>) -> Option<Wanted> {
    if let Named::Objects(objects) = &resource.named {
        // Whoever looks after one of them looks after all.
        return Some(Wanted::by_hand(mode, target_of(TargetKind::S3Object, &objects.label(), resource, place), resource));
    }
    match target(resource, place, circumstances) {
        Ok(target) => Some(Wanted::by_hand(mode, target, resource)),
        Err(_) => only_a_person(resource, mode, place),
    }
}

/// The instances that roles' sessions are named after: they are the ones whose credentials leaked.
pub(super) fn session_instances(finding: &Finding, mode: Mode, place: &Place) -> impl Iterator<Item = Wanted> {
    finding.about(Subject::Principal).filter_map(move |resource| {
        let Named::Credentials(Credentials { principal: Principal::Role { session: Some(session), .. }, .. }) = &resource.named
        else {
            return None;
        };
        let id = InstanceId::parse(session).ok()?;
        let target = target_of(TargetKind::Ec2Instance, id.as_str(), resource, place);
        Some(Wanted::contain(Containment::IsolateEc2, mode, target, resource))
    })
}

/// The target of a resource that Firebreak can contain. `Err(None)`: it is somebody else's matter, see [`only_a_person`].
pub(super) fn target(resource: &Resource, place: &Place, circumstances: &Circumstances<'_>) -> Result<Target, Option<String>> {
    if let Some(why) = contradicted(resource, place) {
        return Err(Some(format!("the finding names {why}")));
    }
    match &resource.named {
        Named::Instance(id) => Ok(target_of(TargetKind::Ec2Instance, id.as_str(), resource, place)),
        Named::Bucket { name, at_risk: true } => Ok(target_of(TargetKind::S3Bucket, name.as_str(), resource, place)),
        Named::Objects(objects) => {
            let bucket = target_of(TargetKind::S3Object, objects.bucket.as_str(), resource, place);
            Ok(Target { scope: Scope::Objects, objects: objects.objects.clone(), ..bucket })
        }
        Named::Bucket { at_risk: false, .. } | Named::Other(..) => Err(None),
        Named::Unusable(_, why, _) => Err(Some((*why).to_owned())),
        Named::Credentials(credentials) => {
            let owned = circumstances.identities.and_then(|known| known.resolve(credentials));
            let credentials = owned.as_ref().unwrap_or(credentials);
            let mut target = match &credentials.principal {
                Principal::User(name) => target_of(TargetKind::IamUser, name.as_str(), resource, place),
                Principal::Role { name, session } => {
                    let target = target_of(TargetKind::IamRole, name.as_str(), resource, place);
                    Target { session: session.clone(), ..target }
                }
                Principal::Other(what) => {
                    return Err(Some(format!("the principal is {what}: nothing IAM could contain here")));
                }
                Principal::Unknown(why) => return Err(Some(format!("the finding names {why}"))),
                Principal::Root(Some(of)) if *of != place.account => {
                    return Err(Some(format!("the finding names {ANOTHERS_ROOT}")));
                }
                Principal::Root(_) | Principal::Federated(_) | Principal::Outside(_) | Principal::KeyOnly => return Err(None),
            };
            target.principal_id.clone_from(&credentials.principal_id);
            target.access_key_id.clone_from(&credentials.access_key_id);
            Ok(target)
        }
    }
}

/// A decision about a resource that no containment fits: it is named, and a person does the rest.
pub(super) fn only_a_person(resource: &Resource, mode: Mode, place: &Place) -> Option<Wanted> {
    let (kind, id) = match &resource.named {
        Named::Other(kind, id) => (*kind, id.clone()),
        Named::Bucket { name, at_risk: false } => (TargetKind::S3Bucket, name.to_string()),
        Named::Credentials(credentials) => match &credentials.principal {
            Principal::Root(_) => (TargetKind::AccountRoot, place.account.to_string()),
            Principal::Federated(session) => (TargetKind::FederatedUser, session.clone()),
            Principal::Outside(name) => (TargetKind::Principal, name.clone()),
            Principal::KeyOnly => (TargetKind::AccessKey, credentials.access_key_id.as_ref()?.to_string()),
            _ => return None,
        },
        _ => return None,
    };
    let source_of_a_copy = matches!(resource.named, Named::Bucket { .. });
    let mode = match kind {
        _ if source_of_a_copy => Mode::Notify,
        _ if mode == Mode::Auto => Mode::Gate,
        _ => mode,
    };
    let mut target = target_of(kind, &id, resource, place);
    if let Named::Credentials(credentials) = &resource.named {
        target.access_key_id.clone_from(&credentials.access_key_id);
    }
    let wish = Wanted::by_hand(mode, target, resource);
    let odd = matches!(&resource.named, Named::Other(TargetKind::S3Bucket, _));
    Some(if odd { wish.noting("lockdown-s3 takes general purpose buckets with a name of today's form only") } else { wish })
}

/// What a resource is as a target: its own account and Region, where the finding states them.
fn target_of(kind: TargetKind, id: &str, resource: &Resource, place: &Place) -> Target {
    let region = match kind {
        // IAM is global: a Region that a finding names beside a principal is nobody's.
        TargetKind::IamUser | TargetKind::IamRole => None,
        _ => resource.region.clone(),
    };
    let account = resource.account.clone().unwrap_or_else(|| place.account.clone());
    let region = region.unwrap_or_else(|| place.region.clone());
    let partition = resource.partition.clone().unwrap_or_else(|| place.partition.clone());
    // An instance has a profile of its own account.
    let profile = resource.profile.as_ref().filter(|(of, _)| kind == TargetKind::Ec2Instance && *of == account);
    let profile = profile.map(|(_, name)| name.clone());
    Target { profile, ..Target::new(kind, id, Place { account, region, partition }) }
}

//! From a finding to decisions: the row of its type, then the things it names, then each of them under the policy.

use super::explain::{Because, Trace, at};
use super::principal::accused;
use super::restrain::{Grounds, Restrained, restrain};
use super::wanted::Wanted;
use super::{AtSource, Circumstances, Verdict};
use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::finding::{Credentials, Delivery, Finding, Named, Principal, Resource, ResourceRole, SeverityBand, Source, Subject};
use crate::ids::InstanceId;
use crate::playbook::Row;
use crate::policy::SampleHandling;
use crate::target::{Place, Target, TargetKind};
use crate::text::inert;
use crate::trail::region_of_iam;
use std::collections::{BTreeSet, HashMap};

/// The part of a plan that is decided here.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) decisions: Vec<Decision>,
    /// Nobody is asked, and evidence is kept all the same.
    pub(super) evidence: bool,
}

impl Outcome {
    fn without_decisions(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason: Some(reason), decisions: vec![], evidence: false }
    }
}

pub(super) fn decide(finding: &Finding, delivery: Delivery, circumstances: &Circumstances<'_>, trace: &mut Trace) -> Outcome {
    if finding.settled {
        trace.note(Because::Field, || (at("archived, Workflow.Status, RecordState or status"), "settled".to_owned()));
        return Outcome::without_decisions(Verdict::Ignore, "archived, suppressed or resolved at its source".to_owned());
    }
    if circumstances.at_source == AtSource::Settled {
        let reason = "archived at GuardDuty since this event was sent".to_owned();
        return Outcome::without_decisions(Verdict::Ignore, reason);
    }
    match restrained(finding, delivery, circumstances, trace) {
        Ok((restrained, unusable)) => outcome(restrained, &unusable),
        Err(why) => {
            let why = inert(&why, MAX_REASON);
            trace.note(Because::Rule, || (at("no decision"), why.clone()));
            Outcome::without_decisions(Verdict::Notify, why)
        }
    }
}

/// Reasons are for people, and travel.
const MAX_REASON: usize = 400;

fn outcome(restrained: Vec<Restrained>, unusable: &BTreeSet<String>) -> Outcome {
    let responds = |r: &Restrained| r.decision.mode != Mode::Notify || r.rehearsed;
    let verdict = match restrained.as_slice() {
        all if all.iter().any(responds) => Verdict::Respond,
        all if all.iter().all(|r| r.decision.suppressed) && unusable.is_empty() => Verdict::Ignore,
        _ => Verdict::Notify,
    };
    let beside = (!unusable.is_empty()).then(|| inert(&joined(unusable), MAX_REASON));
    let reason = match verdict {
        Verdict::Respond => beside,
        Verdict::Notify if beside.is_some() && restrained.iter().all(|r| r.decision.suppressed) => beside,
        // What is suppressed is not why somebody is told.
        _ => restrained.iter().min_by_key(|r| r.decision.suppressed).map(|r| r.decision.reason.clone()),
    };
    // A response keeps evidence anyway.
    let evidence = verdict == Verdict::Notify && restrained.iter().any(|r| r.evidence);
    Outcome { verdict, reason, evidence, decisions: restrained.into_iter().map(|r| r.decision).collect() }
}

fn restrained(
    finding: &Finding,
    delivery: Delivery,
    circumstances: &Circumstances<'_>,
    trace: &mut Trace,
) -> Result<(Vec<Restrained>, BTreeSet<String>), String> {
    let kind = finding.finding_type.as_deref().unwrap_or_default();
    let (place, astray) = place(finding)?;
    let band = admitted(finding, &place, circumstances, trace)?;
    let owed = is_owed(finding, band, circumstances);
    if astray.is_some() && !owed {
        return Err("the finding names no valid Region".to_owned());
    }
    let (row, listed) = row(kind, band, owed, circumstances, trace)?;
    if finding.sample && circumstances.policy.samples == SampleHandling::Notify {
        trace.note(Because::Policy, || (at("samples"), "the sample flag is set, and samples are only announced".to_owned()));
        return Err("a sample finding: policy says samples are only announced".to_owned());
    }
    // A finding can name one target well and another not at all: an anonymous caller must not save the bucket.
    let (mut wanted, mut unusable, mut missing) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let victim = row.only_actor && finding.resource_role != Some(ResourceRole::Actor);
    if victim {
        trace.note(Because::Field, || (at("detail.service.resourceRole"), "not ACTOR, and the row says only_actor".to_owned()));
        missing.insert("the resource is the victim here, not the actor: nothing to contain");
    } else {
        for (&containment, &mode) in &row.contain {
            let mut found = Found { place: &place, owed, listed, wanted: &mut wanted, unusable: &mut unusable };
            missing.extend(contained(finding, row, (containment, mode), circumstances, &mut found).err());
        }
    }
    // An actor is contained; only as the victim is it left to people.
    for (&subject, &mode) in row.by_hand.iter().filter(|_| victim || !row.only_actor) {
        let mode = row.let_through.filter(|_| finding.let_through).unwrap_or(mode);
        by_hand(finding, subject, mode, &place, circumstances, &mut wanted);
    }
    let asked = |subject| row.by_hand.contains_key(&subject) || row.contain.keys().any(|c| c.declaration().subject == subject);
    // Beside a caller, an instance is only context, and so is who was changed. In a sequence, or where AWS Health lists them, nothing is.
    let lists = finding.sequence || finding.source == Source::Health;
    let is_named = |resource: &&Resource| {
        let context = matches!(resource.subject(), Subject::Instance | Subject::Principal | Subject::Other);
        !asked(resource.subject()) && (lists || !context)
    };
    // What the row does not mention is named all the same; of a finding that calls for a person and names nothing else, it is the target.
    let calls_for_a_person = !row.contain.is_empty() || row.by_hand.values().any(|mode| *mode == Mode::Gate);
    let only = wanted.is_empty() && owed && calls_for_a_person;
    let of_rest = row.by_hand.get(&Subject::Other).copied().unwrap_or(if only { Mode::Gate } else { Mode::Notify });
    let rest = finding.resources.iter().filter(is_named).filter(|_| !victim);
    let rest: Vec<Wanted> = rest.filter_map(|resource| for_people(resource, of_rest, &place, circumstances)).collect();
    wanted.extend(rest);
    let mut wanted = merged(wanted);
    if astray.is_some() {
        wanted.iter_mut().for_each(without_region);
    }
    if wanted.is_empty() && owed && listed && !victim && calls_for_a_person {
        let why = if unusable.is_empty() {
            missing.first().map_or_else(String::new, |why| (*why).to_owned())
        } else {
            joined(&unusable)
        };
        wanted.push(Wanted::unread(&place, &why));
    }
    if wanted.len() > MAX_WANTED {
        // Containments take turns here, too: decoys of one kind must not push out the only target of another.
        let mut turns: HashMap<Option<Containment>, usize> = HashMap::new();
        wanted.sort_by_cached_key(|w| {
            let turn = turns.entry(w.containment).or_default();
            *turn += 1;
            *turn
        });
        unusable.insert(format!("the finding names {} more resources than anybody can read", wanted.len() - MAX_WANTED));
        wanted.truncate(MAX_WANTED);
    }
    let (policy, playbook) = (circumstances.policy, circumstances.playbook);
    let grounds = Grounds::Finding { finding, delivery, at_source: circumstances.at_source, now: circumstances.now };
    let decided: Vec<Restrained> =
        wanted.into_iter().map(|wanted| restrain(wanted.of_row(row, playbook).listed(listed), policy, grounds, trace)).collect();
    if !decided.is_empty() {
        return Ok((decided, unusable));
    }
    if !unusable.is_empty() {
        return Err(joined(&unusable));
    }
    if !listed {
        return Err("the playbook has no row for this type, and it names nothing".to_owned());
    }
    Err(missing.first().map_or_else(|| format!("the finding names nothing to act on: {}", row.why), |why| (*why).to_owned()))
}

/// Where the finding is about, and a word when its Region is only assumed: that of IAM.
fn place(finding: &Finding) -> Result<(Place, Option<&'static str>), String> {
    let account = finding.account.clone().ok_or("the finding names no valid account")?;
    let partition = finding.partition.clone().ok_or("the finding names no valid partition")?;
    let of_resources = || finding.resources.iter().find_map(|resource| resource.region.clone());
    if let Some(region) = finding.region.clone().or_else(of_resources) {
        return Ok((Place { account, region, partition }, None));
    }
    let region = region_of_iam(&partition).ok_or("the finding names no valid Region")?;
    Ok((Place { account, region, partition }, Some("the finding names no valid Region")))
}

/// Whether silence about the finding would be a mistake: AWS, or a product that policy lists, says that it is severe, and GuardDuty does
/// not deny it.
fn is_owed(finding: &Finding, band: SeverityBand, circumstances: &Circumstances<'_>) -> bool {
    let listed = finding.product.as_ref().is_some_and(|product| circumstances.policy.security_hub.products.contains(product));
    band >= SeverityBand::High && (finding.vouched || listed) && circumstances.at_source != AtSource::Unknown
}

/// The same target named twice is one wish that knows what both know.
fn merged(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut at: HashMap<(Option<Containment>, String), usize> = HashMap::new();
    let mut kept: Vec<Wanted> = Vec::new();
    for wish in wanted {
        let known = at.entry((wish.containment, wish.target.merge_key())).or_insert(kept.len());
        match kept.get_mut(*known) {
            Some(known) => known.absorb(wish),
            None => kept.push(wish),
        }
    }
    kept
}

/// Nothing is reached in a Region that is only assumed: what is regional is named for people.
fn without_region(wish: &mut Wanted) {
    if wish.target.kind == TargetKind::Ec2Instance {
        wish.containment = None;
        wish.target.kind = TargetKind::Other;
    }
    wish.mode = wish.mode.at_most(Mode::Gate);
    wish.why = "the finding names no valid Region".to_owned();
}

/// More than this in one finding is an attack on the reader.
const MAX_WANTED: usize = 256;

fn joined(reasons: &BTreeSet<String>) -> String {
    reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The row of a type, or the default one, and which of them it is.
fn row<'a>(
    kind: &str,
    band: SeverityBand,
    owed: bool,
    circumstances: &Circumstances<'a>,
    trace: &mut Trace,
) -> Result<(&'a Row, bool), String> {
    let Some(row) = circumstances.policy.row(circumstances.playbook, kind) else {
        let why = if kind.is_empty() { "the finding names no type" } else { "the playbook has no row for this type" };
        let default = circumstances.policy.default_row(circumstances.playbook, band).filter(|_| owed);
        let Some((from, row, own)) = default else {
            trace.note(Because::Row, || (at("finding"), format!("{why}: a person is told")));
            return Err(why.to_owned());
        };
        let because = if own { Because::Policy } else { Because::Row };
        trace.note(because, || (vec!["default".to_owned(), from.label().to_ascii_lowercase()], why.to_owned()));
        return Ok((row, false));
    };
    let (own, path) = (circumstances.policy.finding.contains_key(kind), vec!["finding".to_owned(), inert(kind, 128)]);
    let because = if own { Because::Policy } else { Because::Row };
    trace.note(because, || {
        let contain = row.contain.iter().map(|(what, mode)| format!("{what} = {}", mode.name()));
        let by_hand = row.by_hand.iter().map(|(what, mode)| format!("by hand {} = {}", what.label(), mode.name()));
        (path, contain.chain(by_hand).collect::<Vec<_>>().join(", "))
    });
    Ok((row, true))
}

/// Whether Firebreak may act on this finding at all.
fn admitted(
    finding: &Finding,
    place: &Place,
    circumstances: &Circumstances<'_>,
    trace: &mut Trace,
) -> Result<SeverityBand, String> {
    let policy = circumstances.policy;
    let mut refuse = |path: [&str; 2], why: String| {
        let path = path.iter().filter(|part| !part.is_empty()).map(|part| (*part).to_owned()).collect();
        trace.note(Because::Policy, || (path, why.clone()));
        Err(why)
    };
    if !policy.allow.accounts.is_empty() && !policy.allow.accounts.contains(&place.account) {
        return refuse(["allow", "accounts"], format!("account {} is not one that policy allows", place.account));
    }
    if !policy.allow.regions.is_empty() && !policy.allow.regions.contains(&place.region) {
        return refuse(["allow", "regions"], format!("Region {} is not one that policy allows", place.region));
    }
    let band = finding.band.ok_or("the finding's severity is missing or outside 0 to 10")?;
    if let Some(floor) = policy.severity_floor.filter(|floor| band < *floor) {
        let why = format!("severity {}: below {}, policy says findings are only announced", band.label(), floor.label());
        return refuse(["severity_floor", ""], why);
    }
    if finding.source != Source::SecurityHub {
        return Ok(band);
    }
    let hub = &policy.security_hub;
    if !finding.product.as_ref().is_some_and(|product| hub.products.contains(product)) {
        let product = finding.product.as_deref().unwrap_or("unnamed");
        let why = format!("another product than GuardDuty says so ({}), and policy does not list it", inert(product, 64));
        return refuse(["security_hub", "products"], why);
    }
    if band < hub.severity_floor {
        // A Security Hub event is delivered whole when one of its findings matches the rule.
        let why =
            format!("severity {}: below {}, Security Hub findings are only announced", band.label(), hub.severity_floor.label());
        return refuse(["security_hub", "severity_floor"], why);
    }
    Ok(band)
}

/// What a finding leads to, as it is gathered.
struct Found<'a> {
    place: &'a Place,
    owed: bool,
    listed: bool,
    wanted: &'a mut Vec<Wanted>,
    unusable: &'a mut BTreeSet<String>,
}

/// What the row wants contained. The error says that the finding names nothing of the kind.
fn contained(
    finding: &Finding,
    row: &Row,
    (containment, mode): (Containment, Mode),
    circumstances: &Circumstances<'_>,
    found: &mut Found<'_>,
) -> Result<(), &'static str> {
    // Beside the credentials of one caller, instanceDetails is only context (39 of 41 AWS samples carry it): the instance that
    // leaked them is the one the role's session is named after. A sequence names its targets one by one.
    let about_credentials =
        row.contain.contains_key(&Containment::QuarantineIam) && finding.about(Subject::Principal).next().is_some();
    if containment == Containment::IsolateEc2 && about_credentials && !finding.sequence && finding.source != Source::Request {
        found.wanted.extend(session_instance(finding, mode, found.place));
        // Of a type that nobody knows, nobody knows either what is only context.
        let context = finding.about(Subject::Instance).filter(|_| !found.listed);
        found.wanted.extend(context.filter_map(|resource| for_people(resource, Mode::Notify, found.place, circumstances)));
        return Ok(());
    }
    let mut named = false;
    for resource in finding.about(containment.declaration().subject) {
        named = true;
        match target(resource, found.place, circumstances) {
            Ok(target) => found.wanted.extend(accused(containment, mode, target, resource, finding, circumstances)),
            Err(Some(why)) => {
                found.unusable.insert(why);
                if found.owed {
                    found.wanted.extend(unusable(resource, found.place));
                }
            }
            Err(None) => found.wanted.extend(only_a_person(resource, mode, found.place)),
        }
    }
    if named { Ok(()) } else { Err(containment.declaration().names_nothing) }
}

/// What is named in no form that could be used: a person looks for it.
fn unusable(resource: &Resource, place: &Place) -> Option<Wanted> {
    let (kind, id, why) = match &resource.named {
        Named::Unusable(_, why, called) => (TargetKind::Other, called.clone(), *why),
        Named::Credentials(Credentials { principal: Principal::Unknown(why), principal_id, access_key_id }) => {
            let id = access_key_id.as_ref().map(ToString::to_string).or_else(|| principal_id.as_ref().map(ToString::to_string));
            (TargetKind::Principal, id.unwrap_or_else(|| "unnamed".to_owned()), *why)
        }
        _ => return None,
    };
    Some(Wanted::by_hand(Mode::Gate, target_of(kind, &id, resource, place), resource).noting(why).listed(false))
}

/// What the row leaves to people.
fn by_hand(
    finding: &Finding,
    subject: Subject,
    mode: Mode,
    place: &Place,
    circumstances: &Circumstances<'_>,
    wanted: &mut Vec<Wanted>,
) {
    wanted.extend(finding.about(subject).filter_map(|resource| for_people(resource, mode, place, circumstances)));
    if subject == Subject::Account && finding.about(subject).next().is_none() {
        wanted.push(Wanted::of_place(mode, place));
    }
}

/// A decision about a resource that people look after, whatever its kind.
fn for_people(resource: &Resource, mode: Mode, place: &Place, circumstances: &Circumstances<'_>) -> Option<Wanted> {
    match target(resource, place, circumstances) {
        Ok(target) => Some(Wanted::by_hand(mode, target, resource)),
        Err(_) => only_a_person(resource, mode, place),
    }
}

/// The instance a role's session is named after: it is the one whose credentials leaked.
fn session_instance(finding: &Finding, mode: Mode, place: &Place) -> Option<Wanted> {
    finding.about(Subject::Principal).find_map(|resource| {
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
fn target(resource: &Resource, place: &Place, circumstances: &Circumstances<'_>) -> Result<Target, Option<String>> {
    match &resource.named {
        Named::Instance(id) => Ok(target_of(TargetKind::Ec2Instance, id.as_str(), resource, place)),
        Named::Bucket { name, at_risk: true } => Ok(target_of(TargetKind::S3Bucket, name.as_str(), resource, place)),
        Named::Bucket { at_risk: false, .. } | Named::Other(..) => Err(None),
        Named::Unusable(_, why, _) => Err(Some((*why).to_owned())),
        Named::Credentials(credentials) => {
            let owned = circumstances.owners.and_then(|owners| owners.resolve(credentials));
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
                Principal::Root | Principal::Federated(_) | Principal::Outside(_) | Principal::KeyOnly => return Err(None),
            };
            target.principal_id.clone_from(&credentials.principal_id);
            target.access_key_id.clone_from(&credentials.access_key_id);
            Ok(target)
        }
    }
}

/// A decision about a resource that no containment fits: it is named, and a person does the rest.
fn only_a_person(resource: &Resource, mode: Mode, place: &Place) -> Option<Wanted> {
    let (kind, id) = match &resource.named {
        Named::Other(kind, id) => (*kind, id.clone()),
        Named::Bucket { name, at_risk: false } => (TargetKind::S3Bucket, name.to_string()),
        Named::Credentials(credentials) => match &credentials.principal {
            Principal::Root => (TargetKind::AccountRoot, place.account.to_string()),
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
    Target::new(kind, id, Place { account, region, partition })
}

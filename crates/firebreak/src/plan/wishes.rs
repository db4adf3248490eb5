//! Everything that a finding calls for, before policy says a word: what its row contains, what it leaves to people, and the rest.

use super::Circumstances;
use super::basis::Basis;
use super::bucket;
use super::explain::{Because, Trace, at};
use super::exposed::key_alone;
use super::principal::accused;
use super::targets::{for_people, more_objects, only_a_person, session_instances, target, unusable};
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::{Finding, Resource, ResourceRole, Source, Subject};
use crate::target::TargetKind;
use std::collections::{BTreeSet, HashMap};

/// More than this in one finding is an attack on the reader.
const MAX_WANTED: usize = 256;

/// What a finding calls for.
#[derive(Default)]
pub(super) struct Wishes {
    /// One per target.
    pub(super) wanted: Vec<Wanted>,
    /// What is named in no form that could be used. A finding can name one target well and another not at all: an anonymous caller
    /// must not save the bucket.
    pub(super) unusable: BTreeSet<String>,
    /// What the row is about and the finding does not name.
    pub(super) missing: BTreeSet<&'static str>,
}

impl Wishes {
    pub(super) fn of(finding: &Finding, basis: &Basis<'_>, circumstances: &Circumstances<'_>, trace: &mut Trace) -> Self {
        let mut wishes = Self::default();
        let row = basis.row;
        // Actor or victim: of a severe finding that does not say it, a person decides.
        let unsure = row.only_actor && finding.resource_role.is_none() && basis.owed;
        let victim = row.only_actor && finding.resource_role != Some(ResourceRole::Actor) && !unsure;
        if victim {
            trace.note(Because::Field, || {
                (at("detail.service.resourceRole"), "not ACTOR, and the row says only_actor".to_owned())
            });
            wishes.missing.insert("the resource is the victim here, not the actor: nothing to contain");
        } else {
            for (&containment, &mode) in &row.contain {
                let mode = if unsure { mode.at_most(Mode::Gate) } else { mode };
                let named = wishes.contained(finding, basis, (containment, mode), circumstances);
                wishes.missing.extend(named.err());
            }
        }
        // An actor is contained; only as the victim is it left to people.
        for (&subject, &mode) in row.by_hand.iter().filter(|_| victim || !row.only_actor) {
            let mode = row.let_through.filter(|_| finding.let_through).unwrap_or(mode);
            wishes.by_hand(finding, basis, (subject, mode), circumstances);
        }
        if !victim {
            wishes.rest(finding, basis, circumstances);
        }
        wishes.wanted = merged(wishes.wanted);
        if basis.is_astray {
            wishes.wanted.iter_mut().for_each(without_region);
        }
        if wishes.wanted.is_empty() && basis.owed && basis.listed && !victim && calls_for_a_person(basis) {
            let missing = || wishes.missing.first().map_or_else(String::new, |why| (*why).to_owned());
            let why = if wishes.unusable.is_empty() { missing() } else { joined(&wishes.unusable) };
            wishes.wanted.push(Wanted::unread(&basis.place, &why));
        }
        wishes.bounded()
    }

    /// What the row does not mention is named all the same. Of a finding that calls for a person and names nothing else, it is the
    /// target.
    fn rest(&mut self, finding: &Finding, basis: &Basis<'_>, circumstances: &Circumstances<'_>) {
        let row = basis.row;
        let asked =
            |subject| row.by_hand.contains_key(&subject) || row.contain.keys().any(|c| c.declaration().subject == subject);
        // Beside a caller, an instance is only context, and so is who was changed. In a sequence, or where AWS Health lists them,
        // nothing is.
        let lists = finding.sequence || finding.source == Source::Health;
        let only = self.wanted.is_empty() && basis.owed && calls_for_a_person(basis);
        let is_named = |resource: &&Resource| {
            let context = matches!(resource.subject(), Subject::Instance | Subject::Principal | Subject::Other);
            !asked(resource.subject()) && (lists || only || !context)
        };
        let otherwise = if only { Mode::Gate } else { Mode::Notify };
        let mode = row.by_hand.get(&Subject::Other).copied().unwrap_or(otherwise);
        let rest = finding.resources.iter().filter(is_named);
        self.wanted.extend(rest.filter_map(|resource| for_people(resource, mode, &basis.place, circumstances)));
    }

    /// As many as anybody can read.
    fn bounded(mut self) -> Self {
        if self.wanted.len() > MAX_WANTED {
            // Containments take turns here, too: decoys of one kind must not push out the only target of another.
            let mut turns: HashMap<Option<Containment>, usize> = HashMap::new();
            self.wanted.sort_by_cached_key(|w| {
                let turn = turns.entry(w.containment).or_default();
                *turn += 1;
                *turn
            });
            let more = self.wanted.len() - MAX_WANTED;
            self.unusable.insert(format!("the finding names {more} more resources than anybody can read"));
            self.wanted.truncate(MAX_WANTED);
        }
        self
    }

    /// What the row wants contained. The error says that the finding names nothing of the kind.
    fn contained(
        &mut self,
        finding: &Finding,
        basis: &Basis<'_>,
        (containment, mode): (Containment, Mode),
        circumstances: &Circumstances<'_>,
    ) -> Result<(), &'static str> {
        let place = &basis.place;
        // Beside the credentials of one caller, instanceDetails is only context (39 of 41 AWS samples carry it): the instance that
        // leaked them is the one the role's session is named after. A sequence names its targets one by one.
        let about_credentials =
            basis.row.contain.contains_key(&Containment::QuarantineIam) && finding.about(Subject::Principal).next().is_some();
        if containment == Containment::IsolateEc2 && about_credentials && !finding.sequence && finding.source != Source::Request {
            self.wanted.extend(session_instances(finding, mode, place));
            // Of a type that nobody knows, nobody knows either what is only context.
            let context = finding.about(Subject::Instance).filter(|_| !basis.listed);
            self.wanted.extend(context.filter_map(|resource| for_people(resource, Mode::Notify, place, circumstances)));
            return Ok(());
        }
        let mut named = false;
        for resource in finding.about(containment.declaration().subject) {
            named = true;
            match target(resource, place, circumstances) {
                Ok(target) => {
                    let target = bucket::at_level(containment, target, basis.row);
                    let accused = accused(containment, mode, target, resource, finding, circumstances);
                    let alone = basis.row.key_alone.filter(|_| containment == Containment::QuarantineIam);
                    self.wanted.extend(alone.and_then(|mode| key_alone(mode, &accused, resource)));
                    self.wanted.extend(accused);
                    self.wanted.extend(more_objects(resource, place));
                }
                Err(Some(why)) => {
                    self.unusable.insert(why);
                    if basis.owed {
                        self.wanted.extend(unusable(resource, place));
                    }
                }
                Err(None) => self.wanted.extend(only_a_person(resource, mode, place)),
            }
        }
        if named { Ok(()) } else { Err(containment.declaration().names_nothing) }
    }

    /// What the row leaves to people.
    fn by_hand(
        &mut self,
        finding: &Finding,
        basis: &Basis<'_>,
        (subject, mode): (Subject, Mode),
        circumstances: &Circumstances<'_>,
    ) {
        let place = &basis.place;
        self.wanted.extend(finding.about(subject).filter_map(|resource| for_people(resource, mode, place, circumstances)));
        if subject == Subject::Account && finding.about(subject).next().is_none() {
            self.wanted.push(Wanted::of_place(mode, place));
        }
    }
}

/// Several reasons in one line.
pub(super) fn joined(reasons: &BTreeSet<String>) -> String {
    reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// Whether the row has something contained, or wants an answer.
fn calls_for_a_person(basis: &Basis<'_>) -> bool {
    !basis.row.contain.is_empty() || basis.row.by_hand.values().any(|mode| *mode == Mode::Gate)
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

//! The names of targets in answers, and which target of an incident each of them means.
//!
//! A person names a target by its id, or by its whole name as the ticket prints it. Where several targets share that name, account and
//! Region stand before it. An attacker may have chosen an id: names are compared as they are printed.

use crate::digest::sha256_hex;
use crate::ids::{AccountId, Region};
use crate::incident::Incident;
use crate::target::Target;
use crate::text;
use std::collections::BTreeMap;

/// No name of a target is longer.
const MAX: usize = 512;

/// What a name means among the targets of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named<'a> {
    /// This target.
    One(&'a Target),
    /// Several; the names that mean one of them each.
    Several(Vec<String>),
    /// None.
    Nobody,
}

impl Target {
    /// Whether `name` is one of the target's names. Another target may have it, too.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let (name, whole) = (text::inert(name, MAX), self.to_string());
        match in_full(&name) {
            Some((account, region, rest)) => {
                let is_marked = || is_printed(rest, &format!("{whole} {}", self.mark()));
                self.is_at(account, region) && (is_printed(rest, &whole) || is_marked())
            }
            None => is_printed(&name, &whole) || is_printed(&name, &text::inert(&self.id, MAX)),
        }
    }

    /// Its names, the shortest first. The last one is nobody else's.
    fn names(&self) -> [String; 4] {
        let whole = self.to_string();
        let full = format!("{}/{}/{whole}", self.account.as_str(), self.region.as_str());
        let marked = format!("{full} {}", self.mark());
        [text::inert(&self.id, MAX), whole, full, marked]
    }

    /// Tells targets apart whose whole names are printed alike.
    fn mark(&self) -> String {
        let digest: String = sha256_hex(self.merge_key().as_bytes()).chars().take(8).collect();
        format!("#{digest}")
    }
}

impl Incident {
    /// What `name` means here.
    #[must_use]
    pub fn named(&self, name: &str) -> Named<'_> {
        let meant: BTreeMap<String, &Target> =
            self.targets().filter(|target| target.is_named(name)).map(|target| (target.merge_key(), target)).collect();
        let mut all = meant.into_values();
        match (all.next(), all.next()) {
            (None, _) => Named::Nobody,
            (Some(target), None) => Named::One(target),
            (Some(one), Some(other)) => Named::Several([one, other].into_iter().chain(all).map(|t| self.name_of(t)).collect()),
        }
    }

    /// The shortest name that means this target of the incident and no other one.
    #[must_use]
    pub fn name_of(&self, target: &Target) -> String {
        self.own_name(target, 0)
    }

    /// The same, and not the bare id.
    #[must_use]
    pub fn whole_name_of(&self, target: &Target) -> String {
        self.own_name(target, 1)
    }

    fn own_name(&self, target: &Target, from: usize) -> String {
        let key = target.merge_key();
        let names = target.names();
        let means_only_it = |name: &&String| {
            let mut meant = self.targets().filter(|other| other.is_named(name));
            target.is_named(name) && meant.all(|other| other.merge_key() == key)
        };
        let [.., last] = &names;
        names.iter().skip(from).find(means_only_it).unwrap_or(last).clone()
    }

    /// Whether one of `names` means this target, and nothing else that an answer up to the revision `covers` can be about.
    #[must_use]
    pub fn is_named_alone(&self, names: &[String], target: &Target, covers: Option<u32>) -> bool {
        let key = target.merge_key();
        let shown = || self.decisions.iter().filter(move |decision| decision.is_covered(covers)).map(|decision| &decision.target);
        let is_alone = |name: &String| shown().filter(|other| other.is_named(name)).all(|other| other.merge_key() == key);
        names.iter().any(|name| target.is_named(name) && is_alone(name))
    }

    fn targets(&self) -> impl Iterator<Item = &Target> {
        self.decisions.iter().map(|decision| &decision.target)
    }
}

/// Account, Region and whole name, if `name` has all three.
fn in_full(name: &str) -> Option<(&str, &str, &str)> {
    let (account, rest) = name.split_once('/')?;
    let (region, whole) = rest.split_once('/')?;
    let is_place = AccountId::parse(account).is_ok() && Region::parse(region).is_ok();
    is_place.then_some((account, region, whole))
}

/// Whether `name` is `own`, also as a mail prints it, which only adds to it.
fn is_printed(name: &str, own: &str) -> bool {
    name == own || name.len() > own.len() && (name == text::mail(own, MAX) || name == text::free_text(own, MAX))
}

//! How a finding joins an open incident about the same target.
//!
//! One attack is one incident. But joining is only an economy: whatever does not fit, or would get lost, has an incident of its own.
//! What is decided is never lowered. A second finding that would have acted at once raises what the first one let wait.

use crate::containment::Containment;
use crate::coverage::decision_key;
use crate::decision::{Decision, Mode, ReasonCode, Whom};
use crate::ids::{AccessKeyId, IncidentId};
use crate::incident::Incident;
use crate::plan::derived::{KEPT_FOR_AUTO, SESSIONS_PER_ROLE, size};
use crate::plan::join_keys::{is_principal, is_rehearsed, wide_key};
use crate::plan::{FindingSummary, JoinedAs, MAX_DECISION_BYTES, MAX_DECISIONS};
use crate::receipt::{Receipt, Standing, Verification};
use crate::target::{Scope, Target, TargetKind};
use crate::text::inert;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// So many findings of one type are listed; of the next ones the number is enough.
pub const LISTED_PER_TYPE: usize = 5;
/// So many findings an incident lists.
pub const MAX_FINDINGS: usize = 25;
/// What they may take as JSON, in bytes.
const MAX_FINDING_BYTES: usize = 16 * 1024;
/// The advice of several findings, in characters.
const MAX_ADVICE: usize = 400;
/// By then a containment has left its receipt.
const CONTAINED_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// How much a finding adds to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adds {
    /// Nothing: it is a copy from another Region, or one more of a type that is listed often enough.
    Nothing,
    /// Itself: people must know of it, and it holds the targets, too.
    Finding,
    /// Decisions: new ones, stronger ones, or more access keys.
    Decisions,
}

/// What becomes of an incident and a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Merge {
    /// The finding is part of the incident.
    Joins(Box<Merged>),
    /// It has an incident of its own: why, in words for people.
    Apart(&'static str),
}

/// An incident with one more finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The incident, with its revision counted.
    pub incident: Incident,
    /// What the finding adds to it.
    pub adds: Adds,
    /// Whether the incident lists the finding. One that adds nothing can be counted only.
    pub is_listed: bool,
}

/// A finding that is about to join an incident.
#[derive(Debug, Clone, Copy)]
pub struct Joiner<'a> {
    /// The id that its own incident would have. Under it the finding holds its targets.
    pub id: &'a IncidentId,
    /// The finding.
    pub finding: &'a FindingSummary,
    /// What is decided about it; what is new or stronger ([`is_answered`]) is counted against the budget already.
    pub decisions: &'a [Decision],
    /// What the containments of the open incident did so far.
    pub receipts: &'a [Receipt],
    /// What releases did.
    pub releases: &'a [Receipt],
    /// What AWS said at the last look.
    pub checks: &'a [Verification],
    /// The time.
    pub at: Timestamp,
}

/// Whether an incident does at least as much about a target as `decision` would: it is no further target that is contained.
#[must_use]
pub fn is_answered(open: &Incident, decision: &Decision) -> bool {
    let answers = |known: &Decision| strength(known) >= strength_beside(known, decision) && !knows_less(known, decision);
    open.decisions.iter().any(|known| is_same(known, decision) && answers(known))
}

impl Joiner<'_> {
    /// The open incident with this finding. A finding that it lists already changes nothing.
    #[must_use]
    pub fn merge(&self, open: &Incident) -> Merge {
        if let Some(adds) = self.listed_in(open) {
            return Merge::Joins(Box::new(Merged { incident: open.clone(), adds, is_listed: true }));
        }
        let (decisions, changed) = match self.united(&open.decisions) {
            Ok(united) => united,
            Err(why) => return Merge::Apart(why),
        };
        let adds = if changed {
            Adds::Decisions
        } else if self.is_nothing_new(open) && !self.is_overdue(open) {
            Adds::Nothing
        } else {
            Adds::Finding
        };
        let mut incident = Incident { decisions, ..open.clone() };
        incident.over_budget = open.over_budget.saturating_add(over_budget(&incident)).saturating_sub(over_budget(open));
        incident.stamp(open);
        if adds != Adds::Nothing {
            // An answer to an older ticket must not cover this finding, nor what it accuses.
            incident.revision = open.revision.saturating_add(1);
            // A release must leave it contained. An approval of what waits goes on counting.
            let accused = |known: &Decision| {
                known.mode == Mode::Auto && self.decisions.iter().any(|mine| acts(mine) && is_same(known, mine))
            };
            incident.decisions.iter_mut().filter(|known| accused(known)).for_each(|known| known.since = incident.revision);
        }
        let is_listed = self.list(&mut incident, adds);
        if !is_listed && adds != Adds::Nothing {
            // Whoever can hold a target must be listed, or no release finds it.
            return Merge::Apart("the incident lists as many findings as it can");
        }
        Merge::Joins(Box::new(Merged { incident, adds, is_listed }))
    }

    /// What the execution of the finding carries: its own targets, and what the incident has decided about them. What it only tells
    /// it goes on telling.
    #[must_use]
    pub fn carried(&self, merged: &Incident) -> Vec<Decision> {
        let of_incident = |mine: &Decision| {
            if mine.mode == Mode::Notify {
                return Some(mine.clone());
            }
            let known = merged.decisions.iter().find(|known| is_same(known, mine))?;
            // Hold, base and receipt are in the rows at which the incident's release looks.
            let (id, principal_id, by_identity) =
                (known.target.id.clone(), known.target.principal_id.clone(), known.target.by_identity);
            let target = Target { id, principal_id, by_identity, ..mine.target.clone() };
            Some(Decision { target, ..known.clone() })
        };
        self.decisions.iter().filter_map(of_incident).collect()
    }

    /// What the finding added when it joined, if it is in the incident.
    fn listed_in(&self, open: &Incident) -> Option<Adds> {
        let joined = open.findings.iter().filter_map(|finding| finding.joined.as_ref()).find(|joined| joined.id == *self.id)?;
        let added = |revision| open.decisions.iter().any(|decision| decision.since == revision);
        Some(match joined.revision {
            None => Adds::Nothing,
            Some(revision) if added(revision) => Adds::Decisions,
            Some(_) => Adds::Finding,
        })
    }

    /// The decisions of both, and whether the finding changed any.
    fn united(&self, open: &[Decision]) -> Result<(Vec<Decision>, bool), &'static str> {
        let mut united = open.to_vec();
        let mut changed = false;
        for decision in self.decisions.iter().filter(|decision| !decision.suppressed) {
            if united.iter().any(|known| is_namesake(known, decision)) {
                // An incident knows its targets by their names.
                if acts(decision) {
                    return Err("another principal has the same name in the incident");
                }
            } else if let Some(known) = united.iter_mut().find(|known| is_same(known, decision)) {
                if acts(decision) && knows_less(known, decision) {
                    return Err("the incident knows its target by name alone, and the name can be somebody else's by now");
                }
                changed |= raise(known, decision)?;
            } else if has_room(&united, decision) {
                united.push(decision.clone());
                changed = true;
            } else if acts(decision) {
                // Never left out: whoever can send findings could fill an incident to keep the true target out.
                return Err("the incident has no room for its decisions");
            }
        }
        if changed && bytes(&united) > MAX_DECISION_BYTES {
            return Err("the incident has no room for its access keys");
        }
        Ok((united, changed))
    }

    /// Whether people know all of it: it is not more severe, and a copy from another Region or one more of the same type.
    fn is_nothing_new(&self, open: &Incident) -> bool {
        let listed: Vec<&FindingSummary> = open.findings.iter().chain([&open.finding]).collect();
        let known = listed.iter().filter_map(|finding| finding.severity).fold(f64::NEG_INFINITY, f64::max);
        let is_more_severe = self.finding.severity.is_some_and(|severity| severity > known);
        if is_more_severe || self.finding.finding_type.is_none() {
            return false;
        }
        let mut regions = listed.iter().filter(|f| f.finding_type == self.finding.finding_type).map(|f| &f.region).peekable();
        let is_elsewhere = regions.peek().is_some() && regions.all(|region| *region != self.finding.region);
        is_elsewhere && self.is_about_principals() || of_type(open, self.finding) >= LISTED_PER_TYPE
    }

    /// Whether all it acts on are principals: GuardDuty reports these in each Region in which they are active.
    fn is_about_principals(&self) -> bool {
        let mut targets = self.decisions.iter().filter(|decision| acts(decision)).map(|decision| decision.target.kind).peekable();
        targets.peek().is_some() && targets.all(is_principal)
    }

    /// Whether something that the incident does at once about the same targets should be done by now, and is not. Then each finding
    /// is one more try.
    fn is_overdue(&self, open: &Incident) -> bool {
        let holds = |known: &Decision| {
            let key = known.target.merge_key();
            let same = |r: &&Receipt| r.containment == known.containment && r.target.merge_key() == key;
            let is_broken =
                |check: &Verification| !check.holds && check.containment == known.containment && check.target.merge_key() == key;
            // What began after the containment proves that it did not stop it.
            let is_later = |r: &Receipt| self.finding.first_seen.zip(r.finished_at).is_some_and(|(seen, done)| seen > done);
            let is_held = |r: &Receipt| r.standing(self.releases) == Standing::Held && !is_later(r);
            self.receipts.iter().filter(same).any(is_held) && !self.checks.iter().any(is_broken)
        };
        let at_once = open.decisions.iter().filter(|known| known.mode == Mode::Auto && known.containment.is_some());
        let mut named = at_once.filter(|known| self.decisions.iter().any(|decision| is_same(known, decision)));
        self.at.duration_since(open.opened_at) > CONTAINED_AFTER && named.any(|known| !holds(known))
    }

    /// Lists the finding, if there is a place for it.
    fn list(&self, incident: &mut Incident, adds: Adds) -> bool {
        if adds == Adds::Nothing && of_type(incident, self.finding) >= LISTED_PER_TYPE {
            return false;
        }
        let revision = (adds != Adds::Nothing).then_some(incident.revision);
        let joined = JoinedAs { id: self.id.clone(), at: self.at, revision };
        let mut findings = incident.findings.clone();
        if findings.is_empty() {
            // An incident of an earlier version.
            findings.push(incident.finding.clone());
        }
        findings.push(FindingSummary { joined: Some(joined), ..self.finding.clone() });
        let bytes: usize = findings.iter().map(|finding| serde_json::to_string(finding).map_or(0, |json| json.len())).sum();
        let fits = findings.len() <= MAX_FINDINGS && bytes <= MAX_FINDING_BYTES;
        if fits {
            incident.findings = findings;
        }
        fits
    }
}

/// Makes a decision as strong as another one about the same target. True when that changed it.
fn raise(known: &mut Decision, other: &Decision) -> Result<bool, &'static str> {
    let before = keys(known);
    let other_strength = strength_beside(known, other);
    if other_strength < strength(known) {
        let has_more = keys(other).iter().any(|key| !before.contains(key));
        // A key that would wait for a person must neither be lost nor be taken away without one.
        return if acts(other) && has_more { Err("its access keys wait for a person") } else { Ok(false) };
    }
    let is_stronger = other_strength > strength(known);
    // What a finding accuses is no bystander: an approval is about it.
    let was_by_name = known.only_by_name;
    known.only_by_name = was_by_name && other.only_by_name;
    let meant = known.whom;
    if other.whom == Whom::Named {
        known.whom = Whom::Named;
    }
    // Rows go by the immutable id: where there can be some already, the decision keeps the key that it has.
    let fixed = (known.containment.is_some() && known.mode != Mode::Notify).then(|| known.target.principal_id.clone());
    if is_stronger || keys(other).iter().any(|key| !before.contains(key)) {
        known.target.absorb(&other.target);
    }
    known.target.principal_id =
        fixed.unwrap_or_else(|| known.target.principal_id.take().or_else(|| other.target.principal_id.clone()));
    let by_hand = advice(known, other);
    let has_advice = by_hand != known.by_hand;
    if is_stronger {
        let target = known.target.clone();
        *known = Decision { target, ..other.clone() };
    }
    known.by_hand = by_hand;
    let is_about_more = was_by_name != known.only_by_name || meant != known.whom || keys(known) != before;
    Ok(is_stronger || has_advice || is_about_more)
}

/// What people are to do by hand because of both.
fn advice(known: &Decision, other: &Decision) -> Option<String> {
    match (&known.by_hand, &other.by_hand) {
        (Some(mine), Some(theirs)) if !mine.contains(theirs.as_str()) => Some(inert(&format!("{mine}; {theirs}"), MAX_ADVICE)),
        (mine, theirs) => mine.clone().or_else(|| theirs.clone()),
    }
}

/// The access keys that count. A role has other temporary ones with each session: who can make sessions must not make tickets.
fn keys(decision: &Decision) -> BTreeSet<AccessKeyId> {
    let is_short_lived = |key: &AccessKeyId| key.as_str().starts_with("ASIA");
    let counts = |key: &&AccessKeyId| decision.target.kind == TargetKind::AccessKey || !is_short_lived(key);
    decision.target.keys().filter(counts).cloned().collect()
}

/// How much a decision does: what happens, what a rehearsal says would happen, whether people are told.
fn strength(decision: &Decision) -> (u8, u8, bool) {
    let rank = |mode| match mode {
        Mode::Notify => 0,
        Mode::Gate => 1,
        Mode::Auto => 2,
    };
    (rank(decision.mode), rank(decision.would.unwrap_or(decision.mode)), !decision.suppressed)
}

/// How much `other` does beside `known`. That somebody is the last administrator, or that others may have a session's name, a later
/// finding can only fail to see: it makes no such decision automatic.
fn strength_beside(known: &Decision, other: &Decision) -> (u8, u8, bool) {
    let stays = known.mode == Mode::Gate && matches!(known.code, ReasonCode::LastAdministrator | ReasonCode::ChosenName);
    if stays && other.mode == Mode::Auto { strength(known) } else { strength(other) }
}

/// Whether somebody acts on it, or a rehearsal says so.
#[must_use]
pub fn acts(decision: &Decision) -> bool {
    decision.mode != Mode::Notify || is_rehearsed(decision)
}

/// Whether two decisions are about the same thing. What people do by hand about a principal is the same in each Region; a
/// containment has one record per name as it was given.
fn is_same(one: &Decision, other: &Decision) -> bool {
    let by_hand = one.containment.is_none() && other.containment.is_none();
    let (is_whole, kind) = (one.target.scope.is_whole() && other.target.scope.is_whole(), one.target.kind);
    let is_wide = by_hand && is_whole && is_principal(kind) && wide_key(&one.target) == wide_key(&other.target);
    (is_wide || decision_key(one) == decision_key(other)) && !one.target.contradicts(&other.target)
}

/// Whether a containment goes by a name of which `other` knows the immutable id. Its rows go by the name and must not become those of
/// the id: a release looks at all of them.
fn knows_less(known: &Decision, other: &Decision) -> bool {
    let has_rows = known.containment.is_some() && known.mode != Mode::Notify;
    has_rows && known.target.principal_id.is_none() && other.target.principal_id.is_some()
}

/// Whether both are about principals of one name, of which one came after the other.
fn is_namesake(one: &Decision, other: &Decision) -> bool {
    one.target.contradicts(&other.target) && one.target.is_of(&other.target)
}

/// Whether an incident with these decisions can hold one more.
fn has_room(decisions: &[Decision], decision: &Decision) -> bool {
    let at_once = decision.mode == Mode::Auto || is_rehearsed(decision) && decision.would == Some(Mode::Auto);
    let kept = if at_once { 0 } else { KEPT_FOR_AUTO };
    let is_session = |d: &Decision| d.containment == Some(Containment::QuarantineIam) && d.target.scope == Scope::Session;
    let of_role = |d: &&Decision| is_session(d) && d.target.is_of(&decision.target);
    let has_slot = !is_session(decision) || decisions.iter().filter(of_role).count() < SESSIONS_PER_ROLE;
    has_slot && decisions.len() + kept < MAX_DECISIONS && bytes(decisions) + size(decision) <= MAX_DECISION_BYTES
}

fn bytes(decisions: &[Decision]) -> usize {
    decisions.iter().map(size).sum()
}

/// How many findings of the same type an incident lists.
fn of_type(incident: &Incident, finding: &FindingSummary) -> usize {
    incident.findings.iter().filter(|listed| listed.finding_type == finding.finding_type).count()
}

/// How many of its containments wait only because the hour's budget is spent.
fn over_budget(incident: &Incident) -> u32 {
    let waits = |d: &&Decision| d.mode == Mode::Gate && d.code == ReasonCode::OverBudget;
    u32::try_from(incident.decisions.iter().filter(waits).count()).unwrap_or(u32::MAX)
}

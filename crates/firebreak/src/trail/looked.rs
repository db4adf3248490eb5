//! What a look leaves to the next one: how far back each question was read, and what only records say that are not read again.
//!
//! A look has little time, and a suspect can make noise under any name. So the next look asks what is new, and then goes on below. All
//! of it rests on the suspects from whom the looks start: once one of them is let go, or is contained, the next look begins anew.

use super::lookup::Lookup;
use super::renames::{Asked, Rename};
use super::window::{Gap, Window};
use crate::decision::Decision;
use crate::digest::sha256_hex;
use crate::ids::{AccessKeyId, AccountId};
use crate::impact::Use;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// CloudTrail records most calls within 5 minutes, and guarantees nothing (CloudTrail user guide, "How CloudTrail works").
const LATE: SignedDuration = SignedDuration::from_mins(20);
/// What an event's time is exact to.
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// Questions that are kept: the one that was asked longest ago makes room.
const MAX_QUESTIONS: usize = 200;
/// Parts of one question that were read.
const MAX_PARTS: usize = 4;
/// Keys, lasting credentials, and renames.
const MAX_FACTS: usize = 200;
/// Suspects that were found, uses of roles, and decisions that were held back: each names a target.
const MAX_TARGETS: usize = 50;
/// Lines about records that could not be read.
const MAX_LOST: usize = 10;
/// What was read to the beginning is read anew so often: CloudTrail may have had an event later than `LATE`.
const ANEW: SignedDuration = SignedDuration::from_hours(24);
/// How the word of a question about everybody's calls begins.
const EVERYBODY: &str = "everybody ";

/// What looks leave to the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Looked {
    /// From whom the looks started.
    roots: BTreeSet<String>,
    /// Which parts of each question were read, the newest first.
    questions: BTreeMap<String, Vec<Window>>,
    /// Keys of suspects, each with why what follows from it waits.
    pub(super) keys: Vec<(AccessKeyId, Option<String>)>,
    /// Suspects that were found on the way.
    pub(super) suspects: Vec<Asked>,
    /// Credentials that suspects made: account, user and id.
    pub(super) lasting: BTreeSet<(AccountId, String, String)>,
    pub(super) renames: Vec<Rename>,
    pub(super) uses: Vec<Use>,
    /// Keys that nobody knows and that signed under a suspect's name, and the question: it is asked anew once the key is known.
    unproven: BTreeSet<(AccessKeyId, String)>,
    /// What could not be read of pages that are not read again, one line each.
    pub(super) lost: Vec<String>,
    /// When everything was last to be read from the beginning.
    anew: Option<Timestamp>,
    /// What waited with a suspect that is contained, and a pause or the budget holds back: it is tried again.
    pub held: Vec<Decision>,
}

impl Looked {
    /// The same, with what a pause or the budget holds back.
    #[must_use]
    pub fn holding(mut self, mut held: Vec<Decision>) -> Self {
        held.truncate(MAX_TARGETS);
        self.held = held;
        self
    }

    /// The same for a look that starts from `roots`: nothing, where one of those before is missing. For a root that is new everybody's
    /// calls are read again: nobody kept those that were no suspect's.
    pub(super) fn starting_from(mut self, roots: BTreeSet<String>, whole: Option<Window>) -> Self {
        if !self.roots.is_subset(&roots) {
            self = Self::default();
        } else if self.roots != roots {
            self.questions.retain(|question, _| !is_of_everybody(question));
        }
        self.roots = roots;
        let Some(whole) = whole else { return self };
        let anew = *self.anew.get_or_insert(whole.until);
        if whole.until.duration_since(anew) >= ANEW {
            // What noise keeps from the beginning goes on below.
            self.questions.retain(|_, parts| parts.first().is_some_and(|newest| newest.from > whole.from));
            self.anew = Some(whole.until);
        }
        self
    }

    /// What is still to read of a question, the newest part first.
    pub(super) fn gaps(&self, question: &str, whole: Window) -> Vec<Gap> {
        let (mut gaps, mut until) = (Vec::new(), whole.until);
        for read in self.questions.get(question).into_iter().flatten() {
            let late = read.until.checked_sub(LATE).unwrap_or(read.from);
            let window = Window { from: late.max(read.from).max(whole.from), until };
            if window.from < until {
                gaps.push(Gap { window, floor: Some(read.until) });
            }
            until = until.min(read.from);
        }
        if whole.from < until {
            gaps.push(Gap { window: Window { until, ..whole }, floor: None });
        }
        gaps
    }

    /// Notes which part of a question was read.
    pub(super) fn read(&mut self, question: &str, read: Window) {
        let parts = self.questions.entry(question.to_owned()).or_default();
        let mut all = std::mem::take(parts);
        all.push(read);
        all.sort_by_key(|part| Reverse(part.until));
        for part in all {
            match parts.last_mut() {
                Some(newer) if newer.from <= part.until => newer.from = newer.from.min(part.from),
                _ => parts.push(part),
            }
        }
        while parts.len() > MAX_PARTS {
            let shortest =
                parts.iter().enumerate().rev().min_by_key(|(_, part)| part.until.duration_since(part.from)).map(|(at, _)| at);
            parts.remove(shortest.unwrap_or_default());
        }
    }

    /// Remembers which keys proved nothing. What a key signed that is known by now is asked for anew.
    pub(super) fn doubt(&mut self, unproven: BTreeSet<(AccessKeyId, String)>) {
        self.unproven.extend(unproven);
        let known: BTreeSet<&AccessKeyId> = self.keys.iter().map(|(key, _)| key).collect();
        let (proven, left): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.unproven).into_iter().partition(|(key, _)| known.contains(key));
        for (_, question) in proven {
            self.questions.remove(&question);
        }
        self.unproven = left.into_iter().take(MAX_FACTS).collect();
    }

    /// Keeps the newest uses of roles, each once.
    pub(super) fn keep_uses(&mut self, uses: &[Use]) {
        let mut uses: Vec<&Use> = uses.iter().collect();
        uses.sort_by_key(|used| Reverse(used.at));
        self.uses.clear();
        for used in uses {
            if self.uses.len() < MAX_TARGETS && !self.uses.contains(used) {
                self.uses.push(used.clone());
            }
        }
    }

    /// Remembers what of a page could not be read.
    pub(super) fn lose(&mut self, line: &str) {
        if self.lost.len() < MAX_LOST && !self.lost.iter().any(|known| known == line) {
            self.lost.push(line.to_owned());
        }
    }

    /// Whether suspects or their credentials are more than there is room for.
    pub(super) fn is_too_much(&self) -> bool {
        let facts = [self.keys.len(), self.lasting.len(), self.renames.len()];
        self.suspects.len() > MAX_TARGETS || facts.into_iter().any(|count| count > MAX_FACTS)
    }

    /// As much as there is room for. Suspects who are too many the next look has to find again: it asks about persons from the newest call
    /// on, and goes on below only with everybody's calls: those of a root are known without any other suspect.
    pub(super) fn bounded(mut self) -> Self {
        if self.is_too_much() {
            let Self { roots, mut questions, uses, unproven, lost, anew, held, .. } = self;
            questions.retain(|question, _| is_of_everybody(question));
            self = Self { roots, questions, uses, unproven, lost, anew, held, ..Self::default() };
        }
        while self.questions.len() > MAX_QUESTIONS {
            let oldest = self
                .questions
                .iter()
                .min_by_key(|(question, parts)| (is_of_everybody(question), parts.first().map(|part| part.until)));
            let oldest = oldest.map(|(question, _)| question.clone());
            self.questions.remove(&oldest.unwrap_or_default());
        }
        self
    }
}

/// Whom a look starts from, as a word: another key, another id or another reason to wait is another one.
pub(super) fn root(asked: &Asked) -> String {
    let target = &asked.suspect.target;
    let keys: BTreeSet<&str> = target.keys().map(AccessKeyId::as_str).collect();
    let id = target.principal_id.as_ref().map(crate::ids::PrincipalId::as_str);
    digest(&format!("{:?}", (target.merge_key(), id, keys, &asked.waits_with)))
}

/// A question of `who`, as a word. What was read of somebody who waits was not read of somebody contained.
pub(super) fn question(who: &str, lookup: &Lookup) -> String {
    let waits = !lookup.asks_everybody() && lookup.waits_with.is_some();
    let (account, region) = lookup.place();
    let word = digest(&format!("{:?}", (who, account.as_str(), region.as_str(), lookup.attribute, &lookup.value, waits)));
    if lookup.asks_everybody() { format!("{EVERYBODY}{word}") } else { word }
}

fn is_of_everybody(question: &str) -> bool {
    question.starts_with(EVERYBODY)
}

fn digest(text: &str) -> String {
    sha256_hex(text.as_bytes()).chars().take(16).collect()
}

/// From where on a part was read, of which the page that ended at `oldest` is not the last one. It does not reach what was read before:
/// that is still to be read again.
pub(super) fn reached(lookup: &Lookup, window: Window, oldest: Timestamp) -> Option<Window> {
    let floor = lookup.floor.and_then(|floor| floor.checked_add(SECOND).ok()).unwrap_or(window.from);
    let from = oldest.max(floor).max(window.from);
    (from <= window.until).then_some(Window { from, ..window })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::constant(1_795_000_000, 0).checked_add(SignedDuration::from_mins(minutes)).expect("a time")
    }

    fn window(from: i64, until: i64) -> Window {
        Window { from: at(from), until: at(until) }
    }

    fn gaps(looked: &Looked, until: i64) -> Vec<Window> {
        looked.gaps("q", window(0, until)).into_iter().map(|gap| gap.window).collect()
    }

    #[test]
    fn what_is_new_is_asked_with_twenty_minutes_more_and_then_what_is_below() {
        let mut looked = Looked::default();
        assert_eq!(gaps(&looked, 100), [window(0, 100)]);
        looked.read("q", window(40, 100));
        assert_eq!(gaps(&looked, 160), [window(80, 160), window(0, 40)]);
        looked.read("q", window(0, 40));
        assert_eq!(gaps(&looked, 160), [window(80, 160)], "whoever gets to the beginning is done");
        assert_eq!(looked.questions["q"], [window(0, 100)]);
    }

    #[test]
    fn noise_that_outruns_a_look_leaves_a_gap_and_keeps_what_was_reached() {
        let mut looked = Looked::default();
        looked.read("q", window(40, 100));
        looked.read("q", window(190, 200));
        assert_eq!(gaps(&looked, 260), [window(190, 260), window(80, 190), window(0, 40)]);
        for round in 1..10 {
            looked.read("q", window(200 * round + 190, 200 * round + 200));
        }
        let parts = &looked.questions["q"];
        assert!(parts.len() == MAX_PARTS && parts.contains(&window(40, 100)), "the longest part stays: {parts:?}");
    }

    #[test]
    fn what_has_no_room_is_found_again() {
        let mut looked = Looked::default();
        (0..300).for_each(|minute| looked.read(&minute.to_string(), window(minute, minute + 1)));
        let kept = looked.clone().bounded();
        assert!(kept.questions.len() == MAX_QUESTIONS && !kept.questions.contains_key("0"), "the oldest makes room");
        let key = |at: usize| AccessKeyId::parse(&format!("AKIAEXAMPLEEXAM{at:05}")).expect("a key");
        looked.keys = (0..=MAX_FACTS).map(|at| (key(at), None)).collect();
        let whole = window(0, 400);
        let mut looked = looked.starting_from(BTreeSet::from(["alice".to_owned()]), Some(whole));
        looked.read("everybody q", window(40, 100));
        let kept = looked.bounded();
        assert_eq!(kept.questions.keys().collect::<Vec<_>>(), ["everybody q"], "it needs no key to be a root's");
        assert!(kept.keys.is_empty() && kept.gaps("everybody q", whole).len() == 2 && kept.roots.contains("alice"), "{kept:?}");
    }

    #[test]
    fn once_a_day_what_is_read_to_the_beginning_is_read_anew_and_the_rest_goes_on_below() {
        let day = 24 * 60;
        let look = |looked: Looked, until: i64| looked.starting_from(BTreeSet::new(), Some(window(0, until)));
        let mut looked = look(Looked::default(), 100);
        looked.read("q", window(0, 100));
        looked.read("noisy", window(40, 100));
        assert!(look(looked.clone(), day + 99).questions.contains_key("q"));
        let mut next = look(looked, day + 100);
        assert_eq!(next.questions.keys().collect::<Vec<_>>(), ["noisy"]);
        next.read("q", window(0, day + 100));
        assert!(look(next, day + 110).questions.contains_key("q"), "once");
    }

    #[test]
    fn whoever_is_no_root_any_more_takes_everything_along() {
        let roots = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let mut looked = Looked::default().starting_from(roots(&["alice"]), None);
        looked.read("q", window(0, 100));
        looked.read("everybody q", window(0, 100));
        assert_eq!(looked.clone().starting_from(roots(&["alice"]), None), looked);
        let joined = looked.clone().starting_from(roots(&["alice", "mallory"]), None);
        assert_eq!(joined.questions.keys().collect::<Vec<_>>(), ["q"], "what mallory called nobody kept");
        assert!(looked.starting_from(roots(&["mallory"]), None).questions.is_empty());
    }
}

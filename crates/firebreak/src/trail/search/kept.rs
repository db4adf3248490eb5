//! How a look goes on from what earlier ones left, and what it leaves itself.

use super::super::credentials::Proof;
use super::super::looked::{question, reached};
use super::super::lookup::Lookup;
use super::super::renames::Asked;
use super::super::window::Gap;
use super::{LATER, NOT_READ, Search};
use crate::ids::AccessKeyId;
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Search<'_> {
    /// Takes up what earlier looks found.
    pub(super) fn go_on(&mut self) {
        for line in self.looked.lost.clone() {
            self.miss(line);
        }
        for (key, waits_with) in self.looked.keys.clone() {
            self.credentials.know(key, Proof::of(waits_with.as_deref()));
        }
        for asked in std::mem::take(&mut self.looked.suspects) {
            self.enqueue(asked);
        }
    }

    /// Remembers a suspect that was found: the record that led to it is not read again.
    pub(super) fn keep_suspect(&mut self, asked: &Asked) {
        let is_same = |known: &Asked| known.suspect == asked.suspect && known.waits_with == asked.waits_with;
        if asked.depth > 0 && self.window.is_some() && !self.looked.suspects.iter().any(is_same) {
            self.looked.suspects.push(asked.clone());
        }
    }

    /// Asks what is still to read of a question of `who`: what is new, and then what is below.
    pub(super) fn ask(&mut self, lookup: Lookup, who: &str) {
        let Some(whole) = self.window else { return self.questions.ask(lookup) };
        let question = question(who, &lookup);
        let mut gaps = self.looked.gaps(&question, whole).into_iter();
        let first = gaps.next().unwrap_or(Gap { window: whole, floor: None });
        let below: Vec<Gap> = gaps.collect();
        self.questions.ask(Lookup { question, below, ..lookup.in_gap(first) });
    }

    /// Notes how far a page got, and asks for what is below once what is new has answered.
    pub(super) fn note_read(&mut self, lookup: &mut Lookup, oldest: Option<Timestamp>, is_last: bool) {
        let Some(window) = lookup.window else { return };
        let read = if is_last { Some(window) } else { oldest.and_then(|oldest| reached(lookup, window, oldest)) };
        if let Some(read) = read {
            self.looked.read(&lookup.question, read);
        }
        for gap in std::mem::take(&mut lookup.below) {
            self.questions.ask(lookup.in_gap(gap));
        }
    }

    /// The next look goes on where these end. Without what is kept, nobody promises that earlier calls are read.
    pub(super) fn postpone_earlier(&mut self, is_left: impl Fn(&Lookup) -> bool) {
        let whole = self.window;
        let is_earlier = |lookup: &Lookup| {
            let is_below = lookup.window.zip(whole).is_some_and(|(window, whole)| window.until < whole.until);
            is_left(lookup) && (lookup.token.is_some() || is_below)
        };
        if whole.is_none() {
            return self.leave(NOT_READ, is_earlier);
        }
        for label in self.questions.drop_those(|lookup| is_earlier(lookup) && !lookup.asks_everybody()) {
            self.leave_below(label, true);
        }
        for label in self.questions.drop_those(is_earlier) {
            self.leave_below(label, false);
        }
    }

    /// The next look begins with these. Of whom this look found, it has to be told.
    pub(super) fn postpone_whole(&mut self, is_left: impl Fn(&Lookup) -> bool) {
        let is_found = |lookup: &Lookup| is_left(lookup) && !lookup.asks_everybody() && lookup.depth > 0;
        for label in self.questions.drop_those(is_found) {
            self.leave_to_next(format!("{label}: {LATER}"), Some(label));
        }
        for label in self.questions.drop_those(is_left) {
            self.leave_to_next(format!("{label}: {LATER}"), None);
        }
    }

    /// The next look goes on below a page: about a suspect, only if what is kept has room.
    pub(super) fn leave_below(&mut self, label: String, is_of_suspect: bool) {
        self.leave_to_next(format!("{label}, earlier calls: {LATER}"), is_of_suspect.then_some(label));
    }

    fn leave_to_next(&mut self, line: String, followed: Option<String>) {
        if let Some(label) = followed {
            self.followed.insert(line.clone(), label);
        }
        self.miss_for_now(line);
    }

    /// What of a page could not be read: the next look does not read it again.
    pub(super) fn lose(&mut self, line: String) {
        if self.window.is_some() {
            self.looked.lose(&line);
        }
        self.miss(line);
    }

    /// Collects what the next look needs. `unproven`: keys that nobody knew when all was read.
    pub(super) fn keep(&mut self, unproven: BTreeSet<(AccessKeyId, String)>) {
        if self.window.is_none() {
            return;
        }
        let mut looked = std::mem::take(&mut self.looked);
        looked.keys = self.credentials.known();
        looked.lasting.clone_from(&self.lasting);
        looked.renames = self.renames.seen().to_vec();
        looked.keep_uses(&self.found.uses);
        looked.doubt(unproven);
        if looked.is_too_much() {
            let followed = std::mem::take(&mut self.followed);
            self.found.later.retain(|line| !followed.contains_key(line));
            followed.into_values().for_each(|label| self.miss(format!("{label}: {NOT_READ}")));
        }
        self.found.looked = looked.bounded();
    }
}

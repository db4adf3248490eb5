//! Questions to CloudTrail, and in which order they are asked.

use super::credentials::Proof;
use super::window::{Gap, Window};
use super::{Attribute, Suspect};
use crate::ids::{AccountId, Region};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An account and a Region: CloudTrail keeps events, and counts requests, for each pair.
pub type TrailPlace = (AccountId, Region);

/// Pages about an event name that each look reads.
const FREE_PAGES: u32 = 3;

/// One page to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Whose doings, and in which account. Of a question about everybody's events, any suspect of the account.
    pub suspect: Suspect,
    /// The Region.
    pub region: Region,
    /// The attribute.
    pub attribute: Attribute,
    /// Its value: checked, and from the suspect.
    pub value: String,
    /// Where the page before ended.
    pub token: Option<String>,
    /// The time that is asked about. Nothing: all of the look's.
    pub window: Option<Window>,
    /// How many pages came before.
    pub(super) page: u32,
    pub(super) depth: u32,
    /// CloudTrail was too busy for it once.
    pub(super) again: bool,
    /// The decided principal from which the search came here and why it waits, if it is perhaps innocent.
    pub(super) waits_with: Option<String>,
    /// What stands for it in what is kept for the next look.
    pub(super) question: String,
    /// Of the window: what is older was read before.
    pub(super) floor: Option<Timestamp>,
    /// What is asked after the first page.
    pub(super) below: Vec<Gap>,
}

impl Lookup {
    /// A question about a suspect, so far from a decided one, from its first page on.
    pub(super) fn new(
        (suspect, depth, waits_with): (Suspect, u32, Option<String>),
        region: Region,
        (attribute, value): (Attribute, String),
    ) -> Self {
        let (token, window, floor, page, again) = (None, None, None, 0, false);
        let (question, below) = (String::new(), vec![]);
        Self { suspect, region, attribute, value, token, window, page, depth, again, waits_with, question, floor, below }
    }

    /// Whose doings where, for people.
    #[must_use]
    pub fn label(&self) -> String {
        if self.asks_everybody() {
            of_names(&self.place(), &[self.value.as_str()])
        } else {
            of(&self.suspect.label(), &self.place())
        }
    }

    /// Where it is asked.
    #[must_use]
    pub fn place(&self) -> TrailPlace {
        (self.suspect.target.account.clone(), self.region.clone())
    }

    /// The same about one part of the time, from its first page on.
    pub(super) fn in_gap(&self, Gap { window, floor }: Gap) -> Self {
        Self { window: Some(window), floor, token: None, page: 0, again: false, below: vec![], ..self.clone() }
    }

    pub(super) fn asks_everybody(&self) -> bool {
        self.attribute == Attribute::EventName
    }

    /// The same, where a record that it answered is proven so: what only a credential of somebody who waits proves, waits, too.
    pub(super) fn proven_by(&self, proof: Proof) -> Cow<'_, Self> {
        match proof {
            Proof::Waiting(suspect) if self.waits_with.is_none() => {
                Cow::Owned(Self { waits_with: Some(suspect), ..self.clone() })
            }
            Proof::Waiting(_) | Proof::Contained => Cow::Borrowed(self),
        }
    }

    /// The first pages about an event name cost none of `sweep.pages`: noise of a suspect must not use them up, nor fifty refused calls
    /// hide the one before.
    pub(super) fn takes_a_page(&self) -> bool {
        !self.asks_everybody() || self.page >= FREE_PAGES
    }
}

fn of(what: &str, (account, region): &TrailPlace) -> String {
    format!("{what} in {region} of account {account}")
}

/// More names than this are counted.
const NAMES_SHOWN: usize = 4;

fn of_names(place: &TrailPlace, names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    of(&format!("everybody's {shown}{more}"), place)
}

/// What is still to ask: three queues that take turns. Neither a busy suspect nor a hundred users made as decoys may use up the time
/// of everything else.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// About decided principals.
    decided: VecDeque<Lookup>,
    /// About everybody's events of one name.
    named: VecDeque<Lookup>,
    /// About what was found on the way.
    derived: VecDeque<Lookup>,
    turn: usize,
}

impl Questions {
    /// Puts a question at the end of its queue.
    pub(super) fn ask(&mut self, lookup: Lookup) {
        self.queue_of(&lookup).push_back(lookup);
    }

    /// Puts a question that was not asked to the front of its queue.
    pub(super) fn put_back(&mut self, lookup: Lookup) {
        self.queue_of(&lookup).push_front(lookup);
    }

    fn queue_of(&mut self, lookup: &Lookup) -> &mut VecDeque<Lookup> {
        match (lookup.asks_everybody(), lookup.depth) {
            (true, _) => &mut self.named,
            (false, 0) => &mut self.decided,
            (false, _) => &mut self.derived,
        }
    }

    /// The next question that `may` be asked.
    pub(super) fn next(&mut self, may: impl Fn(&Lookup) -> bool) -> Option<Lookup> {
        let mut queues = [&mut self.decided, &mut self.named, &mut self.derived];
        let count = queues.len();
        queues.rotate_left(self.turn);
        for (step, queue) in queues.into_iter().enumerate() {
            if let Some(at) = queue.iter().position(&may) {
                self.turn = (self.turn + step + 1) % count;
                return queue.remove(at);
            }
        }
        None
    }

    /// How many are to ask in a place.
    pub(super) fn count_in(&self, place: &TrailPlace) -> usize {
        [&self.decided, &self.named, &self.derived].into_iter().flatten().filter(|lookup| lookup.place() == *place).count()
    }

    /// Drops those that `are_dropped`, and names them for people, each once.
    pub(super) fn drop_those(&mut self, are_dropped: impl Fn(&Lookup) -> bool) -> BTreeSet<String> {
        let (mut labels, mut names) = (BTreeSet::new(), BTreeMap::<TrailPlace, Vec<String>>::new());
        for queue in [&mut self.decided, &mut self.named, &mut self.derived] {
            let (dropped, kept): (VecDeque<Lookup>, VecDeque<Lookup>) = queue.drain(..).partition(&are_dropped);
            *queue = kept;
            for lookup in dropped {
                if lookup.asks_everybody() {
                    names.entry(lookup.place()).or_default().push(lookup.value);
                } else {
                    labels.insert(lookup.label());
                }
            }
        }
        labels.extend(names.iter().map(|(place, names)| of_names(place, &names.iter().map(String::as_str).collect::<Vec<_>>())));
        labels
    }
}

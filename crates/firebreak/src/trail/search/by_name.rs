//! Everybody's calls of the names that matter most, and which of them are a suspect's.

use super::super::lookup::Lookup;
use super::super::names::EVENT_NAMES;
use super::super::{Attribute, Record};
use super::Search;

impl Search<'_> {
    /// Asks for the calls that matter most in the account of a decided suspect, whoever made them.
    pub(super) fn ask_by_name(&mut self, own: &Lookup) {
        let who = own.suspect.target.account.to_string();
        for event in EVENT_NAMES {
            for region in event.regions(&own.suspect, &self.regions) {
                let question = (who.clone(), region.clone(), Attribute::EventName, event.name.to_owned(), false);
                if self.allows(&region) && self.asked.insert(question) {
                    let (attribute, value) = (Attribute::EventName, event.name.to_owned());
                    self.ask(Lookup { region, attribute, value, ..own.clone() }, &who);
                }
            }
        }
    }

    /// Keeps a record of a trail until it is known whether a suspect made the call.
    pub(super) fn read_of_everybody(&mut self, lookup: &Lookup, record: Record) {
        self.credentials.saw(&record.actor);
        self.unclaimed.push((lookup.clone(), record));
        // It was compared with nobody yet.
        self.compared = 0;
    }

    /// Reads what has become a suspect's: of held records, and of everybody's. Each can lead to another suspect, or to a key.
    pub(super) fn settle(&mut self) {
        loop {
            while let Some((lookup, record)) = self.credentials.ready() {
                self.read(&lookup, &record);
            }
            if self.compared == self.known.len() {
                return;
            }
            self.compared = self.known.len();
            for (lookup, record) in std::mem::take(&mut self.unclaimed) {
                match self.claim(&lookup, &record) {
                    Some(own) => self.read(&own, &record),
                    None => self.unclaimed.push((lookup, record)),
                }
            }
        }
    }

    /// The question of the suspect who made a call that a question about everybody answered with. Of several, one that is sure, and of
    /// those one of somebody contained.
    fn claim(&self, lookup: &Lookup, record: &Record) -> Option<Lookup> {
        let account = &lookup.suspect.target.account;
        let made = self.known.iter().filter(|own| own.suspect.target.account == *account && own.suspect.made(record));
        let doubts = |own: &Lookup| self.proven(own, record).is_none_or(|proven| proven.waits_with != own.waits_with);
        let own = made.min_by_key(|own| (doubts(own), own.waits_with.is_some()))?;
        let Lookup { suspect, depth, waits_with, .. } = own.clone();
        Some(Lookup { suspect, depth, waits_with, ..lookup.clone() })
    }
}

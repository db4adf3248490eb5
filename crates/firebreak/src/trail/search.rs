//! What to ask CloudTrail next, from the suspects to everything that is in their hands, breadth first.
//!
//! `LookupEvents` takes one attribute, answers 50 events at a time, newest first, about one account and Region (CloudTrail API
//! reference, `LookupEvents`). Every question gets one page per turn, and what was contained and what was derived from it take
//! turns: neither a busy suspect nor a hundred users made as decoys may use up the pages of everything else.

use super::follow::{self, RoleArn};
use super::{Attribute, Follow, Record, Suspect, Traced, region_of_iam};
use crate::decision::{Scope, Target};
use crate::ids::{AccountId, Region};
use crate::policy::Policy;
use crate::text::inert;
use std::collections::{BTreeSet, HashSet, VecDeque};

/// How many steps away from a contained suspect is looked: two roles that may assume each other would lead on for ever.
const MAX_DEPTH: u32 = 5;

/// One page to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Whose doings, and in which account.
    pub suspect: Suspect,
    /// The Region.
    pub region: Region,
    /// The attribute.
    pub attribute: Attribute,
    /// Its value: checked, and from the suspect.
    pub value: String,
    /// Where the page before ended.
    pub token: Option<String>,
    depth: u32,
}

impl Lookup {
    /// Whose doings where, for people.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} in {} of account {}", self.suspect.label(), self.region, self.suspect.target.account)
    }
}

/// A look into CloudTrail: what was asked, what is left to ask, what was found.
#[derive(Debug)]
pub struct Search<'a> {
    policy: &'a Policy,
    /// Accounts of suspects that are contained: Firebreak is in them already.
    homes: BTreeSet<AccountId>,
    pages: u32,
    /// About what is contained.
    contained: VecDeque<Lookup>,
    /// About what was found on the way.
    derived: VecDeque<Lookup>,
    turn_of_derived: bool,
    asked: HashSet<(AccountId, Region, Attribute, String)>,
    found: Found,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Found {
    /// What the suspects did, oldest first.
    pub traced: Vec<Traced>,
    /// What could not be looked at, one line each.
    pub missing: Vec<String>,
    /// Calls of suspects that AWS refused, of those that would have mattered.
    pub refused: usize,
}

impl<'a> Search<'a> {
    /// A search that starts from contained targets. Asks for nothing yet.
    #[must_use]
    pub fn new(suspects: impl IntoIterator<Item = &'a Target>, policy: &'a Policy) -> Self {
        let suspects: Vec<Suspect> = suspects.into_iter().filter_map(Suspect::of).collect();
        let homes = suspects.iter().map(|suspect| suspect.target.account.clone()).collect();
        let mut search = Self {
            policy,
            homes,
            pages: policy.sweep.pages,
            contained: VecDeque::new(),
            derived: VecDeque::new(),
            turn_of_derived: false,
            asked: HashSet::new(),
            found: Found::default(),
        };
        if search.pages > 0 {
            suspects.into_iter().for_each(|suspect| search.enqueue(suspect, 0));
        }
        search
    }

    /// The next page to fetch. Nothing when everything is read, or the pages have run out.
    pub fn next_page(&mut self) -> Option<Lookup> {
        if self.pages == 0 {
            self.give_up("the pages of this look ran out (sweep.pages)");
            return None;
        }
        let (first, second) = if self.turn_of_derived {
            (&mut self.derived, &mut self.contained)
        } else {
            (&mut self.contained, &mut self.derived)
        };
        let next = first.pop_front().or_else(|| second.pop_front())?;
        self.turn_of_derived = !self.turn_of_derived;
        self.pages -= 1;
        Some(next)
    }

    /// Takes a page: the texts of its events, and where the next one begins.
    pub fn page<T: AsRef<str>>(&mut self, lookup: Lookup, events: &[T], token: Option<String>) {
        let mut unreadable = 0;
        for event in events {
            match Record::parse(event.as_ref()) {
                Ok(record) => self.read(&lookup, &record),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            self.miss(format!("{unreadable} record(s) about {} could not be read", lookup.label()));
        }
        if token.is_some() && token != lookup.token {
            self.ask(Lookup { token, ..lookup });
        }
    }

    /// A page could not be fetched: what else it would have said is missing.
    pub fn failed(&mut self, lookup: &Lookup, why: &str) {
        self.miss(format!("{}: {}", lookup.label(), inert(why, 100)));
    }

    /// Everything that is still to ask stays unasked.
    pub fn give_up(&mut self, why: &str) {
        let open: BTreeSet<String> =
            self.contained.drain(..).chain(self.derived.drain(..)).map(|lookup| lookup.label()).collect();
        for label in open {
            self.miss(format!("{label}: {why}"));
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Found {
        // Lines begin with the time.
        self.found.traced.sort_by_cached_key(Traced::line);
        self.found
    }

    fn read(&mut self, lookup: &Lookup, record: &Record) {
        if lookup.attribute == Attribute::ResourceName {
            return self.read_use_of_role(lookup, record);
        }
        // A trail holds records of its own account.
        let elsewhere = record.account.as_ref().is_some_and(|account| *account != lookup.suspect.target.account);
        if elsewhere || !lookup.suspect.made(record) {
            return;
        }
        let traced = follow::trace(record, &lookup.suspect);
        if record.refused {
            self.found.refused += usize::from(!traced.is_empty());
            return;
        }
        traced.into_iter().for_each(|traced| self.take(traced, lookup.depth + 1));
    }

    /// Who assumed a role that the suspects made: such a session is theirs, whoever asked for it.
    fn read_use_of_role(&mut self, lookup: &Lookup, record: &Record) {
        let role = &lookup.suspect.target;
        let assumed = record.name.starts_with("AssumeRole") && record.source == "sts.amazonaws.com" && !record.refused;
        let named = record.asked("/roleArn").and_then(RoleArn::parse);
        let this = named.is_some_and(|arn| arn.name.as_str().eq_ignore_ascii_case(&role.id) && arn.account == role.account);
        let Some((id, session)) = record.answered("/assumedRoleUser/assumedRoleId").and_then(|id| id.split_once(':')) else {
            return;
        };
        let namesake = role.principal_id.as_ref().is_some_and(|ours| ours.as_str() != id);
        if !assumed || !this || namesake {
            return;
        }
        let one = Target { session: Some(inert(session, 64)), scope: Scope::Session, ..role.clone() };
        let by = record.actor.account.as_ref().map_or_else(|| "somebody".to_owned(), |account| format!("account {account}"));
        let what = inert(&format!("{} by {by}: {one}", record.name), 170);
        let (at, from, next) = (record.at, role.account.clone(), Suspect::of(&one));
        self.take(Traced { at, what, follow: Follow::Nothing, from, next }, lookup.depth + 1);
    }

    fn take(&mut self, traced: Traced, depth: u32) {
        // The same record is found under a name and under a key.
        if self.found.traced.contains(&traced) {
            return;
        }
        if let Some(next) = traced.next.clone() {
            self.enqueue(next, depth);
        }
        self.found.traced.push(traced);
    }

    /// Asks about a suspect in the Region of IAM's calls and in the finding's.
    fn enqueue(&mut self, suspect: Suspect, depth: u32) {
        if let Some(what) = suspect.blind_spot() {
            self.miss(format!("{}: {what}", suspect.label()));
        }
        let (attribute, value) = match suspect.question() {
            Ok(question) => question,
            Err(why) => return self.miss(format!("{}: {why}", suspect.label())),
        };
        let account = &suspect.target.account;
        if let Some(why) = self.out_of_reach(account, depth) {
            return self.miss(format!("{}: {why}", suspect.label()));
        }
        let of_iam = region_of_iam(&suspect.target.partition).filter(|region| *region != suspect.target.region);
        let regions = of_iam.into_iter().chain([suspect.target.region.clone()]);
        let mut is_new = |region: &Region| self.asked.insert((account.clone(), region.clone(), attribute, value.clone()));
        let new: Vec<Region> = regions.filter(|region| is_new(region)).collect();
        for region in new {
            let lookup = Lookup { suspect: suspect.clone(), region, attribute, value: value.clone(), token: None, depth };
            if self.policy.allow.regions.is_empty() || self.policy.allow.regions.contains(&lookup.region) {
                self.ask(lookup);
            } else {
                self.failed(&lookup, "policy does not allow the Region");
            }
        }
    }

    fn ask(&mut self, lookup: Lookup) {
        if lookup.depth == 0 { self.contained.push_back(lookup) } else { self.derived.push_back(lookup) }
    }

    /// Why an account is not looked into, if so. A session's account is the suspect's choice: in an account of the attacker, whoever
    /// answers to Firebreak's call learns its external id.
    fn out_of_reach(&self, account: &AccountId, depth: u32) -> Option<String> {
        let allow = &self.policy.allow.accounts;
        if !self.homes.contains(account) && !self.policy.names(account) {
            return Some(format!("policy does not name account {account}"));
        }
        if !allow.is_empty() && !allow.contains(account) {
            return Some(format!("policy does not allow account {account}"));
        }
        (depth > MAX_DEPTH).then(|| format!("more than {MAX_DEPTH} steps away from a contained suspect"))
    }

    fn miss(&mut self, line: String) {
        if !self.found.missing.contains(&line) {
            self.found.missing.push(line);
        }
    }
}

//! What to ask CloudTrail next, from the suspects to everything that is in their hands, breadth first.
//!
//! `LookupEvents` takes one attribute, answers 50 events at a time, newest first, about one account and Region (CloudTrail API
//! reference, `LookupEvents`). Every question gets one page per turn.

mod by_name;
mod end;
mod kept;
mod proof;

pub use end::Found;

use super::credentials::{Credentials, Proof};
use super::follow;
use super::looked::{self, Looked};
use super::lookup::{Lookup, Questions, TrailPlace};
use super::renames::{Asked, Rename, Renames};
use super::window::Window;
use super::{Attribute, Record, Suspect, Traced, issued};
use crate::ids::{AccountId, Region, region_of_iam};
use crate::policy::Policy;
use crate::target::{Target, TargetKind};
use crate::text::inert;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many steps away from a decided suspect is looked: two roles that may assume each other would lead on for ever.
const MAX_DEPTH: u32 = 5;
/// Why what follows from a decided principal waits.
const NOT_CONTAINED: &str = "is not contained";
const ONLY_NAMED: &str = "is contained only because an answer named it";
/// What is said of a question that the next look asks.
pub const LATER: &str = "left to the next look";
const NOT_READ: &str = "earlier calls were not read";

/// From where a search starts, and how it asks.
#[derive(Debug, Clone, Default)]
pub struct Start<'a> {
    /// Principals that are contained.
    pub contained: Vec<&'a Target>,
    /// Principals that are decided about, and that nothing holds: what follows from them waits as they do.
    pub waiting: Vec<&'a Target>,
    /// Principals that others use, and that are contained only because an answer named them: what follows from them waits as well.
    pub named: Vec<&'a Target>,
    /// Accounts that may be asked although nothing is contained in them and policy does not name them: those of the findings.
    pub homes: BTreeSet<AccountId>,
    /// Regions that are asked beside IAM's and the target's: findings came from there.
    pub regions: BTreeSet<Region>,
    /// How it asks.
    pub way: Way,
    /// The time that is asked about. With it, the search leaves to the next one what it did not get to.
    pub window: Option<Window>,
    /// What earlier looks left.
    pub looked: Looked,
}

/// How a search asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// About suspects only.
    #[default]
    Suspects,
    /// One page about each suspect, whose rest the next look asks for, and the first pages for event names.
    FirstPages,
    /// About suspects and for event names.
    Everything,
}

/// A look into CloudTrail: what was asked, what is left to ask, what was found.
#[derive(Debug)]
pub struct Search<'a> {
    policy: &'a Policy,
    /// Accounts of suspects that are contained, and of the findings: Firebreak is in them already.
    homes: BTreeSet<AccountId>,
    pages: u32,
    way: Way,
    questions: Questions,
    /// Regions that are asked beside IAM's and the target's.
    regions: BTreeSet<Region>,
    /// By the principal, the Region, the question, and whether what follows waits: one name can be that of sessions of several roles.
    asked: HashSet<(String, Region, Attribute, String, bool)>,
    /// Users that are contained as a whole.
    users: Vec<Target>,
    /// Credentials that suspects made: account, user and id.
    lasting: BTreeSet<(AccountId, String, String)>,
    /// Suspects whose names nobody else uses, and what the name proves.
    certain: Vec<(Suspect, Proof)>,
    renames: Renames,
    /// One question of each suspect.
    known: Vec<Lookup>,
    /// Of everybody's events, those that no suspect of whom we know has made, and how many suspects they were compared with.
    unclaimed: Vec<(Lookup, Record)>,
    compared: usize,
    credentials: Credentials,
    window: Option<Window>,
    looked: Looked,
    /// Lines about what is left to the next look as long as suspects have room, and whose calls they are about.
    followed: BTreeMap<String, String>,
    found: Found,
}

impl<'a> Search<'a> {
    /// A search that starts from contained targets. Asks for nothing yet.
    #[must_use]
    pub fn new(suspects: impl IntoIterator<Item = &'a Target>, policy: &'a Policy) -> Self {
        Self::also_in(BTreeSet::new(), suspects, policy)
    }

    /// The same; about what the suspects did, these Regions are asked, too: findings came from there.
    #[must_use]
    pub fn also_in(regions: BTreeSet<Region>, suspects: impl IntoIterator<Item = &'a Target>, policy: &'a Policy) -> Self {
        Self::begin(Start { contained: suspects.into_iter().collect(), regions, ..Start::default() }, policy)
    }

    /// A search from `start`. Asks for nothing yet.
    #[must_use]
    pub fn begin(start: Start<'_>, policy: &'a Policy) -> Self {
        let Start { contained, waiting, named, homes, regions, way, window, looked } = start;
        let roots = |targets: Vec<&Target>, why: Option<&str>| -> Vec<Asked> {
            let suspects = targets.into_iter().filter_map(Suspect::of);
            let waits = |suspect: &Suspect| why.map(|why| format!("{} {why}", suspect.label()));
            suspects.map(|suspect| Asked { waits_with: waits(&suspect), suspect, depth: 0 }).collect()
        };
        let contained = roots(contained, None);
        let waiting = [roots(waiting, Some(NOT_CONTAINED)), roots(named, Some(ONLY_NAMED))].concat();
        let all = || contained.iter().chain(&waiting);
        let is_user = |target: &&Target| target.kind == TargetKind::IamUser && target.scope.is_whole();
        let looked = looked.starting_from(all().map(looked::root).collect(), window);
        let mut search = Self {
            policy,
            homes: contained.iter().map(|root| root.suspect.target.account.clone()).chain(homes).collect(),
            pages: policy.sweep.pages,
            way,
            questions: Questions::default(),
            regions,
            asked: HashSet::new(),
            users: all().map(|root| &root.suspect.target).filter(is_user).cloned().collect(),
            lasting: looked.lasting.clone(),
            certain: vec![],
            renames: Renames::before(looked.renames.clone()),
            known: vec![],
            unclaimed: vec![],
            compared: 0,
            credentials: Credentials::default(),
            window,
            followed: BTreeMap::new(),
            found: Found { uses: looked.uses.clone(), ..Found::default() },
            looked,
        };
        for root in all() {
            let proof = Proof::of(root.waits_with.as_deref());
            root.suspect.target.keys().for_each(|key| search.credentials.know(key.clone(), proof.clone()));
        }
        if search.pages > 0 {
            contained.into_iter().chain(waiting).for_each(|root| search.enqueue(root));
            search.go_on();
        }
        search
    }

    /// The next page to fetch. Nothing when everything is read, or the pages have run out.
    pub fn next_page(&mut self) -> Option<Lookup> {
        self.next_page_where(|_| true)
    }

    /// The next page that `may` be fetched now.
    pub fn next_page_where(&mut self, may: impl Fn(&Lookup) -> bool) -> Option<Lookup> {
        if self.pages == 0 {
            if self.window.is_some() {
                self.postpone(Lookup::takes_a_page);
            } else {
                self.leave("the pages of this look ran out (sweep.pages)", Lookup::takes_a_page);
            }
        }
        let next = self.questions.next(may)?;
        self.pages = self.pages.saturating_sub(u32::from(next.takes_a_page()));
        Some(next)
    }

    /// How many pages are known to be still to fetch in a place.
    #[must_use]
    pub fn waiting_in(&self, place: &TrailPlace) -> usize {
        self.questions.count_in(place)
    }

    /// Takes a page: the texts of its events, and where the next one begins.
    pub fn page<T: AsRef<str>>(&mut self, mut lookup: Lookup, events: &[T], token: Option<String>) {
        self.found.places.insert(lookup.place());
        let (mut unreadable, mut oldest) = (0, None::<Timestamp>);
        for event in events {
            let Ok(record) = Record::parse(event.as_ref()) else {
                unreadable += 1;
                continue;
            };
            oldest = oldest.into_iter().chain(record.at).min();
            if lookup.asks_everybody() {
                self.read_of_everybody(&lookup, record);
            } else {
                self.read(&lookup, &record);
            }
        }
        self.settle();
        self.note_read(&mut lookup, oldest, token.is_none());
        if unreadable > 0 {
            self.lose(format!("{unreadable} record(s) about {} could not be read", lookup.label()));
        }
        if token.is_none() || token == lookup.token {
            return;
        }
        let next = Lookup { token, again: false, page: lookup.page.saturating_add(1), ..lookup };
        match self.way {
            Way::FirstPages if !next.asks_everybody() || self.window.is_some() && next.takes_a_page() => {
                self.leave_below(next.label(), !next.asks_everybody());
            }
            // Without what is kept, the next look begins with the newest calls as well.
            Way::FirstPages if next.takes_a_page() => self.miss(format!("{}: {NOT_READ}", next.label())),
            _ => self.questions.ask(next),
        }
    }

    /// A page could not be fetched: what else it would have said is missing.
    pub fn failed(&mut self, lookup: &Lookup, why: &str) {
        self.miss(format!("{}: {}", lookup.label(), inert(why, 100)));
    }

    /// CloudTrail was too busy: the page is asked for once more, after what else is to ask.
    pub fn busy(&mut self, lookup: Lookup, why: &str) {
        if lookup.again {
            return self.failed(&lookup, why);
        }
        self.questions.ask(Lookup { again: true, ..lookup });
    }

    /// A page was not asked for: it is still to ask.
    pub fn put_back(&mut self, lookup: Lookup) {
        self.questions.put_back(lookup);
    }

    /// What is still to ask, and `is_left`, is left to the next look.
    pub fn postpone(&mut self, is_left: impl Fn(&Lookup) -> bool) {
        self.postpone_earlier(&is_left);
        self.postpone_whole(is_left);
    }

    /// Everything that is still to ask, and `is_left`, stays unasked.
    pub fn leave(&mut self, why: &str, is_left: impl Fn(&Lookup) -> bool) {
        for label in self.questions.drop_those(is_left) {
            self.miss(format!("{label}: {why}"));
        }
    }

    fn read(&mut self, lookup: &Lookup, record: &Record) {
        if lookup.attribute == Attribute::ResourceName {
            return self.read_use_of_role(lookup, record);
        }
        // A trail holds records of its own account.
        let elsewhere = record.account.as_ref().is_some_and(|account| *account != lookup.suspect.target.account);
        if elsewhere {
            return;
        }
        self.credentials.saw(&record.actor);
        if !lookup.suspect.made(record) {
            return;
        }
        let traced = follow::trace(record, &lookup.suspect);
        if traced.is_empty() {
            return;
        }
        let Some(proven) = self.proven(lookup, record) else {
            // Nothing came of a call that was refused, whoever made it.
            if !record.refused {
                self.credentials.hold(lookup, record);
            }
            return;
        };
        if record.refused {
            self.found.refused += 1;
            return;
        }
        self.doubt(lookup, &proven, record);
        let lookup = proven.as_ref();
        self.note_credentials(record, lookup);
        let renamed = Rename::of(record, &lookup.suspect).map(|rename| self.renames.saw(rename));
        renamed.into_iter().flatten().for_each(|renamed| self.enqueue(renamed));
        traced.into_iter().for_each(|traced| self.take(traced, lookup));
    }

    /// What a call of a suspect issued is in the suspects' hands.
    fn note_credentials(&mut self, record: &Record, lookup: &Lookup) {
        if let Some(key) = issued::key(record) {
            self.credentials.know(key, Proof::of(lookup.waits_with.as_deref()));
        }
        // Whose finding is perhaps wrong may have made what the user needs: a look after the containment notes it.
        let Some(lasting) = issued::lasting(record).filter(|_| lookup.waits_with.is_none()) else { return };
        let Target { kind, id, account, .. } = &lookup.suspect.target;
        let Some(name) = lasting.user.or((*kind == TargetKind::IamUser).then_some(id.as_str())) else { return };
        self.lasting.insert((account.clone(), name.to_owned(), lasting.id.to_owned()));
    }

    fn take(&mut self, traced: Traced, lookup: &Lookup) {
        let (waits_with, next) = (lookup.waits_with.clone(), traced.next.clone());
        // The same record is found under a name and under a key, and from a suspect that is contained and one that is not.
        let known = self.found.traced.iter_mut().find(|known| known.is_same(&traced));
        match known {
            Some(known) if known.waits_with.is_some() && waits_with.is_none() => known.waits_with = None,
            Some(_) => return,
            None => self.found.traced.push(Traced { waits_with: waits_with.clone(), ..traced }),
        }
        if let Some(suspect) = next {
            self.enqueue(Asked { suspect, depth: lookup.depth + 1, waits_with });
        }
    }

    /// Asks about a suspect in the Region of IAM's calls and in the finding's.
    fn enqueue(&mut self, asked: Asked) {
        for renamed in self.renames.asks(&asked) {
            self.enqueue(renamed);
        }
        self.keep_suspect(&asked);
        let Asked { suspect, depth, waits_with } = asked;
        if let Some(what) = suspect.blind_spot() {
            self.miss(format!("{}: {what}", suspect.label()));
        }
        let (attribute, value) = match suspect.question() {
            Ok(question) => question,
            Err(why) => return self.miss(format!("{}: {why}", suspect.label())),
        };
        if !suspect.shares_its_name() {
            self.certain.push((suspect.clone(), Proof::of(waits_with.as_deref())));
        }
        let account = &suspect.target.account;
        if let Some(why) = self.out_of_reach(account, depth) {
            return self.miss(format!("{}: {why}", suspect.label()));
        }
        let of_iam = region_of_iam(&suspect.target.partition).filter(|region| *region != suspect.target.region);
        let seen_in = self.regions.iter().filter(|_| depth == 0).cloned();
        let regions = of_iam.into_iter().chain([suspect.target.region.clone()]).chain(seen_in);
        let who = suspect.target.by_name().ledger_key();
        let question = |region: &Region, waits: bool| (who.clone(), region.clone(), attribute, value.clone(), waits);
        let waits = waits_with.is_some();
        // What was asked for somebody contained is not asked for somebody who waits.
        let mut is_new =
            |region: &Region| !self.asked.contains(&question(region, false)) && self.asked.insert(question(region, waits));
        let new: Vec<Region> = regions.filter(|region| is_new(region)).collect();
        let region = suspect.target.region.clone();
        let own = Lookup::new((suspect, depth, waits_with), region, (attribute, value));
        if depth == 0 || !new.is_empty() {
            self.known.push(own.clone());
        }
        for region in new {
            let lookup = Lookup { region, ..own.clone() };
            if self.allows(&lookup.region) {
                self.ask(lookup, &who);
            } else {
                self.failed(&lookup, "policy does not allow the Region");
            }
        }
        if depth == 0 && self.way != Way::Suspects {
            self.ask_by_name(&own);
        }
    }

    fn allows(&self, region: &Region) -> bool {
        self.policy.allow.regions.is_empty() || self.policy.allow.regions.contains(region)
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

    /// The next look asks again: nothing failed.
    fn miss_for_now(&mut self, line: String) {
        if !self.found.later.contains(&line) {
            self.found.later.push(line);
        }
    }

    fn miss(&mut self, line: String) {
        if !self.found.missing.contains(&line) {
            self.found.missing.push(line);
        }
    }
}

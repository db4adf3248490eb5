//! What to ask CloudTrail next, from the suspects to everything that is in their hands, breadth first.
//!
//! `LookupEvents` takes one attribute, answers 50 events at a time, newest first, about one account and Region (CloudTrail API
//! reference, `LookupEvents`). Every question gets one page per turn, and what was contained and what was derived from it take
//! turns: neither a busy suspect nor a hundred users made as decoys may use up the pages of everything else.

use super::credentials::Credentials;
use super::follow::{self, RoleArn};
use super::renames::{Rename, Renames};
use super::{Attribute, Follow, Record, Suspect, Traced, issued};
use crate::decision::Mode;
use crate::ids::region_of_iam;
use crate::ids::{AccountId, Region};
use crate::policy::Policy;
use crate::target::{Scope, Target, TargetKind};
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
    /// CloudTrail was too busy for it once.
    again: bool,
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
    /// Regions that are asked beside IAM's and the target's.
    regions: BTreeSet<Region>,
    /// By the principal, the Region and the question: one name can be that of sessions of several roles.
    asked: HashSet<(String, Region, Attribute, String)>,
    /// Users that are contained as a whole.
    users: Vec<Target>,
    /// Credentials that suspects made: account, user and id.
    lasting: BTreeSet<(AccountId, String, String)>,
    /// Suspects whose names nobody else uses.
    certain: Vec<Suspect>,
    renames: Renames,
    credentials: Credentials,
    found: Found,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Found {
    /// What the suspects did, oldest first.
    pub traced: Vec<Traced>,
    /// What could not be looked at, one line each.
    pub missing: Vec<String>,
    /// Accounts and Regions whose trail answered.
    pub places: BTreeSet<(AccountId, Region)>,
    /// Calls of suspects that AWS refused, of those that would have mattered.
    pub refused: usize,
    /// Ids of credentials that suspects gave to users that are contained, or may be: a release must not bring them back.
    pub exposed: Vec<(Target, String)>,
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
        let suspects: Vec<Suspect> = suspects.into_iter().filter_map(Suspect::of).collect();
        let homes = suspects.iter().map(|suspect| suspect.target.account.clone()).collect();
        let is_user = |target: &&Target| target.kind == TargetKind::IamUser && target.scope.is_whole();
        let mut search = Self {
            policy,
            regions,
            homes,
            pages: policy.sweep.pages,
            contained: VecDeque::new(),
            derived: VecDeque::new(),
            turn_of_derived: false,
            asked: HashSet::new(),
            users: suspects.iter().map(|suspect| &suspect.target).filter(is_user).cloned().collect(),
            lasting: BTreeSet::new(),
            certain: vec![],
            renames: Renames::default(),
            credentials: Credentials::default(),
            found: Found::default(),
        };
        let named = suspects.iter().flat_map(|suspect| suspect.target.keys().cloned().collect::<Vec<_>>());
        named.for_each(|key| search.credentials.know(key));
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
        self.found.places.insert((lookup.suspect.target.account.clone(), lookup.region.clone()));
        let mut unreadable = 0;
        for event in events {
            match Record::parse(event.as_ref()) {
                Ok(record) => self.read(&lookup, &record),
                Err(_) => unreadable += 1,
            }
        }
        while let Some((lookup, record)) = self.credentials.ready() {
            self.read(&lookup, &record);
        }
        if unreadable > 0 {
            self.miss(format!("{unreadable} record(s) about {} could not be read", lookup.label()));
        }
        if token.is_some() && token != lookup.token {
            self.ask(Lookup { token, again: false, ..lookup });
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
        self.ask(Lookup { again: true, ..lookup });
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
        let mut shared_roles = BTreeSet::new();
        for (lookup, record) in self.credentials.rest() {
            if lookup.attribute != Attribute::ResourceName {
                let traced = follow::trace(&record, &lookup.suspect).into_iter().map(Traced::doubted);
                traced.for_each(|traced| self.take(traced, lookup.depth + 1));
            } else if let Some(session) = used(&record, &lookup.suspect.target) {
                // Somebody else's session is told about and not followed.
                let is_theirs = self.is_theirs(&record);
                let traced = use_of_role(&record, &session);
                let next = traced.next.clone().filter(|_| is_theirs);
                self.take(Traced { next, ..traced }, lookup.depth + 1);
                shared_roles.extend((!is_theirs).then(|| session.whole().merge_key()));
            }
        }
        let Self { credentials, mut found, users, lasting, renames, .. } = self;
        renames.settle(&mut found.traced, &users);
        let derived = found.traced.iter().filter_map(whole_user);
        let users: Vec<Target> = users.into_iter().chain(derived.cloned()).collect();
        for (account, name, id) in lasting {
            let user = users.iter().find(|user| user.account == account && user.id.eq_ignore_ascii_case(&name));
            let user = user.or_else(|| renames.known(&account, &name, &users));
            found.exposed.extend(user.map(|user| (user.clone(), id)));
        }
        found.traced.iter_mut().for_each(|traced| ask_a_person(traced, &credentials, &shared_roles));
        // Lines begin with the time.
        found.traced.sort_by_cached_key(Traced::line);
        found
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
        if lookup.suspect.shares_its_name() && !self.credentials.knows(&record.actor) {
            // Nothing came of a call that was refused, whoever made it.
            if !record.refused {
                self.credentials.hold(lookup, record);
            }
            return;
        }
        if record.refused {
            self.found.refused += 1;
            return;
        }
        self.note_credentials(record, &lookup.suspect);
        let renamed = Rename::of(record, &lookup.suspect).map(|rename| self.renames.saw(rename));
        renamed.into_iter().flatten().for_each(|(suspect, depth)| self.enqueue(suspect, depth));
        traced.into_iter().for_each(|traced| self.take(traced, lookup.depth + 1));
    }

    /// What a call of a suspect issued is in the suspects' hands.
    fn note_credentials(&mut self, record: &Record, suspect: &Suspect) {
        if let Some(key) = issued::key(record) {
            self.credentials.know(key);
        }
        let Some(lasting) = issued::lasting(record) else { return };
        let Target { kind, id, account, .. } = &suspect.target;
        let Some(name) = lasting.user.or((*kind == TargetKind::IamUser).then_some(id.as_str())) else { return };
        self.lasting.insert((account.clone(), name.to_owned(), lasting.id.to_owned()));
    }

    /// Who assumed a role that the suspects made: such a session is theirs, unless somebody asked for it who may need the role.
    fn read_use_of_role(&mut self, lookup: &Lookup, record: &Record) {
        let Some(session) = used(record, &lookup.suspect.target) else { return };
        if !self.is_theirs(record) {
            return self.credentials.hold(lookup, record);
        }
        if let Some(key) = issued::key(record) {
            self.credentials.know(key);
        }
        self.take(use_of_role(record, &session), lookup.depth + 1);
    }

    /// True when suspects made a call: with a key of theirs, under a name that nobody else has, or from an account that nobody named
    /// and that only their trust policy let in.
    fn is_theirs(&self, record: &Record) -> bool {
        let is_outside = |account: &AccountId| !self.homes.contains(account) && !self.policy.names(account);
        self.credentials.knows(&record.actor)
            || record.actor.account.as_ref().is_some_and(is_outside)
            || self.certain.iter().any(|suspect| suspect.made(record))
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
        for (renamed, depth) in self.renames.asks(&suspect, depth) {
            self.enqueue(renamed, depth);
        }
        if let Some(what) = suspect.blind_spot() {
            self.miss(format!("{}: {what}", suspect.label()));
        }
        let (attribute, value) = match suspect.question() {
            Ok(question) => question,
            Err(why) => return self.miss(format!("{}: {why}", suspect.label())),
        };
        if !suspect.shares_its_name() {
            self.certain.push(suspect.clone());
        }
        let account = &suspect.target.account;
        if let Some(why) = self.out_of_reach(account, depth) {
            return self.miss(format!("{}: {why}", suspect.label()));
        }
        let of_iam = region_of_iam(&suspect.target.partition).filter(|region| *region != suspect.target.region);
        let seen_in = self.regions.iter().filter(|_| depth == 0).cloned();
        let regions = of_iam.into_iter().chain([suspect.target.region.clone()]).chain(seen_in);
        let who = suspect.target.by_name().ledger_key();
        let mut is_new = |region: &Region| self.asked.insert((who.clone(), region.clone(), attribute, value.clone()));
        let new: Vec<Region> = regions.filter(|region| is_new(region)).collect();
        for region in new {
            let value = value.clone();
            let lookup = Lookup { suspect: suspect.clone(), region, attribute, value, token: None, depth, again: false };
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

/// The session in which a record says that a role was assumed.
fn used(record: &Record, role: &Target) -> Option<Target> {
    let assumed = record.name.starts_with("AssumeRole") && record.source == "sts.amazonaws.com" && !record.refused;
    let named = record.asked("/roleArn").and_then(RoleArn::parse);
    let this = named.is_some_and(|arn| arn.name.as_str().eq_ignore_ascii_case(&role.id) && arn.account == role.account);
    let (id, session) = record.answered("/assumedRoleUser/assumedRoleId")?.split_once(':')?;
    let namesake = role.principal_id.as_ref().is_some_and(|ours| ours.as_str() != id);
    let (session, access_key_id) = (Some(inert(session, 64)), issued::key(record));
    (assumed && this && !namesake).then(|| Target { session, access_key_id, scope: Scope::Session, ..role.clone() })
}

fn use_of_role(record: &Record, session: &Target) -> Traced {
    let by = record.actor.account.as_ref().map_or_else(|| "somebody".to_owned(), |account| format!("account {account}"));
    let what = inert(&format!("{} by {by}: {session}", record.name), 170);
    Traced {
        at: record.at,
        what,
        follow: Follow::Nothing,
        from: session.account.clone(),
        next: Suspect::of(session),
        lives: None,
    }
}

/// What others use as well waits for a person, although a suspect assumed or made it.
fn ask_a_person(traced: &mut Traced, credentials: &Credentials, shared_roles: &BTreeSet<String>) {
    let Follow::Contain { mode: mode @ Mode::Auto, target, why, .. } = &mut traced.follow else { return };
    if target.scope == Scope::Session && credentials.is_shared(target) {
        *mode = Mode::Gate;
        *why = "assumed with the suspect's credentials, but others used a session of that name: it may be a workload's";
    } else if target.kind == TargetKind::IamRole && target.scope.is_whole() && shared_roles.contains(&target.merge_key()) {
        *mode = Mode::Gate;
        *why = "created with the suspect's credentials, but others assumed it: they may need it";
    }
}

/// The user whom a call calls to contain, with all credentials.
fn whole_user(traced: &Traced) -> Option<&Target> {
    let Follow::Contain { target, .. } = &traced.follow else { return None };
    (target.kind == TargetKind::IamUser && target.scope.is_whole()).then_some(target)
}

//! What a search has found when it ends: whose the rest is, and what others use as well.

use super::super::credentials::{Credentials, Proof};
use super::super::follow::{self, RoleArn};
use super::super::looked::Looked;
use super::super::lookup::TrailPlace;
use super::super::{Attribute, Follow, Record, Suspect, Traced, issued};
use super::Search;
use crate::decision::Mode;
use crate::impact::Use;
use crate::target::{Scope, Target, TargetKind};
use crate::text::inert;
use std::collections::BTreeSet;

/// What a look found.
#[derive(Debug, Default)]
pub struct Found {
    /// What the suspects did, oldest first.
    pub traced: Vec<Traced>,
    /// What could not be looked at, one line each.
    pub missing: Vec<String>,
    /// What is only left to the next look, one line each.
    pub later: Vec<String>,
    /// Accounts and Regions whose trail answered.
    pub places: BTreeSet<TrailPlace>,
    /// Calls of suspects that AWS refused, of those that would have mattered.
    pub refused: usize,
    /// Ids of credentials that suspects gave to users that are contained, or may be: a release must not bring them back.
    pub exposed: Vec<(Target, String)>,
    /// Sessions of roles that were asked about, whoever began them.
    pub uses: Vec<Use>,
    /// What the next look goes on from.
    pub looked: Looked,
}

impl Search<'_> {
    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Found {
        let unproven = self.credentials.unproven();
        let shared_roles = self.shared_roles();
        self.keep(unproven);
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
}

impl Search<'_> {
    /// Takes what nobody could prove, and says which roles others assumed. Whoever waits is perhaps another one.
    fn shared_roles(&mut self) -> BTreeSet<String> {
        let mut shared = BTreeSet::new();
        for (lookup, record) in self.credentials.rest() {
            if lookup.attribute != Attribute::ResourceName {
                let traced = follow::trace(&record, &lookup.suspect).into_iter().map(Traced::doubted);
                traced.for_each(|traced| self.take(traced, &lookup));
            } else if let Some(session) = used(&record, &lookup.suspect.target) {
                // Somebody else's session is told about and not followed. Of a role that may be innocent it is the daily use.
                let proven = self.proof(&record).map(|proof| lookup.proven_by(proof));
                if proven.is_none() && lookup.depth == 0 && lookup.waits_with.is_some() {
                    continue;
                }
                let traced = use_of_role(&record, &session);
                let next = traced.next.clone().filter(|_| proven.is_some());
                self.take(Traced { next, ..traced }, proven.as_deref().unwrap_or(&lookup));
                let is_theirs = proven.is_some_and(|proven| proven.waits_with == lookup.waits_with);
                shared.extend((!is_theirs).then(|| session.whole().merge_key()));
            }
        }
        for (lookup, record) in self.credentials.doubted() {
            let session = used(&record, &lookup.suspect.target).filter(|_| lookup.attribute == Attribute::ResourceName);
            match session {
                Some(session) if self.proof(&record) == Some(Proof::Contained) => {
                    self.take(use_of_role(&record, &session), &lookup);
                }
                Some(session) => shared.extend([session.whole().merge_key()]),
                None => {}
            }
        }
        shared
    }
}

/// The session in which a record says that a role was assumed.
pub(super) fn used(record: &Record, role: &Target) -> Option<Target> {
    let assumed = record.name.starts_with("AssumeRole") && record.source == "sts.amazonaws.com" && !record.refused;
    let named = record.asked("/roleArn").and_then(RoleArn::parse);
    let this = named.is_some_and(|arn| arn.name.as_str().eq_ignore_ascii_case(&role.id) && arn.account == role.account);
    let (id, session) = record.answered("/assumedRoleUser/assumedRoleId")?.split_once(':')?;
    let namesake = role.principal_id.as_ref().is_some_and(|ours| ours.as_str() != id);
    let (session, access_key_id) = (Some(inert(session, 64)), issued::key(record));
    (assumed && this && !namesake).then(|| Target { session, access_key_id, scope: Scope::Session, ..role.clone() })
}

pub(super) fn use_of_role(record: &Record, session: &Target) -> Traced {
    let by = record.actor.account.as_ref().map_or_else(|| "somebody".to_owned(), |account| format!("account {account}"));
    let what = inert(&format!("{} by {by}: {session}", record.name), 170);
    Traced {
        at: record.at,
        what,
        follow: Follow::Nothing,
        from: session.account.clone(),
        next: Suspect::of(session),
        lives: None,
        waits_with: None,
    }
}

/// What others use as well waits for a person, although a suspect assumed or made it.
fn ask_a_person(traced: &mut Traced, credentials: &Credentials, shared_roles: &BTreeSet<String>) {
    let Follow::Contain { mode: mode @ Mode::Auto, target, why, .. } = &mut traced.follow else { return };
    if target.scope == Scope::Session && credentials.is_shared(target, traced.waits_with.is_some()) {
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

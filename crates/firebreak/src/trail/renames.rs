//! Users whom suspects renamed. A user keeps its id, keys and policies, and CloudTrail has what it does under the new name.
//!
//! Pages come newest first and from several questions: a rename is read before or after the user whom it is about.

use super::record::Record;
use super::{Follow, Suspect, Traced};
use crate::decision::Mode;
use crate::ids::{AccountId, IamName};
use crate::target::{Target, TargetKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One call of `UpdateUser` that gave a user another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rename {
    account: AccountId,
    at: Option<Timestamp>,
    pub(super) from: IamName,
    pub(super) to: IamName,
}

impl Rename {
    /// The rename that a suspect's call made. IAM does not tell case apart.
    pub(super) fn of(record: &Record, suspect: &Suspect) -> Option<Self> {
        let Target { kind, id, account, .. } = &suspect.target;
        // Without a name, IAM takes the caller.
        let own = (*kind == TargetKind::IamUser).then_some(id.as_str());
        let is_update = record.source == "iam.amazonaws.com" && record.name == "UpdateUser";
        let from = record.asked("/userName").or(own).filter(|_| is_update)?;
        let to = record.asked("/newUserName").filter(|to| !to.eq_ignore_ascii_case(from))?;
        let (from, to) = (IamName::parse(from).ok()?, IamName::parse(to).ok()?);
        Some(Self { account: account.clone(), at: record.at, from, to })
    }

    fn is_from(&self, account: &AccountId, name: &str) -> bool {
        self.account == *account && self.from.as_str().eq_ignore_ascii_case(name)
    }

    fn is_to(&self, account: &AccountId, name: &str) -> bool {
        self.account == *account && self.to.as_str().eq_ignore_ascii_case(name)
    }

    /// The same user, under its new name and a step further. Whoever renamed it: it waits as the user does.
    fn next(&self, Asked { suspect, depth, waits_with }: &Asked) -> Option<Asked> {
        let Target { account, id, .. } = &suspect.target;
        let target = Target { id: self.to.to_string(), ..suspect.target.clone() };
        let suspect = Suspect { target, ..suspect.clone() };
        self.is_from(account, id).then(|| Asked { suspect, depth: depth + 1, waits_with: waits_with.clone() })
    }
}

/// A suspect that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) suspect: Suspect,
    /// How far from a decided suspect.
    pub(super) depth: u32,
    /// As in a question.
    pub(super) waits_with: Option<String>,
}

/// What a search knows of renames.
#[derive(Debug, Default)]
pub(super) struct Renames {
    seen: Vec<Rename>,
    /// Users that are asked about by name.
    users: Vec<Asked>,
}

impl Renames {
    /// Those that earlier looks saw.
    pub(super) fn before(seen: Vec<Rename>) -> Self {
        Self { seen, users: vec![] }
    }

    /// All of them.
    pub(super) fn seen(&self) -> &[Rename] {
        &self.seen
    }

    /// Takes a suspect's rename. Returns whom to ask about next.
    pub(super) fn saw(&mut self, rename: Rename) -> Vec<Asked> {
        // The same record is found under a name and under a key.
        if self.seen.contains(&rename) {
            return vec![];
        }
        let next = self.users.iter().filter_map(|user| rename.next(user)).collect();
        self.seen.push(rename);
        next
    }

    /// Takes a suspect. Returns under which names to ask about it next; again, when it waits no more.
    pub(super) fn asks(&mut self, user: &Asked) -> Vec<Asked> {
        if user.suspect.target.kind != TargetKind::IamUser || user.suspect.key.is_some() {
            return vec![];
        }
        let known = self.users.iter_mut().find(|known| known.suspect.target == user.suspect.target);
        match known {
            Some(known) if known.waits_with.is_some() && user.waits_with.is_none() => known.waits_with = None,
            Some(_) => return vec![],
            None => self.users.push(user.clone()),
        }
        self.seen.iter().filter_map(|rename| rename.next(user)).collect()
    }

    /// Which of `users` has this name now. Nothing when two had it: it may be the other one's.
    pub(super) fn known<'a>(&self, account: &AccountId, name: &str, users: &'a [Target]) -> Option<&'a Target> {
        if self.seen.iter().any(|rename| rename.is_from(account, name)) {
            return None;
        }
        let mut name = name.to_owned();
        for _ in &self.seen {
            let mut before = self.seen.iter().filter(|rename| rename.is_to(account, &name)).map(|rename| rename.from.as_str());
            let from = before.next()?.to_owned();
            if !before.all(|other| other.eq_ignore_ascii_case(&from)) {
                return None;
            }
            if let Some(user) = users.iter().find(|user| user.account == *account && user.id.eq_ignore_ascii_case(&from)) {
                return Some(user);
            }
            name = from;
        }
        None
    }

    /// What was decided as if a bystander had the new name: of a user whom the suspects have, its quarantine follows the id. Without
    /// an id it has to be asked for under the new name. Modes stay: this raises none.
    pub(super) fn settle(&self, traced: &mut [Traced], suspects: &[Target]) {
        if self.seen.is_empty() {
            return;
        }
        let made = traced.iter().filter_map(made);
        let users: Vec<Target> = suspects.iter().chain(made).cloned().collect();
        for traced in traced {
            let Follow::Contain { mode: Mode::Gate, target, why, created: false, .. } = &mut traced.follow else {
                continue;
            };
            if target.kind != TargetKind::IamUser || !target.scope.is_whole() {
                continue;
            }
            match self.known(&target.account, &target.id, &users) {
                Some(user) if user.principal_id.is_some() && !user.contradicts(target) => traced.follow = Follow::Nothing,
                Some(user) if user.principal_id.is_none() => *why = "the new name of a user whom the suspects have",
                _ => {}
            }
        }
    }
}

/// A user whom a suspect made.
fn made(traced: &Traced) -> Option<&Target> {
    let Follow::Contain { target, created: true, .. } = &traced.follow else { return None };
    (target.kind == TargetKind::IamUser && target.scope.is_whole()).then_some(target)
}

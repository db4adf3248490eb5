//! Whom the statements about suspects deny, by the form of a condition.
//!
//! Nobody is taken over from a policy: whoever may write it may have put an innocent into such a statement. Whom other incidents accuse is
//! recorded, and among the suspects already.

use super::Around;
use crate::accused::Session;
use std::collections::{BTreeMap, BTreeSet};

/// The values of the statements about suspects.
#[derive(Debug, Default)]
pub(super) struct Denied {
    /// Patterns of users and roles.
    pub(super) arns: Vec<String>,
    /// Single sessions, and users by their id.
    pub(super) identities: Vec<String>,
    /// Roles whose ids are not known, and their sessions.
    pub(super) of_roles: Vec<(Vec<String>, Vec<String>)>,
}

impl Denied {
    /// Those of the bucket's partition: no ARN of another one is anybody here.
    pub(super) fn of(around: &Around<'_>) -> Self {
        let front = format!("arn:{}:", around.bucket.partition);
        let arns = around.suspects.arns.iter().filter(|arn| arn.starts_with(&front)).cloned().collect();
        let mut identities = BTreeSet::new();
        let mut of_roles: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
        for Session { role, userid } in &around.suspects.sessions {
            match role {
                None => {
                    identities.insert(userid.clone());
                }
                Some(role) if role.starts_with(&front) => {
                    of_roles.entry(under_any_path(role)).or_default().insert(userid.clone());
                }
                Some(_) => {}
            }
        }
        let list = |set: BTreeSet<String>| -> Vec<String> { set.into_iter().collect() };
        let of_roles = of_roles.into_iter().map(|(role, sessions)| (list(role), list(sessions))).collect();
        Self { arns, identities: list(identities), of_roles }
    }

    /// Whether nobody can be denied.
    pub(super) fn is_empty(&self) -> bool {
        self.arns.is_empty() && self.identities.is_empty() && self.of_roles.is_empty()
    }
}

/// A role under any path: names are unique in an account. A pattern that has a path stays as it is.
pub(super) fn under_any_path(role: &str) -> BTreeSet<String> {
    let mut both = BTreeSet::from([role.to_owned()]);
    if let Some((front, name)) = role.rsplit_once(":role/").filter(|(_, name)| !name.contains('/')) {
        both.insert(format!("{front}:role/*/{name}"));
    }
    both
}

//! Who keeps and who loses access to a bucket at a level of the lockdown.
//!
//! Only Firebreak's own denies are known, and whom the bucket's policy and ACL name. What the named ones may do by other policies is not
//! evaluated. A condition that is not understood counts as access that is lost: a person then decides. But a suspect must not be able to hold
//! a freeze up: what CloudTrail shows a suspect to have written makes nobody wait.

mod destroys;

use crate::base::{BaseState, Grant};
use crate::changed::Trust;
use crate::named::{self, Named};
use crate::pattern::is_like;
use crate::statements::{Around, destructive_actions};
use destroys::destroys;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak::text::inert;
use firebreak_function::step::skipped;
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a name.
const NAME: usize = 80;
/// So many are named in a line.
const NAMED: usize = 3;
/// Characters of a line.
const LINE: usize = 300;

const SSE_C: &str = "s3:x-amz-server-side-encryption-customer-algorithm";
const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const ANY_ACCOUNT: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// Somebody who loses access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loses {
    /// An inert name.
    pub(crate) who: String,
    /// An incident accuses them, or only what a suspect wrote lets them in or shuts them out: no reason to wait.
    pub(crate) is_suspect: bool,
    /// Why.
    pub(crate) why: &'static str,
}

/// Who keeps and who loses access, each once.
#[derive(Debug)]
pub(crate) struct Access {
    /// Inert names.
    pub(crate) keeps: Vec<String>,
    /// Who loses all of it, or part of it.
    pub(crate) loses: Vec<Loses>,
    level: Scope,
}

/// What a level means for somebody.
enum Verdict {
    Keeps,
    /// Why, and whether it is a suspect.
    Loses(&'static str, bool),
}

/// Who keeps and who loses access to the bucket of `around`, which is as `base` says and has the policy `document`.
pub(crate) fn assess(level: Scope, base: &BaseState, document: &Document, around: &Around<'_>, trust: &Trust) -> Access {
    let of_policy: Vec<(Named, &Value)> = document
        .foreign()
        .flat_map(|statement| named::of_statement(statement).into_iter().map(move |who| (who, statement)))
        .collect();
    let block = base.public_access_block;
    let is_shut = block.is_some_and(|block| block.restrict_public_buckets);
    let is_public = of_policy.iter().any(|(who, _)| *who == Named::Everybody);
    let before = trust.before.as_ref().map(|before| before.foreign().flat_map(named::of_statement).collect());
    let judge = Judge { level, around, trust, before, is_public, is_shut };
    let destructive = destructive_actions();
    let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
    let mut add = |who: String, verdict: Option<Verdict>| {
        // Whoever loses something by one statement has not kept it by another one.
        match verdict {
            Some(Verdict::Keeps) => {
                verdicts.entry(who).or_insert(Verdict::Keeps);
            }
            Some(loses) => {
                verdicts.insert(who, loses);
            }
            None => {}
        }
    };
    for (who, statement) in &of_policy {
        add(judge.label(who), judge.of_policy(who, || destroys(statement, &destructive)));
    }
    let ignores_acls = block.is_some_and(|block| block.ignore_public_acls);
    for grant in base.acl.iter().filter(|_| base.ownership.as_deref() != Some("BucketOwnerEnforced")) {
        if base.owner_id.as_ref() != Some(&grant.grantee) {
            add(format!("by ACL: {}", grantee(grant)), judge.of_acl(grant, ignores_acls));
        }
    }
    if level == Scope::Freeze && document.foreign().any(demands_customer_keys) {
        let did_before = trust.before.as_ref().is_some_and(|before| before.foreign().any(demands_customer_keys));
        let is_suspects = trust.policy_by_suspect && !did_before;
        let loses = Verdict::Loses("the policy demands such keys", is_suspects);
        add("whoever writes with own keys (SSE-C)".to_owned(), Some(loses));
    }
    Access::of(level, verdicts)
}

impl Access {
    fn of(level: Scope, verdicts: BTreeMap<String, Verdict>) -> Self {
        let (mut keeps, mut loses) = (Vec::new(), Vec::new());
        for (who, verdict) in verdicts {
            match verdict {
                Verdict::Keeps => keeps.push(who),
                Verdict::Loses(why, is_suspect) => loses.push(Loses { who, is_suspect, why }),
            }
        }
        Self { keeps, loses, level }
    }

    /// Who loses access at a freeze and is no suspect, in one bounded line for whoever decides. Public access ends on purpose where it is
    /// blocked, and everybody loses what destruction and seal deny: a person, or the policy, asked for just that.
    pub(crate) fn innocent_losers(&self) -> Option<String> {
        let innocent: Vec<&Loses> = self.loses.iter().filter(|loses| !loses.is_suspect).collect();
        let is_meant = self.level != Scope::Freeze || innocent.is_empty();
        (!is_meant).then(|| inert(&format!("would lose access: {}", losers(&innocent)), LINE))
    }

    /// Who loses access, in one bounded line for people. Nothing when nobody does.
    pub(crate) fn says_losers(&self) -> Option<String> {
        let all: Vec<&Loses> = self.loses.iter().collect();
        (!all.is_empty()).then(|| inert(&format!("loses access: {}", losers(&all)), LINE))
    }

    /// Who keeps access, in one bounded line for people. Nothing when nobody is named who does.
    pub(crate) fn says_keepers(&self) -> Option<String> {
        (!self.keeps.is_empty()).then(|| inert(&format!("keeps access: {}", listed(&self.keeps)), LINE))
    }

    /// The same as a step of a receipt.
    pub(crate) fn note(&self) -> Step {
        let said: Vec<String> = [self.says_losers(), self.says_keepers()].into_iter().flatten().collect();
        let said = if said.is_empty() { "policy and ACL name nobody beside the owner".to_owned() } else { said.join("; ") };
        skipped(StepKind::NoteAccess, Fault::malformed(said))
    }
}

fn losers(all: &[&Loses]) -> String {
    listed(&all.iter().map(|loses| format!("{} ({})", loses.who, loses.why)).collect::<Vec<_>>())
}

fn listed(names: &[String]) -> String {
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() <= NAMED { first } else { format!("{} names, among them {first}", names.len()) }
}

/// What judges everybody whom a bucket names.
struct Judge<'a> {
    level: Scope,
    around: &'a Around<'a>,
    trust: &'a Trust,
    /// Whom the policy named before a suspect wrote it, as far as that is known.
    before: Option<BTreeSet<Named>>,
    /// The policy lets everybody in.
    is_public: bool,
    /// The block is on already under which a public policy lets only the account and AWS services in (Amazon S3 user guide, "Blocking
    /// public access to your Amazon S3 storage", `RestrictPublicBuckets`).
    is_shut: bool,
}

impl Judge<'_> {
    /// Nothing: somebody whom a public access block keeps out already.
    fn of_policy(&self, who: &Named, destroys: impl Fn() -> bool) -> Option<Verdict> {
        match self.level {
            _ if self.is_responder(who) => Some(Verdict::Keeps),
            Scope::Seal => Some(Verdict::Loses(SEALED, false)),
            Scope::Destruction if matches!(who, Named::Service(_)) || !destroys() => Some(Verdict::Keeps),
            Scope::Destruction => Some(Verdict::Loses(KEPT_FROM_DESTROYING, false)),
            _ if self.is_public && self.is_shut && !self.is_inside(who) => None,
            _ => Some(self.blocked(who).or_else(|| self.frozen(who)).unwrap_or(Verdict::Keeps)),
        }
    }

    /// Whom the public access block keeps out.
    fn blocked(&self, who: &Named) -> Option<Verdict> {
        // Who made the policy public shuts everybody out who is named beside.
        let is_suspects = self.is_by_suspect(who) || self.is_by_suspect(&Named::Everybody);
        match who {
            Named::Everybody => Some(Verdict::Loses("public access ends", is_suspects)),
            _ if self.is_public && !self.is_inside(who) => {
                Some(Verdict::Loses("the policy is public, so the block shuts them out", is_suspects))
            }
            _ => None,
        }
    }

    /// Whether only a policy that a suspect wrote names somebody. Where nobody knows what the policy said before, that may be.
    fn is_by_suspect(&self, who: &Named) -> bool {
        self.trust.policy_by_suspect && self.before.as_ref().is_none_or(|before| !before.contains(who))
    }

    /// Whom the statements of a freeze deny.
    fn frozen(&self, who: &Named) -> Option<Verdict> {
        if self.level != Scope::Freeze {
            return None;
        }
        if self.is_suspect(who) {
            return Some(Verdict::Loses("a suspect", true));
        }
        let is_member = matches!(who, Named::Organization(id) if Some(id.as_str()) == self.around.organization);
        if is_member || self.is_inside(who) {
            return None;
        }
        if self.trust.policy_by_suspect && self.before.is_none() {
            // Outsiders are not denied then: a partner of years cannot be told from an accomplice.
            return None;
        }
        if let Named::Unclear(_) = who {
            return Some(Verdict::Loses("not understood", self.is_by_suspect(who)));
        }
        self.around.organization?;
        match who {
            _ if self.is_by_suspect(who) => Some(Verdict::Loses("named by a policy that a suspect wrote", true)),
            Named::Organization(_) => Some(Verdict::Loses("another organization", false)),
            Named::Canonical(_) => Some(Verdict::Loses(CANONICAL, false)),
            _ => None,
        }
    }

    fn of_acl(&self, grant: &Grant, ignores_public: bool) -> Option<Verdict> {
        let (group, permission) = (grant.grantee.as_str(), grant.permission.as_str());
        let is_public = matches!(group, EVERYBODY | ANY_ACCOUNT);
        // CloudTrail does not show what the ACL was before.
        let is_suspects = self.trust.acl_by_suspect;
        match self.level {
            _ if is_public && ignores_public => None,
            Scope::Seal => Some(Verdict::Loses(SEALED, false)),
            Scope::Destruction if matches!(permission, "READ" | "READ_ACP") => Some(Verdict::Keeps),
            Scope::Destruction => Some(Verdict::Loses(KEPT_FROM_DESTROYING, false)),
            _ if is_public => Some(Verdict::Loses("public access ends", is_suspects)),
            Scope::Freeze if self.around.organization.is_none() => Some(Verdict::Keeps),
            Scope::Freeze if group == LOG_DELIVERY => {
                Some(Verdict::Loses("not known whether S3 counts it as an AWS service", is_suspects))
            }
            Scope::Freeze => Some(Verdict::Loses(CANONICAL, is_suspects)),
            _ => Some(Verdict::Keeps),
        }
    }

    /// Whether somebody is of the bucket's own account, or an AWS service.
    fn is_inside(&self, who: &Named) -> bool {
        matches!(who, Named::Service(_)) || who.account() == Some(self.around.bucket.owner.as_str())
    }

    fn is_responder(&self, who: &Named) -> bool {
        let Named::Principal(arn) = who else { return false };
        self.around.responders().iter().any(|responder| is_like(responder, arn))
    }

    /// Whether a user or role is a suspect of an incident that holds the bucket. A role of which only one session is accused keeps its access.
    fn is_suspect(&self, who: &Named) -> bool {
        let Named::Principal(arn) = who else { return false };
        let Some((front, path)) = arn.split_once('/') else { return false };
        let name = path.rsplit('/').next().unwrap_or(path);
        self.around.suspects.arns.contains(&format!("{front}/{name}"))
    }

    /// How people call somebody.
    fn label(&self, who: &Named) -> String {
        match who {
            Named::Everybody => "everybody (public)".to_owned(),
            Named::Organization(id) if Some(id.as_str()) == self.around.organization => "members of the organization".to_owned(),
            Named::Organization(id) => format!("members of organization {}", inert(id, NAME)),
            Named::Account(id) if *id == self.around.bucket.owner => "its own account".to_owned(),
            Named::Account(id) => format!("account {}", inert(id, NAME)),
            Named::Principal(arn) => inert(arn, NAME),
            Named::CloudFront(arn) => format!("CloudFront identity {}", inert(arn.rsplit(' ').next().unwrap_or(arn), NAME)),
            Named::Service(name) => format!("service {}", inert(name, NAME)),
            Named::Canonical(id) => format!("canonical user id {}", inert(id, NAME)),
            Named::Unclear(what) => inert(what, LINE),
        }
    }
}

const SEALED: &str = "every call is denied";
const KEPT_FROM_DESTROYING: &str = "may not delete or change settings any more";
const CANONICAL: &str = "may be outside the organization";

fn grantee(grant: &Grant) -> String {
    match grant.grantee.as_str() {
        EVERYBODY => "everybody (public)".to_owned(),
        ANY_ACCOUNT => "every AWS account (public)".to_owned(),
        LOG_DELIVERY => "S3's log delivery".to_owned(),
        id => format!("canonical user id {}", inert(id, NAME)),
    }
}

/// Whether a statement takes only objects under keys that the caller keeps.
fn demands_customer_keys(statement: &Value) -> bool {
    let Some(operators) = statement["Condition"].as_object() else { return false };
    let is_deny = statement["Effect"] == "Deny";
    operators.iter().any(|(operator, keys)| {
        let values =
            keys.as_object().into_iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case(SSE_C)).map(|(_, values)| values);
        let Some(values) = values else { return false };
        let is_absent = named::strings(values).is_some_and(|all| all.iter().any(|value| value.eq_ignore_ascii_case("true")));
        let is_null = operator.eq_ignore_ascii_case("Null");
        // A deny of what comes without such a key demands one; an Allow under it does, unless it is for what comes without.
        if is_deny { is_null && is_absent || operator.to_ascii_lowercase().contains("not") } else { !(is_null && is_absent) }
    })
}

#[cfg(test)]
mod tests;

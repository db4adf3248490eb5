//! Levels and incidents that share one bucket. Each level has a base of its own, and what one of them finds can be what another one made:
//! a base says how the bucket was before any of them.

mod hand_over;
mod past;

use crate::accusers::{self, Accusers};
use crate::base::{BaseState, Encryption, Planned, PublicAccessBlock, Rule, Rules, Versioning};
use crate::claimed::Claims;
use crate::deleted;
use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::target::Scope;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_s3::levels::{LEVELS, free_sids_beside, level_of, sids_of};
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is recorded of the bucket's levels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Others {
    own: Option<BaseState>,
    /// Who holds this level.
    holders: Vec<String>,
    /// When that was recorded, as the ledger writes times.
    captured_at: Option<String>,
    /// Who let go of this level.
    gone: Vec<String>,
    held: Vec<Other>,
    /// This level, and those that somebody holds.
    present: BTreeSet<Scope>,
}

/// Another level that somebody holds.
#[derive(Debug, Clone)]
struct Other {
    level: Scope,
    base: BaseState,
    is_releasing: bool,
    holders: Vec<String>,
}

/// What is recorded of the bucket's levels, this one's and the others'.
///
/// # Errors
/// The ledger could not be read, or a base has an unknown form: what was there before would be guessed.
pub(crate) async fn others(call: &Call) -> Result<Others, Fault> {
    let (_, own) = call.held().key();
    let mut found = Others { present: BTreeSet::from([call.target.scope]), ..Others::default() };
    for (key, row) in call.ledger.rows_of(call.held(), clock::now()).await? {
        let held = level_of(&call.target, &key).filter(|_| !row.holders.is_empty());
        found.present.extend(held);
        let Some(base) = row.base::<BaseState>()? else { continue };
        if key == own {
            let (holders, captured_at, gone) = (row.holders, row.captured_at, row.released_by);
            found = Others { own: Some(base), holders, captured_at, gone, ..found };
        } else if let Some(level) = held {
            found.held.push(Other { level, base, is_releasing: row.is_releasing, holders: row.holders });
        }
    }
    Ok(found)
}

impl Others {
    /// The base of this level, once an earlier run or another incident has recorded it: the next call was a change.
    pub(crate) fn own(&self) -> Option<&BaseState> {
        self.own.as_ref()
    }

    /// Who is known to accuse whom at this level, now that the incident of `call` accuses `suspects`. Only a freeze denies suspects.
    pub(crate) fn accusers(&self, call: &Call, suspects: &Suspects) -> Accusers {
        if call.target.scope != Scope::Freeze {
            return Accusers::new();
        }
        let known = self.own().map(|own| own.planned.denied.clone()).unwrap_or_default();
        accusers::with(&known, (call, call.holder.id().as_str()), &self.holders, suspects)
    }

    /// `current` as the bucket was before the other levels changed it. What somebody else changed since stays as it is now.
    pub(crate) fn original(&self, current: BaseState) -> BaseState {
        let mut original = current;
        (original.policy, original.planned.left_out) = self.policy_before(original.policy.as_deref());
        for Other { level, base, .. } in &self.held {
            let has_closed = closes(*level, &base.planned) && original.public_access_block == Some(PublicAccessBlock::ALL);
            if has_closed {
                original.public_access_block = base.public_access_block;
            }
            if base.planned.versioning && original.versioning == Versioning::Enabled {
                original.versioning = base.versioning;
            }
            if base.planned.encryption {
                original.encryption = encryption_before(original.encryption, base.encryption.as_ref());
            }
            original.lifecycle = rules_before(original.lifecycle, base.lifecycle.as_ref(), &base.planned.lifecycle);
            original.replication = rules_before(original.replication, base.replication.as_ref(), &base.planned.replication);
        }
        original
    }

    /// The policy without the statements of any level, byte for byte where a base knows its text; and what it lacks because S3 did not take
    /// it back.
    fn policy_before(&self, current: Option<&str>) -> (Option<String>, Vec<Value>) {
        let unchanged = || current.map(str::to_owned);
        let Ok(document) = Document::parse(current) else { return (unchanged(), vec![]) };
        let (bare, left_out) = (without_levels(&document), self.left_out_by_any());
        if bare.statements().len() == document.statements().len() && left_out.is_empty() {
            return (unchanged(), vec![]);
        }
        for base in self.held.iter().map(|other| &other.base) {
            let Ok(before) = Document::parse(base.policy.as_deref()) else { continue };
            if bare.is_same(&before) || deleted::are_same(&bare, &before) {
                return (base.policy.clone(), vec![]);
            }
            let (lacking, lacks) = lacking(before, &left_out);
            if bare.is_same(&lacking) || deleted::are_same(&bare, &lacking) {
                return (base.policy.clone(), lacks);
            }
        }
        (bare.render(), vec![])
    }

    /// Whether another level needs the public access block.
    pub(crate) fn needs_block(&self) -> bool {
        self.needing().any(|other| closes(other.level, &other.base.planned))
    }

    /// Whether another level needs versioning.
    pub(crate) fn needs_versioning(&self) -> bool {
        self.needing().any(|other| other.base.planned.versioning)
    }

    /// Whether another level needs keys of callers refused.
    pub(crate) fn needs_encryption(&self) -> bool {
        self.needing().any(|other| other.base.planned.encryption)
    }

    /// Whether another level needs this lifecycle rule off.
    pub(crate) fn needs_lifecycle(&self, id: &str) -> bool {
        self.needing().any(|other| other.base.planned.lifecycle.contains(id))
    }

    /// Whether another level needs this replication rule off.
    pub(crate) fn needs_replication(&self, id: &str) -> bool {
        self.needing().any(|other| other.base.planned.replication.contains(id))
    }

    /// What of the bucket policy is Firebreak's, for the level `own`: its statements, and those of the levels that somebody holds.
    pub(crate) fn claims(&self, own: Scope) -> Claims {
        Claims::of(self.held.iter().map(|other| other.level).chain([own]))
    }

    /// How the statements of levels begin that nobody holds, but for this one's.
    pub(crate) fn free_sids(&self) -> Vec<&'static str> {
        free_sids_beside(&self.present)
    }

    /// Statements that another level left out of the policy.
    pub(crate) fn left_out(&self) -> Vec<Value> {
        self.needing().flat_map(|other| other.base.planned.left_out.clone()).collect()
    }

    /// A level that is being released at this moment needs nothing any more: two releases at once must not leave a change to each other.
    fn needing(&self) -> impl Iterator<Item = &Other> {
        self.held.iter().filter(|other| !other.is_releasing)
    }

    fn left_out_by_any(&self) -> Vec<Value> {
        self.held.iter().flat_map(|other| other.base.planned.left_out.clone()).collect()
    }
}

/// Whether a level switches the public access block on. A row of an earlier version has no plan: its only level did.
fn closes(level: Scope, planned: &Planned) -> bool {
    level == Scope::Principal || planned.block
}

/// A policy without the statements of any level.
pub(crate) fn without_levels(document: &Document) -> Document {
    let fronts: Vec<&str> = LEVELS.iter().flat_map(|level| sids_of(*level)).copied().collect();
    document.without(&fronts)
}

/// A policy without those of its statements that are in `left_out`, and which ones those are.
fn lacking(policy: Document, left_out: &[Value]) -> (Document, Vec<Value>) {
    let all = policy.statements().iter().enumerate();
    let out: Vec<(usize, Value)> =
        all.filter(|(_, one)| deleted::has(left_out, one)).map(|(at, one)| (at, one.clone())).collect();
    let (places, lacks): (Vec<usize>, Vec<Value>) = out.into_iter().unzip();
    // From the end: the place of a statement is that among those which are still there.
    (places.into_iter().rev().fold(policy, |policy, at| policy.leaving_out(at)), lacks)
}

/// Encryption as another level found it, where the bucket still has what that level wrote.
fn encryption_before(now: Option<Encryption>, theirs: Option<&Encryption>) -> Option<Encryption> {
    let now = now?;
    let had = |blocked: &[String]| blocked.iter().any(|kind| kind == "SSE-C");
    if !had(&now.blocked) {
        return Some(now);
    }
    match theirs {
        Some(theirs) => Some(Encryption { default: now.default, blocked: theirs.blocked.clone() }),
        // S3 takes no block without a default: that level wrote the one that S3 has anyway.
        None if now.default.as_ref().is_none_or(|default| default.kind == "AES256") => None,
        None => Some(Encryption { blocked: vec![], ..now }),
    }
}

/// Rules as another level found them: those that it switched off, and that nobody changed otherwise, are on again.
fn rules_before(now: Option<Rules>, theirs: Option<&Rules>, planned: &BTreeSet<String>) -> Option<Rules> {
    let now = now?;
    let Some(theirs) = theirs else { return Some(now) };
    let was_on = |rule: &Rule| {
        let before = theirs.rule(&rule.id).filter(|_| planned.contains(&rule.id));
        before.is_some_and(|before| before.enabled && before.digest == rule.digest)
    };
    let each = now.rules.iter().map(|rule| Rule { enabled: rule.enabled || was_on(rule), ..rule.clone() });
    let rules: Vec<Rule> = each.collect();
    Some(if rules == theirs.rules { theirs.clone() } else { Rules { digest: now.digest, rules } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Algorithm;
    use serde_json::json;

    const BEFORE: &str =
        r#"{ "Statement": { "Sid": "App", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" } }"#;

    fn statement(sid: &str, effect: &str) -> Value {
        json!({ "Sid": sid, "Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*" })
    }

    fn policy(statements: &[Value]) -> Option<String> {
        Some(json!({ "Statement": statements }).to_string())
    }

    fn beside(level: Scope, base: BaseState) -> Others {
        let other = Other { level, base, is_releasing: false, holders: vec!["two".to_owned()] };
        Others { held: vec![other], present: BTreeSet::from([Scope::Seal, level]), ..Others::default() }
    }

    fn rules(enabled: bool) -> Option<Rules> {
        let rule = Rule { id: "wipe".to_owned(), enabled, digest: "of wipe".to_owned(), expires: true };
        Some(Rules { digest: format!("{enabled}"), rules: vec![rule] })
    }

    #[test]
    fn a_policy_is_recorded_as_it_was_before_any_level_byte_for_byte_where_that_is_known() {
        let others = beside(Scope::Freeze, BaseState { policy: Some(BEFORE.to_owned()), ..BaseState::default() });
        let (app, deny) = (statement("App", "Allow"), statement("FirebreakDenyDestruction", "Deny"));
        let original = |policy| others.original(BaseState { policy, ..BaseState::default() }).policy;
        assert_eq!(original(policy(&[app.clone(), deny.clone()])).as_deref(), Some(BEFORE));
        // Somebody added a statement meanwhile: theirs is part of what was there before this level.
        let more = statement("More", "Allow");
        let added = original(policy(&[app.clone(), deny.clone(), more.clone()])).expect("a policy");
        let added = Document::parse(Some(&added)).expect("a policy");
        assert_eq!(added.statements(), [app.clone(), more]);
        // No level has touched it, whatever it calls itself.
        let untouched = policy(&[app, statement("FirebreakDenyDestruction", "Allow")]);
        assert_eq!(original(untouched.clone()), untouched);
        assert_eq!((original(None), original(Some("no policy".to_owned())).as_deref()), (None, Some("no policy")));
    }

    #[test]
    fn what_another_level_left_out_is_part_of_the_policy_and_known_to_be_missing() {
        let planned = Planned { left_out: vec![statement("App", "Allow")], ..Planned::default() };
        let others = beside(Scope::Freeze, BaseState { policy: Some(BEFORE.to_owned()), planned, ..BaseState::default() });
        let now = policy(&[statement("FirebreakDenyOutsiders", "Deny")]);
        let original = others.original(BaseState { policy: now, ..BaseState::default() });
        assert_eq!((original.policy.as_deref(), original.planned.left_out), (Some(BEFORE), vec![statement("App", "Allow")]));
    }

    #[test]
    fn what_was_left_to_the_level_that_only_blocks_public_access_is_part_of_the_policy() {
        let planned = Planned { left_out: vec![statement("App", "Allow")], ..Planned::default() };
        let others = beside(Scope::Principal, BaseState { policy: Some(BEFORE.to_owned()), planned, ..BaseState::default() });
        let original = others.original(BaseState::default());
        assert_eq!((original.policy.as_deref(), original.planned.left_out), (Some(BEFORE), vec![statement("App", "Allow")]));
    }

    #[test]
    fn statements_of_a_level_that_nobody_holds_are_nobodys() {
        let free = beside(Scope::Destruction, BaseState::default()).free_sids();
        assert_eq!(free, sids_of(Scope::Freeze), "the own level is the seal");
    }

    #[test]
    fn settings_of_another_level_are_as_it_found_them_and_those_of_somebody_else_as_they_are_now() {
        let planned = Planned {
            block: true,
            versioning: true,
            encryption: true,
            lifecycle: ["wipe".to_owned()].into(),
            ..Planned::default()
        };
        let theirs = BaseState { versioning: Versioning::Suspended, lifecycle: rules(true), planned, ..BaseState::default() };
        let others = beside(Scope::Freeze, theirs);
        let aes = Some(Algorithm { kind: "AES256".to_owned(), key: None, bucket_key: false });
        let contained = BaseState {
            public_access_block: Some(PublicAccessBlock::ALL),
            versioning: Versioning::Enabled,
            encryption: Some(Encryption { default: aes.clone(), blocked: vec!["SSE-C".to_owned()] }),
            lifecycle: rules(false),
            ..BaseState::default()
        };
        let original = others.original(contained);
        assert_eq!((original.public_access_block, original.versioning), (None, Versioning::Suspended));
        assert_eq!((original.encryption, original.lifecycle), (None, rules(true)));

        let open = PublicAccessBlock { block_public_acls: false, ..PublicAccessBlock::ALL };
        let mut changed = rules(false);
        changed.iter_mut().flat_map(|rules| &mut rules.rules).for_each(|rule| "another".clone_into(&mut rule.digest));
        let reverted = BaseState {
            public_access_block: Some(open),
            versioning: Versioning::Suspended,
            encryption: Some(Encryption { default: aes, blocked: vec![] }),
            lifecycle: changed,
            ..BaseState::default()
        };
        assert_eq!(others.original(reverted.clone()), reverted);
    }

    #[test]
    fn a_release_leaves_what_another_level_needs_unless_that_one_is_being_released_too() {
        let base = |block| BaseState { planned: Planned { block, ..Planned::default() }, ..BaseState::default() };
        assert!(beside(Scope::Freeze, base(true)).needs_block() && !beside(Scope::Destruction, base(false)).needs_block());
        let mut others = beside(Scope::Principal, BaseState::default());
        assert!(others.needs_block(), "a row of an earlier version has no plan");
        others.held[0].is_releasing = true;
        assert!(!others.needs_block());
    }
}

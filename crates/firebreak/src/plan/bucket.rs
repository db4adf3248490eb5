//! How far a bucket is closed: the level of the row, and beside a freeze the wider levels, which others feel.
//!
//! Who is asked about a bucket, or reads that it is frozen, must not have to look for what else could be done. So the wider levels are
//! decisions from the beginning. Nobody waits for those that only a name takes, and none does more by itself than the freeze beside it.

use super::decision_text;
use super::restrain::Restrained;
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::playbook::Row;
use crate::policy::{DestructionMode, Policy};
use crate::target::{Scope, Target, TargetKind};
use std::collections::{BTreeMap, BTreeSet};

/// So many buckets of one finding have wider levels beside them. Each takes places of an incident, which is small.
const OFFERED: usize = 4;

/// The target of a containment at the level that the row calls for.
pub(super) fn at_level(containment: Containment, target: Target, row: &Row) -> Target {
    let is_frozen = containment == Containment::LockdownS3 && target.kind == TargetKind::S3Bucket && row.freezes();
    if is_frozen { Target { scope: Scope::Freeze, ..target } } else { target }
}

/// The same wishes, and the wider levels behind them. Of ransom every bucket is spared destruction as soon as a person agrees.
pub(super) fn with_wider_levels(mut wanted: Vec<Wanted>, row: &Row, policy: &Policy) -> Vec<Wanted> {
    let frozen: Vec<Wanted> = wanted.iter().filter(|wish| freezes(wish)).cloned().collect();
    let (at_once, spared) =
        if row.ransom { (policy.lockdown.destruction, frozen.len()) } else { (DestructionMode::Gate, OFFERED) };
    wanted.extend(frozen.iter().take(spared).map(|freeze| destruction(freeze, at_once, row.ransom)));
    wanted.extend(frozen.iter().take(OFFERED).map(seal));
    wanted
}

fn freezes(wish: &Wanted) -> bool {
    wish.containment == Some(Containment::LockdownS3) && wish.target.scope == Scope::Freeze
}

fn destruction(freeze: &Wanted, at_once: DestructionMode, is_ransom: bool) -> Wanted {
    let mode = if at_once == DestructionMode::Auto { freeze.mode } else { Mode::Gate };
    let why = "the freeze leaves everybody else in, and nobody knows every accomplice: this denies them what destroys";
    Wanted { only_by_name: !is_ransom, ..wider(freeze, Scope::Destruction, mode, why) }
}

fn seal(freeze: &Wanted) -> Wanted {
    let why = "the last resort: whoever the freeze leaves in reads and writes on, and so does the business";
    Wanted { only_by_name: true, ..wider(freeze, Scope::Seal, Mode::Gate, why) }
}

/// A wider level of a bucket. Severity speaks against haste, and what waits is none.
fn wider(freeze: &Wanted, scope: Scope, mode: Mode, why: &str) -> Wanted {
    Wanted {
        target: Target { scope, ..freeze.target.clone() },
        mode,
        code: ReasonCode::TooNarrow,
        why: format!("{why}; {}", freeze.why),
        whatever_severity: freeze.whatever_severity || mode == Mode::Gate,
        ..freeze.clone()
    }
}

/// What is left of the wider levels beside what is left of their freezes. Where nobody is asked about a bucket nobody is offered more, and
/// where the freeze waits nothing wider happens by itself.
pub(super) fn beside_their_freezes(decided: Vec<Restrained>) -> Vec<Restrained> {
    let of_freezes = decided.iter().map(|one| &one.decision).filter(|decision| decision.target.scope == Scope::Freeze);
    let freezes: BTreeMap<String, Decision> = of_freezes.map(|freeze| (freeze.target.ledger_key(), freeze.clone())).collect();
    let beside = |one: Restrained| {
        if !is_wider(&one.decision.target) {
            return Some(Restrained { decision: by_hand_of_all(one.decision), ..one });
        }
        let freeze = freezes.get(&one.decision.target.ledger_key())?;
        let is_asked = freeze.mode != Mode::Notify || freeze.would.is_some_and(|would| would != Mode::Notify);
        let stands = is_asked && freeze.containment.is_some() && one.decision.containment.is_some();
        stands.then(|| Restrained { decision: no_sooner(one.decision, freeze), ..one })
    };
    decided.into_iter().filter_map(beside).collect()
}

/// What people do about a bucket that nothing may contain is about no level.
fn by_hand_of_all(decision: Decision) -> Decision {
    let is_left = decision.containment.is_none() && decision.target.scope == Scope::Freeze;
    if is_left { Decision { target: decision.target.whole(), ..decision } } else { decision }
}

/// Whether a target is a level beside the one that a finding calls for.
pub(super) fn is_wider(target: &Target) -> bool {
    matches!(target.scope, Scope::Destruction | Scope::Seal)
}

fn no_sooner(decision: Decision, freeze: &Decision) -> Decision {
    let mode = decision.mode.at_most(freeze.mode);
    let would = decision.would.map(|would| would.at_most(freeze.would.unwrap_or(Mode::Notify)));
    let code = if mode == decision.mode { decision.code } else { freeze.code };
    Decision { mode, would, code, ..decision }
}

/// What people read where some buckets of a finding do not have every level.
pub(super) fn not_offered(decided: &[Restrained]) -> Option<String> {
    let at = |scope| {
        let of_scope = decided.iter().map(|one| &one.decision).filter(move |decision| decision.target.scope == scope);
        of_scope.map(|decision| decision.target.ledger_key()).collect::<BTreeSet<_>>()
    };
    let (frozen, sealed) = (at(Scope::Freeze).len(), at(Scope::Seal).len());
    let line =
        || format!("only {sealed} of its {frozen} buckets have every level here: ask for isolation of another one to get them");
    (sealed > 0 && sealed < frozen).then(line)
}

/// A decision as it stands beside a freeze that the ledger leaves to people, because too many findings could not be understood: a wider
/// level of the same bucket asks nobody, too.
#[must_use]
pub fn beside_what_is_told(decision: Decision, freeze: &Decision) -> Decision {
    let is_told = freeze.mode == Mode::Notify && freeze.code == ReasonCode::OverBudget && freeze.target.scope == Scope::Freeze;
    let is_beside = is_wider(&decision.target) && decision.target.is_of(&freeze.target);
    if !is_told || !is_beside || decision.mode == Mode::Notify {
        return decision;
    }
    let reason = decision_text(&format!("{} is only told; {}", freeze.target, decision.reason));
    Decision { mode: Mode::Notify, reason, code: freeze.code, ..decision }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::Place;

    fn decision(bucket: &str, scope: Scope, mode: Mode) -> Decision {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        let target = Target { scope, ..Target::new(TargetKind::S3Bucket, bucket, place) };
        Decision::new(target, Some(Containment::LockdownS3), mode, "a finding")
    }

    #[test]
    fn a_level_asks_nobody_beside_its_own_freeze_that_is_only_told_and_beside_no_other() {
        let told = |code| Decision { code, ..decision("acme", Scope::Freeze, Mode::Notify) };
        let beside = |bucket: &str, scope, code| beside_what_is_told(decision(bucket, scope, Mode::Gate), &told(code)).mode;
        assert_eq!(beside("acme", Scope::Seal, ReasonCode::OverBudget), Mode::Notify);
        assert_eq!(beside("acme", Scope::Destruction, ReasonCode::OverBudget), Mode::Notify);
        assert_eq!(beside("other", Scope::Seal, ReasonCode::OverBudget), Mode::Gate);
        assert_eq!(beside("acme", Scope::Principal, ReasonCode::OverBudget), Mode::Gate, "what another finding asks");
        assert_eq!(beside("acme", Scope::Seal, ReasonCode::Observed), Mode::Gate);
    }
}

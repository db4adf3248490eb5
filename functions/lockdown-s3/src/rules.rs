//! Rules that S3 carries out by itself, whatever the bucket policy denies: those of the lifecycle delete, those of replication copy.
//!
//! Each rule is on or off, and all rules of a kind are one document that S3 takes as a whole. So a rule is switched by reading the
//! document, changing that one status and writing everything back. An element that the SDK does not know would be lost on that way; the
//! evidence has the document as S3 gave it.

use crate::base::{Rule, Rules};
use crate::changed::By;
use crate::folded;
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::text::inert;
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_s3::{Bucket, settled};
use futures::FutureExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a rule is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    /// S3 carries the rule out.
    On,
    /// S3 keeps the rule and does nothing.
    Off,
}

/// The document that holds all rules of one kind.
pub(crate) trait Configuration: Sized {
    /// The step that switches a rule off.
    const DISABLE: StepKind;
    /// The step that switches it on again.
    const ENABLE: StepKind;

    /// What the bucket has. Nothing: it has no such document.
    async fn get(bucket: &Bucket) -> Result<Option<Self>, Fault>;

    /// Writes the whole document back.
    async fn put(&self, bucket: &Bucket) -> Result<(), Fault>;

    /// What a base keeps of it.
    fn rules(&self) -> Rules;

    /// Switches every rule of this id.
    fn switch(&mut self, id: &str, to: Switch);

    /// What people must know of the rule besides: where it takes data, if not into the bucket's own account.
    fn note(&self, id: &str, owner: &str) -> Option<Fault>;
}

/// Which rules a level switches off.
///
/// A freeze takes the rules that somebody wrote since the finding's first activity: a write replaces all of them at once, so each rule
/// counts but those that an earlier record shows in the same form. What is destructive at all is off in [`Scope::Destruction`].
pub(crate) fn to_disable(level: Scope, rules: &Rules, changed: Option<&By>) -> BTreeSet<String> {
    let is_meant = |rule: &&Rule| match level {
        Scope::Freeze => changed.is_some_and(|by| !by.unchanged.contains(&rule.id)),
        Scope::Destruction => rule.expires,
        _ => false,
    };
    rules.rules.iter().filter(|rule| rule.enabled).filter(is_meant).map(|rule| rule.id.clone()).collect()
}

/// One rule of a base, without its status in the digest: a rule that was only switched is still the same one.
pub(crate) fn rule(id: Option<&str>, status: Switch, body: &Value, expires: bool) -> Rule {
    let id = id.unwrap_or_default().to_owned();
    Rule { digest: digest(&json!({ "id": id, "rule": body })), id, enabled: status == Switch::On, expires }
}

/// All rules, and a digest of them with `rest`, which is whatever else the document says.
pub(crate) fn all(rules: Vec<Rule>, rest: &Value) -> Rules {
    let each: Vec<Value> = rules.iter().map(|rule| json!([rule.digest, rule.enabled])).collect();
    Rules { digest: digest(&json!({ "rest": rest, "rules": each })), rules }
}

fn digest(value: &Value) -> String {
    sha256_hex(value.to_string().as_bytes())
}

/// The name of a step about one rule. Whoever writes the rule chooses its id, of at most 255 characters (S3 API reference,
/// `LifecycleRule` and `ReplicationRule`).
pub(crate) fn name(kind: StepKind, id: &str) -> StepName {
    StepName::about(kind, inert(id, 255))
}

/// One rule as it was found, and left.
#[derive(Debug, Clone)]
struct Found {
    end: End,
    note: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Switched,
    Already,
    /// It is not as the base says, so it is somebody else's now.
    Changed,
}

type All = Result<BTreeMap<String, Found>, Fault>;

/// Switches rules off, all with one write, and notes what people must know of them. `held`: the state before is recorded.
pub(crate) async fn disable<C: Configuration>(bucket: &Bucket, ids: &BTreeSet<String>, held: bool) -> Vec<Step> {
    let wish = |now: &Rule| if ids.contains(&now.id) { Wish::Switch } else { Wish::Leave };
    let all = async {
        if !held {
            return Err(unrecorded());
        }
        settled(async || Box::pin(switched::<C>(bucket, Switch::Off, &wish)).await).await
    };
    let all = all.boxed_local().shared();
    let mut steps = join_all(ids.iter().map(|id| told(name(C::DISABLE, id), id, all.clone()))).await;
    if steps.is_empty() {
        return steps;
    }
    let noted = all.await.unwrap_or_default().into_iter().filter_map(|(id, found)| Some((id, found.note?)));
    steps.extend(noted.map(|(id, note)| skipped(name(StepKind::NoteAccess, &format!("rule {id}")), note)));
    steps
}

/// Switches rules on again that were on in `base`, all with one write. Those that the containment could not switch off (`not_ours`), and
/// those that somebody has changed or deleted since, stay as they are. Each has a step; those that no receipt lists have one together.
pub(crate) async fn enable<C: Configuration>(
    bucket: &Bucket,
    base: &Rules,
    ids: &BTreeSet<String>,
    not_ours: &[StepName],
) -> Vec<Step> {
    let before = base.rules.iter().filter(|rule| rule.enabled && ids.contains(&rule.id));
    let (theirs, others): (Vec<&Rule>, Vec<&Rule>) = before.partition(|rule| not_ours.contains(&name(C::DISABLE, &rule.id)));
    // What stands for rules that the receipt does not list is the name of none. All are written with one call: they failed alike.
    let is_a_rule = |step: &StepName| base.rules.iter().any(|rule| name(C::DISABLE, &rule.id) == *step);
    let others_failed = not_ours.iter().any(|step| folded::is_like(step, C::DISABLE) && !is_a_rule(step));
    let (ours, unlisted) = if others_failed { (vec![], others) } else { (others, vec![]) };
    let wish = |now: &Rule| match ours.iter().find(|before| before.id == now.id) {
        None => Wish::Leave,
        Some(before) if before.digest == now.digest => Wish::Switch,
        Some(_) => Wish::Tell,
    };
    let all = async { settled(async || Box::pin(switched::<C>(bucket, Switch::On, &wish)).await).await };
    let all = all.boxed_local().shared();
    let mut steps = join_all(ours.iter().map(|rule| told(name(C::ENABLE, &rule.id), &rule.id, all.clone()))).await;
    let (more, left) = (unlisted.len(), unlisted.len() + theirs.len());
    let folded = (more > 0).then(|| StepName::about(C::ENABLE, folded::part(more, left)));
    let theirs = theirs.into_iter().map(|rule| name(C::ENABLE, &rule.id)).chain(folded);
    steps.extend(theirs.map(|name| skipped(name, Fault::malformed(NOT_OURS))));
    steps
}

/// Why a release leaves a rule.
const NOT_OURS: &str = "the containment could not switch it off: whoever did may need it so";

/// What is wished of one rule.
enum Wish {
    Switch,
    Leave,
    /// It stays, and people are told that it is another rule now.
    Tell,
}

/// Reads the document and writes it back, with those rules switched that `wish` names.
async fn switched<C: Configuration>(bucket: &Bucket, to: Switch, wish: &impl Fn(&Rule) -> Wish) -> All {
    let (mut found, mut is_changed) = (BTreeMap::new(), false);
    let Some(mut now) = Box::pin(C::get(bucket)).await? else { return Ok(found) };
    for rule in now.rules().rules {
        let end = match wish(&rule) {
            Wish::Leave => continue,
            Wish::Tell => End::Changed,
            Wish::Switch if rule.enabled == (to == Switch::On) => End::Already,
            Wish::Switch => {
                now.switch(&rule.id, to);
                is_changed = true;
                End::Switched
            }
        };
        let note = now.note(&rule.id, &bucket.owner);
        found.insert(rule.id, Found { end, note });
    }
    if is_changed {
        Box::pin(now.put(bucket)).await?;
    }
    Ok(found)
}

/// The step of one rule among all. Only the first one to ask waits for the calls.
async fn told(name: StepName, id: &str, all: impl Future<Output = All>) -> Step {
    let mut why = None;
    let outcome = async {
        Ok(match all.await?.get(id).map(|rule| rule.end) {
            Some(End::Switched) => Outcome::Applied,
            Some(End::Already) => Outcome::Already,
            Some(End::Changed) => {
                why = Some(Fault::malformed("somebody has changed the rule since the containment: it is left as it is"));
                Outcome::Skipped
            }
            None => {
                why = Some(Fault::gone("somebody has deleted the rule since it was read"));
                Outcome::Skipped
            }
        })
    };
    let done = step(name, outcome).await;
    Step { error: done.error.clone().or(why), ..done }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(each: &[(&str, Switch, bool)]) -> Rules {
        let each = each.iter().map(|(id, status, expires)| rule(Some(id), *status, &json!({ "days": 1 }), *expires));
        all(each.collect(), &Value::Null)
    }

    fn by(unchanged: &[&str]) -> By {
        By {
            who: "arn:aws:iam::111122223333:user/mallory".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
            is_suspect: true,
            by_suspect: true,
            unchanged: unchanged.iter().map(ToString::to_string).collect(),
            written: BTreeSet::new(),
        }
    }

    fn ids(found: &BTreeSet<String>) -> Vec<&str> {
        found.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_freeze_takes_what_was_written_since_and_leaves_what_an_earlier_record_shows() {
        let rules = rules(&[("kept", Switch::On, true), ("new", Switch::On, false), ("off", Switch::Off, true)]);
        assert_eq!(ids(&to_disable(Scope::Freeze, &rules, None)), [""; 0], "nobody wrote any");
        assert_eq!(ids(&to_disable(Scope::Freeze, &rules, Some(&by(&[])))), ["kept", "new"], "a write replaces all rules");
        assert_eq!(ids(&to_disable(Scope::Freeze, &rules, Some(&by(&["kept"])))), ["new"]);
    }

    #[test]
    fn destruction_takes_what_takes_data_away_whoever_wrote_it() {
        let rules = rules(&[("expires", Switch::On, true), ("aborts", Switch::On, false), ("off", Switch::Off, true)]);
        for changed in [None, Some(&by(&["expires"]))] {
            assert_eq!(ids(&to_disable(Scope::Destruction, &rules, changed)), ["expires"]);
        }
    }

    #[test]
    fn the_other_levels_switch_no_rule_off() {
        let rules = rules(&[("expires", Switch::On, true)]);
        for level in [Scope::Principal, Scope::Seal] {
            assert_eq!(ids(&to_disable(level, &rules, Some(&by(&[])))), [""; 0], "{level:?}");
        }
    }

    #[test]
    fn a_rule_that_was_only_switched_is_the_same_rule_in_another_document() {
        let (on, off) = (rules(&[("a", Switch::On, true)]), rules(&[("a", Switch::Off, true)]));
        assert_eq!(on.rules[0].digest, off.rules[0].digest);
        assert_ne!(on.digest, off.digest);
        assert_ne!(on.rules[0].digest, rules(&[("b", Switch::On, true)]).rules[0].digest, "the id is part of a rule");
        let with_rest = all(on.rules.clone(), &json!("varies_by_storage_class"));
        assert_ne!(on.digest, with_rest.digest, "whatever else the document says is part of it");
    }

    #[test]
    fn an_id_is_shown_as_one_line() {
        let name = name(StepKind::DisableLifecycleRule, "a\u{202e}b\nc");
        assert_eq!(name.as_str(), "disable-lifecycle-rule a\u{fffd}b\u{fffd}c");
    }
}

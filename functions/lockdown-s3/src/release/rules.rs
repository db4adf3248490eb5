//! Switches the rules on again that a level has switched off.
//!
//! A rule that a suspect wrote stays off, whatever was answered: it would delete, or copy to where the suspect wants it, from the moment of
//! the release on.

use super::{NEEDED, Of};
use crate::base::{BaseState, Rule, Rules};
use crate::rules::{Configuration, name};
use crate::{lifecycle, replication};
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;
use std::collections::BTreeSet;

/// Rules of one reason that a receipt lists. A suspect can make 1,000 rules.
const LISTED: usize = 20;

/// All rules of the level, of the lifecycle and of replication.
pub(super) async fn restore(of: &Of<'_>) -> Vec<Step> {
    let Of { call, bucket, base, others, not_ours } = of;
    let planned = &base.planned;
    let mut steps = Vec::new();
    // Before one of them is left to a level that goes on.
    if !planned.by_suspect.is_empty()
        && let Err(fault) = others.leave_off(call, &planned.by_suspect).await
    {
        return vec![step(StepKind::EnableLifecycleRule, async { Err(fault) }).await];
    }
    let (stay, expiring) = parted(&planned.lifecycle, |id| others.needs_lifecycle(id));
    steps.extend(needed(StepKind::EnableLifecycleRule, &stay));
    let (theirs, expiring) = parted(&expiring, |id| is_by_suspect(base, base.lifecycle.as_ref(), id));
    steps.extend(Box::pin(left::<lifecycle::Lifecycle>(bucket, base.lifecycle.as_ref(), &theirs)).await);
    if let Some(rules) = known(base.lifecycle.as_ref(), &expiring) {
        steps.extend(Box::pin(lifecycle::enable(bucket, rules, &expiring, not_ours)).await);
    }
    let (stay, copying) = parted(&planned.replication, |id| others.needs_replication(id));
    steps.extend(needed(StepKind::EnableReplicationRule, &stay));
    let (theirs, copying) = parted(&copying, |id| is_by_suspect(base, base.replication.as_ref(), id));
    steps.extend(Box::pin(left::<replication::Replication>(bucket, base.replication.as_ref(), &theirs)).await);
    if let Some(rules) = known(base.replication.as_ref(), &copying) {
        steps.extend(Box::pin(replication::enable(bucket, rules, &copying, not_ours)).await);
    }
    steps
}

/// The ids for which `is` holds, and the others.
fn parted(ids: &BTreeSet<String>, is: impl Fn(&str) -> bool) -> (BTreeSet<String>, BTreeSet<String>) {
    ids.iter().cloned().partition(|id| is(id))
}

/// A step for each rule that another level needs off.
fn needed(kind: StepKind, ids: &BTreeSet<String>) -> Vec<Step> {
    ids.iter().map(|id| skipped(name(kind, id), Fault::malformed(NEEDED))).collect()
}

fn is_by_suspect(base: &BaseState, rules: Option<&Rules>, id: &str) -> bool {
    let rule = rules.and_then(|rules| rules.rule(id)).filter(|rule| rule.enabled);
    rule.is_some_and(|rule| base.planned.by_suspect.contains(&rule.digest))
}

/// The recorded rules, where there is one to enable.
fn known<'a>(rules: Option<&'a Rules>, ids: &BTreeSet<String>) -> Option<&'a Rules> {
    rules.filter(|_| !ids.is_empty())
}

/// Says of rules that a suspect wrote how they are now, and how a person switches them on.
async fn left<C: OfSuspect>(bucket: &Bucket, before: Option<&Rules>, ids: &BTreeSet<String>) -> Vec<Step> {
    if ids.is_empty() {
        return vec![];
    }
    let now = match Box::pin(C::get(bucket)).await {
        Ok(now) => now.map(|now| now.rules()),
        Err(fault) => return vec![step(C::ENABLE, async { Err(fault) }).await],
    };
    let rule = |id: &String| before.and_then(|before| before.rule(id));
    let (off, others): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| is_off(now.as_ref(), rule(id)));
    let stays = format!("a suspect wrote it, so it stays off. If it is wanted: {}", C::how_on(&bucket.name));
    let mut steps = listed(C::ENABLE, &off, &stays);
    steps.extend(listed(
        C::ENABLE,
        &others,
        "a suspect wrote it; somebody has changed, deleted or switched it on since, and it is left",
    ));
    steps
}

/// Whether a rule is off, and otherwise as it was.
fn is_off(now: Option<&Rules>, before: Option<&Rule>) -> bool {
    let now = before.and_then(|before| now?.rule(&before.id));
    now.zip(before).is_some_and(|(now, before)| !now.enabled && now.digest == before.digest)
}

/// A step for each of the first rules, and one for all others.
fn listed(kind: StepKind, ids: &[&String], why: &str) -> Vec<Step> {
    let first = ids.iter().take(LISTED).map(|id| name(kind, id));
    let more = ids.len().saturating_sub(LISTED);
    let more = (more > 0).then(|| StepName::about(kind, format!("{more} more of {}", ids.len())));
    first.chain(more).map(|name| skipped(name, Fault::malformed(why))).collect()
}

/// What people must know to switch one rule on. S3 takes all rules of a kind at once.
trait OfSuspect: Configuration {
    /// The commands, for a bucket of this name.
    fn how_on(bucket: &str) -> String;
}

impl OfSuspect for lifecycle::Lifecycle {
    fn how_on(bucket: &str) -> String {
        format!(
            "`aws s3api get-bucket-lifecycle-configuration --bucket {bucket} --query '{{Rules:Rules}}' > rules.json`, its Status to \
             Enabled, `aws s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://rules.json`"
        )
    }
}

impl OfSuspect for replication::Replication {
    fn how_on(bucket: &str) -> String {
        format!(
            "`aws s3api get-bucket-replication --bucket {bucket} --query ReplicationConfiguration > rules.json`, its Status to Enabled, \
             `aws s3api put-bucket-replication --bucket {bucket} --replication-configuration file://rules.json`"
        )
    }
}

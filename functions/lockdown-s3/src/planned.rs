//! What a level is about to change. It is recorded before the change, so that a release knows what a run that was killed can have done.

use crate::base::{BaseState, Part, Planned, Rules, Versioning};
use crate::changed::{By, Changed, Trust};
use crate::fit::Fit;
use crate::rules::to_disable;
use firebreak::target::Scope;
use std::collections::BTreeSet;

/// What `level` needs changed from `original`, the bucket before any level. What could not be read is not changed: nobody could put it back.
pub(crate) fn planned(level: Scope, original: &BaseState, changed: Option<&Changed>, (fit, trust): (&Fit, &Trust)) -> Planned {
    let is_known = |part: Part| !original.unknown.contains(&part);
    let freezes = level == Scope::Freeze;
    let switches = matches!(level, Scope::Freeze | Scope::Destruction);
    let has_block = |kind: &String| kind == "SSE-C";
    let refuses = original.encryption.as_ref().is_some_and(|setting| setting.blocked.iter().any(has_block));
    let lifecycle = original.lifecycle.as_ref().filter(|_| switches);
    let replication = original.replication.as_ref().filter(|_| switches);
    Planned {
        block: matches!(level, Scope::Principal | Scope::Freeze) && is_known(Part::PublicAccessBlock),
        sids: fit.sids(),
        left_out: original.planned.left_out.clone(),
        unsettled: vec![],
        denied: original.planned.denied.clone(),
        distrusts: trust.policy_by_suspect,
        before: trust.text(),
        versioning: freezes && is_known(Part::Versioning) && original.versioning != Versioning::Enabled,
        encryption: freezes && is_known(Part::Encryption) && !refuses,
        lifecycle: lifecycle
            .map(|rules| to_disable(level, rules, changed.and_then(|changed| changed.lifecycle.as_ref())))
            .unwrap_or_default(),
        replication: replication
            .map(|rules| to_disable(level, rules, changed.and_then(|changed| changed.replication.as_ref())))
            .unwrap_or_default(),
        by_suspect: BTreeSet::new(),
    }
}

/// Digests of the rules `ids`, where a suspect wrote them, whoever wrote after him. A write replaces all rules of the document at once, so
/// where CloudTrail does not show how a rule was before, the rule counts as the suspect's.
fn by_suspect(rules: Option<&Rules>, ids: &BTreeSet<String>, by: Option<&By>) -> BTreeSet<String> {
    let Some(by) = by.filter(|by| by.by_suspect) else { return BTreeSet::new() };
    let written = ids.iter().filter(|id| !by.unchanged.contains(*id)).filter_map(|id| rules?.rule(id));
    written.map(|rule| rule.digest.clone()).collect()
}

/// The same for all rules that `base` says are switched off: another incident, or a run before this one, may not have known who wrote them.
pub(crate) fn rules_by_suspect(base: &BaseState, changed: Option<&Changed>) -> BTreeSet<String> {
    let Some(changed) = changed else { return BTreeSet::new() };
    let mut all = by_suspect(base.lifecycle.as_ref(), &base.planned.lifecycle, changed.lifecycle.as_ref());
    all.extend(by_suspect(base.replication.as_ref(), &base.planned.replication, changed.replication.as_ref()));
    all
}

//! The step that stands for all rules which a receipt does not list. A suspect can make 1,000 rules.

use firebreak::step::{StepKind, StepName};

/// What it is about: how many rules it stands for, and of how many.
pub(crate) fn part(more: usize, all: usize) -> String {
    format!("{more} more of {all}")
}

/// Whether a step has the form of such a one. A step about one rule can have it, too: whoever writes a rule chooses its id.
pub(crate) fn is_like(step: &StepName, kind: StepKind) -> bool {
    let about = step.as_str().strip_prefix(kind.word()).and_then(|about| about.strip_prefix(' '));
    let counts = about.and_then(|about| about.split_once(" more of "));
    let counts = counts.and_then(|(more, all)| Some((more.parse::<usize>().ok()?, all.parse::<usize>().ok()?)));
    counts.is_some_and(|(more, all)| about == Some(part(more, all).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_step_is_known_by_its_form_and_kind() {
        let (kind, other) = (StepKind::DisableLifecycleRule, StepKind::DisableReplicationRule);
        let folded = StepName::about(kind, part(980, 1_000));
        assert_eq!(folded.as_str(), "disable-lifecycle-rule 980 more of 1000");
        assert!(is_like(&folded, kind) && !is_like(&folded, other));
        for part in ["wipe", "980 more of", "980 more of 1000 x", "+9 more of 10", "more of 9"] {
            assert!(!is_like(&StepName::about(kind, part), kind), "{part}");
        }
        assert!(!is_like(&kind.into(), kind));
    }
}

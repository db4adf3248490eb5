//! For what two persons must ask.

use crate::containment::Containment;
use serde::Deserialize;
use std::collections::BTreeSet;

/// For what two persons must ask. Default: `restore`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TwoPersons(BTreeSet<Needs>);

/// Something for which two persons must ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Needs {
    /// An approval that would carry out this containment.
    Approval(Containment),
    /// A way back.
    Back(Back),
}

/// A way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Back {
    /// The answer `release` at a gate.
    Release,
    /// `firebreak restore` of a closed incident.
    Restore,
}

impl Default for TwoPersons {
    fn default() -> Self {
        Self::of([Needs::Back(Back::Restore)])
    }
}

impl TwoPersons {
    /// Two persons for these.
    #[must_use]
    pub fn of(needs: impl IntoIterator<Item = Needs>) -> Self {
        Self(needs.into_iter().collect())
    }

    /// Whether a way back needs two.
    #[must_use]
    pub fn go(&self, back: Back) -> bool {
        self.0.contains(&Needs::Back(back))
    }

    /// Whether an approval that carries out this containment needs two.
    #[must_use]
    pub fn approve(&self, containment: Containment) -> bool {
        self.0.contains(&Needs::Approval(containment))
    }

    /// Whether any approval needs two.
    #[must_use]
    pub fn any_approval(&self) -> bool {
        self.0.iter().any(|needs| matches!(needs, Needs::Approval(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_restore_needs_two_persons_unless_policy_says_otherwise() {
        let of = |text: &str| Policy::parse(text).expect("a policy").review.two_persons;
        assert!(of("").go(Back::Restore) && !of("").go(Back::Release) && !of("").any_approval());
        assert!(!of("[review]\ntwo_persons = []").go(Back::Restore), "a team of one");
        let some = of("[review]\ntwo_persons = [\"isolate-ec2\", \"release\"]");
        assert!(some.approve(Containment::IsolateEc2) && !some.approve(Containment::LockdownS3));
        assert!(some.go(Back::Release) && !some.go(Back::Restore));
        assert!(Policy::parse("[review]\ntwo_persons = [\"approve\"]").is_err(), "a slip must not pass for nothing");
    }
}

//! How buckets are locked down.

use serde::Deserialize;

/// How buckets are locked down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Lockdown {
    /// What becomes of the denial of destructive actions to everybody, where a finding tells of ransom. Default: `gate`.
    pub destruction: DestructionMode,
}

/// Who decides that nobody may destroy anything in a bucket any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DestructionMode {
    /// A person: whatever deletes for a reason stops, too. The default.
    #[default]
    Gate,
    /// The row of the finding's type, beside the freeze.
    Auto,
}

#[cfg(test)]
mod tests {
    use crate::policy::{DestructionMode, Policy};

    #[test]
    fn destruction_waits_for_a_person_unless_policy_says_otherwise() {
        let of = |text: &str| Policy::parse(text).expect(text).lockdown.destruction;
        assert_eq!(of(""), DestructionMode::Gate);
        assert_eq!(of("[lockdown]\ndestruction = \"auto\""), DestructionMode::Auto);
        for mistake in ["[lockdown]\ndestruction = \"never\"", "[lockdown]\nfreeze = \"auto\""] {
            assert!(Policy::parse(mistake).is_err(), "{mistake}");
        }
    }
}

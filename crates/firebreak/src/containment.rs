//! The ways to contain a resource.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A way to contain a resource. Its name is the same string everywhere: the folder and crate of the function, the binary, the
/// state in the state machine (in `UpperCamelCase`) and the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Containment {
    /// Deny everything to an IAM user, a role or one session of a role, and make the user's credentials inactive.
    QuarantineIam,
    /// Deny everything to a principal from the organization, with the quarantine service control policy. Only after approval.
    QuarantineScp,
    /// Move every network interface of an instance into an empty security group.
    IsolateEc2,
    /// Switch on every public access block of a bucket.
    LockdownS3,
}

impl Containment {
    /// All containments, for tests that hold other files to this list.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The kebab-case name, for example `quarantine-iam`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl std::fmt::Display for Containment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_word_in_json() {
        for containment in Containment::ALL {
            assert_eq!(serde_json::to_value(containment).expect("JSON"), containment.name());
        }
    }
}

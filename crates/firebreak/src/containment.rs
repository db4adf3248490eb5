//! The ways to contain a resource, and what each declares about itself.
//!
//! One more containment is a variant, a file beside the others with its declaration, and a folder of `functions/`.

pub mod declaration;
mod enable_key;
mod isolate_ec2;
mod lockdown_s3;
mod quarantine_iam;
mod quarantine_object;
mod quarantine_scp;

use crate::target::Scope;
use declaration::Declaration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Deny objects of a bucket to everybody but responders, and leave the bucket as it is.
    QuarantineObject,
    /// Cancel the deletion of a KMS key that a suspect took away, and enable it. Only after approval.
    EnableKey,
}

impl Containment {
    /// All containments, for tests that hold other files to this list.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The kebab-case name, for example `quarantine-iam`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The state of the state machine that runs it at once: `QuarantineIam`.
    #[must_use]
    pub fn state(self) -> String {
        let words = self.name().split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
        words.collect()
    }

    /// The function that carries out a part of a target: its own, unless that level is apart.
    #[must_use]
    pub fn function(self, scope: Scope) -> &'static str {
        let apart = self.declaration().level(scope).and_then(|level| level.apart);
        apart.map_or_else(|| self.name(), |apart| apart.function)
    }

    /// What a function carries out: all of a containment, or a level that is apart.
    #[must_use]
    pub fn of_function(name: &str) -> Option<Self> {
        let is_apart = |containment: &Self| {
            let mut apart = containment.declaration().levels.iter().filter_map(|level| level.apart);
            apart.any(|apart| apart.function == name)
        };
        Self::ALL.iter().copied().find(|containment| containment.name() == name || is_apart(containment))
    }

    /// What it says about itself.
    #[must_use]
    pub fn declaration(self) -> &'static Declaration {
        match self {
            Self::QuarantineIam => &quarantine_iam::DECLARATION,
            Self::QuarantineScp => &quarantine_scp::DECLARATION,
            Self::IsolateEc2 => &isolate_ec2::DECLARATION,
            Self::LockdownS3 => &lockdown_s3::DECLARATION,
            Self::QuarantineObject => &quarantine_object::DECLARATION,
            Self::EnableKey => &enable_key::DECLARATION,
        }
    }
}

/// Reads what a receipt is about. For a function that failed the state machine writes one, and it knows the function's name only.
///
/// # Errors
/// No function of this name carries a containment out.
pub(crate) fn by_function<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Containment>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    Containment::of_function(&name).map(Some).ok_or_else(|| D::Error::custom("no containment that this version knows"))
}

impl std::fmt::Display for Containment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::declaration::Base;
    use super::*;
    use crate::target::TargetKind;

    #[test]
    fn a_name_is_the_word_in_json() {
        for containment in Containment::ALL {
            assert_eq!(serde_json::to_value(containment).expect("JSON"), containment.name());
        }
    }

    #[test]
    fn a_declaration_says_something_about_every_level() {
        for containment in Containment::ALL {
            let Declaration { targets, levels, .. } = containment.declaration();
            assert!(!targets.is_empty() && !levels.is_empty(), "{containment}");
            for level in *levels {
                assert_eq!(levels.iter().filter(|other| other.scope == level.scope).count(), 1, "{containment}: {level:?}");
                assert!(!level.decisive.is_empty(), "{containment}: nothing would ever count as contained: {level:?}");
                let records = level.decisive.iter().filter(|step| step.is_bookkeeping()).collect::<Vec<_>>();
                assert!(records.is_empty(), "{containment}: a record or a label contains nothing: {records:?}");
                assert!(
                    [level.does, level.stops, level.leaves].iter().all(|words| !words.is_empty()),
                    "{containment}: {level:?}"
                );
            }
        }
    }

    #[test]
    fn a_level_that_is_apart_is_carried_out_by_another_function_and_found_by_its_name() {
        assert_eq!(Containment::QuarantineIam.function(Scope::OlderSessions), "revoke-sessions");
        for containment in Containment::ALL {
            assert_eq!(Containment::of_function(containment.name()), Some(*containment));
            for level in containment.declaration().levels {
                let function = containment.function(level.scope);
                assert_eq!(Containment::of_function(function), Some(*containment), "{function}");
                assert_eq!(level.contains_as() == level.role, level.apart.is_none(), "{containment}: {level:?}");
                assert!(level.apart.is_none() || !level.automatic, "{containment}: only after an approval: {level:?}");
            }
        }
        assert_eq!(Containment::of_function("release"), None);
    }

    #[test]
    fn one_call_that_destroys_is_declared_and_with_its_reason() {
        let all = Containment::ALL.iter().map(|containment| containment.declaration());
        let declared: Vec<_> = all.flat_map(|declaration| declaration.destroys).collect();
        assert!(declared.iter().all(|(action, why)| action.contains(':') && !why.is_empty()), "{declared:?}");
        let actions: Vec<&str> = declared.iter().map(|(action, _)| *action).collect();
        assert_eq!(actions, ["ssm:TerminateSession"], "whoever adds one decides it with the reader of docs/semantics.md");
        assert!(!Containment::LockdownS3.declaration().may_destroy(actions[0]));
    }

    /// Two containments that share a base would put back each other's state.
    #[test]
    fn a_kind_of_target_has_one_containment_that_keeps_the_targets_own_base() {
        for kind in TargetKind::VARIANTS {
            let sharing = |containment: &&Containment| {
                let declaration = containment.declaration();
                declaration.base == Base::Target && declaration.targets.contains(kind)
            };
            assert!(Containment::ALL.iter().filter(sharing).count() <= 1, "{kind:?}");
        }
    }
}

//! How much of a role is taken away, and what the organization offers besides IAM.

use serde::Deserialize;

/// What a finding about one session of a role leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Roles {
    /// What is denied when the finding names a session that can be denied alone.
    pub scope: RoleScope,
    /// What else waits for approval when the session's name was chosen by whoever assumed the role.
    pub also: AlsoDeny,
}

/// Part of a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RoleScope {
    /// The session that was seen; everything else on the role keeps working. The default.
    #[default]
    Session,
    /// The whole role, with everything that runs on it.
    Role,
}

/// What an approval denies besides the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AlsoDeny {
    /// Nothing. The default: an approval must not stop a workload by surprise.
    #[default]
    Nothing,
    /// Every session that was issued before the approval is carried out.
    OlderSessions,
    /// The whole role.
    Role,
}

/// The organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Organization {
    /// The quarantine service control policy is attached and `quarantine-scp` is configured: Identity Center users, and principals
    /// whose quarantine somebody reverted, are denied by it after approval. Otherwise people do it by hand.
    pub quarantine_scp: bool,
}

/// Looking in CloudTrail for what a suspect created or assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    /// Pages of 50 events per look, over all suspects of an incident. 0 switches it off. Default 20.
    pub pages: u32,
    /// How far back to look, in hours before the incident, when the finding does not say when it began. Default 24.
    pub hours: u32,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { pages: 20, hours: 24 }
    }
}

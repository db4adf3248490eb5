//! What `firebreak prepare` asks of `isolate-ec2` before an incident, and what the function answers.
//!
//! A security group belongs to one VPC, and the first isolation in a VPC waits for it. A person has the groups made beforehand.

use crate::diagnosis::Places;
use crate::ids::{AccountId, Region};
use serde::{Deserialize, Serialize};

/// The payload of an invocation that prepares. The state machine never sends one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Where to prepare.
    pub prepare: Places,
}

/// What a function answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// VPCs that have their groups now.
    pub vpcs: Vec<PreparedVpc>,
    /// What could not be prepared.
    pub failed: Vec<Unprepared>,
}

impl Prepared {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.vpcs.extend(other.vpcs);
        self.failed.extend(other.failed);
        self
    }
}

/// A VPC that has its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedVpc {
    /// The account whose instances are isolated with them.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// `vpc-…`.
    pub vpc: String,
    /// The account that shares the VPC with this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_by: Option<String>,
    /// The empty group.
    pub isolation_group: String,
    /// The group in which open connections are cut, where policy cuts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_group: Option<String>,
}

/// What could not be prepared: an account, a Region or a VPC of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unprepared {
    /// The account.
    pub account: AccountId,
    /// Nothing: the whole account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Nothing: the whole Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Why, in one line.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_preparation_is_a_preparation() {
        let places = json!({ "partition": "aws", "accounts": ["111122223333"], "regions": ["eu-central-1"] });
        let asked = json!({ "prepare": places });
        assert!(serde_json::from_value::<Preparation>(asked.clone()).is_ok());
        let mut task = asked;
        task["target"] = json!({ "kind": "ec2-instance" });
        let question = json!({ "diagnose": places });
        for other in [task, question] {
            assert!(serde_json::from_value::<Preparation>(other.clone()).is_err(), "{other}");
        }
    }
}

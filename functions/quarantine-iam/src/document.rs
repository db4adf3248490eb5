//! Whether the quarantine policies still say what was provisioned. Whoever edits one disarms every quarantine that uses it.

use crate::policies;
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::target::Scope;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use serde_json::Value;

const DENY_ALL: &str = include_str!("../../../policies/quarantine-deny-all.json");
const DENY_TAGGED_SESSION: &str = include_str!("../../../policies/quarantine-deny-tagged-session.json");
const DENY_TAGGED_SESSION_BOUNDARY: &str = include_str!("../../../policies/quarantine-deny-tagged-session-boundary.json");

/// A policy as it was shipped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shipped {
    text: &'static str,
    file: &'static str,
}

impl Shipped {
    /// The file's content.
    pub(crate) fn text(self) -> &'static str {
        self.text
    }

    /// Where it is in the repository.
    pub(crate) fn file(self) -> &'static str {
        self.file
    }

    /// Whether `current`, as IAM gives it, says the same.
    pub(crate) fn is_as(self, current: &str) -> bool {
        same(self.text, current)
    }
}

/// What was shipped under a name of [`policies`].
pub(crate) fn shipped(name: &str) -> Shipped {
    let (text, file) = match name {
        policies::DENY_TAGGED_SESSION => (DENY_TAGGED_SESSION, "policies/quarantine-deny-tagged-session.json"),
        policies::DENY_TAGGED_SESSION_BOUNDARY => {
            (DENY_TAGGED_SESSION_BOUNDARY, "policies/quarantine-deny-tagged-session-boundary.json")
        }
        _ => (DENY_ALL, "policies/quarantine-deny-all.json"),
    };
    Shipped { text, file }
}

/// A line for people when the policy that denies this target is not the one that was shipped.
pub(crate) async fn problem(call: &Call, iam: &Client) -> Option<String> {
    let shipped = match call.target.scope {
        Scope::Principal => DENY_ALL,
        Scope::Session => DENY_TAGGED_SESSION,
        Scope::OlderSessions | Scope::AccessKey => return None,
        // No principal has such a part.
        Scope::RemoteAddresses | Scope::Freeze | Scope::Destruction | Scope::Seal | Scope::Objects => return None,
    };
    let arn = policies::deny(&call.target);
    match current(iam, &arn).await {
        Ok(document) if same(shipped, &document) => None,
        Ok(_) => Some(format!("SOMEBODY CHANGED {arn}: it no longer denies what it should, for anybody")),
        Err(fault) => Some(format!("whether {arn} is unchanged could not be read: {}", fault.message)),
    }
}

/// The default version of a policy, as IAM gives it.
pub(crate) async fn current(iam: &Client, arn: &str) -> Result<String, Fault> {
    let policy = iam.get_policy().policy_arn(arn).send().await.or_fault("iam:GetPolicy")?.policy;
    let version = policy.and_then(|policy| policy.default_version_id);
    let version = version.ok_or_else(|| Fault::bug("iam:GetPolicy answered without a default version"))?;
    let answer = iam.get_policy_version().policy_arn(arn).version_id(version).send().await.or_fault("iam:GetPolicyVersion")?;
    let document = answer.policy_version.and_then(|version| version.document);
    document.ok_or_else(|| Fault::bug("iam:GetPolicyVersion answered without a document"))
}

/// Compares documents as JSON: IAM gives them URL-encoded (RFC 3986), with the white space they were written with.
fn same(shipped: &str, current: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(current).decode_utf8();
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    decoded.is_ok_and(|text| parsed(shipped).is_some() && parsed(&text) == parsed(shipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_encoding_do_not_matter_and_everything_else_does() {
        let minified = DENY_ALL.replace(char::is_whitespace, "");
        let encoded: String = minified.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert!(same(DENY_ALL, &encoded) && same(DENY_ALL, DENY_ALL));
        assert!(!same(DENY_ALL, &encoded.replace("%22%2A%22", "%22s3%3A%2A%22")));
        assert!(!same(DENY_ALL, "") && !same(DENY_ALL, DENY_TAGGED_SESSION));
    }
}

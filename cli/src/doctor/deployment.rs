//! Where Firebreak is deployed, and its names there.

use crate::{CommandError, Connection};
use aws_config::SdkConfig;
use firebreak::diagnosis::Observation;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, Partition, Region};
use firebreak::names;
use firebreak_ledger::Ledger;

/// What mends most of what can be wrong with the security account's stack. An update of the usual kind would leave alone what
/// somebody changed by hand.
pub(super) const DEPLOY: &str =
    "make deploy ENV=<env> STACK=security-account DRIFT=revert (without DRIFT when this version was never deployed)";

/// The security account.
pub(super) struct Deployment {
    pub config: SdkConfig,
    pub partition: Partition,
    pub account: AccountId,
    pub region: Region,
    pub state_machine_arn: String,
    pub ledger: Ledger,
}

impl Deployment {
    /// Of the account that the caller's credentials belong to.
    pub(super) fn of(connection: Connection) -> Result<Self, CommandError> {
        let arn: Vec<&str> = connection.state_machine_arn.split(':').collect();
        let [_, _, _, region, account, ..] = arn[..] else {
            return Err(CommandError::Bad("STS did not say whose credentials these are".to_owned()));
        };
        let region = Region::parse(region).map_err(|error| CommandError::Bad(error.to_string()))?;
        Ok(Self {
            partition: Partition::of(&region),
            account: AccountId::parse(account).map_err(|error| CommandError::Bad(error.to_string()))?,
            region,
            state_machine_arn: connection.state_machine_arn,
            config: connection.config,
            ledger: connection.ledger,
        })
    }

    /// An ARN in this account and Region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// The URL of a queue, as SQS writes it; only its last two parts count.
    pub(super) fn queue_url(&self, name: &str) -> String {
        let suffix = if self.partition.as_str() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://sqs.{}.{suffix}/{}/{name}", self.region, self.account)
    }
}

impl Deployment {
    /// The URL of the review queue as a definition has it. SQS has more than one form of an endpoint; account and name must be ours.
    pub(super) fn gate_of(&self, definition: &str) -> String {
        let ours = format!("/{}/{}", self.account, names::REVIEW_QUEUE);
        let of_sqs = |text: &str| text.starts_with("https://sqs.") || text.starts_with("http://127.0.0.1:");
        let urls = definition.split('"').filter(|text| of_sqs(text) && text.ends_with(&ours));
        urls.map(str::to_owned).next().unwrap_or(ours)
    }
}

/// A read that failed: something that is gone must be deployed, something that is denied must be allowed to the caller.
pub(super) fn unread(check: &str, subject: impl Into<String>, fault: &Fault) -> Observation {
    match fault.kind {
        FaultKind::Gone => Observation::broken(check, subject, format!("missing ({})", fault.message), DEPLOY),
        FaultKind::Denied => Observation::unknown(
            check,
            subject,
            fault.message.clone(),
            "run it with credentials of the security account that may read this: the managed policy SecurityAudit, and \
             lambda:GetFunctionConcurrency",
        ),
        _ => Observation::unknown(check, subject, fault.message.clone(), "run `firebreak doctor` again"),
    }
}

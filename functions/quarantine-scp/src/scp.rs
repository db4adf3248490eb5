//! The quarantine policy at AWS: read, written, read back.

use crate::document::Document;
use crate::organization::Organization;
use aws_config::SdkConfig;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::PolicyType;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::Partition;
use firebreak_aws::classify::{OrFault, fault};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::Lock;
use jiff::SignedDuration;

/// A write may take as long as the SDK lets a call take (15 seconds), and must be over before the lock is somebody else's.
const WRITE: SignedDuration = SignedDuration::from_secs(20);

/// One service control policy, with credentials for the management account.
pub(crate) struct Scp<'a> {
    organizations: Client,
    id: &'a str,
    partition: &'a Partition,
}

impl<'a> Scp<'a> {
    pub(crate) fn new(call: &'a Call, organization: &'a Organization) -> Self {
        Self::at(&call.config, organization, &call.target.partition)
    }

    /// With credentials that are not for a target.
    pub(crate) fn at(config: &SdkConfig, organization: &'a Organization, partition: &'a Partition) -> Self {
        Self { organizations: Client::new(config), id: &organization.policy, partition }
    }

    /// Reads the policy and checks it.
    ///
    /// # Errors
    /// `Gone` when there is no such policy, `Malformed` when it is not the quarantine policy, and read errors.
    pub(crate) async fn read(&self) -> Result<Document, Fault> {
        let answer =
            self.organizations.describe_policy().policy_id(self.id).send().await.or_fault("organizations:DescribePolicy")?;
        let policy = answer.policy.ok_or_else(|| Fault::bug("organizations:DescribePolicy answered without a policy"))?;
        let is_scp = policy.policy_summary().is_some_and(|summary| summary.r#type() == Some(&PolicyType::ServiceControlPolicy));
        if !is_scp {
            return Err(Fault::malformed(format!("{} is not a service control policy", self.id)));
        }
        Document::parse(policy.content().unwrap_or_default(), self.partition)
    }

    /// Whether the policy is attached anywhere. `None` when that could not be found out, which is no reason not to write it.
    pub(crate) async fn is_attached(&self) -> Option<bool> {
        let mut pages = self.organizations.list_targets_for_policy().policy_id(self.id).into_paginator().send();
        // A page may be empty although there are more.
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) if page.targets().is_empty() => {}
                Ok(_) => return Some(true),
                Err(error) => {
                    let fault = fault("organizations:ListTargetsForPolicy", &error);
                    tracing::warn!(fault.message = %fault.message, "not known whether the quarantine policy is attached");
                    return None;
                }
            }
        }
        Some(false)
    }

    /// Writes `document` while `lock` is held, and reads it back.
    ///
    /// # Errors
    /// `Transient` when the lock does not last, or when the policy does not read as it was written.
    pub(crate) async fn write(&self, document: &Document, lock: &Lock) -> Result<(), Fault> {
        let text = document.to_text()?;
        if !lock.lasts(WRITE, clock::now()) {
            return Err(Fault::new(FaultKind::Transient, "not tried: the lock on the quarantine policy ends too soon"));
        }
        let update = self.organizations.update_policy().policy_id(self.id).content(text);
        update.send().await.or_fault("organizations:UpdatePolicy")?;
        if self.read().await?.same_values(document) {
            Ok(())
        } else {
            Err(Fault::new(
                FaultKind::Transient,
                "the quarantine policy does not read as it was written; somebody may be changing it",
            ))
        }
    }
}

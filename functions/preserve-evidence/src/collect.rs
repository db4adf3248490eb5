//! Collects while the containment runs. Neither waits for the other.

use crate::snapshots;
use crate::store::Store;
use crate::targets::{self, RawAnswer};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::BucketName;
use firebreak::incident::Incident;
use firebreak::report::Branch;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::about;
use firebreak_function::containment::Responder;
use futures::future::join_all;
use serde_json::json;
use tracing::Instrument as _;

/// Collects the finding and everything about every target. One target's failure leaves the others untouched.
pub(crate) async fn collect(responder: &Responder, store: &Store, incident: &Incident) -> Result<Branch, Fault> {
    let raw = store.ledger.raw_event(&incident.id).await?;
    store.keep_bytes(&incident.id, "finding", "the event as it arrived", raw.as_bytes()).await?;

    let mut targets: Vec<&Target> = Vec::new();
    for decision in incident.decisions.iter().filter(|decision| within_reach(incident, &decision.target)) {
        // Two sessions of one role are one role to look at.
        if !targets.iter().any(|target| target.ledger_key() == decision.target.ledger_key()) {
            targets.push(&decision.target);
        }
    }
    let missing = join_all(
        targets.iter().map(|target| collect_target(responder, store, incident, target).instrument(about::target(target))),
    )
    .await
    .concat();
    if !missing.is_empty() {
        store.ledger.note(&incident.id, clock::now(), &format!("evidence incomplete: {} item(s) missing", missing.len())).await?;
    }
    Ok(Branch { status: "ok".to_owned(), missing, ..Branch::default() })
}

/// What is asked about a kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Questions {
    User,
    Role,
    Instance,
    Bucket,
}

impl Questions {
    /// About kinds that Firebreak cannot contain it knows no questions yet.
    fn about(kind: TargetKind) -> Option<Self> {
        match kind {
            TargetKind::IamUser => Some(Self::User),
            TargetKind::IamRole => Some(Self::Role),
            TargetKind::Ec2Instance => Some(Self::Instance),
            TargetKind::S3Bucket => Some(Self::Bucket),
            _ => None,
        }
    }
}

/// Whether there is anything to ask about a target. No role is assumed in an account that the finding is not about.
fn within_reach(incident: &Incident, target: &Target) -> bool {
    let asked_about = Questions::about(target.kind).is_some();
    // By-hand buckets can have names that no API takes.
    let valid = target.kind != TargetKind::S3Bucket || BucketName::parse(&target.id).is_ok();
    asked_about && valid && incident.finding.account.as_ref().is_none_or(|account| *account == target.account)
}

/// Returns what could not be collected, one line each.
async fn collect_target(responder: &Responder, store: &Store, incident: &Incident, target: &Target) -> Vec<String> {
    let config = match responder.member(target, MemberRole::PreserveEvidence, &incident.id).await {
        Ok(config) => config,
        Err(fault) => return vec![format!("{target}: {fault}")],
    };
    let config = &config;
    // The snapshot is the one thing that containment, or the attacker, can make impossible: it starts first.
    let questions = Questions::about(target.kind);
    let snapshot = async {
        match questions {
            Some(Questions::Instance) => snapshot(store, incident, target, &aws_sdk_ec2::Client::new(config)).await,
            Some(Questions::User | Questions::Role | Questions::Bucket) | None => Ok(()),
        }
    };
    let answers = async {
        match questions {
            Some(Questions::User) => targets::iam_user(config, target).await,
            Some(Questions::Role) => targets::iam_role(config, target).await,
            Some(Questions::Instance) => targets::ec2_instance(config, target).await,
            Some(Questions::Bucket) => match lockdown_s3::open(config, target).await {
                Ok(bucket) => targets::s3_bucket(&bucket).await,
                Err(fault) => vec![targets::unreachable(fault)],
            },
            None => vec![],
        }
    };
    let (snapshot, answers) = futures::join!(snapshot, Box::pin(answers));
    let mut missing: Vec<String> = snapshot.err().map(|fault| format!("{target}: {fault}")).into_iter().collect();
    missing.extend(join_all(answers.into_iter().map(|answer| keep(store, incident, target, answer))).await.into_iter().flatten());
    missing
}

async fn snapshot(store: &Store, incident: &Incident, target: &Target, ec2: &aws_sdk_ec2::Client) -> Result<(), Fault> {
    let entries = snapshots::take(ec2, &incident.id, target).await?;
    if entries.is_empty() {
        return Err(Fault::new(FaultKind::Gone, "ec2:CreateSnapshots made none: the instance has no EBS volumes"));
    }
    for entry in entries {
        store.ledger.keep_evidence(&incident.id, &entry).await?;
    }
    Ok(())
}

async fn keep(store: &Store, incident: &Incident, target: &Target, answer: RawAnswer) -> Option<String> {
    let content = match answer.content {
        Ok(content) => content,
        Err(why) => return Some(format!("{target}: {why}")),
    };
    let file = answer.operation.replace(':', "-");
    let part = answer.part.map(|part| format!(".{}", file_safe(&part))).unwrap_or_default();
    let name = format!("{}/{file}{part}", file_safe(&target.ledger_key()));
    let source = format!("{} of {target}", answer.operation);
    let document = json!({ "operation": answer.operation, "target": target, "collected_at": clock::now(), "response": content });
    store.keep(&incident.id, &name, &source, &document).await.err().map(|fault| format!("{target}: {fault}"))
}

/// Key characters that every S3 client handles (S3 user guide, "Creating object key names"); names come from the suspect's account.
fn file_safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_./=".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::containment::Containment;

    #[test]
    fn about_every_kind_that_is_contained_something_is_asked() {
        for kind in Containment::ALL.iter().flat_map(|containment| containment.declaration().targets) {
            // A person of Identity Center is in no account that could be asked.
            let asked = Questions::about(*kind).is_some() || *kind == TargetKind::IdentityCenterUser;
            assert!(asked, "{kind:?} is contained, and nothing of it is kept");
        }
    }
}

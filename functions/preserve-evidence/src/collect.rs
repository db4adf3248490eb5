//! Collects while the containment runs. Neither waits for the other.

use crate::ask::RawAnswer;
use crate::kinds::Asked;
use crate::snapshots;
use crate::store::Store;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::report::Branch;
use firebreak::target::Target;
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::about;
use firebreak_function::containment::Responder;
use futures::future::join_all;
use serde_json::json;
use tracing::Instrument as _;

/// Collects the finding and everything about every target. One target's failure leaves the others untouched.
pub(crate) async fn collect(responder: &Responder, store: &Store, incident: &Incident) -> Result<Branch, Fault> {
    // Each finding's event is kept beside the incident that it opened, or would have opened.
    let raw = store.ledger.raw_event(incident.joining.as_ref().unwrap_or(&incident.id)).await?;
    let name = incident.joining.as_ref().map_or_else(|| "finding".to_owned(), |finding| format!("finding-{finding}"));
    store.keep_bytes(&incident.id, &name, "the event as it arrived", raw.as_bytes()).await?;

    let mut targets: Vec<&Target> = Vec::new();
    for decision in incident.decisions.iter().filter(|decision| within_reach(incident, &decision.target)) {
        // Two sessions of one role are one role to look at.
        let is_known = |target: &&Target| target.is_of(&decision.target) && target.objects == decision.target.objects;
        if !targets.iter().any(is_known) {
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

/// Whether there is anything to ask about a target. No role is assumed in an account that the finding is not about.
fn within_reach(incident: &Incident, target: &Target) -> bool {
    Asked::about(target).is_some() && incident.finding.account.as_ref().is_none_or(|account| *account == target.account)
}

/// Returns what could not be collected, one line each.
async fn collect_target(responder: &Responder, store: &Store, incident: &Incident, target: &Target) -> Vec<String> {
    let config = match responder.member(target, MemberRole::PreserveEvidence, &incident.id).await {
        Ok(config) => config,
        Err(fault) => return vec![format!("{target}: {fault}")],
    };
    let config = &config;
    // The snapshot is the one thing that containment, or the attacker, can make impossible: it starts first.
    let asked = Asked::about(target);
    let snapshot = async {
        match asked.filter(|asked| asked.has_volumes()) {
            Some(_) => snapshot(store, incident, target, &aws_sdk_ec2::Client::new(config)).await,
            None => Ok(()),
        }
    };
    let answers = async {
        match asked {
            Some(asked) => asked.ask(config, target).await,
            None => vec![],
        }
    };
    let (snapshot, answers) = futures::join!(snapshot, Box::pin(answers));
    let mut missing: Vec<String> = snapshot.err().map(|fault| format!("{target}: {fault}")).into_iter().collect();
    missing.extend(join_all(answers.into_iter().map(|answer| keep(store, incident, target, answer))).await.into_iter().flatten());
    missing
}

async fn snapshot(store: &Store, incident: &Incident, target: &Target, ec2: &aws_sdk_ec2::Client) -> Result<(), Fault> {
    let entries = snapshots::take(ec2, &store.ledger, &incident.id, target).await?;
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
    // People look for the name.
    let name = format!("{}/{file}{part}", file_safe(&target.by_name().ledger_key()));
    let source = format!("{} of {target}", answer.operation);
    let document = json!({ "operation": answer.operation, "target": target, "collected_at": clock::now(), "response": content });
    store.keep(&incident.id, &name, &source, &document).await.err().map(|fault| format!("{target}: {fault}"))
}

/// Key characters that every S3 client handles (S3 user guide, "Creating object key names"); names come from the suspect's account.
fn file_safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_./=".contains(c) { c } else { '_' }).collect()
}

//! Names that more than one target of an incident has.

use crate::parts::{says, waiting};
use crate::stage::{decision, gate, send};
use firebreak::fault::FaultKind;
use firebreak::ids::AccountId;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;
use serde_json::json;

fn target(kind: TargetKind, id: &str) -> Target {
    room::target(kind, id)
}

fn elsewhere(target: Target) -> Target {
    Target { account: AccountId::parse("444455556666").expect("an account"), ..target }
}

#[tokio::test]
async fn a_name_of_several_targets_is_refused_with_names_that_mean_one_each() {
    let ci = target(TargetKind::IamRole, "ci");
    let session = Target { scope: Scope::Session, session: Some("build".to_owned()), ..ci.clone() };
    let alice = target(TargetKind::IamUser, "alice");
    for (targets, name, others) in [
        (vec![alice.clone(), target(TargetKind::IamRole, "alice")], "alice", ["IAM role alice", "IAM user alice"]),
        (vec![ci, session], "ci", ["IAM role ci", "session build of IAM role ci"]),
        (
            vec![alice.clone(), elsewhere(alice)],
            "IAM user alice",
            ["111122223333/eu-central-1/IAM user alice", "444455556666/eu-central-1/IAM user alice"],
        ),
    ] {
        let (aws, execution) = waiting(&targets).await;
        let accepts = json!({ "incident_id": room::incident("one"), "answer": "approve", "comment": "it was looked into", "accept_open": [name] });
        for said in [says("approve", &json!({ "only": [name] })), says("release", &json!({ "except": [name] })), accepts] {
            let fault = send(&aws, said).await.expect_err(name);
            assert_eq!(fault.kind, FaultKind::Malformed, "{fault:?}");
            assert!(others.iter().all(|other| fault.message.contains(&format!("\"{other}\""))), "{name}: {fault:?}");
        }
        assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None));
        let outcome = send(&aws, says("approve", &json!({ "only": [others[1]] }))).await.expect("one is meant");
        let said = &decision(&outcome).targets;
        assert_eq!(said.only, [others[1]]);
        assert_eq!(targets.iter().filter(|target| said.includes(target)).count(), 1, "{said:?}");
    }
}

#[tokio::test]
async fn a_name_is_known_as_it_is_printed() {
    let person = target(TargetKind::IdentityCenterUser, "eve\u{202e}@www.evil.example");
    let (aws, _) = waiting(&[person, target(TargetKind::IamUser, "bob")]).await;
    let outcome =
        send(&aws, says("release", &json!({ "only": ["eve\u{FFFD}@www[.]evil[.]example"] }))).await.expect("an outcome");
    assert_eq!(decision(&outcome).targets.only, ["eve\u{FFFD}@www.evil.example"]);
}

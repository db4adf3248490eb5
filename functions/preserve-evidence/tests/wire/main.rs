//! The preservation of evidence over the wire: the real SDK, against a vault and an account that the tests play.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod account;
mod collect;
mod faults;
mod seal;
mod snapshots;
mod vault;

use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::digest::sha256_hex;
use firebreak::evidence::{Entry, Manifest, manifest_key};
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::report::{Branch, Report};
use firebreak::target::{Target, TargetKind};
use firebreak_function::containment::Responder;
use firebreak_ledger::{IncidentView, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use preserve_evidence::{EvidenceInput, Function, Phase};
use vault::Vault;

/// The event as it arrived, odd spaces included.
const EVENT: &str = "{ \"detail-type\" :\t\"GuardDuty Finding\",  \"title\": \"caf\u{e9}\" }";

/// A server with an empty vault, and an incident that is known to the ledger.
struct Stage {
    aws: ScriptedAws,
    vault: Vault,
    incident: Incident,
}

impl Stage {
    /// The incident contains these targets at once.
    async fn about(targets: &[Target]) -> Self {
        let aws = ScriptedAws::start().await.expect("a port");
        account::start(&aws);
        let vault = Vault::start(&aws);
        let mut incident = room::opened("one");
        incident.finding.account = Some(room::target(TargetKind::IamUser, "alice").account);
        incident.decisions = targets.iter().map(decision).collect();
        let opened = room::ledger(&aws).open_incident(&incident, IncidentStatus::Containing, &RawEvent::Inline(EVENT)).await;
        opened.expect("the ledger takes it");
        Self { aws, vault, incident }
    }

    /// From here on the stage is about another incident with the same decisions.
    async fn opens(&mut self, name: &str) {
        self.incident = Incident { id: room::incident(name), ..self.incident.clone() };
        let (ledger, event) = (room::ledger(&self.aws), RawEvent::Inline(EVENT));
        let opened = ledger.open_incident(&self.incident, IncidentStatus::Containing, &event).await;
        opened.expect("the ledger takes it");
    }

    async fn run(&self, phase: Phase, report: Report) -> Result<Branch, Fault> {
        let responder = Responder::new(self.aws.aws(), room::ledger(&self.aws));
        let function = Function::new(responder, Vault::BUCKET.to_owned());
        Box::pin(function.handle(EvidenceInput { phase, incident: self.incident.clone(), report })).await
    }

    async fn collect(&self) -> Result<Branch, Fault> {
        self.run(Phase::Collect, Report::default()).await
    }

    /// Seals what `report` says was done, after a collection that went well.
    async fn seal(&self, mut report: Report) -> Result<Branch, Fault> {
        "ok".clone_into(&mut report.evidence.status);
        self.run(Phase::Seal, report).await
    }

    /// Everything that the ledger knows of the incident.
    async fn view(&self) -> IncidentView {
        room::ledger(&self.aws).incident(&self.incident.id).await.expect("the ledger answers").expect("an incident")
    }

    /// The key of an object of this incident.
    fn key(&self, name: &str) -> String {
        format!("incidents/{}/{name}", self.incident.id)
    }

    /// The manifest in the vault.
    fn manifest(&self) -> Manifest {
        let text = self.vault.object(&manifest_key(&self.incident.id)).expect("a manifest");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Holds entries to the vault: each that has a digest is an object, as it was written.
    fn check(&self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.sha256.is_some()) {
            let body = self.vault.object(&entry.key).expect(&entry.key);
            assert_eq!(entry.sha256, Some(sha256_hex(body.as_bytes())), "{}", entry.key);
            assert_eq!(entry.bytes, Some(body.len() as u64), "{}", entry.key);
        }
    }

    /// Nothing of the customer's was changed, and nothing anywhere was deleted.
    fn untouched(&self) {
        let ours = ["s3:PutObject", "ec2:CreateSnapshots"];
        let changes = self.aws.changes();
        assert!(changes.iter().all(|action| ours.contains(&action.as_str())), "{changes:?}");
        assert_eq!(self.aws.unknown(), [""; 0]);
    }
}

/// What triage decides about a target.
fn decision(target: &Target) -> Decision {
    let containment = match target.kind {
        TargetKind::Ec2Instance => Containment::IsolateEc2,
        TargetKind::S3Bucket => Containment::LockdownS3,
        TargetKind::S3Object => Containment::QuarantineObject,
        _ => Containment::QuarantineIam,
    };
    Decision::new(target.clone(), Some(containment), Mode::Auto, "a finding")
}

fn user() -> Target {
    room::target(TargetKind::IamUser, "alice")
}

//! Every row of every shipped policy is reached: a finding of its type, at its usual severity, matches an event rule.

use firebreak::arrival::rule_of;
use firebreak::decision::Mode;
use firebreak::playbook::{Playbook, Row};
use firebreak::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rows that only tell people and do not ask to arrive: below severity 7 nobody is told of them. A row comes here on purpose.
const TOLD_ONLY_FROM_HIGH: [&str; 33] = [
    "CredentialAccess:EC2/UnsecuredCredentials",
    "CredentialAccess:RDS/AnomalousBehavior.FailedLogin",
    "CredentialAccess:RDS/MaliciousIPCaller.FailedLogin",
    "CredentialAccess:RDS/TorIPCaller.FailedLogin",
    "DefenseImpairment:Organizations/DisableOrModifyTools",
    "DefenseImpairment:Organizations/ModifyCloudResourceHierarchy",
    "DefenseImpairment:RDS/ModifyAuthenticationProcess",
    "DefenseImpairment:Route53Resolver/DisableOrModifyTools",
    "Discovery:Kubernetes/AnomalousBehavior.PermissionChecked",
    "Discovery:Kubernetes/MaliciousIPCaller",
    "Discovery:Kubernetes/MaliciousIPCaller.Custom",
    "Discovery:Kubernetes/SuccessfulAnonymousAccess",
    "Discovery:Kubernetes/TorIPCaller",
    "Discovery:RDS/MaliciousIPCaller",
    "Discovery:RDS/TorIPCaller",
    "Execution:EC2/MaliciousFile!AMI",
    "Execution:EC2/MaliciousFile!RecoveryPoint",
    "Execution:EC2/MaliciousFile!Snapshot",
    "Execution:S3/MaliciousFile!RecoveryPoint",
    "Execution:SageMaker/CommandAndScriptingInterpreter",
    "Impact:IAMUser/AnomalousModelInvocation",
    "Impact:SES/ResourceHijacking",
    "InitialAccess:IAM/ValidAccounts",
    "LateralMovement:EC2/RemoteServices",
    "Persistence:EC2/ExternalRemoteServices",
    "Persistence:RolesAnywhere/AccountManipulation",
    "Policy:Kubernetes/AdminAccessToDefaultServiceAccount",
    "Policy:Kubernetes/AnonymousAccessGranted",
    "Policy:Kubernetes/ExposedDashboard",
    "Policy:Kubernetes/KubeflowDashboardExposed",
    "Recon:EC2/PortProbeEMRUnprotectedPort",
    "Recon:EC2/PortProbeUnprotectedPort",
    "ResourceDevelopment:SES/CompromiseAccounts",
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The default severity of each type, from the fixtures; where a type's severity varies, the lowest.
fn usual_severities() -> BTreeMap<String, f64> {
    let folder = std::fs::read_dir(repository("fixtures/findings/types")).expect("fixtures");
    let events = folder.map(|file| std::fs::read(file.expect("a file").path()).expect("readable"));
    let events = events.map(|event| serde_json::from_slice::<serde_json::Value>(&event).expect("JSON"));
    let of =
        |event: serde_json::Value| Some((event["detail"]["type"].as_str()?.to_owned(), event["detail"]["severity"].as_f64()?));
    let mut severities: BTreeMap<String, f64> = events.filter_map(of).collect();
    // Columns: type, resource type, default severity. Read in place, where it is.
    if let Ok(table) = std::env::var("FIREBREAK_FINDING_TYPES") {
        for line in std::fs::read_to_string(table).expect("the table of types").lines().skip(1) {
            let mut columns = line.split(',');
            let (Some(kind), _, Some(band)) = (columns.next(), columns.next(), columns.next()) else { continue };
            let lowest = match band {
                "Critical" => 9.0,
                "High" => 7.0,
                "Medium" => 4.0,
                _ => 1.0,
            };
            severities.entry(kind.to_owned()).and_modify(|known| *known = known.min(lowest)).or_insert(lowest);
        }
    }
    severities
}

fn responds(row: &Row) -> bool {
    !row.contain.is_empty() || row.by_hand.values().chain(&row.let_through).any(|mode| *mode == Mode::Gate)
}

fn is_guarddutys(kind: &str) -> bool {
    kind.contains(':') && kind.contains('/')
}

#[test]
fn every_row_of_every_shipped_policy_is_reached() {
    let playbook = Playbook::shipped();
    let severities = usual_severities();
    let mut quiet: BTreeSet<&str> = BTreeSet::new();
    for file in ["local", "infra/environments/dev", "infra/environments/test", "infra/environments/prod"] {
        let text = std::fs::read_to_string(repository(file).join("policy.toml")).expect("a policy");
        let policy = Policy::parse(&text).expect("a valid policy");
        let own = policy.finding.iter().map(|(kind, row)| (kind.as_str(), row));
        let shipped = playbook.types().filter_map(|kind| Some((kind, playbook.row(kind)?)));
        for (kind, row) in own.chain(shipped).filter(|(kind, _)| is_guarddutys(kind)) {
            // Of a type that no fixture has, and of one whose severity varies, the lowest is meant.
            let severity = severities.get(kind).copied().unwrap_or(1.0);
            let rule = rule_of(kind, severity, &policy, playbook);
            assert!(!responds(row) || rule.is_some(), "{file}: {kind} at severity {severity} never arrives");
            assert!(!responds(row) || rule_of(kind, 1.0, &policy, playbook).is_some(), "{file}: {kind}: whatever its severity");
            assert_eq!(rule_of(kind, 7.0, &policy, playbook).as_deref(), Some("guardduty"), "{kind}");
            if rule_of(kind, 1.0, &policy, playbook).is_none() {
                quiet.extend(playbook.types().find(|known| *known == kind));
            }
        }
    }
    assert_eq!(quiet.into_iter().collect::<Vec<_>>(), TOLD_ONLY_FROM_HIGH);
}

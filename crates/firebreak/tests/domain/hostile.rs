//! Every hostile input of the catalogue, by id: what must come of it, and what must never happen.
//!
//! Inputs are `fixtures/findings/hostile/<id>_<name>.json`; variants and the large ones are made here. [`CASES`] says where each id
//! is shown.

use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::coverage::{Coverage, Update};
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::finding::{SeverityBand, split};
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice, ticket};
use firebreak::plan::{AtSource, Circumstances, Plan, Verdict, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::report::Report;
use firebreak::review::GateMessage;
use firebreak::step::StepKind;
use firebreak::stored_event::{MAX_INLINE_BYTES, Reference, StoredEvent};
use firebreak::target::TargetKind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// 2026-11-20T03:00:00Z, an hour after the fixtures' events.
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_143_600, 0);
const EXECUTION: &str = "arn:aws:states:eu-central-1:999988887777:execution:firebreak-incident-response:x";
const MAX_INCIDENT_BYTES: usize = 32 * 1024;
/// What a state takes in or gives out (Step Functions quotas).
const MAX_STATE_BYTES: usize = 256 * 1024;

/// What the fixtures about a user, an instance and a bucket lead to when nothing is odd about them.
const USER: &str = "quarantine-iam auto iam-user svc-659353";
const INSTANCE: &str = "isolate-ec2 auto ec2-instance i-0e9c8d0711dd6803b";
const CALLER: &str = "quarantine-iam auto iam-user svc-dba75f";
const BUCKET: &str = "lockdown-s3 gate s3-bucket acme-f941c89c";
/// What the Security Hub fixture leads to.
const ROLE: &str = "quarantine-iam auto iam-role app-role";
const LEAKED_BY: &str = "isolate-ec2 auto ec2-instance i-0123456789abcdef0";

/// Where a case is shown.
enum Proof {
    /// In this file.
    Here,
    /// A file and a test in it.
    Elsewhere(&'static str, &'static str),
    /// Nowhere in full; what is missing. What can be shown of it is shown here.
    Open(&'static str),
}
use Proof::{Elsewhere, Here, Open};

const CASES: &[(&str, Proof)] = &[
    ("H01", Here),
    ("H02", Here),
    ("H03", Here),
    ("H04", Here),
    ("H05", Here),
    ("H06", Here),
    ("H07", Here),
    ("H08", Here),
    ("H09", Here),
    ("H10", Here),
    ("H11", Here),
    ("H12", Here),
    ("H13", Here),
    ("H14", Here),
    ("H15", Here),
    ("H16", Here),
    ("H17", Here),
    ("H18", Here),
    ("H19", Here),
    ("H20", Here),
    ("H21", Here),
    ("H22", Here),
    ("H23", Here),
    ("H24", Here),
    ("H25", Here),
    ("H26", Here),
    ("H27", Here),
    ("H28", Here),
    (
        "H29",
        Elsewhere("drill/tests/whole/end_to_end/triage.rs", "targets_that_are_gone_are_named_and_the_review_opens_all_the_same"),
    ),
    ("H30", Here),
    ("H31", Here),
    ("H32", Here),
    ("H33", Here),
    ("H34", Here),
    ("H35", Here),
    ("H36", Here),
    ("H37", Here),
    ("H38", Here),
    ("H39", Here),
    ("H40", Here),
    ("H41", Here),
    ("H42", Here),
    ("H43", Here),
    ("H44", Here),
    ("H45", Here),
    ("H46", Here),
    ("H47", Here),
    ("H48", Here),
    ("H49", Open("a bucket that is gone is shown end to end; one in another Region or of another account is not")),
    ("H50", Here),
    ("H51", Open("an instance that is gone is shown end to end; nobody looks for the volumes it left")),
    ("H52", Here),
    ("H53", Elsewhere("drill/tests/whole/end_to_end/targets.rs", "an_isolation_group_that_somebody_filled_is_emptied")),
    ("H54", Here),
    ("H55", Here),
    ("H56", Here),
    ("H57", Here),
    ("H58", Here),
    ("H59", Here),
    ("H60", Here),
    ("H61", Here),
    ("H62", Here),
    ("H63", Here),
    ("H64", Here),
    ("H65", Here),
    ("H66", Here),
    ("H67", Here),
    ("H68", Here),
    ("H69", Here),
    ("H70", Elsewhere("crates/firebreak/tests/domain/principals.rs", "an_owner_who_contradicts_the_finding_waits_for_a_person")),
    (
        "H71",
        Elsewhere("drill/tests/whole/end_to_end/safety.rs", "hostile_text_reaches_people_inert_and_the_token_reaches_nobody"),
    ),
    ("H72", Here),
    ("H73", Here),
    ("H74", Here),
    ("H75", Here),
    ("H76", Here),
    ("H77", Open("many findings about one principal are as many incidents and tickets: only the containments are bounded")),
    ("H78", Here),
    ("H79", Here),
    ("H80", Here),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn bytes(case: &str) -> Vec<u8> {
    let folder = std::fs::read_dir(repository().join("fixtures/findings/hostile")).expect("the folder exists");
    let mut files = folder.map(|entry| entry.expect("readable").path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{case}_")));
    std::fs::read(files.find(is_it).unwrap_or_else(|| panic!("{case} has no fixture"))).expect("readable")
}

fn event(case: &str) -> Value {
    serde_json::from_slice(&bytes(case)).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// The fixture with one field set to something else.
fn with(case: &str, path: &str, value: Value) -> Value {
    set(event(case), path, value)
}

fn set(mut event: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    match event.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Object(fields) => fields.insert(name.to_owned(), value),
        parent => panic!("{parent} has no fields"),
    };
    event
}

fn without(case: &str, path: &str) -> Value {
    let (mut event, (parent, name)) = (event(case), path.rsplit_once('/').expect("a path"));
    let fields = event.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    fields.remove(name).unwrap_or_else(|| panic!("{case} has no {path}"));
    event
}

/// The plan of a fixture, byte for byte, at full strength.
fn raw(case: &str) -> Plan {
    of_bytes(&bytes(case), &Policy::unrestricted(), AtSource::NotAsked)
}

fn of(event: &Value) -> Plan {
    under(event, &Policy::unrestricted())
}

fn under(event: &Value, policy: &Policy) -> Plan {
    of_bytes(event.to_string().as_bytes(), policy, AtSource::NotAsked)
}

fn policy(text: &str) -> Policy {
    Policy::parse(&format!("default_mode = \"auto\"\n{text}")).expect("a valid policy")
}

/// Plans, and holds every plan to what no input may break.
fn of_bytes(event: &[u8], policy: &Policy, at_source: AtSource) -> Plan {
    let circumstances = Circumstances { at_source, ..Circumstances::new(policy, NOW) };
    let plan = plan_json(event, &circumstances).expect("JSON");
    assert!(plan.verdict == Verdict::Respond || plan.reason.as_ref().is_some_and(|why| !why.is_empty()), "silence: {plan:?}");
    for Decision { target, containment, .. } in &plan.decisions {
        let fits = match containment {
            Some(Containment::QuarantineIam) => matches!(target.kind, TargetKind::IamUser | TargetKind::IamRole),
            Some(Containment::QuarantineScp) => target.kind == TargetKind::IdentityCenterUser,
            Some(Containment::IsolateEc2) => target.kind == TargetKind::Ec2Instance,
            Some(Containment::LockdownS3) => target.kind == TargetKind::S3Bucket,
            None => true,
        };
        assert!(fits, "{:?}", decided(&plan));
    }
    let incident = incident(&plan);
    let json = serde_json::to_string(&incident).expect("serialisable");
    assert!(json.len() < MAX_INCIDENT_BYTES, "an incident of {} bytes", json.len());
    assert!(!json.contains(active), "{json:?}");
    for notice in notices(&incident) {
        is_inert(&notice);
    }
    plan
}

fn incident(plan: &Plan) -> Incident {
    Incident::new(plan.clone(), &Policy::unrestricted(), EXECUTION.to_owned(), NOW)
}

/// One line per decision: containment, mode, kind, id.
fn decided(plan: &Plan) -> Vec<String> {
    let what = |d: &Decision| d.containment.map_or("by-hand", Containment::name);
    plan.decisions.iter().map(|d| format!("{} {} {} {}", what(d), d.mode.name(), d.target.kind.name(), d.target.id)).collect()
}

#[track_caller]
fn responds(case: &str, plan: &Plan, expected: &[&str]) {
    assert_eq!(plan.verdict, Verdict::Respond, "{case}: {:?}", plan.reason);
    assert_eq!(decided(plan), expected, "{case}");
}

/// A person is told why, and nothing else happens.
#[track_caller]
fn only_told(case: &str, plan: &Plan, why: &str) {
    assert_eq!(plan.verdict, Verdict::Notify, "{case}: {:?}", decided(plan));
    assert_eq!(decided(plan), Vec::<String>::new(), "{case}");
    assert!(plan.reason.as_ref().is_some_and(|reason| reason.contains(why)), "{case}: {:?}", plan.reason);
}

#[track_caller]
fn never(case: &str, plan: &Plan, what: impl Fn(&Decision) -> bool) {
    assert!(!plan.decisions.iter().any(what), "{case}: {:?}", decided(plan));
}

fn is_user(decision: &Decision) -> bool {
    decision.target.kind == TargetKind::IamUser
}

fn is_iam(decision: &Decision) -> bool {
    decision.containment == Some(Containment::QuarantineIam) || is_user(decision) || decision.target.kind == TargetKind::IamRole
}

fn isolates(decision: &Decision) -> bool {
    decision.containment == Some(Containment::IsolateEc2)
}

fn contains(decision: &Decision) -> bool {
    decision.containment.is_some() && decision.mode != Mode::Notify
}

/// What a terminal, a mail client or a log viewer acts on.
fn active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn is_inert(Message { subject, body }: &Message) {
    assert!(!body.contains(|c| c != '\n' && active(c)) && !subject.contains(active), "{subject:?} {body:?}");
    assert!(subject.is_ascii() && subject.len() < 100, "{subject:?}");
    for link in ["://", "www."] {
        assert!(!body.contains(link), "{body}");
    }
    assert!(body.lines().all(|line| !line.starts_with("ERROR") && !line.starts_with("Bcc")), "{body}");
}

/// A receipt that failed with words that somebody else chose.
fn failed(decision: &Decision, words: &str) -> Receipt {
    let error = Some(Fault::new(FaultKind::Denied, words));
    let step = Step { name: StepKind::AttachDeny.into(), outcome: Outcome::Failed, error, digest: None, started_at: NOW, ms: 1 };
    let (target, containment) = (decision.target.clone(), decision.containment);
    Receipt {
        target,
        containment,
        status: Status::Failed,
        steps: vec![step; 4],
        error: None,
        fault: None,
        waits: None,
        finished_at: Some(NOW),
    }
}

/// All that people are sent about an incident, with what AWS and an analyst may add to it.
fn notices(incident: &Incident) -> Vec<Message> {
    let words = "\u{1b}[2J\r\nBcc: all \u{202e}https://evil.example www.evil.example";
    let mut report = Report::default();
    report.containment.receipts = incident.decisions.iter().filter(|d| contains(d)).map(|d| failed(d, words)).collect();
    report.release.receipts.clone_from(&report.containment.receipts);
    let answer = Decided::new(Answer::Release, words, words, NOW);
    let kinds =
        [NoticeKind::Noticed, NoticeKind::Opened, NoticeKind::Outcome, NoticeKind::ReviewOverdue, NoticeKind::Closed].into_iter();
    let mut all: Vec<Message> = kinds.map(|kind| mail(&notice(kind, incident, &report, Some(&answer), 2))).collect();
    all.push(mail(&ticket(incident, &report, 2)));
    all
}

#[test]
fn shape_what_is_missing_or_malformed_is_told_to_a_person() {
    for (case, why) in [
        ("H01", "names no credentials"),
        ("H02", "names no credentials"),
        ("H03", "no row"),
        ("H04", "no row"),
        ("H07", "values no program can hold"),
        ("H08", "GetFindings form"),
        ("H12", "same field twice"),
        ("H13", "nested too deeply"),
        ("H14", "no detail object"),
        ("H15", "no findings"),
        ("H52", "no valid instance"),
        ("H61", "malware scan result"),
    ] {
        only_told(case, &raw(case), why);
    }
    assert_eq!(raw("H03").finding.finding_type.as_deref(), Some("NewTactic:Quantum/Thing"), "people must see the type");
    assert!(raw("H04").finding.finding_type.is_some_and(|kind| kind.chars().count() == 129), "10 kB are cut to 128 and a mark");
    for (kind, why) in [(json!(""), "no type"), (json!("garbage"), "no row"), (json!(null), "no type"), (json!({}), "no type")] {
        only_told("H04", &of(&with("H04", "/detail/type", kind)), why);
    }
    for severity in [json!(-1), json!(99), json!(10.1), json!("NaN"), json!("inf"), json!("high"), json!(null), json!([8])] {
        only_told("H07", &of(&with("H70", "/detail/severity", severity)), "severity");
    }
    for detail in [json!({"findings": []}), json!([]), json!(null), json!(7)] {
        only_told("H14", &of(&set(event("H70"), "/detail", detail)), "");
    }
    for id in [json!(""), json!("i-"), json!("i-0e9c8d0711dd6803b; rm"), json!(null), json!(["i-0e9c8d0711dd6803b"])] {
        only_told("H52", &of(&with("H56", "/detail/resource/instanceDetails/instanceId", id)), "no valid instance");
    }
    only_told("H60", &of(&without("H60", "/detail/service/detection")), "names no credentials");
}

#[test]
fn shape_what_is_odd_and_clear_is_read() {
    for case in ["H05", "H06", "H09", "H10"] {
        responds(case, &raw(case), &[USER]);
    }
    responds("H11", &raw("H11"), &[INSTANCE]);
    for (severity, band) in [
        (json!(8), SeverityBand::High),
        (json!(8.0), SeverityBand::High),
        (json!(8.9), SeverityBand::High),
        (json!(9), SeverityBand::Critical),
        (json!(9.5), SeverityBand::Critical),
        (json!("8"), SeverityBand::High),
    ] {
        let plan = of(&with("H06", "/detail/severity", severity.clone()));
        assert_eq!(plan.finding.severity_band, Some(band), "H06: {severity}");
    }
    assert_eq!(raw("H09"), raw("H70"), "H09: fields nobody knows change nothing");
    for time in [json!("2025-02-25 20:40:06.721"), json!(null), json!(1_770_000_000.5), json!("yesterday")] {
        let plan = of(&with("H10", "/detail/updatedAt", time.clone()));
        responds("H10", &plan, &[USER]);
        assert_eq!(plan.finding.updated_at, None, "H10: {time} has no place in an order of versions");
        let workload = of(&with("H58", "/detail/resource/eksClusterDetails/createdAt", time));
        assert_eq!(decided(&workload), decided(&raw("H58")), "H10");
    }
    for field in ["platform", "outpostArn", "networkInterfaces", "tags", "iamInstanceProfile"] {
        let event = with("H11", &format!("/detail/resource/instanceDetails/{field}"), json!(null));
        responds("H11", &of(&event), &[INSTANCE]);
    }
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    responds("H13", &of(&with("H70", "/detail/service/additionalInfo", nested(100))), &[USER]);
    responds("H60", &raw("H60"), &["quarantine-iam auto iam-user svc-3e8699"]);
    let twice = String::from_utf8(bytes("H12")).expect("UTF-8").replacen("\"type\"", "\"was\"", 1);
    assert_ne!(of(&serde_json::from_str(&twice).expect("JSON")).reason, raw("H12").reason, "H12: only the repetition is refused");
}

#[test]
fn shape_each_finding_of_an_event_is_decided_by_itself() {
    let text = String::from_utf8(bytes("H16")).expect("UTF-8");
    let parts: Vec<Plan> = split(&text).iter().map(|one| of(&serde_json::from_str(one).expect("JSON"))).collect();
    assert_eq!(parts.len(), 3, "H16: never only the first");
    responds("H16", &parts[0], &[ROLE, LEAKED_BY]);
    only_told("H16", &parts[1], "severity LOW");
    responds("H16", &parts[2], &[ROLE, LEAKED_BY]);
    let accounts: Vec<_> = parts.iter().filter_map(|plan| Some(plan.decisions.first()?.target.account.as_str())).collect();
    assert_eq!(accounts, ["111122223333", "444455556666"], "H16: each in its own account");
    let mut keys: Vec<_> = parts.iter().map(|plan| &plan.dedupe_key).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3, "H16");
    // An event that reaches triage whole is decided the same.
    let whole = raw("H16");
    assert_eq!((whole.decisions.len(), whole.findings.len()), (4, 3), "H16");
    assert!(parts.iter().all(|part| part.dedupe_key != whole.dedupe_key), "H16: one of them must not hide the others");
}

#[test]
fn shape_security_hub_s_severity_is_the_label_s_or_derived() {
    let severity = |severity: Value| of(&with("H20", "/detail/findings/0/Severity", severity));
    responds("H20", &raw("H20"), &[ROLE, LEAKED_BY]);
    for (normalized, band) in [
        (0, SeverityBand::Low),
        (39, SeverityBand::Low),
        (40, SeverityBand::Medium),
        (69, SeverityBand::Medium),
        (70, SeverityBand::High),
        (89, SeverityBand::High),
        (90, SeverityBand::Critical),
        (100, SeverityBand::Critical),
    ] {
        let plan = severity(json!({"Normalized": normalized}));
        assert_eq!(plan.finding.severity_band, Some(band), "H20: {normalized}");
    }
    only_told("H20", &severity(json!({"Normalized": 101})), "severity");
    only_told("H20", &severity(json!({})), "severity");
    only_told("H21", &raw("H21"), "severity MEDIUM: below HIGH");
    responds("H21", &severity(json!({"Label": "HIGH", "Product": 2, "Normalized": 40})), &[ROLE, LEAKED_BY]);
    only_told("H21", &severity(json!({"Label": "LOW", "Product": 9.5, "Normalized": 100})), "severity LOW");
}

#[test]
fn shape_what_has_no_containment_is_named_for_people() {
    for (case, expected) in [
        ("H57", "by-hand gate rds-database arn:aws:rds:eu-central-1:111122223333:db:orders"),
        ("H58", "by-hand gate eks-workload prod-eks/default/web"),
        ("H59", "by-hand gate ecs-task arn:aws:ecs:eu-central-1:111122223333:task/prod/1d840f2e366d860f7681945df0177f45"),
    ] {
        let plan = raw(case);
        responds(case, &plan, &[expected]);
        never(case, &plan, is_iam);
        never(case, &plan, contains);
        assert!(plan.decisions[0].by_hand.is_some(), "{case}: nobody says what to do");
    }
    let as_iam_user = with("H57", "/detail/resource/rdsDbUserDetails/userType", json!("IAMUser"));
    never("H57", &of(&as_iam_user), is_iam);
    let v2 = raw("H62");
    responds("H62", &v2, &[LEAKED_BY]);
    assert_eq!(v2.finding.finding_type.as_deref(), Some("Trojan:EC2/DNSDataExfiltration"), "H62: the original type");
}

#[test]
fn identity_the_principal_comes_from_typed_fields() {
    responds("H17", &raw("H17"), &[ROLE, LEAKED_BY]);
    let swapped = {
        let mut event = event("H17");
        event.pointer_mut("/detail/findings/0/Resources").and_then(Value::as_array_mut).expect("resources").reverse();
        event
    };
    responds("H17", &of(&swapped), &[ROLE, LEAKED_BY]);
    for (case, key) in [("H18", Some("AKIAEXAMPLEEXAMPLE00")), ("H19", None)] {
        let plan = raw(case);
        responds(case, &plan, &["quarantine-iam auto iam-user bob"]);
        assert_eq!(plan.decisions[0].target.access_key_id.as_ref().map(|id| id.as_str()), key, "{case}");
    }
    responds("H36", &raw("H36"), &["quarantine-iam auto iam-user john.doe"]);
    for arn in ["arn:aws:sts::111122223333:assumed-role/app/john.doe", "arn:aws:iam::111122223333:user/", "john.doe"] {
        never("H36", &of(&with("H36", "/detail/findings/0/Resources/0/Id", json!(arn))), is_iam);
    }
    let session = |name: &str| with("H38", "/detail/resource/accessKeyDetails/principalId", json!(format!("AROAEXAMPLE:{name}")));
    for name in ["a/b", "name@example.com", "john.doe@example.com/x", "admin", "user/admin", "AIDAEXAMPLEEXAMPLE00"] {
        let plan = of(&session(name));
        // A name that no session can have cannot be denied alone, and stopping the whole role is a person's choice.
        let expected = if name.contains('/') { "quarantine-iam gate iam-role app-role" } else { ROLE };
        responds("H38", &plan, &[expected]);
        assert_eq!(plan.decisions[0].target.session.as_deref(), Some(name), "H38: the report keeps it");
        never("H39", &plan, is_user);
    }
    responds("H39", &raw("H39"), &[ROLE]);
    // Some events name the role with its session.
    let named = with("H39", "/detail/resource/accessKeyDetails/userName", json!("app-role:admin"));
    responds("H39", &of(&named), &[ROLE]);
}

#[test]
fn identity_what_iam_cannot_contain_is_left_to_people() {
    let named = |case, kind: &str, name: &str| {
        let event = with(case, "/detail/resource/accessKeyDetails/userType", json!(kind));
        of(&set(event, "/detail/resource/accessKeyDetails/userName", json!(name)))
    };
    for name in ["AWSServiceRoleForAutoScaling", "AWSReservedSSO_AdministratorAccess_0123456789abcdef"] {
        let plan = named("H37", "Role", name);
        responds(
            "H37",
            &plan,
            &["isolate-ec2 auto ec2-instance i-06affa822b7393998", &format!("quarantine-iam notify iam-role {name}")],
        );
        never("H37", &plan, |d| is_iam(d) && d.mode != Mode::Notify);
    }
    let root = raw("H41");
    assert_eq!(decided(&root), ["by-hand notify account-root 111122223333"], "H41");
    assert_eq!(root.verdict, Verdict::Notify, "H41");
    assert_eq!(decided(&named("H70", "Root", "Root")), decided(&root), "H41: whatever the type of the finding is");
    for principal in ["111122223333:fed-name", "AIDAA5E9285DC9025F327:fed-name"] {
        let plan = of(&with("H42", "/detail/resource/accessKeyDetails/principalId", json!(principal)));
        assert_eq!(decided(&plan), ["by-hand gate federated-user fed-name"], "H42");
        assert_eq!(plan.verdict, Verdict::Respond, "H42: its creator is not found yet, and a person must look for him");
        never("H42", &plan, is_iam);
    }
    for kind in ["AWSService", "AWSAccount", "Directory", "SAMLUser", "Unknown", "iamuser", ""] {
        only_told("H43", &named("H70", kind, "svc-659353"), "nothing IAM could contain");
        // The caller is nobody's to contain; the bucket still is.
        responds("H43", &named("H43", kind, "svc-dba75f"), &[BUCKET]);
    }
    responds("H43", &raw("H43"), &[BUCKET]);
    for plan in [raw("H44"), of(&without("H44", "/detail/resource/accessKeyDetails"))] {
        responds("H44", &plan, &[BUCKET]);
        never("H44", &plan, is_iam);
    }
}

#[test]
fn identity_the_resource_is_the_one_the_finding_is_about() {
    responds("H45", &raw("H45"), &[USER]);
    never("H45", &raw("H45"), isolates);
    responds("H46", &raw("H46"), &["lockdown-s3 auto s3-bucket acme-4a1f37d4"]);
    let buckets = raw("H47");
    responds(
        "H47",
        &buckets,
        &[
            CALLER,
            "lockdown-s3 gate s3-bucket acme-fb8e20fc",
            "lockdown-s3 gate s3-bucket acme-103d6254",
            "by-hand notify s3-bucket acme-3b64db95",
        ],
    );
    never("H47", &buckets, |d| d.target.id == "acme-3b64db95" && d.containment.is_some());
    // A sequence says whose each bucket is.
    let sequence = |account: &str| {
        let bucket = json!([{"resourceType": "S3_BUCKET", "name": "acme-fb8e20fc", "accountId": account}]);
        let event = with("H60", "/detail/type", json!("AttackSequence:S3/CompromisedData"));
        of(&set(event, "/detail/service/detection/sequence/resources", bucket))
    };
    assert!(decided(&sequence("111122223333")).contains(&"lockdown-s3 auto s3-bucket acme-fb8e20fc".to_owned()), "H47");
    never("H47", &sequence("444455556666"), |d| contains(d) && d.target.kind == TargetKind::S3Bucket);
    let directory = raw("H48");
    responds("H48", &directory, &[CALLER, "by-hand gate s3-bucket demo--euc1-az1--x-s3"]);
    never("H48", &directory, |d| d.containment == Some(Containment::LockdownS3));
    responds("H49", &raw("H49"), &[CALLER, BUCKET]);
    responds("H53", &raw("H53"), &[INSTANCE]);

    let scanned = raw("H54");
    assert_eq!(decided(&scanned), ["by-hand notify ec2-instance i-0bec7d11f71e08a4e"], "H54");
    assert_eq!(scanned.verdict, Verdict::Notify, "H54");
    responds("H55", &raw("H55"), &["isolate-ec2 auto ec2-instance i-00c3d57a37c2a5b71"]);
    for role in [json!("TARGET"), json!("actor"), json!(null)] {
        let guessed = of(&with("H55", "/detail/service/resourceRole", role));
        assert_eq!(guessed.verdict, Verdict::Notify, "H54");
        never("H54", &guessed, isolates);
    }
    responds("H56", &raw("H56"), &[INSTANCE]);
}

#[test]
fn identity_account_region_and_partition_are_the_finding_s_and_have_their_form() {
    let foreign = raw("H30");
    assert!(foreign.decisions.iter().all(|d| d.target.account.as_str() == "000000000001"), "H30");
    let ours = policy("[allow]\naccounts = [\"111122223333\"]");
    only_told("H30", &under(&event("H30"), &ours), "not one that policy allows");
    responds("H30", &under(&event("H70"), &ours), &[USER]);
    assert_eq!(under(&event("H30"), &Policy::default()).verdict, Verdict::Notify, "H30: an account nobody named is observed");
    for account in
        [json!("1234567891234"), json!(""), json!("123"), json!("11112222333x"), json!(111_122_223_333_u64), json!(null)]
    {
        only_told("H31", &of(&with("H31", "/detail/accountId", account)), "no valid account");
    }
    let elsewhere = raw("H32");
    responds("H32", &elsewhere, &[INSTANCE]);
    assert_eq!(elsewhere.decisions[0].target.region.as_str(), "eu-central-1", "H32: the envelope's Region is not the resource's");
    only_told("H32", &under(&event("H32"), &policy("[allow]\nregions = [\"us-east-1\"]")), "not one that policy allows");
    responds("H32", &under(&event("H32"), &policy("[allow]\nregions = [\"eu-central-1\"]")), &[INSTANCE]);
    for region in ["eu-central-1.attacker.example/", "evil.com/#", "eu-central-1\n", "eu-central-1@evil.com", "../x-1", ""] {
        let plan = of(&with("H33", "/detail/region", json!(region)));
        only_told("H33", &plan, "no valid Region");
        assert_eq!(plan.finding.region, None, "H33");
        let hub = with("H17", "/detail/findings/0/Region", json!(region));
        never("H33", &of(&hub), |d| d.target.region.as_str() != "eu-central-1");
    }
    for (case, partition, region) in [
        ("H34", "aws-cn", "cn-north-1"),
        ("H35", "aws-us-gov", "us-gov-west-1"),
        ("H35", "aws-iso", "us-iso-east-1"),
        ("H35", "aws-eusc", "eusc-de-east-1"),
    ] {
        let plan = of(&set(with(case, "/detail/partition", json!(partition)), "/detail/region", json!(region)));
        responds(case, &plan, &[USER]);
        let target = &plan.decisions[0].target;
        assert_eq!((target.partition.as_str(), target.region.as_str()), (partition, region), "{case}");
    }
    only_told("H35", &of(&with("H35", "/detail/partition", json!("aws:iam::1:user/x"))), "no valid partition");
}

#[test]
fn dedupe_one_finding_is_one_incident_whatever_its_route() {
    let hub = raw("H23");
    let arn = hub.finding.id.clone().expect("an ARN");
    let native = of(&with("H37", "/detail/arn", json!(arn)));
    let v2 = raw("H62");
    assert_eq!((&hub.dedupe_key, &native.dedupe_key, &v2.dedupe_key), (&arn, &arn, &arn), "H23, H62");
    let forged = with("H23", "/detail/findings/0/ProductArn", json!("arn:aws:securityhub:eu-central-1::product/evil/guardduty"));
    assert_ne!(of(&forged).dedupe_key, arn, "H23: a forged copy must not claim the real finding's key");

    let (own, of_admin) = (raw("H70"), raw("H25"));
    assert_eq!(own, of_admin, "H25: the administrator's copy is the same finding, in the finding's account");
    never("H25", &of_admin, |d| d.target.account.as_str() != "111122223333");
}

#[test]
fn dedupe_an_update_is_answered_for_what_is_new() {
    let (first, update) = (raw("H56"), raw("H24"));
    let id = IncidentId::of(&first.dedupe_key);
    assert_eq!(first.dedupe_key, update.dedupe_key, "H24");
    let known = Coverage::of(&first);
    assert!(matches!(known.update(update.clone(), &id), Update::Nothing(_)), "H24: a higher count is nothing new");
    let milder = Coverage::of(&of(&with("H56", "/detail/severity", json!(5))));
    let Update::FollowUp(raised) = milder.update(update.clone(), &id) else { panic!("H24: nobody hears that it got worse") };
    assert_eq!((raised.verdict, raised.decisions.len()), (Verdict::Notify, 0), "H24: no second containment");
    let other = of(&with("H24", "/detail/resource/instanceDetails/instanceId", json!("i-0bec7d11f71e08a4e")));
    let Update::FollowUp(other) = known.update(other, &id) else { panic!("H24: a new target is new") };
    assert_eq!(decided(&other), ["isolate-ec2 auto ec2-instance i-0bec7d11f71e08a4e"], "H24");

    // Out of order and more than once. An older one is nothing, also when it says more; the same version by another route is
    // answered for what the first route left out.
    let ahead = Coverage::of(&update);
    let more = |case| {
        let event = with(case, "/detail/resource/instanceDetails/instanceId", json!("i-0bec7d11f71e08a4e"));
        of(&set(event, "/detail/severity", json!(9.5)))
    };
    assert!(ahead.is_ahead_of(&first), "H78");
    for late in [first, more("H56"), update] {
        assert!(matches!(ahead.update(late, &id), Update::Nothing(_)), "H78");
    }
    assert!(matches!(ahead.update(more("H24"), &id), Update::FollowUp(_)), "H78");
}

#[test]
fn state_what_people_or_guardduty_settled_is_left_alone() {
    let hub = |path: &str, value: &str| of(&with("H20", &format!("/detail/findings/0/{path}"), json!(value)));
    let archived = with("H70", "/detail/service/archived", json!(true));
    for plan in [
        raw("H22"),
        hub("Workflow/Status", "SUPPRESSED"),
        hub("Workflow/Status", "RESOLVED"),
        hub("Workflow/Status", "NOTIFIED"),
        hub("RecordState", "ARCHIVED"),
        of(&archived),
    ] {
        assert_eq!((plan.verdict, plan.decisions.len()), (Verdict::Ignore, 0), "H22");
    }
    let samples = policy("samples = \"respond\"");
    for case in ["H26", "H27"] {
        only_told(case, &raw(case), "a sample finding");
        responds(case, &under(&event(case), &samples), &[USER]);
    }
    responds("H29", &raw("H29"), &["isolate-ec2 auto ec2-instance i-99999999"]);
    for (field, id) in
        [("userName", "GeneratedFindingUserName"), ("userName", "arn:aws:iam::111122223333:example/instance/profile")]
    {
        let plan = of(&with("H70", &format!("/detail/resource/accessKeyDetails/{field}"), json!(id)));
        never("H29", &plan, |d| d.target.id.contains([':', '/']));
    }
    responds("H51", &raw("H51"), &[INSTANCE]);
}

#[test]
fn state_an_old_event_waits_for_a_person_unless_guardduty_confirms_it() {
    let gated = USER.replace("auto", "gate");
    let stale = policy("stale_after_hours = 72");
    let old = |at_source| {
        let event = set(with("H79", "/time", json!("2026-11-16T00:00:00Z")), "/detail/updatedAt", json!("2026-11-16T00:00:00Z"));
        of_bytes(event.to_string().as_bytes(), &stale, at_source)
    };
    responds("H79", &raw("H79"), &[&gated]);
    responds("H79", &of(&with("H70", "/replay-name", json!("redrive"))), &[&gated]);
    responds("H79", &old(AtSource::NotAsked), &[&gated]);
    responds("H79", &old(AtSource::Unknown), &[&gated]);
    responds("H79", &old(AtSource::Active), &[USER]);
    let settled = old(AtSource::Settled);
    assert_eq!((settled.verdict, settled.decisions.len()), (Verdict::Ignore, 0), "H79");
    responds("H79", &under(&event("H70"), &stale), &[USER]);
}

#[test]
fn hostile_names_neither_hide_nor_protect_nor_reach_a_call() {
    responds("H28", &raw("H28"), &[INSTANCE]);
    for (path, text) in [("title", "[SAMPLE] x"), ("id", "GeneratedFindingId"), ("description", "{\"sample\":true}")] {
        responds("H28", &of(&with("H28", &format!("/detail/{path}"), json!(text))), &[INSTANCE]);
    }
    let role = |name: &str| of(&with("H40", "/detail/resource/accessKeyDetails/userName", json!(name)));
    for name in ["firebreak-quarantine-iam", "FirebreakTriage", "OrganizationAccountAccessRole", "break-glass-admin"] {
        let plan = role(name);
        never("H40", &plan, |d| is_iam(d) && d.mode != Mode::Notify);
        assert!(
            plan.decisions.iter().any(|d| d.target.id == name && d.reason.starts_with("protected")),
            "H40: {:?}",
            decided(&plan)
        );
    }
    never("H40", &under(&event("H38"), &policy("[protected]\nprincipals = [\"app-role\"]")), contains);
    // No policy unprotects what is built in.
    let eager = policy("[accounts.111122223333]\nmode = \"auto\"\ncontainments = { quarantine-iam = \"auto\" }");
    never("H40", &under(&event("H40"), &eager), |d| is_iam(d) && d.mode != Mode::Notify);
    let locks = |d: &Decision| contains(d) && d.target.kind == TargetKind::S3Bucket;
    let ours = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("firebreak-evidence-111122223333"));
    never("H50", &of(&ours), locks);
    let archive = policy("[protected]\nbuckets = [\"security-forensics-111122223333\"]");
    never("H50", &under(&event("H50"), &archive), locks);
    assert!(raw("H50").decisions.iter().any(locks), "H50: only the list protects a name of the deployment's own");
    let borrowed = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("firebreak-evidence-444455556666"));
    assert!(of(&borrowed).decisions.iter().any(locks), "H50: an attacker's bucket must not borrow the protection");

    let long = "x".repeat(129);
    let names =
        ["../../x", "a b", "bob\",\"Effect\":\"Allow", "a/b", "", &long, "b\u{f6}b", "x\u{202e}", "arn:aws:iam::1:user/x"];
    for (case, name) in names.iter().map(|name| ("H69", *name)).chain(TEMPLATES.iter().map(|name| ("H68", *name))) {
        for kind in ["IAMUser", "AssumedRole"] {
            let event = with(case, "/detail/resource/accessKeyDetails/userType", json!(kind));
            let plan = of(&set(event, "/detail/resource/accessKeyDetails/userName", json!(name)));
            // `role:session` is a form of AWS's own: what stands before the colon is a name like any other.
            never(case, &plan, |d| !d.target.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)));
            never(case, &plan, |d| d.target.id.len() > 64 || d.target.id.is_empty() || d.target.id == *name);
        }
    }
    for case in ["H68", "H69"] {
        only_told(case, &raw(case), "no valid form");
    }
    let owned = raw("H70");
    responds("H70", &owned, &[USER]);
    let not_asked = owned.decisions[0].target.principal_id.as_ref().map(|id| id.as_str());
    assert_eq!(not_asked, Some("AIDAA5E9285DC9025F327"), "H70: the function compares the user's immutable id");
}

/// What a state machine would act on if it were ever taken for more than text.
const TEMPLATES: [&str; 5] =
    ["$.TaskToken", "$$.Task.Token", "$$.Execution.Id", "States.Format('{}', $.x)", "{% $states.input %}"];

#[test]
fn hostile_text_is_inert_wherever_people_read_it() {
    let markup = event("H63")["detail"]["title"].as_str().expect("a title").to_owned();
    let control = event("H64").pointer("/detail/resource/instanceDetails/tags/0/value").cloned().expect("a tag");
    let unicode = event("H65").pointer("/detail/resource/instanceDetails/tags/0/value").cloned().expect("a tag");
    let texts = [markup, control.as_str().expect("text").to_owned(), unicode.as_str().expect("text").to_owned()];
    for case in ["H63", "H64", "H65"] {
        responds(case, &raw(case), &[INSTANCE]);
    }
    for text in texts.iter().map(String::as_str).chain(TEMPLATES).chain(["e\u{301}\u{5e9}\u{dc}\r\nBcc: x\u{2028}\u{2066}"]) {
        // `of` holds the incident and all notices to be inert.
        let titled = of(&with("H63", "/detail/title", json!(text)));
        responds("H63", &titled, &[INSTANCE]);
        assert!(titled.finding.title.is_some_and(|title| title.chars().count() <= 201), "H65: cut, on a character");
        for (case, path) in [
            ("H70", "/detail/type"),
            ("H70", "/detail/arn"),
            ("H70", "/detail/associatedAttackSequenceArn"),
            ("H70", "/detail/accountId"),
            ("H70", "/detail/updatedAt"),
            ("H39", "/detail/resource/accessKeyDetails/principalId"),
            ("H42", "/detail/resource/accessKeyDetails/userName"),
            ("H56", "/detail/resource/instanceDetails/instanceId"),
            ("H49", "/detail/resource/s3BucketDetails/0/name"),
            ("H57", "/detail/resource/rdsDbInstanceDetails/dbInstanceArn"),
            ("H58", "/detail/resource/kubernetesDetails/kubernetesWorkloadDetails/name"),
            ("H59", "/detail/resource/ecsClusterDetails/taskDetails/arn"),
            ("H17", "/detail/findings/0/Title"),
            ("H17", "/detail/findings/0/Id"),
            ("H62", "/detail/findings/0/finding_info/uid"),
        ] {
            let plan = of(&with(case, path, json!(text)));
            assert!(plan.decisions.iter().all(|d| d.target.id.chars().count() <= 257), "{case}: {path}");
        }
    }
}

#[test]
fn hostile_text_becomes_no_link_in_a_subject_a_receipt_or_a_reason() {
    let in_subject =
        with("H58", "/detail/resource/kubernetesDetails/kubernetesWorkloadDetails/name", json!("https://evil.example"));
    let in_subject = set(in_subject, "/detail/resource/eksClusterDetails/name", json!("x"));
    let in_receipt = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("www.evil.example"));
    let product = "arn:aws:securityhub:eu-central-1::product/x/https://evil.example";
    let in_reason = with("H17", "/detail/findings/0/ProductArn", json!(product));
    let policy = Policy::unrestricted();
    for event in [in_subject, in_receipt, in_reason] {
        let plan = plan_json(event.to_string().as_bytes(), &Circumstances::new(&policy, NOW)).expect("JSON");
        for Message { subject, body } in notices(&incident(&plan)) {
            for link in ["://", "www."] {
                assert!(!subject.contains(link) && !body.contains(link), "H63: {subject} {body}");
            }
        }
    }
}

#[test]
fn hostile_bytes_are_handled_errors() {
    only_told("H66", &raw("H66"), "values no program can hold");
    let other = String::from_utf8(bytes("H66")).expect("UTF-8").replace("finding/3da3", "finding/0000");
    let other = of_bytes(other.as_bytes(), &Policy::unrestricted(), AtSource::NotAsked);
    assert_ne!(other.dedupe_key, raw("H66").dedupe_key, "H66: two events that cannot be read are two incidents");
    let policy = Policy::unrestricted();
    let error = plan_json(&bytes("H67"), &Circumstances::new(&policy, NOW)).expect_err("no UTF-8, no JSON").to_string();
    assert!(error.starts_with("not JSON: line ") && error.len() < 60, "H67: the place, never the text: {error}");
}

#[test]
fn size_of_an_event_never_becomes_the_size_of_an_incident() {
    for (case, size, larger_than_a_state) in [("H72", 261_000, false), ("H73", 1_040_000, true)] {
        let padding = "A".repeat(size - event("H56").to_string().len());
        let event = with("H56", "/detail/service/additionalInfo/padding", json!(padding)).to_string();
        assert_eq!((event.len() > MAX_INLINE_BYTES, event.len() > MAX_STATE_BYTES), (true, larger_than_a_state), "{case}");
        let plan = of_bytes(event.as_bytes(), &Policy::unrestricted(), AtSource::NotAsked);
        responds(case, &plan, &[INSTANCE]);
        assert!(
            serde_json::to_string(&incident(&plan)).expect("serialisable").len() < 2048,
            "{case}: of the event only a summary"
        );
        let stored = StoredEvent::of(&event, 4);
        let reference = serde_json::to_string(&Reference { firebreak_stored_event: stored.clone() }).expect("serialisable");
        assert!(reference.len() < 256 && stored.is(&event), "{case}: what travels is a reference");
        assert_eq!(StoredEvent::referred_to_by(&reference), Some(stored), "{case}");
    }
}

/// An incident with as many targets as fit, and the report of everything that failed with the longest words.
fn largest() -> (Incident, Report) {
    let words = "\u{65e5}\u{672c}\"\\\u{1b}".repeat(400);
    let actor = |n: usize| json!({"user": {"type": "IAMUser", "name": format!("{n:0>64}"), "credentialUid": "A".repeat(128)}});
    let actors: Vec<Value> = (0..500).map(actor).collect();
    let event = set(with("H60", "/detail/title", json!(words)), "/detail/service/detection/sequence/actors", json!(actors));
    let incident = incident(&of(&event));
    let told = incident.reason.as_deref().unwrap_or_default();
    assert!(incident.decisions.len() == 20 && told.contains("236 more") && told.contains("245 more"), "{told:?}");
    let mut report = Report::default();
    report.containment.receipts = incident.decisions.iter().map(|decision| failed(decision, &words)).collect();
    (incident, report)
}

/// A sequence of 20 workloads with the longest names, and more such text in the fields at `paths`.
fn crowded(paths: &[&str]) -> Plan {
    let long = "\u{1f680}".repeat(2000);
    let workload = |n: usize| json!({"resourceType": "KUBERNETES_WORKLOAD", "name": format!("{n}{long}")});
    let workloads: Vec<Value> = (0..20).map(workload).collect();
    let mut event = with("H60", "/detail/type", json!("AttackSequence:EKS/CompromisedCluster"));
    for path in paths {
        event = set(event, path, json!(long));
    }
    // `of` holds the incident to its limit.
    of(&set(event, "/detail/service/detection/sequence/resources", json!(workloads)))
}

#[test]
fn size_of_an_incident_is_bounded_in_bytes() {
    let plan = crowded(&["/detail/title", "/detail/associatedAttackSequenceArn"]).bounded();
    assert_eq!(plan.decisions.len(), 20, "H72: names of any length leave room for all of them");
}

#[test]
fn size_of_an_incident_is_bounded_in_bytes_whatever_its_id() {
    crowded(&["/detail/title", "/detail/associatedAttackSequenceArn", "/detail/arn"]);
}

#[test]
fn size_of_what_is_sent_is_bounded() {
    let (incident, report) = largest();
    let answer = Decided::new(Answer::Approve, &"x".repeat(9000), &"\u{1f680}".repeat(90_000), NOW);
    for kind in [NoticeKind::Noticed, NoticeKind::Opened, NoticeKind::Outcome, NoticeKind::ReviewOverdue, NoticeKind::Closed] {
        let sent = mail(&notice(kind, &incident, &report, Some(&answer), 500));
        assert!(sent.body.len() < 33_000 && sent.subject.len() < 100, "H75: {kind:?} has {} bytes", sent.body.len());
    }
    assert!(mail(&ticket(&incident, &report, 500)).body.len() < 33_000, "H75");

    let gate = |incident, report| GateMessage {
        task_token: "t".repeat(1024),
        execution_arn: EXECUTION.to_owned(),
        entered_at: NOW,
        retry: 0,
        round: 1,
        after_answer: false,
        incident,
        report,
    };
    let bytes = |message: &GateMessage| serde_json::to_string(message).expect("serialisable").len();
    assert!(bytes(&gate(self::incident(&raw("H70")), Report::default())) < 8 * 1024, "H74");
    assert!(bytes(&gate(incident, report)) < MAX_STATE_BYTES, "H74: also the largest");
    let definition = std::fs::read(repository().join("state-machine/incident-response.asl.json")).expect("readable");
    let definition: Value = serde_json::from_slice(&definition).expect("JSON");
    let body = definition.pointer("/States/ReviewGate/Parameters/MessageBody").and_then(Value::as_object).expect("a body");
    for (field, from) in body {
        let from = from.as_str().expect("a path");
        assert!(from != "$" && !from.contains("event") && from != "$$.Execution.Input", "H74: {field} is {from}");
    }
}

#[test]
fn size_of_an_error_is_one_line_without_the_event() {
    let event = String::from_utf8_lossy(&bytes("H04")).into_owned();
    let fault = Fault::malformed(event.repeat(4));
    assert!(fault.to_string().chars().count() < 450, "H76: a Cause takes 32768 characters");
    let policy = Policy::unrestricted();
    let broken = event.replace("\"detail\"", "detail");
    let error = plan_json(broken.as_bytes(), &Circumstances::new(&policy, NOW)).expect_err("no JSON").to_string();
    assert!(error.len() < 60 && !error.contains("xxx"), "H76: {error}");
}

#[test]
fn rate_the_same_finding_is_the_same_incident() {
    let first = raw("H70");
    for _ in 0..3 {
        assert_eq!(IncidentId::of(&raw("H70").dedupe_key), IncidentId::of(&first.dedupe_key), "H77, H78");
    }
    // EventBridge's own id and time are no part of it, also when the event names no finding.
    for case in ["H70", "H61"] {
        let again = set(with(case, "/id", json!("another-delivery")), "/time", json!("2026-11-20T02:09:00Z"));
        assert_eq!(of(&again).dedupe_key, raw(case).dedupe_key, "H78: {case}");
    }
    let other = of(&with("H70", "/detail/arn", json!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/other")));
    assert_eq!(other.decisions[0].target.ledger_key(), first.decisions[0].target.ledger_key(), "H77: one budget, one base");
}

#[test]
fn other_aws_health_is_believed_and_gated() {
    let exposed = raw("H80");
    responds("H80", &exposed, &["by-hand gate access-key AKIAEXAMPLEEXAMPLE00"]);
    never("H80", &exposed, contains);
    // With the owner in it, the owner is named, and a person still has to agree.
    let owned = of(&with("H80", "/detail/eventMetadata", json!({"userName": "bob"})));
    responds("H80", &owned, &["quarantine-iam gate iam-user bob"]);
    let abuse = |kind: &str, entity: &str| {
        let event = set(with("H80", "/detail/service", json!("ABUSE")), "/detail-type", json!(kind));
        let event = set(event, "/detail/eventTypeCode", json!("AWS_ABUSE_EC2_BOTNET_REPORT"));
        of(&set(event, "/detail/affectedEntities", json!([{"entityValue": entity}])))
    };
    for kind in ["AWS Health Event", "AWS Health Abuse Event"] {
        let instance = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0bec7d11f71e08a4e";
        responds("H80", &abuse(kind, instance), &["isolate-ec2 gate ec2-instance i-0bec7d11f71e08a4e"]);
        never("H80", &abuse(kind, "i-9999; rm -rf"), contains);
    }
    only_told("H80", &of(&with("H80", "/detail/service", json!("EC2"))), "neither an abuse report nor a risk");
    only_told("H80", &of(&with("H80", "/detail/eventTypeCode", json!("AWS_RISK_NEW"))), "no row");
}

#[test]
fn every_case_is_handled() {
    let expected: Vec<String> = (1..=80).map(|n| format!("H{n:02}")).collect();
    assert_eq!(CASES.iter().map(|(case, _)| *case).collect::<Vec<_>>(), expected);
    let (_, tests) = include_str!("hostile.rs").split_once("fn repository").expect("this file");
    for (case, proof) in CASES {
        match proof {
            Here => assert!(tests.contains(&format!("\"{case}")), "no test names {case}"),
            Elsewhere(file, test) => {
                let text = std::fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
                assert!(text.contains(&format!("fn {test}(")), "{case}: {file} has no test {test}");
            }
            Open(missing) => println!("{case} is open: {missing}"),
        }
    }
    let folder = std::fs::read_dir(repository().join("fixtures/findings/hostile")).expect("the folder exists");
    for name in folder.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()) {
        let known = CASES.iter().any(|(case, _)| name.starts_with(&format!("{case}_")));
        assert!(known || !name.starts_with('H'), "{name} is no case");
    }
}

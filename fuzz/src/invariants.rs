//! What must hold for every plan, whatever the event was.
//!
//! This file needs nothing but `firebreak`, `jiff` and `serde_json`, so that a test can include it by its path.

use firebreak::coverage::{Coverage, Update};
use firebreak::decision::{Decision, Mode};
use firebreak::target::TargetKind;
use firebreak::finding::{self, Source};
use firebreak::ids::{BucketName, IamName, IncidentId, InstanceId, KmsKeyId, SessionName};
use firebreak::report::{Branch, Report};
use firebreak::incident::Incident;
use firebreak::notice::{self, Message, NoticeKind};
use firebreak::plan::{self, AtSource, Circumstances, Plan, Verdict, plan_json};
use firebreak::policy::{Policy, built_in_protection};
use firebreak::receipt::{Receipt, Status};
use firebreak::answer::{Answer, Decided};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::LazyLock;

/// The time of every plan: suppressions and the limit of age depend on it.
const NOW: Timestamp = Timestamp::constant(1_795_300_000, 0);
/// Step Functions takes 256 KiB for all branches together; an incident promises to stay far below.
const MAX_INCIDENT_BYTES: usize = 32 * 1024;
/// What `notice` promises, with its mark of a cut.
const MAX_BODY_BYTES: usize = 32_100;
const EXECUTION: &str =
    "arn:aws:states:eu-central-1:111122223333:execution:firebreak-incident-response:fb-0123456789abcdef-0123456789";

/// A policy, and what it must not lead to.
struct Case {
    name: &'static str,
    policy: Policy,
    /// Nothing is ever contained.
    observes: bool,
}

static CASES: LazyLock<[Case; 3]> = LazyLock::new(|| {
    let full = Policy::parse(include_str!("../policy.toml")).unwrap_or_else(|error| panic!("fuzz/policy.toml: {error}"));
    [
        Case { name: "unrestricted", policy: Policy::unrestricted(), observes: false },
        Case { name: "default", policy: Policy::default(), observes: true },
        Case { name: "fuzz/policy.toml", policy: full, observes: false },
    ]
});

/// `detail` in the envelope of a delivered event. What is no JSON stays as it is.
#[must_use]
pub fn envelope(source: &str, detail_type: &str, detail: &[u8]) -> Vec<u8> {
    if !is_json(detail) {
        return detail.to_vec();
    }
    let head = format!(
        r#"{{"version":"0","id":"4c7a7a41-9a4a-5e9a-0c68-d75f77a9206e","detail-type":"{detail_type}","source":"{source}","account":"111122223333","time":"2026-11-20T02:05:00Z","region":"eu-central-1","resources":[],"detail":"#
    );
    [head.as_bytes(), detail, b"}"].concat()
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Plans what to do about `event` under three policies.
///
/// # Panics
/// If one of the plans is not as it must be.
pub fn check(event: &[u8]) {
    let [first, ..] = &*CASES;
    let Ok(whole_route) = plan_json(event, &Circumstances::new(&first.policy, NOW)) else {
        assert!(!is_json(event), "it is JSON, and has no plan");
        return;
    };
    let parsed = finding::parse(event).ok();
    let planned = |circumstances: &Circumstances<'_>| match &parsed {
        Some(event) => plan::plan(event, circumstances),
        None => plan_json(event, circumstances).unwrap_or_else(|error| panic!("planned once, then {error}")),
    };
    for case in CASES.iter() {
        let circumstances = Circumstances::new(&case.policy, NOW);
        let plan = planned(&circumstances);
        let explained = planned(&Circumstances { explain: true, ..circumstances });
        only_shown(&explained);
        assert_eq!(plan, without_explanation(explained), "{}: planned again and explained, decided otherwise", case.name);
        check_plan(&plan, case, parsed.as_ref());
        unknown_at_source(&planned(&Circumstances { at_source: AtSource::Unknown, ..circumstances }));
        if !plan.findings.is_empty() {
            merged(&plan);
        }
    }
    let circumstances = Circumstances::new(&first.policy, NOW);
    assert_eq!(whole_route, planned(&circumstances), "planned again, decided otherwise");
    if let Some(text) = std::str::from_utf8(event).ok().filter(|_| !whole_route.findings.is_empty()) {
        split(text, &whole_route, &circumstances);
    }
}

fn check_plan(plan: &Plan, case: &Case, event: Option<&Value>) {
    let name = case.name;
    let at_once = || plan.decisions.iter().filter(|decision| decision.mode == Mode::Auto);
    if plan.findings.is_empty() {
        let findings = event.and_then(findings_of).unwrap_or_default();
        one_finding(plan, findings.first().copied(), name);
    }
    for (at, of_one) in plan.findings.iter().enumerate() {
        let findings = event.and_then(findings_of).unwrap_or_default();
        one_finding(of_one, findings.get(at).copied(), name);
        small(of_one, case);
    }
    assert!(!case.observes || (at_once().count() == 0 && plan.verdict != Verdict::Respond), "{name}: {plan:?}");
    assert!(
        plan.verdict == Verdict::Respond || plan.reason.as_ref().is_some_and(|reason| !reason.is_empty()),
        "{name}: no reason"
    );
    for decision in &plan.decisions {
        can_be_carried_out(decision, plan, name);
        allowed(decision, plan, case);
    }
    only_the_rest(plan, name);
    let incident = small(plan, case);
    messages(&incident, name);
}

/// The same event again is answered only for what did not fit into the first incident.
fn only_the_rest(plan: &Plan, name: &str) {
    if let Update::FollowUp(rest) = Coverage::of(plan).update(plan.clone(), &IncidentId::of(&plan.dedupe_key)) {
        let first = plan.clone().bounded();
        assert!(!rest.decisions.is_empty(), "{name}: the same event again is an update");
        assert!(rest.decisions.iter().all(|decision| !first.decisions.contains(decision)), "{name}: decided twice: {rest:?}");
    }
}

/// The findings of a Security Hub event, in its order.
fn findings_of(event: &Value) -> Option<Vec<&Value>> {
    match event.pointer("/detail/findings")? {
        Value::Array(findings) => Some(findings.iter().collect()),
        one => Some(vec![one]),
    }
}

/// Security Hub carries findings that anybody may import: only GuardDuty's own are contained without a person.
fn one_finding(plan: &Plan, finding: Option<&Value>, name: &str) {
    if plan.finding.source != Source::SecurityHub || plan.decisions.iter().all(|decision| decision.mode != Mode::Auto) {
        return;
    }
    let text = |path| finding.and_then(|finding| finding.pointer(path)).and_then(Value::as_str).unwrap_or_default();
    let of_guardduty = text("/ProductArn").ends_with("::product/aws/guardduty")
        || text("/metadata/product/uid").ends_with("::productv2/aws/guardduty");
    assert!(of_guardduty, "{name}: contained at once because another product says so: {plan:?}");
}

/// What is contained has an id that AWS would take, of the right kind.
fn can_be_carried_out(decision: &Decision, plan: &Plan, name: &str) {
    let (target, id) = (&decision.target, decision.target.id.as_str());
    let usable = match target.kind {
        TargetKind::IamUser | TargetKind::IamRole => IamName::parse(id).is_ok(),
        TargetKind::IdentityCenterUser => SessionName::parse(id).is_ok(),
        TargetKind::Ec2Instance => InstanceId::parse(id).is_ok(),
        TargetKind::S3Bucket => BucketName::parse(id).is_ok(),
        TargetKind::KmsKey => KmsKeyId::parse(id).is_ok(),
        TargetKind::S3Object if decision.containment.is_some() => BucketName::parse(id).is_ok() && !target.objects.is_empty(),
        _ => true,
    };
    let valid = match decision.containment {
        Some(containment) => {
            let declaration = containment.declaration();
            let level = declaration.level(target.scope);
            let allowed = level.is_some_and(|level| level.automatic || decision.mode != Mode::Auto);
            usable && allowed && declaration.targets.contains(&target.kind)
        }
        None => decision.mode != Mode::Auto && decision.by_hand.as_ref().is_some_and(|advice| !advice.is_empty()),
    };
    assert!(valid, "{name}: {decision:?}");
    assert!(!decision.reason.is_empty(), "{name}: a decision without a reason");
    assert!(decision.mode == Mode::Notify || plan.verdict == Verdict::Respond, "{name}: decided, and no response: {plan:?}");
}

/// What is contained, now or after approval, is not protected, and is where policy and finding allow it.
fn allowed(decision: &Decision, plan: &Plan, case: &Case) {
    if decision.mode == Mode::Notify {
        return;
    }
    let (name, target, policy) = (case.name, &decision.target, &case.policy);
    let contains = decision.containment.is_some();
    assert!(!contains || built_in_protection(target).is_none(), "{name}: built-in protection is ignored: {decision:?}");
    let protected = &policy.protected;
    let global = matches!(target.kind, TargetKind::IamUser | TargetKind::IamRole);
    let region = plan.finding.region.as_ref().filter(|_| global && plan.findings.is_empty());
    assert!(region.is_none_or(|region| *region == target.region), "{name}: IAM is in the finding's Region: {decision:?}");
    let listed = match target.kind {
        TargetKind::IamUser | TargetKind::IamRole => protected.principals.contains(&target.id),
        TargetKind::Ec2Instance => protected.instances.contains(&target.id),
        TargetKind::S3Bucket | TargetKind::S3Object => protected.buckets.contains(&target.id),
        TargetKind::KmsKey => protected.keys.contains(&target.id),
        _ => false,
    };
    assert!(!listed, "{name}: a protected target: {decision:?}");
    if decision.containment.is_none() {
        return;
    }
    let (accounts, regions) = (&policy.allow.accounts, &policy.allow.regions);
    assert!(accounts.is_empty() || accounts.contains(&target.account), "{name}: an account nobody allowed: {decision:?}");
    assert!(regions.is_empty() || regions.contains(&target.region), "{name}: a Region nobody allowed: {decision:?}");
    // Of several findings each is checked by itself.
    let own = plan.findings.is_empty().then_some(plan.finding.account.as_ref()).flatten();
    assert!(own.is_none_or(|account| *account == target.account), "{name}: another account's resource: {decision:?}");
}

/// What GuardDuty does not know may be forged.
fn unknown_at_source(plan: &Plan) {
    let requested = plan.finding.source == Source::Request;
    assert!(requested || plan.decisions.iter().all(|decision| decision.mode != Mode::Auto), "unknown at GuardDuty: {plan:?}");
}

/// Of several findings the strongest leads, and no decision gets lost or weaker.
fn merged(plan: &Plan) {
    let strength = |mode| match mode {
        Mode::Auto => 2,
        Mode::Gate => 1,
        Mode::Notify => 0,
    };
    for decision in plan.findings.iter().flat_map(|plan| &plan.decisions) {
        let key = decision.target.merge_key();
        let same = |d: &&Decision| d.containment == decision.containment && d.target.merge_key() == key;
        let kept = plan.decisions.iter().find(same).map(|kept| strength(kept.mode));
        assert!(kept >= Some(strength(decision.mode)), "another finding weakened a decision: {decision:?}");
    }
}

/// Split into one event per finding, each is decided as it was among the others.
fn split(event: &str, plan: &Plan, circumstances: &Circumstances<'_>) {
    let parts = finding::split(event);
    // More of them than Security Hub sends stay together.
    if parts.len() == 1 {
        return;
    }
    assert_eq!(parts.len(), plan.findings.len(), "a finding was lost, or made up");
    for (part, among) in parts.iter().zip(&plan.findings) {
        let alone =
            plan_json(part.as_bytes(), circumstances).unwrap_or_else(|error| panic!("split into what is no JSON: {error}"));
        assert_eq!((alone.verdict, &alone.decisions), (among.verdict, &among.decisions), "alone and among others");
    }
}

fn without_explanation(mut plan: Plan) -> Plan {
    plan.explanation = vec![];
    plan.findings = plan.findings.into_iter().map(without_explanation).collect();
    plan
}

/// Nothing in the plan makes a terminal, a log viewer or a mail client do anything.
fn only_shown(plan: &Plan) {
    let json = serde_json::to_string(plan).unwrap_or_else(|error| panic!("a plan that is no JSON: {error}"));
    assert!(!json.contains(is_active), "active text: {json:?}");
    // What JSON escapes, besides quotes and backslashes, is a control character.
    let mut characters = json.bytes();
    while let Some(byte) = characters.next() {
        let harmless = byte != b'\\' || matches!(characters.next(), Some(b'"' | b'\\'));
        assert!(harmless, "a control character: {json:?}");
    }
}

/// Control characters, bidirectional overrides and invisible characters; written down here again, so that the check does not
/// share a mistake with the code.
fn is_active(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
        || ['\u{ad}', '\u{61c}', '\u{180e}', '\u{feff}', '\u{fff9}', '\u{fffa}', '\u{fffb}'].contains(&c)
}

/// The incident of a plan is small, and comes back from JSON as it was.
fn small(plan: &Plan, case: &Case) -> Incident {
    let incident = Incident::new(plan.clone(), &case.policy, EXECUTION.to_owned(), NOW);
    let json = serde_json::to_vec(&incident).unwrap_or_else(|error| panic!("an incident that is no JSON: {error}"));
    assert!(json.len() < MAX_INCIDENT_BYTES, "{}: an incident of {} bytes", case.name, json.len());
    if case.observes {
        return incident;
    }
    let back: Incident = serde_json::from_slice(&json).unwrap_or_else(|error| panic!("an incident nobody can read: {error}"));
    // serde_json may read the last digit of a number differently; nothing is decided by it.
    assert_eq!(without_number(back), without_number(incident.clone()), "{}: not the same incident", case.name);
    incident
}

fn without_number(mut incident: Incident) -> Incident {
    incident.finding.severity = None;
    incident
}

/// What people are sent about the incident: at its start, and when everything failed.
fn messages(incident: &Incident, name: &str) {
    let nothing_yet = Report::default();
    for kind in [NoticeKind::Noticed, NoticeKind::Opened] {
        readable(&notice::mail(&notice::notice(kind, incident, &nothing_yet, None, 1)), name);
    }
    let report = failed(incident);
    let said = incident.finding.title.clone().unwrap_or_default();
    let answer = Decided::new(Answer::Release, &said, &said, NOW);
    for kind in [NoticeKind::Outcome, NoticeKind::ReviewOverdue, NoticeKind::Closed] {
        readable(&notice::mail(&notice::notice(kind, incident, &report, Some(&answer), 2)), name);
    }
    readable(&notice::mail(&notice::ticket(incident, &report, 2)), name);
}

/// Every decision failed, with an error that repeats what the finding says.
fn failed(incident: &Incident) -> Report {
    let error = incident.finding.id.clone();
    let receipt = |decision: &Decision| Receipt {
        target: decision.target.clone(),
        containment: decision.containment,
        status: Status::Failed,
        steps: vec![],
        error: error.clone(),
        fault: None,
        waits: None,
        held_by: None,
        restore: None,
        finished_at: Some(NOW),
    };
    let receipts: Vec<Receipt> = incident.decisions.iter().map(receipt).collect();
    let branch = Branch { status: "failed".to_owned(), error, ..Branch::default() };
    let mut report = Report { evidence: branch.clone(), approval: branch, gated: receipts.clone(), ..Report::default() };
    report.containment.receipts.clone_from(&receipts);
    report.release.receipts = receipts;
    report
}

fn readable(message: &Message, name: &str) {
    let subject = &message.subject;
    assert!(!subject.is_empty() && subject.len() < 100 && subject.is_ascii(), "{name}: a subject SNS refuses: {subject:?}");
    assert!(!subject.contains(is_active), "{name}: active text: {subject:?}");
    assert!(message.body.len() <= MAX_BODY_BYTES, "{name}: a message of {} bytes", message.body.len());
    for line in message.body.lines() {
        assert!(!line.contains(is_active), "{name}: active text: {line:?}");
        assert!(!line.contains("://") && !line.contains("www."), "{name}: a link: {line:?}");
    }
    assert!(!subject.contains("://") && !subject.contains("www."), "{name}: a link: {subject:?}");
}

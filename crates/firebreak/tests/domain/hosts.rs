//! The session of an instance's role, beside the isolation of the instance.

use crate::traps::fixture;
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::finding::Source;
use firebreak::ids::{AccountId, IamName, InstanceProfileName, PrincipalId};
use firebreak::incident::Incident;
use firebreak::plan::derived::{Derived, Host, Seen, derive, unresolved, without_role};
use firebreak::plan::{AtSource, Circumstances, FindingSummary, Identities, Known, Plan, Question, plan};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Scope, Target};
use jiff::Timestamp;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::constant(1_795_226_400, 0);
const INSTANCE: &str = "i-078f938ed16ec7acf";
const ISOLATED: &str = "auto EC2 instance i-078f938ed16ec7acf";
const DENIED: &str = "auto session i-078f938ed16ec7acf of IAM role AppRole";
const STOLEN: &str = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS";

/// A finding about an instance with the profile of this ARN.
fn miner(arn: &str) -> Value {
    let mut event = fixture("guardduty/bitcoin-tool.json");
    event["detail"]["resource"]["instanceDetails"]["iamInstanceProfile"]["arn"] = json!(arn);
    event
}

/// The profile is under a path, and its role has another name.
fn pathed() -> Value {
    miner("arn:aws:iam::111122223333:instance-profile/web/eu/app-profile")
}

fn on_a_node(mut event: Value) -> Value {
    event["detail"]["resource"]["instanceDetails"]["tags"] = json!([{"key": "eks:cluster-name", "value": "prod"}]);
    event
}

fn profile(name: &str) -> InstanceProfileName {
    InstanceProfileName::parse(name).expect("a name")
}

fn role(name: &str) -> Known {
    let id = PrincipalId::parse("AROAEXAMPLEAPPROLE001").expect("an id");
    Known { name: IamName::parse(name).expect("a name"), id, path: "/service/".to_owned() }
}

fn iam(of_profile: Option<Known>) -> Identities {
    let mut known = Identities::default();
    known.learn_profile(&AccountId::parse("111122223333").expect("an account"), &profile("app-profile"), of_profile);
    known
}

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("default_mode = \"auto\"\nauto_from = \"low\"\n{rules}")).expect("a policy")
}

fn decided(event: &Value, rules: &str, identities: Option<&Identities>) -> Plan {
    let policy = policy(rules);
    plan(event, &Circumstances { at_source: AtSource::Active, identities, ..Circumstances::new(&policy, NOW) })
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.decisions.iter().map(|decision| format!("{} {}", decision.mode.name(), decision.target)).collect()
}

#[test]
fn the_session_of_a_host_is_denied_beside_its_isolation_whatever_profile_and_role_are_called() {
    let plan = decided(&pathed(), "", None);
    assert_eq!(lines(&plan), [ISOLATED], "nobody was asked");
    let asked: Vec<&Question> = plan.asks.iter().map(|ask| &ask.question).collect();
    assert_eq!(asked, [&Question::InstanceProfile(profile("app-profile"))]);
    let plan = decided(&pathed(), "", Some(&iam(Some(role("AppRole")))));
    assert_eq!(lines(&plan), [ISOLATED, DENIED]);
    let [isolation, denial] = plan.decisions.as_slice() else { panic!("{plan:#?}") };
    assert_eq!((denial.containment, denial.code), (Some(Containment::QuarantineIam), ReasonCode::Row));
    assert_eq!((denial.target.scope, denial.target.session.as_deref()), (Scope::Session, Some(INSTANCE)));
    assert_eq!(denial.target.principal_id.as_ref().map(PrincipalId::as_str), Some("AROAEXAMPLEAPPROLE001"));
    assert_eq!(denial.target.place(), isolation.target.place());
    assert!(denial.target.session_by_aws, "it lasts as long as the instance");
    let by_instance: Vec<&str> = plan.join_keys.iter().map(String::as_str).collect();
    assert_eq!(by_instance, [format!("guardduty/111122223333/eu-central-1/ec2-instance/{INSTANCE}")], "no sibling joins it");
}

#[test]
fn without_a_role_nothing_is_denied() {
    let known = iam(Some(role("AppRole")));
    for arn in [
        "arn:aws:iam::444455556666:instance-profile/app-profile",
        "arn:aws:iam::111122223333:example/instance/profile",
        "arn:aws:iam::111122223333:instance-profile/no good",
        "app-profile",
    ] {
        let plan = decided(&miner(arn), "", Some(&known));
        assert_eq!((lines(&plan), plan.asks.len()), (vec![ISOLATED.to_owned()], 0), "{arn}");
    }
    let gone = decided(&pathed(), "", Some(&iam(None)));
    assert_eq!(lines(&gone), [ISOLATED]);
    assert!(gone.decisions[0].reason.starts_with("its instance profile has no role now"), "{}", gone.decisions[0].reason);
    assert_eq!(lines(&decided(&pathed(), "", Some(&Identities::default()))), [ISOLATED], "IAM did not answer");
}

#[test]
fn it_goes_as_far_as_the_row_and_the_policy_let_it() {
    let known = iam(Some(role("AppRole")));
    let gated = "[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncontain = { isolate-ec2 = \"gate\" }\nwhy = \"x\"";
    let gate = |line: &str| line.replacen("auto", "gate", 1);
    let notify = |line: &str| line.replacen("auto", "notify", 1);
    for (rules, expected) in [
        (gated.to_owned(), vec![gate(ISOLATED), gate(DENIED)]),
        ("protected.principals = [\"AppRole\"]".to_owned(), vec![ISOLATED.to_owned(), notify(DENIED)]),
        (format!("protected.instances = [\"{INSTANCE}\"]"), vec![notify(ISOLATED)]),
    ] {
        assert_eq!(lines(&decided(&pathed(), &rules, Some(&known))), expected, "{rules}");
    }
}

/// Innocent forwarders resolve a listed name for others, and a database is a database: they keep their role, too.
#[test]
fn the_tags_that_let_the_isolation_wait_let_the_session_wait() {
    let known = iam(Some(role("AppRole")));
    let gate = |line: &str| line.replacen("auto", "gate", 1);
    for (kind, rules, is_shared) in [
        ("CryptoCurrency:EC2/BitcoinTool.B!DNS", "resolvers = [{ key = \"role\", value = \"dns\" }]", true),
        ("CryptoCurrency:EC2/BitcoinTool.B", "resolvers = [{ key = \"role\", value = \"dns\" }]", false),
        ("CryptoCurrency:EC2/BitcoinTool.B", "critical = [{ key = \"role\", value = \"dns\" }]", true),
    ] {
        let mut event = pathed();
        event["detail"]["type"] = json!(kind);
        event["detail"]["resource"]["instanceDetails"]["tags"] = json!([{ "key": "role", "value": "dns" }]);
        let expected = if is_shared { [gate(ISOLATED), gate(DENIED)] } else { [ISOLATED.to_owned(), DENIED.to_owned()] };
        assert_eq!(lines(&decided(&event, &format!("[instances]\n{rules}"), Some(&known))), expected, "{kind} {rules}");
    }
}

#[test]
fn on_a_shared_host_it_waits_unless_its_credentials_are_used_elsewhere() {
    let known = iam(Some(role("AppRole")));
    let gate = |line: &str| line.replacen("auto", "gate", 1);
    let node = decided(&on_a_node(pathed()), "", Some(&known));
    assert_eq!(lines(&node), [gate(ISOLATED), gate(DENIED)]);
    assert_eq!(node.decisions[1].code, ReasonCode::Doubt);
    assert!(node.decisions[1].reason.contains("no new pods, no volumes, no images"), "{}", node.decisions[1].reason);
    let mut stolen = on_a_node(pathed());
    stolen["detail"]["type"] = json!(STOLEN);
    assert_eq!(lines(&decided(&stolen, "", Some(&known))), [DENIED.to_owned(), gate(ISOLATED)]);
}

#[test]
fn credentials_that_the_finding_names_are_the_same_decision() {
    let mut event = pathed();
    event["detail"]["type"] = json!(STOLEN);
    event["detail"]["resource"]["accessKeyDetails"] = json!({ "accessKeyId": "ASIAEXAMPLEMALLORY01", "userType": "AssumedRole",
        "userName": "AppRole", "principalId": format!("AROAEXAMPLEAPPROLE001:{INSTANCE}") });
    let plan = decided(&event, "", Some(&iam(Some(role("AppRole")))));
    let mut decided = lines(&plan);
    decided.sort();
    assert_eq!(decided, [ISOLATED, DENIED]);
}

#[test]
fn a_sequence_that_names_host_and_credentials_has_one_decision_for_both_and_the_stronger_stands() {
    let mut event = fixture("types/AttackSequence-EC2-CompromisedInstanceGroup.json");
    event["detail"]["service"]["detection"]["sequence"]["actors"] = json!([{ "id": "a1", "user": { "type": "AssumedRole",
        "name": "AppRole", "uid": "AROAEXAMPLEAPPROLE001:i-0a1b2c3d4e5f60718", "credentialUid": "ASIAEXAMPLEMALLORY01" } }]);
    let mut known = Identities::default();
    known.learn_profile(&AccountId::parse("111122223333").expect("an account"), &profile("web"), Some(role("AppRole")));
    let rules = "[finding.\"AttackSequence:EC2/CompromisedInstanceGroup\"]\n\
                 contain = { isolate-ec2 = \"auto\", quarantine-iam = \"gate\" }\nwhy = \"x\"";
    let plan = decided(&event, rules, Some(&known));
    let denied = plan.decisions.iter().filter(|decision| decision.containment == Some(Containment::QuarantineIam));
    let mut denied: Vec<String> = denied.map(|decision| format!("{} {}", decision.mode.name(), decision.target)).collect();
    denied.sort();
    let session = |at: u8| format!("auto session i-0a1b2c3d4e5f6071{at} of IAM role AppRole");
    assert_eq!(denied, [session(8), session(9)]);
}

#[test]
fn what_follows_from_a_profile_is_called_for_only_where_guardduty_has_the_profile() {
    let other = miner("arn:aws:iam::111122223333:instance-profile/innocent");
    let plan = |event: &Value| decided(event, "", None);
    assert!(plan(&pathed()).is_called_for_by(&plan(&pathed())));
    assert!(!plan(&other).is_called_for_by(&plan(&pathed())));
}

/// Somebody swapped it since: the instance is isolated at once, and a look reads its profile.
#[test]
fn a_profile_that_guardduty_has_otherwise_is_dropped_with_its_session() {
    let known = iam(Some(role("AppRole")));
    let source = decided(&miner("arn:aws:iam::111122223333:instance-profile/swapped"), "", Some(&known));
    let plan = decided(&pathed(), "", Some(&known)).without_other_profiles(&source);
    assert!(lines(&plan) == [ISOLATED] && plan.is_called_for_by(&source), "{plan:#?}");
    assert_eq!(plan.decisions[0].target.profile, None);
    let same = decided(&pathed(), "", Some(&known));
    assert_eq!(same.clone().without_other_profiles(&same), same);
}

/// An incident of the finding, to whose account triage put no question.
fn incident(event: &Value, rules: &str) -> Incident {
    Incident::new(decided(event, rules, None), &policy(rules), "arn".to_owned(), NOW)
}

fn isolation(of: &Target, status: Status, read: &str) -> Receipt {
    let name = StepName::about(StepKind::ReadProfile, read);
    let step = Step { name, outcome: Outcome::Applied, error: None, digest: None, started_at: NOW, ms: 1 };
    Receipt { steps: vec![step], ..Receipt::of(of.clone(), Containment::IsolateEc2, status) }
}

fn derived(incident: &Incident, receipts: &[Receipt], rules: &str) -> Derived {
    let asked = unresolved(incident, receipts, &[]);
    let hosts: Vec<Host> = asked.into_iter().map(|(instance, _)| Host::new(instance, role("AppRole"), incident)).collect();
    derive(Seen { receipts, hosts: &hosts, ..Seen::default() }, &incident.decisions, &policy(rules))
}

#[test]
fn a_look_asks_for_the_profiles_of_finding_and_isolation_until_a_release() {
    let mut incident = incident(&pathed(), "");
    let target = incident.decisions[0].target.clone();
    let asked = |incident: &Incident, receipts: &[Receipt], releases: &[Receipt]| {
        unresolved(incident, receipts, releases).into_iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&incident, &[], &[]), ["app-profile"]);
    let read = [isolation(&target, Status::Contained, "web-profile")];
    assert_eq!(asked(&incident, &read, &[]), ["app-profile", "web-profile"], "somebody changed it");
    let released = [Receipt::of(target.clone(), Containment::IsolateEc2, Status::Contained)];
    assert_eq!(asked(&incident, &read, &released), [""; 0], "a release let it go");
    let new = derived(&incident, &[], "").decisions;
    incident.decisions.extend(new);
    assert_eq!(asked(&incident, &read, &[]), ["app-profile", "web-profile"], "a profile can get another role");
    assert!(derived(&incident, &[], "") == Derived::default(), "and nothing is decided twice");
    incident.decisions[0].mode = Mode::Notify;
    assert_eq!(asked(&incident, &read, &[]), [""; 0]);
    let mut unnamed = self::incident(&miner("-"), "");
    assert_eq!(asked(&unnamed, &[], &[]), [""; 0]);
    assert_eq!(asked(&unnamed, &read, &[]), ["web-profile"]);
    let new = derived(&unnamed, &read, "").decisions;
    unnamed.decisions.extend(new);
    assert!(derived(&unnamed, &read, "") == Derived::default());
}

#[test]
fn a_session_of_another_profile_s_role_does_not_hide_that_a_profile_has_none() {
    let mut incident = incident(&pathed(), "");
    let instance = incident.decisions[0].target.clone();
    let of_profile = [Host::new(instance.clone(), role("AppRole"), &incident)];
    let new = derived(&incident, &[], "").decisions;
    incident.decisions.extend(new);
    let told = |others: &[Host]| without_role(&incident, &instance, &profile("web-profile"), others);
    assert!(told(&[]).is_none(), "its role may be the one whose session is decided");
    assert!(told(&of_profile).is_some_and(|line| line.contains("web-profile")), "that role is another profile's");
}

/// What is said of one instance of the incident is not said of another, and nothing is said by whom nobody vouches for.
#[test]
fn each_host_goes_by_the_findings_about_itself() {
    for (id, source, mode) in [
        ("i-0a1b2c3d4e5f60718", Source::GuardDuty, Mode::Gate),
        (INSTANCE, Source::GuardDuty, Mode::Auto),
        (INSTANCE, Source::Unknown, Mode::Gate),
    ] {
        let mut incident = incident(&on_a_node(pathed()), "");
        let mut stolen = pathed();
        stolen["detail"]["type"] = json!(STOLEN);
        stolen["detail"]["resource"]["instanceDetails"]["instanceId"] = json!(id);
        incident.findings = vec![incident.finding.clone(), FindingSummary { source, ..decided(&stolen, "", None).finding }];
        let receipts = [isolation(&incident.decisions[0].target, Status::Contained, "app-profile")];
        let derived = derived(&incident, &receipts, "");
        assert_eq!(derived.decisions[0].mode, mode, "{id} {source:?}: {derived:#?}");
    }
    // GuardDuty's own finding names the session, and no instance.
    for (id, mode) in [("i-06affa822b7393998", Mode::Gate), (INSTANCE, Mode::Auto)] {
        let mut incident = incident(&on_a_node(pathed()), "");
        let mut stolen = fixture("guardduty/instance-credential-exfiltration.json");
        stolen["detail"]["resource"]["accessKeyDetails"]["principalId"] = json!(format!("AROA1119DBC754673BFA8:{id}"));
        incident.findings = vec![incident.finding.clone(), decided(&stolen, "", None).finding];
        let receipts = [isolation(&incident.decisions[0].target, Status::Contained, "app-profile")];
        assert_eq!(derived(&incident, &receipts, "").decisions[0].mode, mode, "{id}");
    }
    let mut ordinary = incident(&pathed(), "");
    let mut node = on_a_node(pathed());
    node["detail"]["resource"]["instanceDetails"]["instanceId"] = json!("i-0a1b2c3d4e5f60718");
    ordinary.findings = vec![ordinary.finding.clone(), decided(&node, "", None).finding];
    let receipts = [isolation(&ordinary.decisions[0].target, Status::Contained, "app-profile")];
    assert_eq!(derived(&ordinary, &receipts, "").decisions[0].mode, Mode::Auto);
}

#[test]
fn a_look_denies_at_once_what_is_isolated_and_lets_wait_what_waits() {
    let gate_first = "[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncontain = { isolate-ec2 = \"gate\" }\nwhy = \"x\"";
    for (event, rules, status, mode, waits) in [
        (pathed(), "", Some(Status::Contained), Mode::Auto, false),
        (pathed(), "", Some(Status::Failed), Mode::Auto, false),
        (pathed(), "", Some(Status::Skipped), Mode::Gate, true),
        (pathed(), gate_first, None, Mode::Gate, true),
        (pathed(), gate_first, Some(Status::Contained), Mode::Auto, false),
        (on_a_node(pathed()), "", Some(Status::Contained), Mode::Gate, false),
        (pathed(), "protected.principals = [\"AppRole\"]", Some(Status::Contained), Mode::Notify, false),
    ] {
        let incident = incident(&event, rules);
        let target = &incident.decisions[0].target;
        let receipts: Vec<Receipt> = status.map(|status| isolation(target, status, "app-profile")).into_iter().collect();
        let derived = derived(&incident, &receipts, rules);
        let [decision] = derived.decisions.as_slice() else { panic!("{status:?} {rules}: {derived:#?}") };
        assert_eq!((decision.mode, decision.waits_with.is_some()), (mode, waits), "{status:?} {rules}: {decision:#?}");
        assert_eq!(decision.target.to_string(), format!("session {INSTANCE} of IAM role AppRole"));
    }
}

#[test]
fn what_waited_with_its_instance_is_raised_once_that_is_isolated() {
    let rules = "[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncontain = { isolate-ec2 = \"gate\" }\nwhy = \"x\"";
    let mut incident = incident(&pathed(), rules);
    let waiting = derived(&incident, &[], rules).decisions;
    incident.decisions.extend(waiting);
    assert!(derived(&incident, &[], rules) == Derived::default(), "it waits as before");
    let receipts = [isolation(&incident.decisions[0].target, Status::Contained, "app-profile")];
    let derived = derived(&incident, &receipts, rules);
    assert!(derived.decisions.is_empty() && derived.raised.len() == 1, "{derived:#?}");
    assert_eq!(derived.raised[0].mode, Mode::Auto);
    let says = |only: &str, covers| {
        let targets = Targets { only: vec![only.to_owned()], except: vec![] };
        Decided { targets, covers, ..Decided::new(Answer::Approve, "ann", "yes", NOW) }
    };
    let waiting = &incident.decisions[1];
    assert!(says(INSTANCE, Some(0)).speaks_of(waiting), "the ticket showed both, and the person named the instance alone");
    let later = Decision { since: 1, ..waiting.clone() };
    assert!(!says(INSTANCE, Some(0)).speaks_of(&later), "no ticket showed it");
    assert!(!says(INSTANCE, Some(0)).speaks_of(&Decision { code: ReasonCode::Traced, ..waiting.clone() }));
}

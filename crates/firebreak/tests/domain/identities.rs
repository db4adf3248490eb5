//! What an account's answers about principals change in a plan.

use firebreak::decision::{Mode, ReasonCode, Whom};
use firebreak::ids::{AccessKeyId, AccountId, IamName, PrincipalId};
use firebreak::plan::{Administrator, AtSource, Circumstances, Identities, Known, Owner, Plan, Question, Verdict, plan};
use firebreak::policy::Policy;
use firebreak::target::TargetKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

const NOW: Timestamp = Timestamp::constant(1_795_226_400, 0);
const ID: &str = "AIDAEXAMPLEMALLORY001";
const OTHER: &str = "AIDAEXAMPLEOTHER00001";
const KEY: &str = "AKIAEXAMPLEMALLORY01";
const SESSION_KEY: &str = "ASIAEXAMPLEMALLORY01";

fn account() -> AccountId {
    AccountId::parse("111122223333").expect("an account")
}

fn name(name: &str) -> IamName {
    IamName::parse(name).expect("a name")
}

fn id(id: &str) -> PrincipalId {
    PrincipalId::parse(id).expect("an id")
}

fn finding(details: &Value) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON");
    event["detail"]["resource"]["accessKeyDetails"] = details.clone();
    event
}

/// A finding about `mallory`.
fn user(id: Option<&str>, key: &str) -> Value {
    finding(&json!({ "accessKeyId": key, "principalId": id, "userType": "IAMUser", "userName": "mallory" }))
}

fn decided(event: &Value, policy: &str, identities: Option<&Identities>) -> Plan {
    let policy = Policy::parse(&format!("default_mode = \"auto\"\nauto_from = \"low\"\n{policy}")).expect("a policy");
    plan(event, &Circumstances { at_source: AtSource::Active, identities, ..Circumstances::new(&policy, NOW) })
}

/// One line per decision: mode, target, id.
fn lines(plan: &Plan) -> Vec<String> {
    let decisions = plan.decisions.iter();
    let lines = decisions.map(|d| {
        let id = d.target.principal_id.as_ref().map_or("-", PrincipalId::as_str);
        format!("{} {} {id}", d.mode.name(), d.target)
    });
    lines.collect()
}

/// What IAM says.
#[derive(Default)]
struct Iam(Identities);

impl Iam {
    /// Who has the name `mallory` now: a name in IAM's spelling, and an id.
    fn holder(mut self, holder: Option<(&str, &str)>) -> Self {
        let known = |(called, of): (&str, &str)| Known { name: name(called), id: id(of), path: "/".to_owned() };
        self.0.learn_user(&account(), &name("mallory"), holder.map(known));
        self
    }

    /// Whose the keys are.
    fn owner(mut self, called: &str, of: Option<&str>) -> Self {
        for key in [KEY, SESSION_KEY] {
            let owner = Owner { name: name(called), principal_id: of.map(id) };
            self.0.learn(AccessKeyId::parse(key).expect("a key"), owner);
        }
        self
    }

    /// Which name the user of the finding has among all users.
    fn listed(mut self, called: Option<&str>) -> Self {
        self.0.learn_id(&account(), id(ID), called.map(name));
        self
    }
}

fn iam() -> Iam {
    Iam::default()
}

#[test]
fn what_iam_says_of_name_key_and_id_decides_who_is_meant() {
    let mallory = ("mallory", ID);
    let namesake = ("mallory", OTHER);
    let cases = [
        // Nothing is known, or all fits.
        (iam(), format!("auto IAM user mallory {ID}")),
        (iam().holder(Some(("Mallory", ID))).owner("Mallory", None), format!("auto IAM user Mallory {ID}")),
        (iam().holder(Some(mallory)), format!("auto IAM user mallory {ID}")),
        // A rename, as the key's owner or the list tells.
        (iam().holder(None).owner("m2", Some(ID)), format!("auto IAM user m2 {ID}")),
        (iam().holder(Some(namesake)).owner("m2", None), format!("auto IAM user m2 {ID}")),
        (iam().holder(Some(namesake)).listed(Some("m2")), format!("auto IAM user m2 {ID}")),
        // Another user has the name, and nobody has the id.
        (iam().holder(Some(namesake)).listed(None), format!("gate IAM user mallory {OTHER}")),
        (iam().holder(None).listed(None), format!("auto IAM user mallory {ID}")),
        // Half an answer: not all users were looked through, or who has the name was not heard.
        (iam().holder(Some(namesake)), format!("auto IAM user mallory {ID}")),
        (iam().owner("m2", None), format!("auto IAM user mallory {ID}")),
    ];
    for (known, expected) in cases {
        assert_eq!(lines(&decided(&user(Some(ID), KEY), "", Some(&known.0))), [expected], "{:?}", known.0);
    }
    let without_id = user(None, KEY);
    let known = iam().holder(Some(namesake)).owner("mallory", None).0;
    assert_eq!(lines(&decided(&without_id, "", Some(&known))), [format!("auto IAM user mallory {OTHER}")]);
    // Whose the key is was not heard: who has the name need not be who had the key. Of a temporary key IAM says nothing.
    let unheard = iam().holder(Some(namesake)).0;
    assert_eq!(lines(&decided(&without_id, "", Some(&unheard))), ["auto IAM user mallory -"]);
    let temporary = user(None, SESSION_KEY);
    assert_eq!(lines(&decided(&temporary, "", Some(&unheard))), [format!("auto IAM user mallory {OTHER}")]);
}

#[test]
fn the_key_of_somebody_else_is_decided_alone() {
    let mallory = || iam().holder(Some(("mallory", ID)));
    for (known, of) in [(mallory().owner("alice", Some(OTHER)), OTHER), (mallory().owner("alice", None), "-")] {
        let expected = [
            format!("auto access key {KEY} of IAM user alice {of}"),
            format!("gate IAM user mallory {ID}"),
            format!("gate IAM user alice {of}"),
        ];
        assert_eq!(lines(&decided(&user(Some(ID), KEY), "", Some(&known.0))), expected);
    }
    // A temporary key cannot be made inactive.
    let known = iam().holder(Some(("mallory", ID))).owner("alice", Some(OTHER));
    let plan = decided(&user(Some(ID), SESSION_KEY), "", Some(&known.0));
    assert_eq!(lines(&plan), [format!("gate IAM user mallory {ID}"), format!("gate IAM user alice {OTHER}")]);
}

#[test]
fn whoever_may_only_have_the_name_of_a_suspect_is_marked() {
    let whom = |known: Iam| -> Vec<Whom> {
        decided(&user(Some(ID), KEY), "", Some(&known.0)).decisions.iter().map(|decision| decision.whom).collect()
    };
    let (mallory, namesake) = (|| iam().holder(Some(("mallory", ID))), || iam().holder(Some(("mallory", OTHER))));
    assert_eq!(whom(iam()), [Whom::Named], "nothing speaks against it");
    assert_eq!(whom(namesake().owner("m2", None)), [Whom::Named], "renamed");
    assert_eq!(whom(namesake().listed(None)), [Whom::InDoubt]);
    assert_eq!(whom(namesake()), [Whom::ById]);
    // The key is exposed, whoever's it is.
    assert_eq!(whom(mallory().owner("alice", Some(OTHER))), [Whom::Named, Whom::InDoubt, Whom::InDoubt]);
    let word = |text: &str| serde_json::from_value::<Whom>(json!(text)).expect("a word");
    assert_eq!((word("by-id"), word("a word of tomorrow")), (Whom::ById, Whom::InDoubt));
}

#[test]
fn the_name_that_cloudtrail_has_of_a_temporary_key_is_that_of_the_past() {
    // The record says that mallory had the key; the name is somebody else's since.
    let known = iam().holder(Some(("mallory", OTHER))).owner("mallory", Some(ID)).listed(Some("m2"));
    assert_eq!(lines(&decided(&user(Some(ID), SESSION_KEY), "", Some(&known.0))), [format!("auto IAM user m2 {ID}")]);
}

fn renamed_to(name: &str) -> Identities {
    iam().holder(None).owner(name, Some(ID)).0
}

#[test]
fn a_protected_name_that_a_suspect_took_makes_a_person_act_and_hides_nobody() {
    let listed = "[protected]\nprincipals = [\"alice\"]";
    let taken = renamed_to("Alice");
    let severe = decided(&user(Some(ID), KEY), listed, Some(&taken));
    assert_eq!((lines(&severe), severe.verdict), (vec![format!("gate IAM user Alice {ID}")], Verdict::Respond));
    let decision = &severe.decisions[0];
    assert_eq!((decision.containment, decision.code), (None, ReasonCode::Protected));
    assert!(decision.by_hand.as_ref().is_some_and(|advice| advice.contains("UpdateUser")), "{decision:?}");
    // A finding too mild to act on waits as it would without the new name.
    let mut mild = user(Some(ID), KEY);
    mild["detail"]["severity"] = json!(2.0);
    let policy = Policy::parse(&format!("default_mode = \"auto\"\n{listed}")).expect("a policy");
    let of_mild = Circumstances { at_source: AtSource::Active, identities: Some(&taken), ..Circumstances::new(&policy, NOW) };
    assert_eq!(lines(&plan(&mild, &of_mild)), [format!("gate IAM user Alice {ID}")]);
    // What is contained by name in an account that is otherwise observed waits, too.
    let only_users = "[accounts.111122223333]\nmode = \"observe\"\ncontainments = { quarantine-iam = \"auto\" }";
    let plan = decided(&user(Some(ID), KEY), &format!("{listed}\n{only_users}"), Some(&taken));
    assert_eq!(lines(&plan), [format!("gate IAM user Alice {ID}")]);
    // The name that the finding has protects under whatever name the user has now.
    let plan = decided(&user(Some(ID), KEY), "[protected]\nprincipals = [\"mallory\"]", Some(&renamed_to("m2")));
    assert_eq!(lines(&plan), [format!("notify IAM user m2 {ID}")]);
}

#[test]
fn a_suppressed_or_break_glass_name_that_a_suspect_took_excuses_nothing() {
    let suppressed = |name: &str| {
        format!(
            "[[suppress]]\nfindings = [\"Exfiltration:IAMUser/AnomalousBehavior\"]\ntarget = \"{name}\"\n\
             accounts = [\"111122223333\"]\nowner = \"data-team\"\nreason = \"a nightly copy\"\nexpires = \"2027-12-31\"\n"
        )
    };
    let event = user(Some(ID), KEY);
    let of = |policy: &str, name: &str| lines(&decided(&event, policy, Some(&renamed_to(name))));
    assert_eq!(of(&suppressed("scanner"), "scanner"), [format!("auto IAM user scanner {ID}")]);
    assert_eq!(of(&suppressed("mallory"), "m2"), [format!("notify IAM user m2 {ID}")]);
    assert_eq!(of("", "break-glass"), [format!("auto IAM user break-glass {ID}")]);
    // Who had such a name when it acted waits, whatever it is called now.
    let mut named = event.clone();
    named["detail"]["resource"]["accessKeyDetails"]["userName"] = json!("break-glass");
    let mut known = Identities::default();
    known.learn_user(&account(), &name("break-glass"), None);
    known.learn(AccessKeyId::parse(KEY).expect("a key"), Owner { name: name("m2"), principal_id: Some(id(ID)) });
    assert_eq!(lines(&decided(&named, "", Some(&known))), [format!("gate IAM user m2 {ID}")]);
}

fn administered(by: &str, of: Option<&str>, kind: TargetKind) -> Identities {
    let mut known = Identities::default();
    known.learn_only_administrator(&account(), Administrator { kind, name: name(by), id: of.map(id) });
    known
}

#[test]
fn the_last_administrator_is_known_by_the_id_else_by_the_name() {
    for (known, mode) in [
        (administered("mallory", Some(ID), TargetKind::IamUser), Mode::Gate),
        (administered("Mallory", None, TargetKind::IamUser), Mode::Gate),
        (administered("mallory", Some(OTHER), TargetKind::IamUser), Mode::Auto),
        (administered("mallory", None, TargetKind::IamRole), Mode::Auto),
    ] {
        let plan = decided(&user(Some(ID), KEY), "", Some(&known));
        let code = if mode == Mode::Gate { ReasonCode::LastAdministrator } else { ReasonCode::Row };
        assert_eq!((plan.decisions[0].mode, plan.decisions[0].code), (mode, code), "{known:?}");
    }
    // A session is not all of a role: others can still administer with it.
    let role = finding(&json!({ "accessKeyId": SESSION_KEY, "userType": "AssumedRole", "userName": "admin",
        "principalId": "AROAEXAMPLEROLE000001:i-0123456789abcdef0" }));
    let known = administered("admin", None, TargetKind::IamRole);
    let modes = |policy: &str| {
        let plan = decided(&role, policy, Some(&known));
        plan.decisions.iter().find(|decision| decision.target.kind == TargetKind::IamRole).map(|decision| decision.mode)
    };
    assert_eq!((modes(""), modes("[roles]\nscope = \"role\"")), (Some(Mode::Auto), Some(Mode::Gate)));
}

#[test]
fn the_account_is_asked_only_where_an_answer_changes_what_is_done() {
    let asked = |event: &Value, policy: &str| {
        let policy = Policy::parse(policy).expect("a policy");
        let circumstances = Circumstances { at_source: AtSource::Active, ..Circumstances::new(&policy, NOW) };
        plan(event, &circumstances).asks.into_iter().map(|ask| ask.question).collect::<Vec<_>>()
    };
    let event = user(Some(ID), KEY);
    let who = Question::User { name: name("mallory"), id: Some(id(ID)), keys: vec![AccessKeyId::parse(KEY).expect("a key")] };
    assert_eq!(asked(&event, "default_mode = \"auto\""), [who.clone(), Question::Administrators]);
    assert_eq!(asked(&event, "default_mode = \"gate-first\""), [who], "nothing is denied at once");
    for idle in ["", "default_mode = \"dry-run\"", "default_mode = \"auto\"\n[protected]\nprincipals = [\"mallory\"]"] {
        assert!(asked(&event, idle).is_empty(), "{idle}");
    }
    let person = finding(&json!({ "accessKeyId": SESSION_KEY, "userType": "AssumedRole",
        "userName": "AWSReservedSSO_Admin_0123456789abcdef", "principalId": "AROAEXAMPLEROLE000001:ceo@corp.example" }));
    let role = Question::Role(name("AWSReservedSSO_Admin_0123456789abcdef"));
    assert_eq!(asked(&person, "default_mode = \"auto\""), [role]);
}

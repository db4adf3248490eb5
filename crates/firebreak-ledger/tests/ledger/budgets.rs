//! Two budgets that are counted at once: of a level in an account, and of the organization.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::ids::AccountId;
use firebreak::pause::Pauses;
use firebreak::policy::{Allowance, Exceeded, Policy};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_ledger::{Commit, Ledger};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

const USERS: Allowance = Allowance { name: "quarantine-iam-user", limit: 2 };
const ROLES: Allowance = Allowance { name: "quarantine-iam-role", limit: 1 };

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

async fn spend(ledger: &Ledger, target: &Target, level: Allowance, organization: u32) -> Option<Exceeded> {
    ledger.spend_at_once(target, level, organization, at(0)).await.expect("the ledger takes it")
}

fn elsewhere(name: &str) -> Target {
    Target { account: AccountId::parse("444455556666").expect("an account"), ..user(name) }
}

#[tokio::test]
async fn a_spent_level_leaves_other_levels_and_accounts_and_what_it_refuses_costs_the_organization_nothing() {
    let (_aws, ledger) = stage().await;
    for name in ["alice", "bob", "alice"] {
        assert_eq!(spend(&ledger, &user(name), USERS, 4).await, None, "{name}");
    }
    for decoy in 0..9 {
        assert_eq!(spend(&ledger, &user(&format!("decoy{decoy}")), USERS, 4).await, Some(Exceeded::Level(USERS)));
    }
    assert_eq!(spend(&ledger, &user("carol"), ROLES, 4).await, None, "a level has a budget of its own");
    assert_eq!(spend(&ledger, &elsewhere("alice"), USERS, 4).await, None, "and so has an account");
    assert_eq!(spend(&ledger, &user("bob"), USERS, 4).await, None, "a counted target costs nothing, also when all is spent");
}

#[tokio::test]
async fn a_spent_organization_refuses_every_account_and_takes_nothing_from_a_level() {
    let (_aws, ledger) = stage().await;
    assert_eq!(spend(&ledger, &user("alice"), USERS, 1).await, None);
    for _ in 0..3 {
        assert_eq!(spend(&ledger, &elsewhere("bob"), ROLES, 1).await, Some(Exceeded::Organization(1)));
    }
    assert_eq!(spend(&ledger, &elsewhere("carol"), ROLES, 2).await, None, "what was refused is not counted in its level");
    assert_eq!(spend(&ledger, &elsewhere("dave"), ROLES, 2).await, Some(Exceeded::Level(ROLES)), "the narrower one is named");
}

#[tokio::test]
async fn a_budget_of_none_passes_nothing_and_nothing_passes_that_nobody_counts() {
    let (aws, ledger) = stage().await;
    let none = Allowance { limit: 0, ..USERS };
    assert_eq!(spend(&ledger, &user("alice"), none, 30).await, Some(Exceeded::Level(none)));
    assert_eq!(spend(&ledger, &user("alice"), USERS, 0).await, Some(Exceeded::Organization(0)));
    aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    ledger.spend_at_once(&user("alice"), USERS, 30, at(0)).await.expect_err("it was not counted");
}

/// An instance, and the session of its role before it: the order must not matter.
fn host(id: &str) -> Vec<Decision> {
    let place = user("nobody").place();
    let session = Target {
        session: Some(id.to_owned()),
        session_by_aws: true,
        scope: Scope::Session,
        ..Target::new(TargetKind::IamRole, "AppRole", place.clone())
    };
    let of = |target, containment| Decision::new(target, Some(containment), Mode::Auto, "a finding");
    let instance = Target::new(TargetKind::Ec2Instance, id, place);
    vec![of(session, Containment::QuarantineIam), of(instance, Containment::IsolateEc2)]
}

#[tokio::test]
async fn the_session_of_an_instance_waits_with_an_isolation_that_exceeds_its_budget() {
    let (_aws, ledger) = stage().await;
    let policy = Policy::parse("[budget]\nisolate-ec2 = 1\n").expect("a policy");
    let (own, pauses) = (incident("one"), Pauses::default());
    let commit =
        Commit { first: &own, incident: &own, budget: &policy.budget, unread: 10, vouched: true, at: at(0), pauses: &pauses };
    let first = ledger.commit(commit, host("i-0123456789abcdef0")).await.expect("the ledger takes it");
    assert!(first.decisions.iter().all(|decision| decision.mode == Mode::Auto), "{first:?}");
    let second = ledger.commit(commit, host("i-0123456789abcdef1")).await.expect("the ledger takes it");
    let [session, isolation] = second.decisions.as_slice() else { panic!("{second:?}") };
    assert_eq!((isolation.mode, isolation.code), (Mode::Gate, ReasonCode::OverBudget));
    assert!(session.waits_with_a_suspect() && session.code == isolation.code, "a look raises it with the instance: {session:?}");
    let sessions = Allowance { name: "quarantine-iam-session", limit: 2 };
    let counted = spend(&ledger, &user("the last one"), sessions, 30).await;
    assert_eq!(counted, None, "the session that waits is not counted");
}

/// A bucket of a finding that nobody could read, with the wider levels that are offered beside its freeze.
fn bucket(name: &str) -> Vec<Decision> {
    let whole = Target::new(TargetKind::S3Bucket, name, user("nobody").place());
    let of = |scope, code| {
        let target = Target { scope, ..whole.clone() };
        let decision = Decision::new(target, Some(Containment::LockdownS3), Mode::Gate, "a finding");
        Decision { code, only_by_name: scope != Scope::Freeze, ..decision }
    };
    vec![
        of(Scope::Freeze, ReasonCode::Unread),
        of(Scope::Destruction, ReasonCode::TooNarrow),
        of(Scope::Seal, ReasonCode::TooNarrow),
    ]
}

#[tokio::test]
async fn a_bucket_counts_once_among_what_nobody_could_read_and_offers_nothing_where_it_is_only_told() {
    let (_aws, ledger) = stage().await;
    let (policy, pauses) = (Policy::default(), Pauses::default());
    let committed = async |name: &str| {
        let own = incident(name);
        let commit =
            Commit { first: &own, incident: &own, budget: &policy.budget, unread: 2, vouched: true, at: at(0), pauses: &pauses };
        ledger.commit(commit, bucket(name)).await.expect("the ledger takes it").decisions
    };
    for name in ["acme-a", "acme-b"] {
        assert!(committed(name).await.iter().all(|decision| decision.mode == Mode::Gate), "{name}");
    }
    for _ in 0..2 {
        let told = committed("acme-c").await;
        let all = told.iter().map(|decision| (decision.mode, decision.code)).collect::<Vec<_>>();
        assert_eq!(all, [(Mode::Notify, ReasonCode::OverBudget); 3], "a flood must not ask by its offers: {told:?}");
    }
}

//! Two budgets that are counted at once: of a level in an account, and of the organization.

use super::{at, user};
use firebreak::ids::AccountId;
use firebreak::policy::{Allowance, Exceeded};
use firebreak::target::Target;
use firebreak_ledger::Ledger;
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

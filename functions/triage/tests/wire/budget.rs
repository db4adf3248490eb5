//! A flood must not take an account down faster than people can look.

use crate::{ONE, Stage, THREE, TWO, USER, counted, counted_in, deliver, key, modes, stored};
use firebreak::decision::{Mode, ReasonCode};

const ONE_AN_HOUR: &str = "default_mode = \"auto\"\n[budget]\nquarantine-iam = 1\n";

#[tokio::test]
async fn what_exceeds_the_budget_waits_and_another_attempt_says_the_same_without_counting_twice() {
    let stage = Stage::start().await;
    let first = deliver(&stage.aws, ONE_AN_HOUR, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!((modes(&first), first.over_budget), (vec![(USER, Mode::Auto)], 0));
    let flood = stage.about(stage.finding("f2"), "alice");
    let second = deliver(&stage.aws, ONE_AN_HOUR, &flood, TWO).await.expect("an incident");
    assert_eq!((modes(&second), second.over_budget), (vec![("alice", Mode::Gate)], 1));
    assert_eq!(second.decisions[0].code, ReasonCode::OverBudget);
    assert!(second.decisions[0].reason.starts_with("more than policy allows"), "{}", second.decisions[0].reason);
    let again = deliver(&stage.aws, ONE_AN_HOUR, &flood, TWO).await.expect("an incident");
    assert_eq!(again, second);
    assert_eq!(stored(&stage.aws, &second.id).await.expect("an incident").incident, second);
    assert_eq!(counted(&stage.aws), [key(USER)], "what waits is not counted");
}

#[tokio::test]
async fn a_second_finding_about_a_counted_target_costs_nothing() {
    let stage = Stage::start().await;
    deliver(&stage.aws, ONE_AN_HOUR, &stage.finding("f1"), ONE).await.expect("an incident");
    let second = deliver(&stage.aws, ONE_AN_HOUR, &stage.finding("f2"), TWO).await.expect("an incident");
    assert_eq!((modes(&second), second.over_budget), (vec![(USER, Mode::Auto)], 0), "the budget is spent, but not on others");
    let third = deliver(&stage.aws, ONE_AN_HOUR, &stage.about(stage.finding("f3"), "alice"), THREE).await.expect("an incident");
    assert_eq!(modes(&third), [("alice", Mode::Gate)]);
    assert_eq!(counted(&stage.aws), [key(USER)]);
}

/// A dozen users in one hour. The attacker who makes such findings wants the account taken down.
#[tokio::test]
async fn row_39_of_a_flood_as_many_are_contained_as_the_budget_allows_and_the_rest_waits() {
    let stage = Stage::start().await;
    let three = "default_mode = \"auto\"\n[budget]\nquarantine-iam = 3\n";
    let mut incidents = Vec::new();
    for n in 0..12 {
        let (user, execution) = (format!("user{n:02}"), format!("{ONE}-{n}"));
        stage.executions.set(&execution, "RUNNING");
        let finding = stage.about(stage.finding(&format!("flood-{n}")), &user);
        incidents.push(deliver(&stage.aws, three, &finding, &execution).await.expect("an incident"));
    }
    for (n, incident) in incidents.iter().enumerate() {
        let (mode, over) = if n < 3 { (Mode::Auto, 0) } else { (Mode::Gate, 1) };
        assert_eq!((modes(incident), incident.over_budget), (vec![(format!("user{n:02}").as_str(), mode)], over));
        let is_told_so = incident.decisions[0].code == ReasonCode::OverBudget;
        assert_eq!(is_told_so, n >= 3, "{}", incident.decisions[0].reason);
    }
    assert_eq!(counted(&stage.aws), ["user00", "user01", "user02"].map(key), "what waits is not counted");
}

/// Decoys in one account must not use up what another level may, and no flood takes down many accounts.
#[tokio::test]
async fn the_reason_says_which_budget_is_spent_and_what_the_organization_refuses_its_level_has_left() {
    let stage = Stage::start().await;
    let policy = |organization: u32| {
        format!("default_mode = \"auto\"\n[budget]\nquarantine-iam-user = 2\norganization = {organization}\n")
    };
    deliver(&stage.aws, &policy(1), &stage.finding("f1"), ONE).await.expect("an incident");
    let alice = stage.about(stage.finding("f2"), "alice");
    let refused = deliver(&stage.aws, &policy(1), &alice, TWO).await.expect("an incident");
    assert_eq!((modes(&refused), refused.over_budget), (vec![("alice", Mode::Gate)], 1));
    let reason = &refused.decisions[0].reason;
    assert!(reason.starts_with("more than policy allows: 1 targets in the whole organization this hour"), "{reason}");
    assert_eq!((counted(&stage.aws), counted_in(&stage.aws, "targets")), (vec![key(USER)], vec![key(USER)]));
    let bob = stage.about(stage.finding("f3"), "bob");
    let passed = deliver(&stage.aws, &policy(30), &bob, THREE).await.expect("an incident");
    assert_eq!(modes(&passed), [("bob", Mode::Auto)], "its level still has room");
    let execution = format!("{ONE}-4");
    stage.executions.set(&execution, "RUNNING");
    let carol = stage.about(stage.finding("f4"), "carol");
    let beyond = deliver(&stage.aws, &policy(30), &carol, &execution).await.expect("an incident");
    let reason = &beyond.decisions[0].reason;
    assert!(reason.starts_with("more than policy allows: 2 quarantine-iam-user in account"), "{reason}");
}

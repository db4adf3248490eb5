//! A flood must not take an account down faster than people can look.

use crate::{ONE, Stage, THREE, TWO, USER, counted, deliver, key, modes, stored};
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

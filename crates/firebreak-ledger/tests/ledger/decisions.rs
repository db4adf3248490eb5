//! Two executions decide about one finding, under a budget for one target: of the level, or of the organization.

use super::{at, incident, ledger, report, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::pause::Pauses;
use firebreak::policy::Policy;
use firebreak_ledger::{Commit, Committed};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

/// One target, by the budget of the level or by that of the organization.
const BUDGETS: [&str; 2] = ["quarantine-iam = 1", "organization = 1"];

fn decision(name: &str) -> Decision {
    Decision::new(user(name), Some(Containment::QuarantineIam), Mode::Auto, "a finding")
}

/// An execution that decides about the same two users as the other one. It leaves what it won where the check finds it.
fn commit(world: &World, process: usize, budget: &'static str) -> LocalBoxFuture<'static, ()> {
    let world = world.clone();
    async move {
        let policy = Policy::parse(&format!("[budget]\n{budget}\n")).expect("a policy");
        let (first, own) = (incident("the finding"), incident(["one", "other"][process]));
        let (budget, pauses) = (&policy.budget, Pauses::default());
        let commit = Commit { first: &first, incident: &own, budget, unread: 10, vouched: true, at: at(0), pauses: &pauses };
        let committed = ledger(&world, process).commit(commit, vec![decision("alice"), decision("bob")]).await;
        let Committed { decisions, over_budget } = committed.expect("the ledger takes it");
        let lowered = decisions.iter().filter(|decision| decision.mode == Mode::Gate).count();
        assert_eq!(usize::try_from(over_budget).expect("few"), lowered);
        let won =
            |mode| decisions.iter().filter(move |d| d.mode == mode).map(|d| d.target.id.clone()).collect::<Vec<_>>().join(",");
        world.write(process, &format!("at once {process}"), &won(Mode::Auto)).await;
        world.write(process, &format!("waits {process}"), &won(Mode::Gate)).await;
    }
    .boxed_local()
}

#[test]
fn each_decision_has_one_owner_and_the_budget_holds() {
    let check = |world: &World| {
        let of = |what: &str| {
            let both = [0, 1].map(|process| world.resource(&format!("{what} {process}")));
            both.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let (at_once, waits) = (of("at once"), of("waits"));
        let mut all: Vec<_> = at_once.iter().chain(&waits).collect();
        all.sort();
        assert_eq!(all, ["alice", "bob"], "each decision belongs to one incident: {at_once:?}, {waits:?}");
        assert_eq!(at_once.len(), 1, "one target fits the budget");
        let table = world.table();
        let hour = table.items().find(|((pk, _), _)| pk == "budget#organization").map(|(_, item)| item).expect("an hour");
        let of_level = &hour["111122223333#quarantine-iam-user"];
        assert_eq!(&hour["targets"], of_level, "what waits is counted nowhere, whoever was killed");
        assert_eq!(*of_level, Value::Ss(at_once.iter().map(|name| user(name).merge_key()).collect()));
    };
    for budget in BUDGETS {
        for (kills, switches) in [(0, None), (1, Some(1))] {
            let start = |world: &World, process: usize, _: usize| commit(world, process, budget);
            let explored = every_order(Bounds { processes: 2, kills, switches }, &start, &check);
            report(&format!("two executions decide under {budget}, {kills} kill(s)"), explored);
            assert!(explored.orders > 10, "{explored:?}");
        }
    }
}

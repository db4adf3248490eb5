//! An analyst answers while the gate times out and opens again.
//!
//! `waiting` stands for the execution: the token it waits for. Whoever gives Step Functions that token answers it.

use super::{at, incident, ledger, report};
use firebreak::answer::{Answer, Decided};
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::report::Report;
use firebreak::review::GateMessage;
use firebreak_ledger::{Ledger, OpenedGate};
use firebreak_testkit::interleaving::{Bounds, World, every_order};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

fn message(round: u32) -> GateMessage {
    let policy = Policy::unrestricted();
    let event = br#"{"detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": {}}"#;
    let plan = plan_json(event, &Circumstances::new(&policy, at(0))).expect("JSON");
    let incident = Incident { id: incident("one"), ..Incident::new(plan, &policy, "execution".to_owned(), at(0)) };
    GateMessage {
        task_token: format!("token {round}"),
        execution_arn: "execution".to_owned(),
        entered_at: at(i64::from(round)),
        retry: 0,
        round,
        after_answer: false,
        takes: firebreak::review::Takes::default(),
        incident,
        report: Report::default(),
    }
}

/// `SendTaskSuccess`: true when the execution waited for this token.
async fn hand_over(world: &World, process: usize, token: &str, decided: &Decided) -> bool {
    let to = format!("answered {}", decided.answer.word());
    world.exchange(process, "waiting", token, &to).await
}

/// The execution: its gate times out once, and opens again.
async fn execution(world: &World, process: usize, ledger: &Ledger) {
    for round in 1..=2 {
        let message = message(round);
        let before = if round == 1 { String::new() } else { format!("token {}", round - 1) };
        if !world.exchange(process, "waiting", &before, &message.task_token).await {
            // Answered before it timed out.
            return;
        }
        // What `open-review` does with the gate's message.
        if let OpenedGate::Answered(decided) = ledger.open_gate(&message).await.expect("the ledger takes it") {
            if hand_over(world, process, &message.task_token, &decided).await {
                ledger.answer_delivered(&message.incident.id, &message.task_token).await.expect("the ledger takes it");
            }
            return;
        }
        world.write(process, "the ticket", "is out").await;
        ledger.gate_announced(&message).await.expect("the ledger takes it");
    }
}

/// What `decide-review` does.
async fn analyst(world: &World, process: usize, ledger: &Ledger, answer: Answer) {
    let id = incident("one");
    world.until_there(process, "the ticket").await;
    let decided = Decided::new(answer, "an analyst", "because", at(9));
    ledger.decide(&id, &decided).await.expect("the ledger takes it");
    let gate = ledger.gate(&id).await.expect("the ledger answers").expect("a gate");
    let recorded = gate.decision.expect("an answer is recorded");
    if !gate.delivered && hand_over(world, process, &gate.task_token, &recorded).await {
        ledger.answer_delivered(&id, &gate.task_token).await.expect("the ledger takes it");
    }
}

#[test]
fn the_first_answer_reaches_the_execution_and_no_other_does() {
    let start = |world: &World, process: usize, _: usize| -> LocalBoxFuture<'static, ()> {
        let world = world.clone();
        async move {
            let ledger = ledger(&world, process);
            match process {
                0 => execution(&world, process, &ledger).await,
                1 => analyst(&world, process, &ledger, Answer::Approve).await,
                _ => analyst(&world, process, &ledger, Answer::Release).await,
            }
        }
        .boxed_local()
    };
    let check = |world: &World| {
        let table = world.table();
        let row = table.item(&format!("incident#{}", incident("one")), "review").expect("a gate");
        let recorded = row.get("decision").map(|decision| format!("{decision:?}")).unwrap_or_default();
        let waiting = world.resource("waiting");
        let answered = waiting.strip_prefix("answered ").expect("the execution has an answer");
        assert!(recorded.contains(answered), "the execution was told {answered}, the ledger has {recorded}");
    };
    let explored = every_order(Bounds { processes: 3, kills: 0, switches: None }, &start, &check);
    report("two analysts answer while the gate times out", explored);
    assert!(explored.orders > 10, "{explored:?}");
}

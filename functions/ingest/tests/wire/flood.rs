//! Findings that can only be announced: so many are told, the others counted, and the true one among them is not held up.

use crate::executions::Executions;
use crate::stage::{ONE, STATE_MACHINE, stage};
use firebreak::fault::{Fault, FaultKind};
use firebreak::flood::Excess;
use firebreak::policy::Policy;
use firebreak_testkit::room;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::{ScriptedAws, error};
use ingest::{Function, Started};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const POLICY: &str = "default_mode = \"auto\"\n[flood]\nannounced_per_minute = 3\n";
/// None is told one by one.
const NONE_TOLD: &str = "default_mode = \"auto\"\n[flood]\nannounced_per_minute = 0\n";
/// As the first, and the product is one that policy listens to.
const LISTED: &str =
    "default_mode = \"auto\"\n[flood]\nannounced_per_minute = 3\n[security_hub]\nproducts = [\"acme/scanner\"]\n";

/// Findings that a member account imports, in one event.
fn imported(account: &str, ids: std::ops::Range<u32>) -> Value {
    let finding = |id: u32| {
        json!({
            "SchemaVersion": "2018-10-08", "Id": format!("f-{account}-{id}"), "AwsAccountId": account, "Region": "eu-central-1",
            "ProductArn": format!("arn:aws:securityhub:eu-central-1:{account}:product/acme/scanner"),
            "Types": ["Software and Configuration Checks/Odd"], "Title": format!("Odd thing {id}"),
            "Severity": { "Label": "HIGH" }, "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE",
            "Resources": [{ "Type": "AwsIamUser", "Id": format!("arn:aws:iam::{account}:user/alice"), "Region": "eu-central-1" }],
            "CreatedAt": "2026-11-20T02:00:00Z", "UpdatedAt": "2026-11-20T02:00:00Z"
        })
    };
    json!({
        "id": format!("e-{account}-{}", ids.start), "source": "aws.securityhub", "account": account, "region": "eu-central-1",
        "detail-type": "Security Hub Findings - Imported", "time": "2026-11-20T02:00:00Z",
        "detail": { "findings": ids.map(finding).collect::<Vec<_>>() }
    })
}

/// A process of the function, with an empty memory.
fn process(aws: &ScriptedAws, policy: &str) -> Function {
    let policy = Policy::parse(policy).expect("a policy");
    Function::new(&aws.aws(), room::ledger(aws), STATE_MACHINE.to_owned(), Some(policy))
}

async fn deliver(aws: &ScriptedAws, policy: &str, event: &str, at: &str) -> Result<Started, Fault> {
    deliver_to(&process(aws, policy), event, at).await
}

async fn deliver_to(function: &Function, event: &str, at: &str) -> Result<Started, Fault> {
    let event = RawValue::from_string(event.to_owned()).expect("JSON");
    let at: Timestamp = at.parse().expect("a time");
    Box::pin(function.handle_at(event, at)).await
}

/// What the executions that tell of a flood begin with.
fn summaries(executions: &Executions) -> Vec<Excess> {
    executions.inputs().iter().filter_map(|input| Excess::referred_to_by(input)).collect()
}

#[tokio::test]
async fn beyond_the_minutes_number_findings_are_counted_and_one_execution_tells_of_them() {
    let (aws, executions) = stage().await;
    let event = imported("111122223333", 0..40).to_string();
    let started = deliver(&aws, POLICY, &event, "2026-11-20T02:10:05Z").await.expect("handed over");
    assert_eq!((started.executions.len(), started.counted), (3, 37));
    let told = summaries(&executions);
    assert_eq!((executions.names().len(), told.len(), told[0].account.as_str()), (4, 1, "111122223333"));
    // The true finding that comes with the flood, and the other account's.
    let true_one = deliver(&aws, POLICY, ONE, "2026-11-20T02:10:06Z").await.expect("handed over");
    assert_eq!((true_one.executions.len(), true_one.counted), (1, 0));
    let other = imported("222233334444", 0..2).to_string();
    let other = deliver(&aws, POLICY, &other, "2026-11-20T02:10:16Z").await.expect("handed over");
    assert_eq!((other.executions.len(), other.counted), (2, 0), "each account has a number of its own");
    let next = imported("111122223333", 50..60).to_string();
    let next = deliver(&aws, POLICY, &next, "2026-11-20T02:11:00Z").await.expect("handed over");
    assert_eq!((next.executions.len(), next.counted), (3, 7), "the next minute has its own number");
    assert_eq!(summaries(&executions), told, "the same execution tells of these, too");
    let tally = room::ledger(&aws).close_excess(&told[0]).await.expect("read").expect("counted");
    assert_eq!((tally.count, tally.since.to_string().as_str()), (44, "2026-11-20T02:10:05Z"));
}

#[tokio::test]
async fn what_was_told_closes_the_window_and_the_next_finding_opens_another_one() {
    let (aws, executions) = stage().await;
    let ledger = room::ledger(&aws);
    let first = imported("111122223333", 0..5).to_string();
    deliver(&aws, POLICY, &first, "2026-11-20T02:10:05Z").await.expect("handed over");
    let window = summaries(&executions).remove(0);
    let tally = ledger.close_excess(&window).await.expect("closed").expect("counted");
    assert_eq!(tally.count, 2);
    assert_eq!(ledger.close_excess(&window).await.expect("read").expect("known"), tally, "a second try says the same");
    let second = imported("111122223333", 5..6).to_string();
    deliver(&aws, POLICY, &second, "2026-11-20T02:10:55Z").await.expect("handed over");
    let windows = summaries(&executions);
    assert_eq!(windows.len(), 2, "{windows:?}");
    assert_eq!(ledger.close_excess(&window).await.expect("read").expect("known"), tally, "also when a newer window is open");
    let newer = windows.into_iter().find(|one| *one != window).expect("the newer one");
    assert_eq!(ledger.close_excess(&newer).await.expect("closed").expect("counted").count, 1);
    assert_eq!(ledger.close_excess(&window).await.expect("read"), None, "its tally made room");
}

/// Else the window stayed open and silent: what came later was counted in it, and nobody told.
#[tokio::test]
async fn an_execution_that_ended_without_closing_its_window_is_asked_for_again() {
    let (aws, executions) = stage().await;
    let began: Timestamp = "2026-11-20T02:10:05Z".parse().expect("a time");
    let one_more = async |seconds: i64| {
        let event = imported("111122223333", 0..1).to_string();
        let at = began + SignedDuration::from_secs(seconds);
        deliver(&aws, NONE_TOLD, &event, &at.to_string()).await
    };
    one_more(0).await.expect("counted");
    let name = executions.names().remove(0);
    // Each is given its wait of 300 seconds, and 600 more. However often that fails: what is mended later tells.
    for (attempt, ended) in (0..).zip(["FAILED", "ABORTED", "SUCCEEDED", "TIMED_OUT", "FAILED", "FAILED"]) {
        let (asked, before) = (attempt * 2_000, executions.names().len());
        executions.end(ended);
        one_more(asked + 890).await.expect("counted");
        assert_eq!(executions.names().len(), before, "it may still close its window");
        one_more(asked + 2_000).await.expect("counted");
        let again = format!("{name}-{}", began.as_second() + asked + 2_000);
        assert!(executions.names().contains(&again) && executions.names().len() == before + 1, "{:?}", executions.names());
    }
    let windows = summaries(&executions);
    assert!(windows.len() == 7 && windows.iter().all(|window| *window == windows[0]), "{windows:?}");
    let tally = room::ledger(&aws).close_excess(&windows[0]).await.expect("closed").expect("counted");
    assert_eq!(tally.count, 13, "nothing that came meanwhile was lost");
}

#[tokio::test]
async fn a_summary_that_could_not_be_started_is_asked_for_by_whichever_finding_comes_next() {
    let (aws, executions) = stage().await;
    aws.always("states:StartExecution", error(400, "AccessDeniedException"));
    let first = imported("111122223333", 0..5).to_string();
    let fault = deliver(&aws, NONE_TOLD, &first, "2026-11-20T02:10:05Z").await.expect_err("nobody would be told");
    assert_eq!(fault.kind, FaultKind::Denied);
    aws.mend();
    let sixth = imported("111122223333", 5..6).to_string();
    deliver(&aws, NONE_TOLD, &sixth, "2026-11-20T02:10:06Z").await.expect("counted");
    assert_eq!(summaries(&executions).len(), 1);
}

/// SNS suspends an e-mail subscription that gets more than 10 messages a second, whoever causes them.
#[tokio::test]
async fn many_accounts_together_are_told_of_no_faster_than_an_e_mail_subscription_bears() {
    let (aws, executions) = stage().await;
    let (mut told, mut counted) = (0, 0);
    for account in ["111122223333", "222233334444", "333344445555", "444455556666"] {
        let event = imported(account, 0..2).to_string();
        let started = deliver(&aws, POLICY, &event, "2026-11-20T02:10:05Z").await.expect("handed over");
        told += started.executions.len();
        counted += started.counted;
    }
    // Two more in these ten seconds are kept for AWS's own products.
    assert_eq!((told, counted), (3, 5));
    let windows = summaries(&executions);
    let accounts: Vec<&str> = windows.iter().map(|window| window.account.as_str()).collect();
    assert_eq!(accounts, ["222233334444", "333344445555", "444455556666"], "each in its account's window");
    let later = imported("555566667777", 0..2).to_string();
    let later = deliver(&aws, POLICY, &later, "2026-11-20T02:10:10Z").await.expect("handed over");
    assert_eq!((later.executions.len(), later.counted), (2, 0), "ten seconds later");
}

/// One row takes a thousand writes a second.
#[tokio::test]
async fn a_process_that_saw_the_minute_full_writes_once_for_each_finding() {
    let (aws, _) = stage().await;
    let function = process(&aws, POLICY);
    let first = imported("111122223333", 0..5).to_string();
    deliver_to(&function, &first, "2026-11-20T02:10:05Z").await.expect("handed over");
    aws.forget();
    let second = imported("111122223333", 5..15).to_string();
    let started = deliver_to(&function, &second, "2026-11-20T02:10:06Z").await.expect("handed over");
    assert_eq!((started.executions.len(), started.counted), (0, 10));
    assert_eq!(aws.calls_of("dynamodb:UpdateItem").len(), 10);
    let third = imported("111122223333", 15..17).to_string();
    let started = deliver_to(&function, &third, "2026-11-20T02:11:06Z").await.expect("handed over");
    assert_eq!((started.executions.len(), started.counted), (2, 0), "another minute");
}

#[tokio::test]
async fn what_the_account_imports_does_not_use_up_the_number_of_awss_own_products() {
    let (aws, executions) = stage().await;
    let event = imported("111122223333", 0..40).to_string();
    deliver(&aws, POLICY, &event, "2026-11-20T02:10:05Z").await.expect("handed over");
    let by_aws = event.replace(":111122223333:product/acme/scanner", "::product/aws/inspector").replace("HIGH", "CRITICAL");
    let started = deliver(&aws, POLICY, &by_aws, "2026-11-20T02:10:15Z").await.expect("handed over");
    assert_eq!((started.executions.len(), started.counted), (2, 38));
    let ledger = room::ledger(&aws);
    let mut windows = summaries(&executions);
    windows.sort_by_key(|window| window.by_aws);
    assert_eq!(windows.iter().map(|window| window.by_aws).collect::<Vec<_>>(), [false, true]);
    for (window, (counted, critical)) in windows.iter().zip([(37, 0), (38, 38)]) {
        assert!(executions.names().contains(&window.execution_name()));
        let tally = ledger.close_excess(window).await.expect("closed").expect("counted");
        assert_eq!((tally.count, tally.critical), (counted, critical), "{window:?}");
    }
}

#[tokio::test]
async fn what_policy_listens_to_is_never_only_counted() {
    let (aws, _) = stage().await;
    let event = imported("111122223333", 0..30).to_string();
    let started = deliver(&aws, LISTED, &event, "2026-11-20T02:10:05Z").await.expect("handed over");
    assert_eq!((started.executions.len(), started.counted), (30, 0));
}

/// Counted twice is told twice; not counted, and not started, is lost.
#[tokio::test]
async fn however_a_call_breaks_the_same_event_again_loses_no_finding() {
    let event = imported("111122223333", 0..5).to_string();
    let calls = {
        let (aws, _) = stage().await;
        deliver(&aws, POLICY, &event, "2026-11-20T02:10:05Z").await.expect("handed over");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, executions) = stage().await;
        let deliver = async || deliver(&aws, POLICY, &event, "2026-11-20T02:10:05Z").await.map(|started| started.executions);
        let _ = how.run(&aws, point, deliver()).await;
        aws.mend();
        let again = deliver().await.expect("handed over");
        let windows = summaries(&executions);
        assert_eq!(windows.len(), 1, "{point:?} {how:?}");
        let tally = room::ledger(&aws).close_excess(&windows[0]).await.expect("closed").expect("counted");
        let kept = executions.names().len() - 1 + usize::try_from(tally.count).expect("small");
        assert!(kept >= 5 && again.len() <= 3, "{point:?} {how:?}: {kept} of 5");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("ingest, a flood: {tried} broken calls");
}

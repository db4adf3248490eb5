//! Shells of Session Manager that are open on the instance.

use crate::{INSTANCE, contain, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::step::StepKind;
use firebreak_aws::clock;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Clone)]
struct Shell {
    id: String,
    instance: &'static str,
    /// In seconds of the Unix epoch.
    began: i64,
}

/// Session Manager: two sessions on a page.
#[derive(Clone)]
pub(crate) struct Shells(Arc<Mutex<Vec<Shell>>>);

impl Shells {
    /// An hour ago somebody opened these on the instance, and another one elsewhere.
    pub(crate) fn of(aws: &ScriptedAws, ids: &[&str]) -> Self {
        let shells = Self(Arc::default());
        ids.iter().for_each(|id| shells.open(id, INSTANCE, -3_600));
        shells.open("eve-elsewhere", "i-00000000000000001", -3_600);
        let served = shells.clone();
        aws.on("ssm:*", move |call| served.serve(call));
        shells
    }

    fn open(&self, id: &str, instance: &'static str, seconds: i64) {
        let began = clock::now().as_second() + seconds;
        self.lock().push(Shell { id: id.to_owned(), instance, began });
    }

    /// The ids of those that are open, wherever.
    fn now(&self) -> Vec<String> {
        self.lock().iter().map(|shell| shell.id.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of the member account");
        let mut shells = self.lock();
        Some(match call.operation.as_str() {
            "DescribeSessions" => ok(page(&shells, &call.params).to_string()),
            "TerminateSession" => {
                let known = shells.len();
                shells.retain(|shell| call.param("SessionId") != shell.id);
                if shells.len() == known {
                    return Some(error(400, "DoesNotExistException"));
                }
                ok(json!({ "SessionId": call.param("SessionId") }).to_string())
            }
            _ => return None,
        })
    }
}

fn page(shells: &[Shell], asked: &Value) -> Value {
    assert_eq!(asked["State"], "Active");
    assert_eq!(asked["Filters"][0]["key"], "Target");
    let wanted = shells.iter().filter(|shell| asked["Filters"][0]["value"] == shell.instance);
    let wanted: Vec<Value> = wanted
        .map(|shell| json!({ "SessionId": shell.id, "Target": shell.instance, "Status": "Connected", "StartDate": shell.began }))
        .collect();
    let start: usize = asked["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let end = wanted.len().min(start + 2);
    let next = (end < wanted.len()).then(|| end.to_string());
    json!({ "Sessions": wanted[start..end], "NextToken": next })
}

fn shells(steps: &[Step]) -> Vec<&Step> {
    steps.iter().filter(|step| step.is(StepKind::EndShell)).collect()
}

#[tokio::test]
async fn every_shell_on_the_instance_is_ended_whatever_its_page() {
    let (aws, _) = stage().await;
    let shells = Shells::of(&aws, &["eve-1", "eve-2", "eve-3"]);
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, shells.now()), (Status::Contained, vec!["eve-elsewhere".to_owned()]));
    for id in ["eve-1", "eve-2", "eve-3"] {
        assert_eq!(outcome(&receipt.steps, &format!("end-shell {id}")), Outcome::Applied);
    }
}

#[tokio::test]
async fn whoever_opens_many_shells_does_not_fill_the_receipt_with_them() {
    let (aws, _) = stage().await;
    let many: Vec<String> = (0..45).map(|at| format!("eve-{at}")).collect();
    let open = Shells::of(&aws, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((open.now().len(), shells(&receipt.steps).len()), (1, 21));
    assert_eq!(outcome(&receipt.steps, "end-shell and 25 more"), Outcome::Applied);
}

#[tokio::test]
async fn an_account_without_session_manager_loses_nothing_of_the_isolation() {
    for (answer, expected) in [
        (error(400, "AccessDeniedException"), Outcome::Skipped),
        (error(500, "InternalServerError"), Outcome::Failed),
        (ok(json!({ "Sessions": [] }).to_string()), Outcome::Skipped),
    ] {
        let (aws, ec2) = stage().await;
        aws.always("ssm:DescribeSessions", answer);
        let receipt = contain(&aws, "one").await.expect("a receipt");
        let found = shells(&receipt.steps);
        assert!(found.len() == 1 && found[0].outcome == expected, "{found:?}");
        assert!(ec2.now().is_cut_off(), "{:?}", receipt.steps);
        assert_eq!(receipt.status == Status::Contained, expected == Outcome::Skipped);
    }
}

#[tokio::test]
async fn a_shell_that_cannot_be_ended_keeps_no_other_one_and_says_so() {
    let (aws, ec2) = stage().await;
    let open = Shells::of(&aws, &["eve-1", "eve-2"]);
    aws.on("ssm:TerminateSession", |call| (call.param("SessionId") == "eve-1").then(|| error(400, "AccessDeniedException")));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(open.now(), ["eve-1", "eve-elsewhere"]);
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Partial, true));
    let failed = shells(&receipt.steps).into_iter().find(|step| step.outcome == Outcome::Failed).expect("a failed step");
    assert_eq!(failed.error.as_ref().map(|fault| fault.kind), Some(FaultKind::Denied));
}

#[tokio::test]
async fn without_a_record_no_shell_is_ended() {
    let (aws, _) = stage().await;
    let open = Shells::of(&aws, &["eve-1"]);
    let records = |call: &Call| call.params["ExpressionAttributeValues"].get(":doc").is_some();
    aws.on("dynamodb:UpdateItem", move |call| records(call).then(|| error(400, "AccessDeniedException")));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "end-shell eve-1"), Outcome::Failed);
    assert_eq!(open.now(), ["eve-1", "eve-elsewhere"]);
}

#[tokio::test]
async fn a_shell_that_somebody_opens_after_the_isolation_is_ended_and_told_as_a_revert() {
    let (aws, _) = stage().await;
    let open = Shells::of(&aws, &[]);
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(verify(&aws, "one").await.expect("a look").reverted, [""; 0]);
    open.open("eve-again", INSTANCE, 120);
    let looked = verify(&aws, "one").await.expect("a look");
    assert!(looked.reverted.iter().any(|line| line.contains("eve-again") && line.contains("; ended")), "{looked:?}");
    assert_eq!(open.now(), ["eve-elsewhere"]);
}

#[tokio::test]
async fn a_shell_that_the_containment_left_is_ended_by_the_look_and_nobodys_revert() {
    let (aws, _) = stage().await;
    let open = Shells::of(&aws, &["eve-1"]);
    aws.always("ssm:TerminateSession", error(400, "AccessDeniedException"));
    contain(&aws, "one").await.expect("a receipt");
    aws.mend();
    let looked = verify(&aws, "one").await.expect("a look");
    assert_eq!((looked.reverted, open.now()), (vec![], vec!["eve-elsewhere".to_owned()]));
    assert!(looked.notes.iter().any(|line| line.contains("eve-1")), "{:?}", looked.notes);
}

#[tokio::test]
async fn a_look_that_may_not_read_session_manager_says_nothing_of_the_isolation() {
    let (aws, _) = stage().await;
    Shells::of(&aws, &[]);
    contain(&aws, "one").await.expect("a receipt");
    aws.always("ssm:DescribeSessions", error(400, "AccessDeniedException"));
    let looked = verify(&aws, "one").await.expect("a look");
    assert!(looked.holds && looked.notes.iter().any(|line| line.contains("is not known")), "{looked:?}");
}

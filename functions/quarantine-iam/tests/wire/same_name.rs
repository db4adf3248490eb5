//! One incident and several users of a name: whom a look reads, and what a finding that joined leaves in their rows.

use crate::principal::{NAMESAKE_ID, Principal, arn};
use crate::renamed::{RENAMED, replace, unidentified, victim};
use crate::rows::put_back;
use crate::target::{identified, user};
use crate::{contain, contained, held, responder, verify};
use firebreak::holders::Holder;
use firebreak::incident::Incident;
use firebreak::receipt::Status;
use firebreak::target::Target;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_iam::{DENY_ALL, Function};

pub(crate) const FINDING: &str = "a finding";

/// Contains for a finding that joined the incident.
pub(crate) async fn contain_joined(aws: &ScriptedAws, incident: &str, target: &Target) -> Status {
    let carried = Incident { joining: Some(room::incident(FINDING)), ..room::opened(incident) };
    let request = TaskInput { incident: carried, ..room::request(Phase::Contain, incident, target.clone()) };
    match Box::pin(Function::new(responder(aws)).handle(request)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => receipt.status,
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Who had the name before is released, and the row by name is nobody's.
#[tokio::test]
async fn a_look_finds_whom_it_contains_when_the_row_by_name_is_nobodys() {
    let (by_name, theirs) = (unidentified(user()), identified(user(), NAMESAKE_ID));
    let (aws, iam) = contained(Principal::user(), &by_name).await;
    replace(&iam);
    contain(&aws, "two", &by_name).await.expect("a receipt");
    contain(&aws, "three", &theirs).await.expect("a receipt");
    put_back(&aws, "one", &by_name).await;
    let quarantined = iam.others();
    iam.change_others(|others| {
        others[0].attached.remove(&arn(DENY_ALL));
    });
    let check = verify(&aws, "two", &by_name).await.expect("a look");
    assert!(check.holds && check.reverted.len() == 1, "{check:?}");
    assert_eq!(iam.others(), quarantined);
    for incident in ["two", "three"] {
        let holder = Holder::Own(room::incident(incident));
        let holds = room::ledger(&aws).holds(held(&theirs), &holder, clock::now()).await;
        assert!(holds.expect("the ledger answers"), "{incident} holds on");
    }
}

/// A finding without an id: the first run saw somebody else under the name than the second one.
#[tokio::test]
async fn a_look_goes_by_whoever_has_the_name_if_its_incident_contains_that_user() {
    let by_name = unidentified(user());
    let (aws, iam) = contained(victim(), &by_name).await;
    iam.change(|first| first.name = RENAMED.to_owned());
    iam.add(Principal::user());
    assert_eq!(contain(&aws, "one", &by_name).await.expect("a receipt").status, Status::Contained);
    iam.change(|first| {
        first.attached.remove(&arn(DENY_ALL));
    });
    let first = iam.now();
    aws.forget();
    let check = verify(&aws, "one", &by_name).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!((aws.changes(), iam.now()), (vec![], first), "nobody is denied anew");
}

#[tokio::test]
async fn a_look_calls_nobody_a_bystander_whom_its_own_incident_contains() {
    let theirs = identified(user(), NAMESAKE_ID);
    let (aws, iam) = contained(victim(), &theirs).await;
    iam.change(|first| first.name = RENAMED.to_owned());
    iam.add(Principal::user());
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Contained);
    let check = verify(&aws, "one", &theirs).await.expect("a look");
    assert!(check.problems.len() == 1 && check.problems[0].contains("renamed to alice-2"), "{check:?}");
}

/// A release asks each row whether a containment is under way.
#[tokio::test]
async fn nothing_is_under_way_in_any_row_once_a_finding_that_joined_is_contained() {
    let by_name = unidentified(user());
    for is_strangers in [false, true] {
        let (aws, iam) = contained(Principal::user(), &by_name).await;
        let (incident, by_id) = if is_strangers { ("two", identified(user(), NAMESAKE_ID)) } else { ("one", user()) };
        if is_strangers {
            replace(&iam);
            contain(&aws, "two", &by_name).await.expect("a receipt");
        }
        assert_eq!(contain_joined(&aws, incident, &by_name).await, Status::Contained);
        let (ledger, finding) = (room::ledger(&aws), room::incident(FINDING).to_string());
        for (row, is_held) in [(&by_name, !is_strangers), (&by_id, true)] {
            let row = ledger.row(held(row), clock::now()).await.expect("the ledger answers");
            assert_eq!(row.containing, [""; 0], "strangers: {is_strangers}: {row:?}");
            assert_eq!(row.holders.contains(&finding), is_held, "strangers: {is_strangers}: {row:?}");
        }
    }
}

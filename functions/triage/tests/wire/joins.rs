//! A finding about a target that an open incident is about joins it. In every doubt it has an incident of its own.

use crate::{AT, AUTO, ONE, Stage, THREE, TWO, USER, at, counted, function, key, modes, row, stored};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::decision::Mode;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::Verdict;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};
use triage::TriageInput;

/// Lets an execution of today's definition ask about an event.
pub(crate) async fn deliver(aws: &ScriptedAws, policy: &str, event: &Value, execution: &str) -> Result<Incident, Fault> {
    deliver_at(aws, policy, event, (execution, AT)).await
}

async fn deliver_at(aws: &ScriptedAws, policy: &str, event: &Value, (execution, at): (&str, &str)) -> Result<Incident, Fault> {
    let request = json!({ "event": event, "execution_arn": execution, "started_at": at, "joins": true });
    let request: TriageInput = serde_json::from_str(&request.to_string()).expect("a request");
    Box::pin(function(aws, policy).handle(request)).await
}

/// An incident of one finding, and another finding about the same user.
pub(crate) async fn opened(policy: &str) -> (Stage, Incident, Value) {
    let stage = Stage::start().await;
    let first = deliver(&stage.aws, policy, &stage.finding("f1"), ONE).await.expect("an incident");
    let second = stage.finding("f2");
    stage.aws.forget();
    (stage, first, second)
}

/// The same finding as GuardDuty of another Region has it.
fn from(stage: &Stage, mut event: Value, region: &str) -> Value {
    let arn = event["detail"]["arn"].as_str().expect("an ARN").replace(room::REGION, region);
    event["region"] = json!(region);
    event["detail"]["region"] = json!(region);
    event["detail"]["arn"] = json!(arn);
    stage.guardduty.learn(&event);
    event
}

/// The incident that a finding would open.
pub(crate) fn own_of(event: &Value) -> IncidentId {
    IncidentId::of(event["detail"]["arn"].as_str().expect("an ARN"))
}

/// The names of the findings that joined an incident.
pub(crate) async fn joined(stage: &Stage, incident: &IncidentId) -> Vec<IncidentId> {
    let incident = stored(&stage.aws, incident).await.expect("an incident").incident;
    incident.findings.into_iter().filter_map(|finding| finding.joined).map(|joined| joined.id).collect()
}

#[tokio::test]
async fn the_second_finding_about_a_user_is_part_of_the_first_ones_incident() {
    let (stage, first, event) = opened(AUTO).await;
    let own = own_of(&event);
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&second.id, second.verdict, second.joining.as_ref()), (&first.id, Verdict::Respond, Some(&own)));
    assert_eq!((modes(&second), second.execution_arn.as_str()), (vec![(USER, Mode::Auto)], TWO), "it holds the user, too");
    let record = stored(&stage.aws, &first.id).await.expect("an incident");
    assert_eq!((record.status, record.incident.execution_arn.as_str()), (IncidentStatus::Triaged, ONE));
    assert_eq!((record.incident.revision, record.incident.joining), (1, None), "an answer to an older ticket does not cover it");
    assert_eq!(joined(&stage, &first.id).await, std::slice::from_ref(&own));
    assert!(stored(&stage.aws, &own).await.is_none(), "one attack is one incident in the list");
    let ledger = room::ledger(&stage.aws);
    assert_eq!(ledger.raw_event(&own).await.expect("an event"), event.to_string(), "it is evidence");
    assert_eq!(ledger.joined(&own).await.expect("the ledger answers").expect("a row").incident, first.id);
    assert_eq!(counted(&stage.aws), [key(USER)], "it is one target");
    let again = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!(again, second, "the next attempt finds it there");
}

#[tokio::test]
async fn findings_join_for_a_day_after_the_incident_was_opened_and_no_joiner_makes_it_longer() {
    let (stage, first, event) = opened(AUTO).await;
    let second = deliver_at(&stage.aws, AUTO, &event, (TWO, "2026-11-21T02:00:00Z")).await.expect("an incident");
    assert_eq!(second.id, first.id, "23 hours and 50 minutes later");
    let third = stage.finding("f3");
    let answer = deliver_at(&stage.aws, AUTO, &third, (THREE, "2026-11-21T02:20:00Z")).await.expect("an incident");
    assert_eq!((answer.id, answer.joining), (own_of(&third), None), "20 minutes after the last one joined");
}

#[tokio::test]
async fn the_same_finding_from_five_regions_is_one_incident_and_four_that_add_nothing() {
    let (stage, first, _) = opened(AUTO).await;
    for region in ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"] {
        let copy = from(&stage, stage.finding(region), region);
        stage.executions.set(region, "RUNNING");
        let answer = deliver(&stage.aws, AUTO, &copy, region).await.expect("an answer");
        assert_eq!((answer.verdict, answer.decisions.len(), answer.joining), (Verdict::Ignore, 0, None), "{region}");
        assert!(stored(&stage.aws, &own_of(&copy)).await.is_none(), "{region}");
    }
    let kept = stored(&stage.aws, &first.id).await.expect("an incident").incident;
    assert_eq!((kept.revision, kept.findings.len()), (0, 5), "its ticket lists them, and need not be sent again");
    assert_eq!(kept.holders(None).names().collect::<Vec<_>>(), [&first.id], "what adds nothing holds nothing");
}

#[tokio::test]
async fn a_finding_that_calls_for_more_raises_what_waits() {
    let policy = "default_mode = \"auto\"\nauto_from = \"high\"\n";
    let stage = Stage::start().await;
    let mut mild = stage.finding("f1");
    mild["detail"]["severity"] = json!(5.0);
    let first = deliver(&stage.aws, policy, &mild, ONE).await.expect("an incident");
    assert_eq!(modes(&first), [(USER, Mode::Gate)]);
    let second = deliver(&stage.aws, policy, &stage.finding("f2"), TWO).await.expect("an incident");
    assert_eq!((&second.id, modes(&second)), (&first.id, vec![(USER, Mode::Auto)]), "it is contained at once");
    let kept = stored(&stage.aws, &first.id).await.expect("an incident").incident;
    assert_eq!((modes(&kept), kept.decisions[0].since, kept.revision), (vec![(USER, Mode::Auto)], 1, 1));
    assert_eq!(counted(&stage.aws), [key(USER)]);
    let third = deliver(&stage.aws, policy, &about_again(&stage, 5.0), THREE).await.expect("an incident");
    assert_eq!((&third.id, modes(&third)), (&first.id, vec![(USER, Mode::Auto)]), "nothing lowers it again");
}

#[tokio::test]
async fn what_an_answer_left_out_waits_although_a_finding_that_joins_calls_for_more() {
    let policy = "default_mode = \"auto\"\nauto_from = \"high\"\n";
    for (except, mode) in [(USER, Mode::Gate), ("bob", Mode::Auto)] {
        let stage = Stage::start().await;
        let mut mild = stage.finding("f1");
        mild["detail"]["severity"] = json!(5.0);
        let first = deliver(&stage.aws, policy, &mild, ONE).await.expect("an incident");
        let ledger = room::ledger(&stage.aws);
        let message = json!({ "task_token": "a token", "execution_arn": ONE, "entered_at": AT, "round": 1, "incident": first });
        ledger.open_gate(&serde_json::from_value(message).expect("a message")).await.expect("the ledger takes it");
        let targets = Targets { only: vec![], except: vec![except.to_owned()] };
        let decided = Decided { targets, ..Decided::new(Answer::Approve, "ana", "the rest", at()) };
        assert!(ledger.decide(&first.id, &decided).await.expect("the ledger takes it"));
        let second = deliver(&stage.aws, policy, &stage.finding("f2"), TWO).await.expect("an incident");
        assert_eq!((&second.id, modes(&second)), (&first.id, vec![(USER, mode)]), "all but {except}");
        let kept = stored(&stage.aws, &first.id).await.expect("an incident").incident;
        assert_eq!(modes(&kept), [(USER, mode)], "all but {except}");
        assert_eq!(counted(&stage.aws).is_empty(), mode == Mode::Gate, "all but {except}");
    }
}

/// A third finding about the user, of this severity.
fn about_again(stage: &Stage, severity: f64) -> Value {
    let mut event = stage.finding("f3");
    event["detail"]["severity"] = json!(severity);
    event
}

#[tokio::test]
async fn only_an_open_incident_is_joined_and_the_next_finding_joins_the_new_one() {
    for over in [IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Failed] {
        let (stage, first, event) = opened(AUTO).await;
        room::ledger(&stage.aws).set_status(&first.id, over, &[]).await.expect("the ledger takes it");
        let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        assert_eq!((&second.id, second.joining.as_ref()), (&own_of(&event), None), "{over:?}");
        assert_eq!(joined(&stage, &first.id).await, []);
        let third = deliver(&stage.aws, AUTO, &stage.finding("f3"), THREE).await.expect("an incident");
        assert_eq!(third.id, second.id, "{over:?}");
    }
}

#[tokio::test]
async fn an_incident_whose_execution_is_dead_takes_nobody_in() {
    for status in ["FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"] {
        let (stage, first, event) = opened(AUTO).await;
        stage.executions.set(ONE, status);
        let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        assert_eq!((second.id, joined(&stage, &first.id).await), (own_of(&event), vec![]), "{status}: nobody would be asked");
    }
}

#[tokio::test]
async fn while_nobody_knows_whether_it_is_worked_on_the_finding_has_its_own_incident() {
    let (stage, first, event) = opened(AUTO).await;
    stage.aws.always("states:DescribeExecution", error(400, "ThrottlingException"));
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&second.id, modes(&second)), (&own_of(&event), vec![(USER, Mode::Auto)]));
    stage.aws.mend();
    let third = deliver(&stage.aws, AUTO, &stage.finding("f3"), THREE).await.expect("an incident");
    assert_eq!(third.id, first.id, "the first one keeps its place");
}

#[tokio::test]
async fn containment_does_not_wait_for_a_triage_that_never_opens_its_incident() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let killed = Box::pin(deliver(&stage.aws, AUTO, &event, ONE));
    // Its pointer is written, and its incident is not.
    assert!(stage.aws.kill_at("dynamodb:UpdateItem", 1, true, killed).await.is_none());
    let second = stage.finding("f2");
    let answer = deliver(&stage.aws, AUTO, &second, TWO).await.expect("an incident");
    assert_eq!((answer.id, answer.joining), (own_of(&second), None));
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!((first.id, first.joining), (own_of(&second), Some(own_of(&event))), "the first finding joins the second one's");
}

#[tokio::test]
async fn nobody_joins_where_policy_or_definition_does_not_know_of_it() {
    let (stage, _, event) = opened(AUTO).await;
    let off = format!("{AUTO}join_within_hours = 0\n");
    let second = deliver(&stage.aws, &off, &event, TWO).await.expect("an incident");
    assert_eq!((second.id, second.joining), (own_of(&event), None));
    let third = stage.finding("f3");
    let of_earlier_definition = crate::deliver(&stage.aws, AUTO, &third, THREE).await.expect("an incident");
    assert_eq!((of_earlier_definition.id, of_earlier_definition.joining), (own_of(&third), None));

    let stage = Stage::start().await;
    crate::deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    let table = stage.aws.table();
    assert!(
        !table.items().any(|((pk, _), _)| pk.starts_with("open#")),
        "an execution that could not be told is joined by nobody"
    );
}

#[tokio::test]
async fn a_rehearsal_joins_a_rehearsal_and_never_what_is_real() {
    let dry = "default_mode = \"dry-run\"\n";
    let (stage, first, event) = opened(dry).await;
    let second = deliver(&stage.aws, dry, &event, TWO).await.expect("an incident");
    assert_eq!((&second.id, second.verdict), (&first.id, Verdict::Respond));
    let real = stage.finding("f3");
    let third = deliver(&stage.aws, AUTO, &real, THREE).await.expect("an incident");
    assert_eq!((third.id, modes(&second)), (own_of(&real), vec![(USER, Mode::Notify)]));
}

#[tokio::test]
async fn a_finding_that_guardduty_does_not_know_does_not_join_one_that_it_vouches_for() {
    let (stage, first, event) = opened(AUTO).await;
    stage.guardduty.forget("f2");
    let forged = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&forged.id, modes(&forged)), (&own_of(&event), vec![(USER, Mode::Gate)]));
    let third = deliver(&stage.aws, AUTO, &stage.finding("f3"), THREE).await.expect("an incident");
    assert_eq!(third.id, first.id, "releasing the forgery must not release the truth");
}

#[tokio::test]
async fn a_joined_finding_whose_execution_broke_down_goes_on_in_the_same_incident() {
    let (stage, first, event) = opened(AUTO).await;
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "FAILED");
    let again = deliver(&stage.aws, AUTO, &event, THREE).await.expect("an incident");
    assert_eq!(again, Incident { execution_arn: THREE.to_owned(), ..second }, "as the same holder");
    assert_eq!(joined(&stage, &first.id).await, [own_of(&event)]);
}

#[tokio::test]
async fn an_execution_that_joined_once_goes_on_there_whatever_is_decided_meanwhile() {
    let (stage, first, event) = opened(AUTO).await;
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    let off = format!("{AUTO}join_within_hours = 0\n");
    assert_eq!(deliver(&stage.aws, &off, &event, TWO).await.expect("an incident"), second);
    room::ledger(&stage.aws).set_status(&first.id, IncidentStatus::Released, &[]).await.expect("the ledger takes it");
    assert_eq!(deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident"), second, "a second name would contain again");
}

#[tokio::test]
async fn a_finding_that_comes_again_after_its_incident_is_over_begins_anew() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "FAILED");
    room::ledger(&stage.aws).set_status(&first.id, IncidentStatus::Closed, &[]).await.expect("the ledger takes it");
    let again = deliver(&stage.aws, AUTO, &event, THREE).await.expect("an incident");
    assert_eq!((again.id, again.joining, again.decisions.len()), (own_of(&event), None, 1), "a person is asked");
}

#[tokio::test]
async fn whichever_finding_comes_again_takes_a_broken_incident_over_with_all_that_joined() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "SUCCEEDED");
    stage.executions.set(ONE, "FAILED");
    let taken = deliver(&stage.aws, AUTO, &event, THREE).await.expect("an incident");
    assert_eq!((&taken.id, taken.joining.as_ref(), taken.execution_arn.as_str()), (&first.id, None, THREE));
    let kept = stored(&stage.aws, &first.id).await.expect("an incident").incident;
    assert_eq!((&kept, &kept.finding, kept.revision), (&taken, &first.finding, 1));
    assert_eq!((joined(&stage, &first.id).await, modes(&kept)), (vec![own_of(&event)], vec![(USER, Mode::Auto)]));
    let event_of_first = room::ledger(&stage.aws).raw_event(&first.id).await.expect("an event");
    assert!(event_of_first.contains("f1") && !event_of_first.contains("f2"), "it stays the event that opened the incident");
    assert_eq!(row(&stage.aws, &first.id, "claim")["execution_arn"], Attribute::S(THREE.to_owned()));
}

#[tokio::test]
async fn a_triage_that_asks_again_does_not_write_over_what_joined() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    let again = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!((again.id, joined(&stage, &first.id).await), (first.id, vec![own_of(&event)]));
}

#[tokio::test]
async fn an_update_about_the_same_user_joins_with_what_is_new() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    deliver(&stage.aws, AUTO, &stage.about(stage.finding("f2"), "alice"), TWO).await.expect("an incident");
    let update = deliver(&stage.aws, AUTO, &stage.about(event, "alice"), THREE).await.expect("an incident");
    let of_alice = own_of(&stage.finding("f2"));
    assert_eq!((&update.id, modes(&update)), (&of_alice, vec![("alice", Mode::Auto)]), "alice has an open incident");
    assert!(update.joining.is_some_and(|name| name != of_alice && name != first.id), "under a name of its own");
    assert_eq!(joined(&stage, &first.id).await, []);
}

#[tokio::test]
async fn what_an_analyst_released_is_not_contained_again_by_a_finding_that_had_joined() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "FAILED");
    room::ledger(&stage.aws).set_status(&first.id, IncidentStatus::Released, &[]).await.expect("the ledger takes it");
    let again = deliver(&stage.aws, AUTO, &event, THREE).await.expect("an answer");
    assert_eq!((again.verdict, again.decisions.len()), (Verdict::Ignore, 0));
}

#[tokio::test]
async fn another_finding_that_calls_for_less_lowers_nothing_when_it_takes_over() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "SUCCEEDED");
    stage.executions.set(ONE, "FAILED");
    stage.guardduty.archive("f2", true);
    let taken = deliver(&stage.aws, AUTO, &event, THREE).await.expect("an incident");
    assert_eq!((taken.id, taken.decisions[0].mode), (first.id, Mode::Auto), "the first finding still stands");
}

#[tokio::test]
async fn an_incident_that_a_finding_only_meant_to_join_decides_nothing_about_it() {
    let (stage, first, event) = opened(AUTO).await;
    deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    stage.executions.set(TWO, "SUCCEEDED");
    // Somebody closes the incident and accepts the user as NOT contained.
    let ledger = room::ledger(&stage.aws);
    let message = json!({ "task_token": "a token", "execution_arn": ONE, "entered_at": AT, "round": 1, "incident": first });
    ledger.open_gate(&serde_json::from_value(message).expect("a message")).await.expect("the ledger takes it");
    let accept_open = vec![USER.to_owned()];
    let decided = Decided { accept_open, ..Decided::new(Answer::Approve, "ana", "nothing can be done", at()) };
    assert!(ledger.decide(&first.id, &decided).await.expect("the ledger takes it"));
    ledger.set_status(&first.id, IncidentStatus::Closed, &[]).await.expect("the ledger takes it");
    let version = |hours: i64| {
        let mut later = event.clone();
        later["detail"]["updatedAt"] = json!((at() + jiff::SignedDuration::from_hours(hours)).to_string());
        later
    };
    let own = deliver(&stage.aws, AUTO, &version(6), THREE).await.expect("an incident");
    assert_eq!(
        (&own.id, own.joining.as_ref(), own.decisions.len()),
        (&own_of(&event), None, 1),
        "it goes on in its own incident"
    );
    let fourth = format!("{ONE}-fourth");
    stage.executions.set(&fourth, "RUNNING");
    let next = deliver(&stage.aws, AUTO, &version(12), &fourth).await.expect("an answer");
    assert_eq!(next.verdict, Verdict::Ignore, "the execution that waits for an answer keeps it");
    assert_eq!(row(&stage.aws, &own.id, "claim")["execution_arn"], Attribute::S(THREE.to_owned()));
}

#[tokio::test]
async fn a_finding_that_people_were_only_told_of_first_is_known_to_have_joined_later() {
    let (stage, first, _) = opened(AUTO).await;
    let mut mild = stage.finding("f2");
    mild["detail"]["severity"] = json!(2.0);
    let floor = format!("{AUTO}severity_floor = \"high\"\n");
    let told = deliver(&stage.aws, &floor, &mild, TWO).await.expect("an incident");
    assert_eq!(told.verdict, Verdict::Notify);
    stage.executions.set(TWO, "SUCCEEDED");
    let grave = stage.finding("f2");
    let joining = deliver(&stage.aws, AUTO, &grave, THREE).await.expect("an incident");
    assert_eq!((&joining.id, joining.joining.as_ref()), (&first.id, Some(&own_of(&grave))));
    stage.executions.set(THREE, "FAILED");
    room::ledger(&stage.aws).set_status(&first.id, IncidentStatus::Released, &[]).await.expect("the ledger takes it");
    let fourth = format!("{ONE}-fourth");
    stage.executions.set(&fourth, "RUNNING");
    let again = deliver(&stage.aws, AUTO, &grave, &fourth).await.expect("an answer");
    assert_eq!((again.verdict, again.decisions.len()), (Verdict::Ignore, 0), "what an analyst released");
}

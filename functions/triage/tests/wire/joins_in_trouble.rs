//! Findings that join while many come at once, or while calls break.

use crate::joins::{deliver, joined, opened, own_of};
use crate::{AUTO, ONE, TWO, USER, counted, key, modes, row, stored};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::incident::Incident;
use firebreak::joining::{LISTED_PER_TYPE, MAX_FINDINGS};
use firebreak::plan::Verdict;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room::{Break, Point, each_break};
use futures::{StreamExt as _, stream};
use serde_json::Value;

#[tokio::test]
async fn two_hundred_findings_about_one_user_are_one_incident() {
    let (stage, first, _) = opened(AUTO).await;
    let executions: Vec<String> = (0..200).map(|at| format!("{ONE}-{at}")).collect();
    executions.iter().for_each(|arn| stage.executions.set(arn, "RUNNING"));
    let events: Vec<Value> = (0..200).map(|at| stage.finding(&format!("flood-{at}"))).collect();
    // As many at once as a machine with two cores answers in time.
    let answers = stream::iter(events.iter().zip(&executions)).map(|(event, arn)| deliver(&stage.aws, AUTO, event, arn));
    let answers: Vec<_> = answers.buffer_unordered(8).collect().await;
    let answers: Vec<Incident> = answers.into_iter().map(|answer| answer.expect("no flood is an error")).collect();
    let working: Vec<&Incident> = answers.iter().filter(|answer| answer.verdict == Verdict::Respond).collect();
    assert!(working.iter().all(|answer| answer.id == first.id && answer.joining.is_some()), "{working:?}");
    assert_eq!(working.len(), LISTED_PER_TYPE - 1, "of one more of the same type the number is enough");
    let kept = stored(&stage.aws, &first.id).await.expect("an incident").incident;
    assert!(kept.findings.len() <= MAX_FINDINGS, "{}", kept.findings.len());
    let Attribute::N(more) = &row(&stage.aws, &first.id, "joins")["more"] else { panic!("a number") };
    assert_eq!(more.parse::<usize>().expect("a number") + kept.findings.len(), 201, "each is listed or counted");
    assert_eq!(counted(&stage.aws), [key(USER)]);
}

#[tokio::test]
async fn however_a_call_breaks_the_finding_is_in_exactly_one_incident_and_the_next_attempt_says_the_same() {
    let calls = {
        let (stage, _, event) = opened(AUTO).await;
        deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        stage.aws.calls().into_iter().filter(|call| ["dynamodb", "states"].contains(&call.service.as_str())).collect::<Vec<_>>()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (stage, first, event) = opened(AUTO).await;
        let broken = how.run(&stage.aws, point, deliver(&stage.aws, AUTO, &event, TWO)).await;
        stage.aws.mend();
        let again = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        if let Some(Ok(incident)) = broken {
            assert_eq!((&again.id, &again.joining), (&incident.id, &incident.joining), "{point:?} {how:?}");
        }
        // What nobody can read may be paused: it waits.
        let is_gated = again.decisions.iter().any(|decision| decision.code == ReasonCode::Paused);
        assert!(!is_gated || (point.action == "dynamodb:GetItem" && how == Break::Denied), "{point:?} {how:?}");
        let mode = if is_gated { Mode::Gate } else { Mode::Auto };
        assert_eq!(modes(&again), [(USER, mode)], "{point:?} {how:?}");
        let is_joined = joined(&stage, &first.id).await == [own_of(&event)];
        let has_own = stored(&stage.aws, &own_of(&event)).await.is_some();
        assert!(is_joined != has_own, "{point:?} {how:?}: joined {is_joined}, own {has_own}");
        assert_eq!((again.id == first.id, again.joining.is_some()), (is_joined, is_joined), "{point:?} {how:?}");
        // The first finding's, also where this one waits.
        assert_eq!(counted(&stage.aws), [key(USER)], "{point:?} {how:?}");
        assert_eq!(stage.aws.unknown(), [""; 0]);
    })
    .await;
    println!("triage, joining: {tried} broken calls");
}

//! The cases: one call broken in one way, with a target of its own, and a clean run after it.

use super::Sweep;
use super::planted::{Planted, What, fingerprint};
use firebreak_drill::{Invoked, Result, Stage};
use firebreak_testkit::fault_sweep::{Break, Point, changes, forbidden, points};
use firebreak_testkit::sample::Sample;
use firebreak_testkit::{Options, eventually, fixture};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a call may be under way that its client has given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many local AWS processes work on one sweep: most of the time of a case is spent waiting.
const WORKERS: usize = 4;

/// The numbers of targets that only see whether the way is free.
const SPARE: usize = 10_000;

/// One case of so many is tried, unless all are.
const ONE_OF: u32 = 16;

/// How a call breaks. A process that is killed after its call is tried against the scripted AWS only.
const BREAKS: [Break; 6] = [Break::Throttle, Break::ServerError, Break::Denied, Break::TimeOut, Break::Reset, Break::KillBefore];

fn request(target: &Value, case: usize) -> Value {
    let incident = json!({
        "id": format!("fb-{case:016x}"), "verdict": "respond", "reason": null, "dedupe_key": format!("case-{case}"),
        "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
            "region": null, "title": null },
        "decisions": [], "execution_arn": "arn:aws:states:eu-central-1:123456789012:execution:x:y",
        "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 },
    });
    json!({ "phase": "contain", "incident": incident, "target": target, "approved": true })
}

/// The state and the calls of a run that nothing disturbs.
struct Reference {
    points: Vec<Point>,
    changes: Vec<String>,
    state: Vec<(String, String)>,
}

/// Waits until no call is under way any more that its client has given up.
async fn end_of_late_calls(stage: &Stage) -> Result<()> {
    eventually("the end of late calls", PATIENCE, async || {
        stage.aws.calls().ok()?.iter().all(|call| call.ended_at.is_some()).then_some(())
    })
    .await?;
    Ok(())
}

impl Sweep {
    fn name(&self) -> String {
        format!("firebreak-{}", self.function)
    }

    async fn stage(&self) -> Result<Stage> {
        let name = format!(".local/logs/sweep-{}-{:?}-{}", std::process::id(), self.what, fastrand());
        Stage::set(&Options { policy: None, logs: Some(fixture::repository().join(name)) }).await
    }

    async fn reference(&self, stage: &Stage) -> Result<Reference> {
        let planted = Planted::plant(stage, self.what, 0).await?;
        stage.aws.forget_calls()?;
        let run = stage.invoke(self.function, &request(&planted.target(self.what), 0)).await?;
        assert_eq!(run.error, None, "{:?}: {}", self.what, run.answer);
        assert_eq!(run.answer["status"], "contained", "{:?}: {}", self.what, run.answer);
        let calls = stage.aws.calls()?;
        let state = fingerprint(&planted.observe().await?, 0);
        Ok(Reference { points: points(&calls, &self.name()), changes: changes(&calls, &self.name()), state })
    }

    /// Runs the cases of the sample; returns how many there are altogether.
    pub(super) async fn run(&self) -> Result<usize> {
        let reference = self.reference(&self.stage().await?).await?;
        let cases = reference.points.iter().flat_map(|point| BREAKS.map(|how| (point.clone(), how)));
        let all: Vec<(usize, (Point, Break))> = cases.enumerate().map(|(at, case)| (at + 1, case)).collect();
        let sample = Sample::of_this_run();
        let cases: Vec<_> =
            all.iter().filter(|(number, _)| sample.has(&format!("{:?} {number}", self.what), ONE_OF)).cloned().collect();
        let shares = (0..WORKERS).map(|worker| {
            let share = cases.iter().filter(move |(number, _)| number % WORKERS == worker);
            let reference = &reference;
            async move {
                let stage = self.stage().await.map_err(|error| vec![error.to_string()])?;
                let mut wrong = Vec::new();
                for (number, (point, how)) in share {
                    if let Err(error) = self.case(&stage, reference, *number, point, *how).await {
                        wrong.push(format!("{} #{} {how:?}: {error}", point.action, point.nth));
                    }
                }
                if wrong.is_empty() { Ok(()) } else { Err(wrong) }
            }
        });
        let wrong: Vec<String> = join_all(shares).await.into_iter().filter_map(std::result::Result::err).flatten().collect();
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        let (calls, faults) = (reference.points.len(), BREAKS.len());
        println!(
            "fault sweep: {:?}: {calls} calls x {faults} faults: {} of {} cases, {sample}",
            self.what,
            cases.len(),
            all.len()
        );
        Ok(all.len())
    }

    async fn case(&self, stage: &Stage, reference: &Reference, number: usize, point: &Point, how: Break) -> Result<()> {
        if matches!(self.what, What::Scp) {
            // A call of the case before may take the lock late.
            end_of_late_calls(stage).await?;
            // A lock that such a call took for a dead owner ends by itself.
            let spare = request(&Planted::plant(stage, self.what, number + SPARE).await?.target(self.what), number + SPARE);
            self.until_settled(stage, &spare).await?;
        }
        let planted = Planted::plant(stage, self.what, number).await?;
        let request = request(&planted.target(self.what), number);
        stage.aws.forget_calls()?;
        stage.aws.plan_faults(&json!([how.rule(&self.name(), point)]))?;
        let broken = stage.invoke(self.function, &request).await?;
        stage.aws.plan_faults(&json!([]))?;
        // Whatever AWS does after a look is the next look's. The clean run stands for one that comes when the broken call is over.
        end_of_late_calls(stage).await?;
        let calls = stage.aws.calls()?;
        let mut wrong = Vec::new();
        wrong.extend(forbidden(&calls, &self.name()).into_iter().map(|call| format!("{call} was called")));
        wrong.extend(self.disturbed(&reference.changes, point, how, &broken, &changes(&calls, &self.name())));

        let again = self.until_settled(stage, &request).await?;
        if again.error.is_some() || again.answer["status"] != "contained" {
            wrong.push(format!("a clean run after it: {}", again.answer));
        }
        let state = fingerprint(&planted.observe().await?, number);
        if state != reference.state {
            wrong.push(format!("another state: {state:?}\n  instead of {:?}", reference.state));
        }
        wrong.extend(forbidden(&stage.aws.calls()?, &self.name()).into_iter().map(|call| format!("{call} was called")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ").into()) }
    }

    /// Runs until no fault passes by itself any more, as the state machine does: a lock of a killed run, for one, ends.
    async fn until_settled(&self, stage: &Stage, request: &Value) -> Result<Invoked> {
        let mut run = stage.invoke(self.function, request).await?;
        for _ in 0..8 {
            if run.error.as_deref() == Some("Firebreak.Transient") {
                run = stage.invoke(self.function, request).await?;
            }
        }
        Ok(run)
    }
}

fn fastrand() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    RandomState::new().build_hasher().finish()
}

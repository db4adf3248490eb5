//! A replay about throw-away resources: refused where something might be real, checked against AWS before and after.

use crate::arguments::ReplayArguments;
use crate::connection::{Connection, profile_config};
use crate::{CommandError, doctor};
use aws_config::SdkConfig;
use firebreak::decision::{Decision, Mode};
use firebreak::ids::{IncidentId, Partition, Region};
use firebreak::plan::{Circumstances, Plan, plan};
use firebreak::policy::Policy;
use firebreak::receipt::Receipt;
use firebreak_aws::clock;
use firebreak_rehearsal::{EndState, Found, State, refuse, retarget};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The resources, as they were before the finding.
pub(super) struct Rehearsal {
    config: SdkConfig,
    found: Vec<Found>,
    before: Vec<State>,
    /// The finding that names them.
    pub(super) event: String,
}

/// AWS shows a change some seconds later (IAM user guide, "Changes that I make are not always immediately visible").
const VISIBLE_WITHIN: Duration = Duration::from_secs(30);
const LOOKS_EVERY: Duration = Duration::from_secs(1);

impl Rehearsal {
    /// Finds the resources, lets the finding name them, and asks the deployed policy whether that is allowed.
    pub(super) async fn prepare(arguments: &ReplayArguments, connection: &Connection, event: &str) -> Result<Self, CommandError> {
        let config = match &arguments.resource_profile {
            Some(profile) => profile_config(profile).await?,
            None => connection.config.clone(),
        };
        let mut found = Vec::new();
        for resource in &arguments.as_resource {
            found.push(
                resource.find(&config).await.map_err(|fault| CommandError::Input(format!("{resource}: {}", fault.told())))?,
            );
        }
        let event: Value = serde_json::from_str(event).map_err(|error| CommandError::Input(format!("not JSON: {error}")))?;
        let event = retarget(&event, &found, clock::now()).map_err(|mismatch| CommandError::Input(mismatch.to_string()))?;
        let planned = allowed(connection, &event, &found).await?.decisions;
        let mut before = Vec::new();
        for (resource, found) in arguments.as_resource.iter().zip(&found) {
            let state = resource.observe(&config).await?;
            let end = end_state(found, &planned);
            // What looks contained before anything happened would be found contained afterwards, too.
            let is_labelled = state.fields().any(|(field, _)| field.starts_with("tag firebreak-"));
            if arguments.assert && (is_labelled || end.wrong_contained(&state, &state).is_empty()) {
                let why = "it looks contained already, and nothing could be compared: take another one";
                return Err(CommandError::Input(format!("{resource}: {why}")));
            }
            before.push(state);
        }
        Ok(Self { config, found, before, event: event.to_string() })
    }

    /// What is not as it must be at the gate, one line each.
    pub(super) async fn wrong_at_the_gate(
        &self,
        decided: &[Decision],
        receipts: &[Receipt],
    ) -> Result<Vec<String>, CommandError> {
        let is_given = |id: &str| self.found.iter().any(|found| found.resource.name == id);
        let others = receipts.iter().filter(|receipt| receipt.holds_something() && !is_given(&receipt.target.id));
        let mut wrong: Vec<String> = others.map(|receipt| format!("{} is contained, too", receipt.target)).collect();
        let undecided = self.found.iter().filter(|found| mode(found, decided).is_none());
        wrong.extend(undecided.map(|found| format!("{}: people are told, and nothing is decided about it", found.resource)));
        wrong.extend(self.wrong(decided, |end, before, now, _| end.wrong_contained(before, now)).await?);
        Ok(wrong)
    }

    /// What is not as it must be after the release.
    pub(super) async fn wrong_after_the_release(&self, decided: &[Decision]) -> Result<Vec<String>, CommandError> {
        self.wrong(decided, |end, before, now, found| end.wrong_released(before, now, found.access_key_id.as_deref())).await
    }

    /// Looks until nothing is wrong, or AWS had the time to show it.
    async fn wrong(
        &self,
        decided: &[Decision],
        judge: impl Fn(&EndState, &State, &State, &Found) -> Vec<String>,
    ) -> Result<Vec<String>, CommandError> {
        let until = Instant::now() + VISIBLE_WITHIN;
        loop {
            let mut wrong = Vec::new();
            for (found, before) in self.found.iter().zip(&self.before) {
                let now = found.resource.observe(&self.config).await?;
                let lines = match mode(found, decided) {
                    Some(Mode::Auto) => judge(end_state(found, decided), before, &now, found),
                    // Nobody has approved it.
                    _ => unchanged(before, &now),
                };
                wrong.extend(lines.into_iter().map(|line| format!("{}: {line}", found.resource)));
            }
            if wrong.is_empty() || Instant::now() >= until {
                return Ok(wrong);
            }
            sleep(LOOKS_EVERY).await;
        }
    }

    /// How many fields are compared, and of which resources.
    pub(super) fn compared(&self) -> String {
        let of = |(found, before): (&Found, &State)| format!("{} ({} fields compared)", found.resource, before.len());
        self.found.iter().zip(&self.before).map(of).collect::<Vec<_>>().join(", ")
    }

    /// Whether something is contained at once.
    pub(super) fn contains_at_once(&self, decided: &[Decision]) -> bool {
        self.found.iter().any(|found| mode(found, decided) == Some(Mode::Auto))
    }
}

/// What is decided about a resource, if anything is.
fn mode(found: &Found, decided: &[Decision]) -> Option<Mode> {
    contained(found, decided).next().map(|decision| decision.mode)
}

/// How a resource must look at the widest level that is contained at once. Where none is: at the level that the finding calls for, which
/// comes first.
fn end_state(found: &Found, decided: &[Decision]) -> &'static EndState {
    let level = |decision: &Decision| decision.target.scope;
    let at_once = contained(found, decided).filter(|decision| decision.mode == Mode::Auto).map(level).max();
    let waits = || contained(found, decided).next().map(level);
    EndState::of(found.resource.kind, at_once.or_else(waits).unwrap_or_default())
}

/// The decisions about a resource by which it is contained at once or after an answer.
fn contained<'a>(found: &'a Found, decided: &'a [Decision]) -> impl Iterator<Item = &'a Decision> {
    let kind = found.resource.kind.target();
    let is_meant = move |d: &&Decision| d.containment.is_some() && d.target.kind == kind && d.target.id == found.resource.name;
    decided.iter().filter(is_meant).filter(|decision| decision.mode != Mode::Notify)
}

fn unchanged(before: &State, now: &State) -> Vec<String> {
    let line = |d: firebreak_rehearsal::Difference| format!("{} changed, and nobody has approved that", d.field);
    before.differences(now).into_iter().map(line).collect()
}

/// Asks triage what the response policy says, and returns what a policy without restrictions decides.
async fn allowed(connection: &Connection, event: &Value, found: &[Found]) -> Result<Plan, CommandError> {
    let (Ok(partition), Ok(region)) = (Partition::parse(connection.partition()), Region::parse(connection.region())) else {
        return Err(CommandError::Bad("the Region has an unknown form".to_owned()));
    };
    let places = firebreak::diagnosis::Places { partition, accounts: vec![], regions: vec![region] };
    let diagnosis = doctor::ask(&connection.config, "triage", &places).await?;
    let protected = diagnosis.protected.unwrap_or_default();
    let policy = Policy { protected: protected.clone(), ..Policy::unrestricted() };
    let plan = plan(event, &Circumstances::new(&policy, clock::now()));
    for found in found {
        refuse(found, &diagnosis.accounts, &protected, &plan).map_err(|refusal| CommandError::Input(refusal.to_string()))?;
    }
    Ok(plan)
}

/// Releases the incident, and waits until that is carried out.
pub(super) async fn release(connection: &Connection, id: &IncidentId) -> Result<(), CommandError> {
    crate::review::release_and_wait(connection, id, "a rehearsal with throw-away resources").await
}

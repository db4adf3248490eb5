//! A replay about throw-away resources: refused where something might be real, checked against AWS before and after.

use crate::arguments::ReplayArguments;
use crate::connection::{Connection, sdk_config};
use crate::{CommandError, doctor};
use aws_config::SdkConfig;
use firebreak::ids::{IncidentId, Partition, Region};
use firebreak::plan::{Circumstances, plan};
use firebreak::policy::Policy;
use firebreak_aws::clock;
use firebreak_rehearsal::{Decides, EndState, Found, Scenario, State, refuse, retarget};
use serde_json::Value;

/// The resources, as they were before the finding.
pub(super) struct Rehearsal {
    config: SdkConfig,
    found: Vec<Found>,
    before: Vec<State>,
    /// The finding that names them.
    pub(super) event: String,
    scenario: Option<&'static Scenario>,
}

impl Rehearsal {
    /// Finds the resources, lets the finding name them, and asks the deployed policy whether that is allowed.
    pub(super) async fn prepare(arguments: &ReplayArguments, connection: &Connection, event: &str) -> Result<Self, CommandError> {
        let config = match &arguments.resource_profile {
            Some(profile) => sdk_config(Some(profile)).await?,
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
        let kind = allowed(connection, &event, &found).await?;
        let mut before = Vec::new();
        for resource in &arguments.as_resource {
            before.push(resource.observe(&config).await?);
        }
        let kinds: Vec<_> = arguments.as_resource.iter().map(|resource| resource.kind).collect();
        let scenario = Scenario::of(&kind, &kinds);
        if arguments.assert && scenario.is_none() {
            return Err(CommandError::Input(format!("--assert knows no end state for a finding of type {kind}")));
        }
        Ok(Self { config, found, before, event: event.to_string(), scenario })
    }

    /// What is not as it must be at the gate, one line each.
    pub(super) async fn wrong_at_the_gate(&self) -> Result<Vec<String>, CommandError> {
        self.wrong(|end, before, now, _| end.wrong_contained(before, now)).await
    }

    /// What is not as it must be after the release.
    pub(super) async fn wrong_after_the_release(&self) -> Result<Vec<String>, CommandError> {
        self.wrong(|end, before, now, found| end.wrong_released(before, now, found.access_key_id.as_deref())).await
    }

    async fn wrong(&self, judge: impl Fn(&EndState, &State, &State, &Found) -> Vec<String>) -> Result<Vec<String>, CommandError> {
        let mut wrong = Vec::new();
        for (found, before) in self.found.iter().zip(&self.before) {
            let now = found.resource.observe(&self.config).await?;
            let kind = found.resource.kind;
            let lines = match self.scenario.and_then(|scenario| scenario.resources.get(&kind)) {
                Some(Decides::Auto) => judge(EndState::of(kind), before, &now, found),
                // Nobody has approved it.
                Some(Decides::Gate) | None => unchanged(before, &now),
            };
            wrong.extend(lines.into_iter().map(|line| format!("{}: {line}", found.resource)));
        }
        Ok(wrong)
    }

    /// How many fields are compared, and of which resources.
    pub(super) fn compared(&self) -> String {
        let of = |(found, before): (&Found, &State)| format!("{} ({} fields compared)", found.resource, before.len());
        self.found.iter().zip(&self.before).map(of).collect::<Vec<_>>().join(", ")
    }

    /// Whether the finding is about something that is contained at once.
    pub(super) fn contains_at_once(&self) -> bool {
        let at_once = |decides: Option<&Decides>| decides == Some(&Decides::Auto);
        self.found.iter().any(|found| at_once(self.scenario.and_then(|scenario| scenario.resources.get(&found.resource.kind))))
    }
}

fn unchanged(before: &State, now: &State) -> Vec<String> {
    let line = |d: firebreak_rehearsal::Difference| format!("{} changed, and nobody has approved that", d.field);
    before.differences(now).into_iter().map(line).collect()
}

/// Asks triage what the response policy says. Returns the finding's type.
async fn allowed(connection: &Connection, event: &Value, found: &[Found]) -> Result<String, CommandError> {
    let (Ok(partition), Ok(region)) = (Partition::parse(connection.partition()), Region::parse(connection.region())) else {
        return Err(CommandError::Bad("the Region has an unknown form".to_owned()));
    };
    let places = firebreak::diagnosis::Places { partition, accounts: vec![], regions: vec![region] };
    let diagnosis = doctor::ask(&connection.config, "triage", &places).await?;
    let policy = Policy { protected: diagnosis.protected.unwrap_or_default(), ..Policy::unrestricted() };
    let plan = plan(event, &Circumstances::new(&policy, clock::now()));
    for found in found {
        refuse(found, &diagnosis.accounts, &plan).map_err(|refusal| CommandError::Input(refusal.to_string()))?;
    }
    Ok(plan.finding.finding_type.unwrap_or_default())
}

/// Releases the incident, and waits until that is carried out.
pub(super) async fn release(connection: &Connection, id: &IncidentId) -> Result<(), CommandError> {
    crate::review::release_and_wait(connection, id, "a rehearsal with throw-away resources").await
}

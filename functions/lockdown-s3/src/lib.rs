#![doc = include_str!("../README.md")]

mod access;
mod accused;
mod accusers;
mod base;
mod changed;
mod claimed;
mod contain;
mod deleted;
mod encryption;
mod fit;
mod folded;
mod freed;
mod impact;
mod left_out;
mod lifecycle;
mod lineage;
mod named;
mod one_or_many;
mod pattern;
mod planned;
mod protected;
mod recovery;
mod release;
mod replication;
mod room;
mod rules;
mod statements;
mod surroundings;
mod suspects;
mod switches;
mod turn;
mod unproven;
mod verify;
mod versioning;
mod write;

pub use accused::{Accused, Session};
pub use base::{Algorithm, BaseState, Encryption, Grant, Logging, Part, Planned, PublicAccessBlock, Rule, Rules, Versioning};

use contain::Known;
use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::incident::Incident;
use firebreak::receipt::Step;
use firebreak::recovery::{Losses, Wanted};
use firebreak::target::Target;
use firebreak::task::{Hits, Phase, TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::{Call, Responder, Task};
use firebreak_function::diagnosis::member_role;
use firebreak_function::environment;
use firebreak_ledger::Ledger;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use suspects::Suspects;
use turn::Run;

/// How long before its incident something began of which no finding says when.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A task of the state machine or of a look.
    Task(Box<TaskOutput>),
    /// What a level would hit.
    Hits(Hits),
}

/// The function and what it needs.
pub struct Function {
    responder: Responder,
    organization: Option<String>,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let organization = environment::optional(environment::ORGANIZATION_ID);
        let is_id = is_organization(&organization);
        if !is_id {
            tracing::error!("the environment variable {} is no id of an organization", environment::ORGANIZATION_ID);
        }
        Ok(Self::new(Responder::load().await?, Some(organization).filter(|_| is_id)))
    }

    /// Works with the credentials and the ledger of `responder`. Where the organization's id is not known, nobody is an outsider.
    #[must_use]
    pub fn new(responder: Responder, organization: Option<String>) -> Self {
        Self { responder, organization }
    }

    /// For `firebreak doctor`: the member role.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        member_role(self.responder.aws(), &places, MemberRole::LockdownS3).await.map(Diagnosis::from)
    }

    /// For `firebreak s3 recovery-plan`: which objects of a bucket were deleted or overwritten since an incident began.
    ///
    /// # Errors
    /// There is no such incident, or the bucket is none of its own; the bucket could not be reached or listed.
    pub async fn recover(&self, wanted: Wanted) -> Result<Losses, Fault> {
        let incident = Box::pin(recovery::incident(self.responder.ledger(), &wanted)).await?;
        Box::pin(recovery::losses(&self.responder, &incident, since(&incident), &wanted)).await
    }

    /// Does what [`handle`](Self::handle) does, or says what a level would hit.
    ///
    /// # Errors
    /// As `handle`; and when nothing could be read about the bucket.
    pub async fn answer(&self, request: TaskInput) -> Result<Answer, Fault> {
        if request.phase == Phase::Impact {
            let hits = impact::impact(&self.responder, self.organization.as_deref(), &request);
            return Box::pin(hits).await.map(Answer::Hits);
        }
        self.handle(request).await.map(Box::new).map(Answer::Task)
    }

    /// Contains or verifies one level of one bucket.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let task = Task { containment: Containment::LockdownS3, at: None };
        let answers = answers(self.responder.ledger(), &request.incident).await;
        let suspects = &Suspects::of(&request.incident, &answers);
        let known = Known { organization: self.organization.as_deref(), suspects, since: since(&request.incident) };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let contain = async |call: &Call, (): ()| Box::pin(contain::contain(call, known)).await;
        let verify = async |call: &Call| Box::pin(verify::verify(call, known)).await;
        self.responder.handle(request, task, prepare, contain, verify).await
    }
}

/// Undoes one level of the lockdown of `call.target` down to `base`, while nobody else of Firebreak changes the bucket. Without a base nothing
/// was changed.
///
/// # Errors
/// `Gone` when the bucket no longer exists, and read errors; `Transient` while another level of it is carried out. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    if base.is_none() {
        return Ok(vec![]);
    }
    Box::pin(turn::alone(call, Run::Level, async || Box::pin(release::release(call, base)).await)).await
}

/// Takes whom a person released in `incident` out of what denies suspects at the frozen bucket of `call.target`, unless another holder of
/// the freeze accuses them, too; and the suspects of whoever let go of the bucket, which somebody else still holds.
///
/// # Errors
/// The ledger or the bucket did not answer, or the policy could not be written. `Transient`: a later run can do it. The next look of a holder
/// does what was not done, too.
pub async fn free(call: &Call, incident: &Incident) -> Result<(), Fault> {
    let released = Suspects::of(incident, &[]).released;
    Box::pin(turn::alone(call, Run::Free, async || Box::pin(freed::free(call, &released)).await)).await
}

/// What people answered, where it decides who is a suspect. Where that cannot be read nobody is denied of whom a person must approve it.
async fn answers(ledger: &Ledger, incident: &Incident) -> Vec<Decided> {
    if !Suspects::depend_on_answers(incident) {
        return vec![];
    }
    ledger.answers(&incident.id).await.unwrap_or_else(|fault| {
        tracing::warn!(fault.message = %fault.message, "what people answered is not known");
        vec![]
    })
}

/// Whether it has the form of an organization's id (Organizations API reference, "Organization"). With anything else, all of the
/// organization would be outsiders.
fn is_organization(id: &str) -> bool {
    let rest = id.strip_prefix("o-").unwrap_or_default();
    (10..=32).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// When what the incident is about began: the first activity of any of its findings.
fn since(incident: &Incident) -> Timestamp {
    let findings = std::iter::once(&incident.finding).chain(&incident.findings);
    let seen = findings.filter_map(|finding| finding.first_seen).min();
    seen.unwrap_or_else(|| incident.opened_at.checked_sub(BEFORE).unwrap_or(incident.opened_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::room;

    #[test]
    fn only_what_is_an_organizations_id_counts_as_one() {
        for id in ["o-exampleorgid", "o-a1b2c3d4e5"] {
            assert!(is_organization(id), "{id}");
        }
        for id in ["", "o-", "o-short", "111122223333", "o-EXAMPLEORGID", "o-exampleorgid*", "exampleorgid", "o-example-orgid"] {
            assert!(!is_organization(id), "{id}");
        }
    }

    #[test]
    fn an_incident_began_with_the_first_activity_of_any_of_its_findings() {
        let mut incident = room::opened("one");
        assert_eq!(since(&incident), incident.opened_at - BEFORE, "no finding says when");
        let at = |text: &str| Some(text.parse().expect("a time"));
        incident.finding.first_seen = at("2026-11-02T00:00:00Z");
        incident.findings = vec![incident.finding.clone(), incident.finding.clone()];
        incident.findings[1].first_seen = at("2026-11-01T00:00:00Z");
        assert_eq!(Some(since(&incident)), at("2026-11-01T00:00:00Z"));
    }
}

//! One target, with credentials for its account, and what comes of working on it.

use aws_config::SdkConfig;
use firebreak::containment::Containment;
use firebreak::decision::Waits;
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::ids::{IamName, IncidentId};
use firebreak::receipt::{Step, Verification};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Look, Target};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::{Aws, clock};
use firebreak_ledger::{Guard, Held, Ledger};
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use std::time::Duration;

/// One target of one incident, with credentials for its account.
#[derive(Debug, Clone)]
pub struct Call {
    /// Credentials and Region of the target.
    pub config: SdkConfig,
    /// What assumes member roles.
    pub aws: Aws,
    /// The role of these credentials.
    pub role: MemberRole,
    /// The ledger.
    pub ledger: Ledger,
    /// The incident: receipts, tags and session names bear its id.
    pub incident: IncidentId,
    /// In whose name the target is held: the incident's own, unless the containment is for a finding that joined.
    pub holder: Holder,
    /// The target, as the decision names it. Hold, base and receipt go by it.
    pub target: Target,
    /// The target under the name that IAM knows now: calls of IAM go by it. Only a renamed user has another one than the decision says.
    pub present: Target,
    /// What is done to it. A target can be held by several containments at once, each with a base of its own.
    pub containment: Containment,
    /// When the work began. Whatever is read for it is read later.
    pub began_at: Timestamp,
    /// How long a read may be behind a write: what a first read lacks is read once more after that.
    pub settle: Duration,
    /// An analyst agreed to it: it must not be asked again. Only set for a containment.
    pub approved: bool,
    /// What a look may do about a control that somebody reverted.
    pub look: Look,
    /// Steps of the containment that failed: what they would have changed is not ours to undo. Only set for a release.
    pub failed_steps: Vec<StepName>,
    /// Digests of what somebody changed since the containment and an analyst has seen before asking for this release. Only set for a
    /// release.
    pub seen_drift: Vec<String>,
    /// An earlier run of this release may have put part of it back. Only set for a release.
    pub resumed: bool,
    /// Credentials that a suspect made and that stay inactive. Only set for a release.
    pub exposed: Vec<String>,
    /// The names of findings that joined, in which the incident holds targets as well.
    pub joined: Vec<String>,
    /// The target under the key of the row that is leased, where that is not the decision's. Only set for a release.
    pub leased: Option<Target>,
}

impl Call {
    /// What a base and its holders belong to.
    #[must_use]
    pub fn held(&self) -> Held<'_> {
        Held { target: &self.target, containment: self.containment }
    }

    /// Whether `name` is one in which this work holds targets.
    #[must_use]
    pub fn is_own(&self, name: &str) -> bool {
        self.incident.as_str() == name || self.holder.id().as_str() == name || self.joined.iter().any(|joined| joined == name)
    }

    /// Whether the incident holds the target of `row`, in any of its names, and nobody puts it back: what was written must be there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn holds(&self, row: &Target) -> Result<bool, Fault> {
        let row = self.ledger.row(self.held_in(row), clock::now()).await?;
        Ok(!row.is_releasing && row.holders.iter().any(|name| self.is_own(name)))
    }

    /// Keeps releases from beginning until [`end_guards`](Self::end_guards), in each of `rows` that the incident holds. Nothing where it
    /// holds none of them, or one is being put back: nothing may be written again then.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn guard(&self, rows: &[Target]) -> Result<Option<Guards>, Fault> {
        let mut guards = Guards(Vec::new());
        for row in rows {
            match self.guard_one(row).await {
                Ok(Some(guard)) => guards.0.extend(guard.map(|guard| (row.clone(), guard))),
                refused => {
                    self.end_guards(guards).await;
                    return refused.map(|_| None);
                }
            }
        }
        Ok((!guards.0.is_empty()).then_some(guards))
    }

    /// The guard of one row, or nothing in its place where the incident does not hold the row. Nothing at all: it is being put back.
    async fn guard_one(&self, row: &Target) -> Result<Option<Option<Guard>>, Fault> {
        let held = self.held_in(row);
        let known = self.ledger.row(held, clock::now()).await?;
        let Some(name) = known.holders.iter().find(|name| self.is_own(name)) else { return Ok(Some(None)) };
        Ok(self.ledger.guard(held, name, clock::now()).await?.map(Some))
    }

    /// Lets releases begin. Where the ledger does not take it they wait until the guards end by themselves.
    pub async fn end_guards(&self, guards: Guards) {
        for (row, guard) in guards.0 {
            if let Err(fault) = self.ledger.end_guard(self.held_in(&row), &guard).await {
                tracing::warn!(fault.message = %fault.message, "a release has to wait until the guard of a look ends by itself");
            }
        }
    }

    fn held_in<'a>(&self, row: &'a Target) -> Held<'a> {
        Held { target: row, containment: self.containment }
    }

    /// The same call for a user whose present name is `name`: the credentials of a call reach one name only.
    ///
    /// # Errors
    /// The member account refused, or STS did not answer.
    pub async fn under(&self, name: &IamName) -> Result<Self, Fault> {
        let present = Target { id: name.to_string(), ..self.target.clone() };
        let config = self.aws.member(&present, self.role, &self.incident).await?;
        Ok(Self { config, present, ..self.clone() })
    }

    /// Remembers what a look found reverted, before it writes again: the next look sees nothing of it, also where this one is killed.
    /// Where nothing was reverted, nothing is remembered.
    ///
    /// # Errors
    /// The ledger could not be read or written: nothing must be written again then, so that the next look sees the revert.
    pub async fn foresee(&self, reverted: &[String]) -> Result<(), Fault> {
        if reverted.is_empty() {
            return Ok(());
        }
        let before = self.ledger.verification(&self.incident, self.containment, &self.target).await?;
        let known = before.map(|check| check.reverted).unwrap_or_default();
        let (target, containment) = (self.target.clone(), Some(self.containment));
        let (reverted, problems) = (seen(known, reverted), vec![UNFINISHED.to_owned()]);
        let check = Verification { target, containment, holds: false, problems, reverted, notes: vec![] };
        self.ledger.keep_verification(&self.incident, &check).await
    }

    /// Steps of which one must hold for this part of the target to be contained.
    #[must_use]
    pub fn decisive(&self) -> &'static [StepKind] {
        self.containment.declaration().level(self.target.scope).map_or(&[], |level| level.decisive)
    }
}

/// Why a look writes nothing again, for people: nothing could be put back without a record of how the target was. Nothing: `base` is one.
#[must_use]
pub fn without_base<T>(base: &Result<Option<T>, Fault>) -> Option<String> {
    let why = match base {
        Ok(Some(_)) => return None,
        Ok(None) => "no containment recorded how it was".to_owned(),
        Err(fault) => format!("the record of how it was could not be read: {}", fault.message),
    };
    Some(format!("looks write nothing again: {why}"))
}

/// What keeps releases from beginning while a look writes again, row by row.
#[derive(Debug)]
#[must_use = "a release waits until they end"]
pub struct Guards(Vec<(Target, Guard)>);

/// What is known of a look that ended between its record and its end.
const UNFINISHED: &str = "a look began to write again what somebody had taken away, and did not end";

/// An attacker may revert at every look; this many lines say enough.
const MAX_REVERTED: usize = 10;

/// What earlier looks saw is not forgotten: the ticket and the second tier depend on it. With the time: the same control reverted twice
/// is two reverts.
pub(crate) fn seen(mut known: Vec<String>, now: &[String]) -> Vec<String> {
    let seen_at = clock::now().strftime("%H:%M:%SZ").to_string();
    known.extend(now.iter().map(|line| format!("{line} (seen at {seen_at})")));
    // The newest: a look tells people by what an earlier one had not.
    known.drain(..known.len().saturating_sub(MAX_REVERTED));
    known
}

/// A step that nothing waits for, and that undoes nothing by being missing from a receipt: a label.
pub struct LateStep(pub LocalBoxFuture<'static, Step>);

impl std::fmt::Debug for LateStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LateStep")
    }
}

/// What came of trying to contain a target.
#[derive(Debug)]
pub enum Attempt {
    /// These steps were tried.
    Steps(Vec<Step>),
    /// These steps were tried, and one is made while the ledger takes the receipt.
    Late(Vec<Step>, LateStep),
    /// Nothing was changed: a person must agree to the impact first.
    Waits(Waits),
}

impl From<Vec<Step>> for Attempt {
    fn from(steps: Vec<Step>) -> Self {
        Self::Steps(steps)
    }
}

/// What reading back a containment showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Controls that do not hold, one line each.
    pub problems: Vec<String>,
    /// Controls that somebody had reverted and that were written again, one line each.
    pub reverted: Vec<String>,
    /// What somebody made since and Firebreak leaves to a person, one line each. The containment holds all the same.
    pub notes: Vec<String>,
}

impl From<Vec<String>> for Checked {
    fn from(problems: Vec<String>) -> Self {
        Self { problems, ..Self::default() }
    }
}

//! What the tests of every function need: an incident, a target, a ledger, and ways to break a call.

pub use crate::breaks::{Break, Point};

use crate::breaks::{Refusal, SERVER_ERROR, denied, throttling};
use crate::dynamodb::Value;
use crate::sample::Sample;
use crate::scripted::{Answer, Call, ScriptedAws, TABLE, error};
use firebreak::ids::{AccountId, IncidentId, Partition, Region};
use firebreak::incident::Incident;
use firebreak::pause::{Pause, Wish};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::target::{Place, Target, TargetKind};
use firebreak::task::{Phase, TaskInput};
use futures::StreamExt as _;
use jiff::Timestamp;
use std::time::Duration;

/// The account of every target.
pub const ACCOUNT: &str = "111122223333";
/// The Region of every target.
pub const REGION: &str = "eu-central-1";

/// Who pauses in tests, as IAM names a session.
pub const PAUSER: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakOperator/ann";

/// The ledger of a scripted server.
#[must_use]
pub fn ledger(aws: &ScriptedAws) -> firebreak_ledger::Ledger {
    firebreak_ledger::Ledger::new(&aws.config(), TABLE.to_owned())
}

/// The incident of this name.
#[must_use]
pub fn incident(name: &str) -> IncidentId {
    IncidentId::of(name)
}

/// All of one resource in [`ACCOUNT`].
///
/// # Panics
/// Never: the account and the Region have their form.
#[must_use]
pub fn target(kind: TargetKind, id: &str) -> Target {
    Target::new(kind, id, place())
}

#[expect(clippy::expect_used, reason = "constants that have their form")]
fn place() -> Place {
    Place {
        account: AccountId::parse(ACCOUNT).expect("an account"),
        region: Region::parse(REGION).expect("a Region"),
        partition: Partition::parse("aws").expect("a partition"),
    }
}

/// An incident as triage opens it, without decisions.
///
/// # Panics
/// Never: an empty object is JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "an empty object is JSON")]
pub fn opened(name: &str) -> Incident {
    let policy = Policy::unrestricted();
    let plan = plan_json(b"{}", &Circumstances::new(&policy, Timestamp::UNIX_EPOCH)).expect("JSON");
    let new =
        Incident::new(plan, &policy, "arn:aws:states:eu-central-1:111122223333:execution:x:y".to_owned(), Timestamp::UNIX_EPOCH);
    Incident { id: incident(name), ..new }
}

/// What the state machine sends to a containment function.
#[must_use]
pub fn request(phase: Phase, incident: &str, target: Target) -> TaskInput {
    TaskInput { phase, incident: opened(incident), target, approved: false }
}

/// Pauses what is automatic in one account, or in all, for two hours from `since`.
///
/// # Panics
/// The ledger does not take it.
#[expect(clippy::expect_used, reason = "a test may fail where it stands")]
pub async fn pause(aws: &ScriptedAws, account: Option<&str>, since: Timestamp) -> Pause {
    let account = account.map(|number| AccountId::parse(number).expect("an account"));
    let wish = Wish { account, for_seconds: 7_200, reason: "a rollout misfires".to_owned() };
    let pause = wish.begin(PAUSER, since).expect("a pause");
    ledger(aws).pause(&pause).await.expect("the ledger takes it");
    pause
}

/// The recorded base of a target, as JSON text.
#[must_use]
pub fn base(aws: &ScriptedAws, kind: &str, id: &str) -> Option<String> {
    let table = aws.table();
    let mut items =
        table.items().filter(|((pk, sk), _)| pk.starts_with("target#") && pk.ends_with(&format!("{kind}/{id}")) && sk == "base");
    match items.next()?.1.get("doc")? {
        Value::S(text) => Some(text.clone()),
        _ => None,
    }
}

impl Break {
    /// Runs `work` with the call at `point` broken. Nothing: it was killed.
    pub async fn run<T>(self, aws: &ScriptedAws, point: &Point, work: impl Future<Output = T>) -> Option<T> {
        let work = Box::pin(work);
        let Point { action, nth } = point;
        let refuse = |(status, code): Refusal| aws.break_call(action, *nth, error(status, code), None);
        aws.forget();
        match self {
            Self::KillBefore => return aws.kill_at(action, *nth, false, work).await,
            Self::KillAfter => return aws.kill_at(action, *nth, true, work).await,
            Self::TimeOut => aws.delay_call(action, *nth, Duration::from_millis(500)),
            Self::Throttle => refuse(throttling(action)),
            Self::ServerError => refuse(SERVER_ERROR),
            Self::Denied => refuse(denied(action)),
            Self::Reset => aws.break_call(action, *nth, Answer::reset(), None),
        }
        Some(work.await)
    }
}

/// The calls of a run, in order.
#[must_use]
pub fn points(calls: &[Call]) -> Vec<Point> {
    Point::all(calls.iter().map(Call::action))
}

/// Cases that are tried at the same time.
const AT_ONCE: usize = 8;
/// About as many cases are tried where there are more, unless `SAMPLE=all` asks for all.
const ENOUGH: usize = 40;

/// What became of breaking the calls of a run.
#[derive(Debug)]
pub struct Tried {
    /// How many cases were tried.
    pub cases: usize,
    /// How many there are.
    pub of: usize,
    sample: Sample,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.cases, self.of)?;
        if self.cases < self.of { write!(f, ", {}", self.sample) } else { Ok(()) }
    }
}

/// Breaks the calls of a run, one at a time, in every way: all of them, or a sample where there are many.
pub async fn each_break(calls: &[Call], attempt: impl AsyncFn(&Point, Break)) -> Tried {
    let points = points(calls);
    let of = points.len() * Break::ALL.len();
    let (sample, one_of) = (Sample::of_this_run(), u32::try_from(of / ENOUGH).unwrap_or(u32::MAX));
    let all = points.iter().flat_map(|point| Break::ALL.map(|how| (point, how)));
    let cases: Vec<_> = all.filter(|(point, how)| sample.has(&format!("{point:?} {how:?}"), one_of)).collect();
    let tried = Tried { cases: cases.len(), of, sample };
    // Most of a case is waiting. Boxed: the SDK nests futures deeper than a test thread has stack for.
    futures::stream::iter(cases).for_each_concurrent(AT_ONCE, |(point, how)| Box::pin(attempt(point, how))).await;
    tried
}

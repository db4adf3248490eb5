//! Takes from a principal what its decision says: everything, one session, or one access key.

use crate::session::session_name;
use crate::{key, role, session, user};
use aws_sdk_iam::Client;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_function::containment::{Attempt, Call};
use firebreak_ledger::Held;
use firebreak_ledger::Ledger;

/// What the ledger was told beside `AssumeRole`, before anything is changed.
pub(crate) enum Prepared {
    /// The target is held, or the ledger could not be told so.
    Marked(Result<(), Fault>),
    /// The session has this slot, or none.
    Named(Result<usize, Fault>),
    /// Nothing: the containment records the base before its first change.
    Nothing,
}

/// Tells the ledger that the target is held. What goes out in the first wave is undone even if the function dies right after it.
pub(crate) async fn prepare(ledger: &Ledger, holder: &Holder, target: &Target) -> Prepared {
    let held = Held { target, containment: Containment::QuarantineIam };
    let mark = async { ledger.mark_held(held, holder, clock::now()).await?.held(target) };
    match (target.kind, target.scope) {
        (TargetKind::IamRole, Scope::Session) => Prepared::Named(match session_name(target) {
            // Both or neither: a slot of a session that may not be held would never be given back.
            Ok(name) => ledger.hold_session(held, &name, holder, clock::now()).await,
            Err(fault) => Err(fault),
        }),
        (TargetKind::IamUser, Scope::Principal | Scope::AccessKey) => Prepared::Marked(mark.await),
        _ => Prepared::Nothing,
    }
}

pub(crate) async fn contain(call: &Call, prepared: Prepared) -> Result<Attempt, Fault> {
    let iam = Client::new(&call.config);
    match (call.target.kind, call.target.scope, prepared) {
        (TargetKind::IamUser, Scope::Principal, Prepared::Marked(marked)) => Ok(user::contain(call, &iam, marked).await.into()),
        (TargetKind::IamUser, Scope::AccessKey, Prepared::Marked(marked)) => {
            key::contain(call, &iam, marked).await.map(Attempt::from)
        }
        (TargetKind::IamRole, Scope::Session, Prepared::Named(slot)) => {
            session::contain(call, &iam, slot).await.map(Attempt::from)
        }
        (TargetKind::IamRole, Scope::Principal, _) => role::contain(call, &iam).await.map(Attempt::from),
        _ => Err(Fault::malformed(format!("quarantine-iam cannot contain {}", call.target))),
    }
}

//! What goes to the ledger before the first change that could not be undone without it.

use crate::base::{BaseState, Credential};
use crate::{policies, rows};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::step;

/// IAM paths of roles that are AWS's or Firebreak's own. Nobody can create a role under AWS's two; a role that an attacker puts under
/// `/firebreak/` is refused with an error that people see, and the guard on that path is the organization's.
const PROTECTED_PATHS: [&str; 3] = ["/aws-service-role/", "/aws-reserved/", "/firebreak/"];

/// A name can be given again after its first owner was deleted; the immutable id cannot.
pub(crate) fn check_identity(call: &Call, current: &BaseState) -> Result<(), Fault> {
    match &call.target.principal_id {
        Some(id) if id.as_str() != current.principal_id => Err(another_principal(call)),
        _ => Ok(()),
    }
}

/// Somebody else has the name.
pub(crate) fn another_principal(call: &Call) -> Fault {
    Fault::malformed(format!("{} is not the principal of the finding: another one has the name now, or nobody", call.target))
}

/// Roles that only AWS or Firebreak's own deployment may change.
pub(crate) fn check_path(call: &Call, current: &BaseState) -> Result<(), Fault> {
    match PROTECTED_PATHS.iter().find(|path| current.path.starts_with(**path)) {
        Some(path) => Err(Fault::protected(format!("{} is under the path {path}", call.target))),
        None => Ok(()),
    }
}

/// Writes the base, or joins the one that the first incident wrote. `credentials` are those that are about to become inactive; `quiet` is
/// what [`rows::is_quiet`] said.
pub(crate) async fn record(call: &Call, current: &BaseState, credentials: &[Credential], quiet: Result<(), Fault>) -> Step {
    let mut base = current.clone().without(&policies::all(&call.target));
    base.deactivated =
        credentials.iter().filter(|credential| credential.active).map(|credential| credential.id.clone()).collect();
    base.exposed.extend(call.target.keys().map(ToString::to_string));
    step(StepKind::RecordBase, async {
        quiet?;
        let place = Box::pin(rows::place(call, &base.principal_id)).await?;
        let held = rows::held(call, &place);
        let known = call.ledger.hold(held, &call.holder, &base.principal_id, &base, call.began_at).await?;
        let all = known.joined_by(&base);
        if all != known {
            call.ledger.extend_base(held, &known, &all).await?;
        }
        Box::pin(rows::settle(call, &place)).await?;
        Ok(Outcome::Applied)
    })
    .await
}

/// Whether `record` succeeded, so that what follows can be undone.
pub(crate) fn is_held(recorded: &Step) -> bool {
    recorded.outcome != Outcome::Failed
}

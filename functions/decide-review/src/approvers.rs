//! Who may approve. IAM cannot tell the answers in a request apart, so this function does.

use crate::Function;
use firebreak::answer::Answer;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::review::DecideRequest;
use firebreak_function::signed::Caller;

/// Roles of `infra/security-account/people.yaml` whose people answer, and approve no containment.
const WITHOUT_APPROVALS: [&str; 3] = ["FirebreakAnalyst", "FirebreakDoctor", "FirebreakOperator"];
/// Identity Center names the role of a permission set `AWSReservedSSO_<permission set>_<digits>`.
const IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// Whether what these people approve is contained.
fn may_approve(caller: &Caller) -> bool {
    let role = caller.role().unwrap_or_default();
    let permission_set = role.strip_prefix(IDENTITY_CENTER).and_then(|rest| rest.rsplit_once('_')).map(|(name, _)| name);
    !WITHOUT_APPROVALS.contains(&permission_set.unwrap_or(role))
}

impl Function {
    /// Why `caller` may not give this answer about the incident up to revision `covers`; nothing when they may.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn refusal(
        &self,
        caller: &Caller,
        request: &DecideRequest,
        covers: Option<u32>,
    ) -> Result<Option<Fault>, Fault> {
        if request.answer != Answer::Approve || may_approve(caller) {
            return Ok(None);
        }
        let decided = self.ledger.record(&request.incident_id).await?.map(|record| record.incident.decisions).unwrap_or_default();
        let waits = |one: &&Decision| one.mode == Mode::Gate && one.containment.is_some() && one.is_covered(covers);
        let waiting = decided.iter().filter(waits).count();
        let role = caller.role().unwrap_or_default();
        let told = format!("{waiting} target(s) wait for an approval: FirebreakApprover may give it, {role} may not");
        Ok((waiting > 0).then(|| Fault::new(FaultKind::Denied, told)))
    }
}

//! Who may approve. IAM cannot tell the answers in a request apart, so this function does.

use crate::Function;
use firebreak::answer::Answer;
use firebreak::fault::{Fault, FaultKind};
use firebreak::report::Report;
use firebreak::review::DecideRequest;
use firebreak_function::signed::Caller;

/// The role of `infra/security-account/people.yaml`, or the permission set, whose people approve.
const APPROVER: &str = "FirebreakApprover";
/// Whoever may call the function may approve.
const EVERYBODY: &str = "*";
/// Identity Center names the role of a permission set `AWSReservedSSO_<permission set>_<digits>`.
const IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// Who may approve besides `FirebreakApprover`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvers(Vec<String>);

impl Approvers {
    /// Reads names of roles and permission sets, and ARNs of IAM users, with commas between them. `*` stands for everybody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Whether what these people approve is contained.
    fn include(&self, caller: &Caller) -> bool {
        let role = caller.role().map(of_permission_set);
        // Who lists the whole name of an Identity Center role means its permission set, too.
        let is_caller = |name: &String| {
            let is_role = role == Some(name.as_str()) || caller.role() == Some(name.as_str());
            name == EVERYBODY || is_role || role.is_none() && *name == caller.arn
        };
        role == Some(APPROVER) || self.0.iter().any(is_caller)
    }
}

/// The permission set of a role of Identity Center; every other role's own name.
fn of_permission_set(role: &str) -> &str {
    let permission_set = role.strip_prefix(IDENTITY_CENTER).and_then(|rest| rest.rsplit_once('_')).map(|(name, _)| name);
    permission_set.unwrap_or(role)
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
        if self.may_give(caller, request.answer) {
            return Ok(None);
        }
        let count = self.approvable(request, covers).await?;
        let who = caller.role().map_or(caller.arn.as_str(), of_permission_set);
        let told = format!(
            "this approval would contain {count} target(s): FirebreakApprover may give it, {who} may not. Ask an approver to answer, \
             or have {who} added to the parameter Approvers (docs/install.md, \"People\")"
        );
        Ok((count > 0).then(|| Fault::new(FaultKind::Denied, told)))
    }

    /// Whether `caller` may give this answer whatever it would contain.
    pub(crate) fn may_give(&self, caller: &Caller, answer: Answer) -> bool {
        answer != Answer::Approve || self.approvers.include(caller)
    }

    /// How many targets an approval would contain: those that wait for it, and those whose containment is missing, failed or partial.
    async fn approvable(&self, request: &DecideRequest, covers: Option<u32>) -> Result<usize, Fault> {
        let Some(record) = self.ledger.record(&request.incident_id).await? else { return Ok(0) };
        let mut incident = record.incident;
        let mut report = Report::default();
        // A gate opens after the first containments ended. What has no receipt by now was not carried out.
        "ok".clone_into(&mut report.containment.status);
        self.ledger.gather_answered(&mut incident, &mut report).await?;
        Ok(report.approvable(&incident, covers, &request.targets).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str) -> Caller {
        Caller { arn: arn.to_owned(), account: "123456789012".to_owned() }
    }

    fn session(role: &str) -> Caller {
        caller(&format!("arn:aws:sts::123456789012:assumed-role/{role}/ann"))
    }

    #[test]
    fn only_who_is_named_may_approve() {
        let (nobody_else, some) = (Approvers::parse(""), Approvers::parse(" Responders,, OnCall "));
        for role in ["FirebreakApprover", "AWSReservedSSO_FirebreakApprover_0123456789abcdef"] {
            assert!(nobody_else.include(&session(role)) && some.include(&session(role)), "{role}");
        }
        for role in ["Responders", "OnCall", "AWSReservedSSO_OnCall_0123456789abcdef"] {
            assert!(!nobody_else.include(&session(role)) && some.include(&session(role)), "{role}");
            assert!(Approvers::parse(role).include(&session(role)), "the name as the role has it: {role}");
        }
        for role in ["FirebreakAnalyst", "FirebreakApproverX", "Respond", "responders", "Admin", "x_FirebreakApprover_1"] {
            assert!(!nobody_else.include(&session(role)) && !some.include(&session(role)), "{role}");
            assert!(Approvers::parse("*").include(&session(role)), "{role}");
        }
    }

    #[test]
    fn a_caller_without_a_role_is_known_by_the_whole_arn() {
        let (root, user) = (caller("arn:aws:iam::123456789012:root"), caller("arn:aws:iam::123456789012:user/FirebreakApprover"));
        assert!(!Approvers::default().include(&root) && !Approvers::default().include(&user));
        assert!(!Approvers::parse("root,FirebreakApprover").include(&user));
        assert!(Approvers::parse(&user.arn).include(&user) && Approvers::parse("*").include(&root));
    }
}

//! `quarantine-scp`: a principal, from the organization.

use super::declaration::{Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

/// What reaches the whole organization is never automatic.
const fn level(scope: Scope, stops: &'static str) -> Level {
    let leaves = "principals of the management account, which no service control policy reaches";
    let does = "deny everything from the organization";
    let (automatic, role, apart) = (false, MemberRole::QuarantineScp, None);
    Level { scope, automatic, role, apart, decisive: &[StepKind::DenyByScp], does, stops, leaves }
}

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Principal,
    names_nothing: "the finding names no credentials",
    targets: &[TargetKind::IamUser, TargetKind::IamRole, TargetKind::IdentityCenterUser],
    home: Home::Management,
    base: Base::Own,
    levels: &[
        level(Scope::Session, "calls of that one session, whoever administers its account"),
        level(Scope::Principal, "every call of the principal, whoever administers its account"),
    ],
    destroys: &[],
    doing: "denying the principal from the organization",
};

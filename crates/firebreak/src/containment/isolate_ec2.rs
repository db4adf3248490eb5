//! `isolate-ec2`: an EC2 instance.

use super::declaration::{Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Instance,
    names_nothing: "the finding names no valid instance",
    targets: &[TargetKind::Ec2Instance],
    home: Home::Target,
    base: Base::Target,
    levels: &[Level {
        scope: Scope::Principal,
        automatic: true,
        role: MemberRole::IsolateEc2,
        apart: None,
        decisive: &[StepKind::IsolateInterface],
        does: "cut off from the network",
        stops: "new connections to and from every network interface of the instance",
        leaves: "connections that are open, DNS and the metadata service; the credentials of its role",
    }],
    doing: "isolating the instance",
};

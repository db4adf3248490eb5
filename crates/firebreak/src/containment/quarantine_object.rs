//! `quarantine-object`: objects of an S3 bucket in which a scan found malware.

use super::declaration::{Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Object,
    names_nothing: "the finding names no object whose version is known",
    targets: &[TargetKind::S3Object],
    home: Home::Target,
    base: Base::Target,
    levels: &[Level {
        scope: Scope::Objects,
        automatic: true,
        role: MemberRole::QuarantineObject,
        apart: None,
        decisive: &[StepKind::QuarantineObject],
        does: "deny to everybody but responders",
        stops: "reading these versions of the objects, also to copy them, by presigned URLs and through access points",
        leaves: "every other object and version, and what is written under the same key next; replicas and copies that were made, and what a \
                 replication rule makes; deletion of the objects; what was read before",
    }],
    destroys: &[],
    doing: "quarantining the objects",
};

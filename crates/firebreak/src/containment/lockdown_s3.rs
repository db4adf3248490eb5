//! `lockdown-s3`: an S3 bucket.

use super::declaration::{Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Bucket,
    names_nothing: "the finding names no bucket that can be locked down",
    targets: &[TargetKind::S3Bucket],
    home: Home::Target,
    base: Base::Target,
    levels: &[Level {
        scope: Scope::Principal,
        automatic: true,
        role: MemberRole::LockdownS3,
        apart: None,
        decisive: &[StepKind::BlockPublicAccess],
        does: "block public access",
        stops: "public access to the bucket and its objects",
        leaves: "named accounts and principals that its policy admits; presigned URLs; what was read before",
    }],
    destroys: &[],
    doing: "locking the bucket down",
};

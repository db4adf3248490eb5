//! `lockdown-s3`: an S3 bucket, in levels.

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
    levels: &[
        Level {
            scope: Scope::Principal,
            automatic: true,
            role: MemberRole::LockdownS3,
            apart: None,
            decisive: &[StepKind::BlockPublicAccess],
            does: "block public access",
            stops: "public access to the bucket and its objects",
            leaves: "named accounts and principals that its policy admits; presigned URLs; what was read before",
        },
        Level {
            scope: Scope::Freeze,
            automatic: true,
            role: MemberRole::LockdownS3,
            apart: None,
            decisive: &[StepKind::DenySuspects, StepKind::DenyOutsiders],
            does: "deny suspects and outsiders, refuse customer-held keys, keep versions, stop rules that were changed",
            stops: "public access; calls of the suspects whom a bucket policy can name, with the URLs that they presigned; callers outside the \
                    organization whom its policy does not name; writes with customer-held keys (SSE-C); lifecycle and replication rules that \
                    CloudTrail shows changed",
            leaves: "everybody else in the organization, an unknown accomplice, too; whom its policy names; AWS services and CloudFront; rules \
                     of before; what was read, deleted or encrypted before",
        },
        Level {
            scope: Scope::Destruction,
            // Policy alone has triage decide it for at once, and only of ransom.
            automatic: true,
            role: MemberRole::LockdownS3,
            apart: None,
            decisive: &[StepKind::DenyDestruction],
            does: "deny to everybody what deletes data or changes the bucket's protection, stop every rule that deletes or replicates",
            stops: "deletions, and changes of policy, versioning, lifecycle, replication, encryption and locks, whoever asks; every rule that \
                    expires or replicates objects",
            leaves: "reads and writes: an overwrite destroys what has no versions; AWS services; deletions that S3 has begun",
        },
        Level {
            scope: Scope::Seal,
            // Whatever works with the bucket stops.
            automatic: false,
            role: MemberRole::LockdownS3,
            apart: None,
            decisive: &[StepKind::SealBucket],
            does: "deny every call to everybody",
            stops: "every call to the bucket and its objects but those of Firebreak, break-glass roles and the account's root user",
            leaves: "rules that S3 carries out itself; copies that are elsewhere; what was read before",
        },
    ],
    destroys: &[],
    doing: "locking the bucket down",
};

//! `enable-key`: a KMS key that a suspect disabled, or whose deletion a suspect scheduled.

use super::declaration::{Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Other,
    names_nothing: "no finding names a key that could be enabled: CloudTrail shows what a suspect did to it",
    targets: &[TargetKind::KmsKey],
    home: Home::Target,
    base: Base::Target,
    levels: &[Level {
        scope: Scope::Principal,
        // Whether it was the suspect who disabled the key, or its owner on purpose, a person knows.
        automatic: false,
        role: MemberRole::EnableKey,
        apart: None,
        decisive: &[StepKind::EnableKey],
        does: "cancel its deletion and enable it",
        stops: "the deletion of the key, and that nobody can open what it encrypted",
        leaves: "the key's policy and grants, also what a suspect wrote into them; key material that was deleted; the same key in other \
                 Regions; whoever may disable it can do so again, until the next look",
    }],
    destroys: &[],
    doing: "enabling the key",
};

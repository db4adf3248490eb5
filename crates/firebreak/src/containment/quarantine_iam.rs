//! `quarantine-iam`: an IAM user, a role, or a part of one.

use super::declaration::{Apart, Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Principal,
    names_nothing: "the finding names no credentials",
    targets: &[TargetKind::IamUser, TargetKind::IamRole],
    home: Home::Target,
    base: Base::Target,
    levels: &[
        Level {
            scope: Scope::AccessKey,
            automatic: true,
            role: MemberRole::QuarantineIam,
            apart: None,
            decisive: &[StepKind::DeactivateKey, StepKind::ListKeys],
            does: "make this access key inactive",
            stops: "calls with that access key",
            leaves: "the user's other credentials; sessions that the key opened",
        },
        Level {
            scope: Scope::Session,
            automatic: true,
            role: MemberRole::QuarantineIam,
            apart: None,
            decisive: &[StepKind::DenySession],
            does: "deny everything to this session",
            stops: "calls of that one session of the role",
            leaves: "the role's other sessions; whoever may assume the role can open another one",
        },
        Level {
            scope: Scope::OlderSessions,
            automatic: false,
            role: MemberRole::QuarantineIam,
            // It writes an inline policy: whoever may do that can grant himself anything.
            apart: Some(Apart { function: "revoke-sessions", role: MemberRole::RevokeSessions }),
            decisive: &[StepKind::RevokeOlderSessions],
            does: "end the sessions that are open",
            stops: "calls of every session of the role that was opened before now",
            leaves: "sessions that are opened from now on",
        },
        Level {
            scope: Scope::Principal,
            automatic: true,
            role: MemberRole::QuarantineIam,
            apart: None,
            decisive: &[
                StepKind::AttachDeny,
                StepKind::DenyByBoundary,
                StepKind::DeactivateKey,
                StepKind::DeactivateServiceCredential,
                StepKind::DeactivateSshKey,
                StepKind::DeactivateCertificate,
                StepKind::ListKeys,
                StepKind::ListServiceCredentials,
                StepKind::ListSshKeys,
                StepKind::ListCertificates,
            ],
            does: "deny everything",
            stops: "every call of the user or role; a user's access keys and other credentials are inactive",
            leaves: "sessions of other roles that it opened before; resources that trust it and evaluate no identity policy",
        },
    ],
    destroys: &[],
    doing: "quarantining the principal",
};

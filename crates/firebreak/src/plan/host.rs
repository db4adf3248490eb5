//! The credentials of a host: whoever has an instance has its role's session, and uses that from anywhere.
//!
//! EC2 names the session after the instance (IAM user guide, "aws:userid"), also when it renews the credentials. So the session is denied
//! beside the isolation of its instance, and the role's other instances keep working.

use super::decision_text;
use super::identity::{Identities, Known, RoleIs};
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::ids::InstanceId;
use crate::target::{Scope, Target, TargetKind};

/// What the deny of a node's session stops besides the suspect.
pub(super) const SHARED: &str =
    "every pod and task on this host loses the node's role: no new pods, no volumes, no images; a person must decide";

/// GuardDuty says of these types that the credentials of an instance are used elsewhere: nothing else ends that.
const STOLEN: &str = "/InstanceCredentialExfiltration";

/// Whether a finding's type says that the instance's credentials are in wrong hands.
pub(super) fn are_credentials_stolen(finding_type: Option<&str>) -> bool {
    finding_type.is_some_and(|name| name.contains(STOLEN))
}

/// The session that EC2 opened of `role` for an instance. Its target says that AWS named the session, which that of credentials in a
/// finding does not where the name shows it: [`is_of_host`] goes by this.
pub(super) fn session(instance: &Target, role: &Known) -> Target {
    Target {
        principal_id: Some(role.id.clone()),
        session: Some(instance.id.clone()),
        session_by_aws: true,
        scope: Scope::Session,
        ..Target::new(TargetKind::IamRole, role.name.as_str(), instance.place())
    }
}

/// Whether a session is only meant because of its instance.
pub(crate) fn is_of_host(target: &Target) -> bool {
    let is_session = target.kind == TargetKind::IamRole && target.scope == Scope::Session && target.session_by_aws;
    is_session && target.session.as_deref().is_some_and(|name| InstanceId::parse(name).is_ok())
}

/// A decision as it stands beside an isolation that the ledger lets wait: the session of this instance waits with it, and a look raises
/// the session once the isolation is in force.
#[must_use]
pub fn beside_what_waits(decision: Decision, isolation: &Decision) -> Decision {
    let (session, instance) = (&decision.target, &isolation.target);
    let is_its =
        is_of_host(session) && session.account == instance.account && session.session.as_deref() == Some(instance.id.as_str());
    if decision.mode != Mode::Auto || !is_its {
        return decision;
    }
    let suspect = instance.to_string();
    let reason = decision_text(&format!("{suspect} is not isolated: waits with it; {}", decision.reason));
    Decision { mode: Mode::Gate, reason, code: isolation.code, waits_with: Some(suspect), ..decision }
}

/// The same wishes, and beside each isolation that policy does not refuse (`is_done`) the session of the instance's role, as far as the
/// account said which role that is.
pub(super) fn with_sessions(
    mut wanted: Vec<Wanted>,
    identities: Option<&Identities>,
    is_done: impl Fn(&Wanted) -> bool,
) -> Vec<Wanted> {
    let Some(known) = identities else { return wanted };
    let of_host = |isolation: &Wanted| match known.role_of_host(&isolation.target) {
        RoleIs::Same(role) if is_done(isolation) => Some(beside(isolation, role)),
        _ => None,
    };
    let sessions: Vec<Wanted> = wanted.iter().filter(|wish| isolates(wish)).filter_map(of_host).collect();
    for isolation in wanted.iter_mut().filter(|wish| isolates(wish)) {
        if matches!(known.role_of_host(&isolation.target), RoleIs::Gone) {
            isolation.why = format!("its instance profile has no role now; {}", isolation.why);
        }
    }
    sessions.into_iter().for_each(|session| add(&mut wanted, session));
    wanted
}

fn isolates(wish: &Wanted) -> bool {
    wish.containment == Some(Containment::IsolateEc2)
}

/// As soon as the row wants the instance isolated. The instance's tags let the session wait, too: whoever uses the instance loses both.
fn beside(isolation: &Wanted, role: &Known) -> Wanted {
    let target = session(&isolation.target, role);
    let why = format!("whoever has {} has the credentials of its role; {}", isolation.target.id, isolation.why);
    let containment = Some(Containment::QuarantineIam);
    Wanted { containment, target, why, of_host: Some(isolation.target.id.clone()), ..isolation.clone() }
}

/// One decision for one session. Credentials that the finding names say more of it than the host does.
fn add(wanted: &mut Vec<Wanted>, session: Wanted) {
    let key = session.target.merge_key();
    let is_same = |wish: &&mut Wanted| wish.containment == session.containment && wish.target.merge_key() == key;
    if let Some(known) = wanted.iter_mut().find(is_same) {
        let is_sooner = known.mode != session.mode && known.mode.at_most(session.mode) == known.mode;
        if is_sooner && !known.target.contradicts(&session.target) {
            (known.mode, known.of_host) = (session.mode, session.of_host);
            known.tags.extend(session.tags);
        }
        return;
    }
    let answers = |wish: &Wanted| {
        let is_whole = wish.containment == session.containment && wish.target.scope.is_whole();
        is_whole && wish.target.is_of(&session.target) && session.mode.at_most(wish.mode) == session.mode
    };
    if !wanted.iter().any(answers) {
        wanted.push(session);
    }
}

//! What to ask the account of a finding before its plan is carried out.

use super::Plan;
use super::identity::is_temporary;
use super::principal::{is_chosen, regions_of};
use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::finding::{Credentials, Finding, Named, Principal, Source};
use crate::ids::{AccessKeyId, IamName, InstanceProfileName, PrincipalId, Region, SessionName};
use crate::policy::{Policy, ResponseMode};
use crate::target::{Place, Target, TargetKind};
use std::collections::BTreeSet;

/// More principals, or more keys, than this in one finding are a person's business.
const MAX_ASKED: usize = 10;
/// Sessions of one event that are asked about: CloudTrail answers twice a second in each Region of an account, and people wait.
const MAX_SESSIONS: usize = 3;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Where.
    pub place: Place,
    /// What.
    pub question: Question,
    /// The answer can lead to a containment at once.
    raises: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Whose an access key is, of which the finding says no more.
    Key {
        /// The key.
        key: AccessKeyId,
        /// Only CloudTrail knows it.
        temporary: bool,
    },
    /// Who a user is now.
    User {
        /// The finding's name of it.
        name: IamName,
        /// The finding's id of it.
        id: Option<PrincipalId>,
        /// Its keys whose owner tells.
        keys: Vec<AccessKeyId>,
    },
    /// What a role is now.
    Role(IamName),
    /// Which role is in an instance profile.
    InstanceProfile(InstanceProfileName),
    /// Who uses a session's name that a caller chose.
    Session {
        /// The name.
        name: SessionName,
        /// Where calls under it may have been recorded.
        regions: BTreeSet<Region>,
    },
    /// Who has the administrator's policy.
    Administrators,
}

impl Plan {
    /// Whether answers of the account can lead to a containment at once.
    #[must_use]
    pub fn may_rise(&self) -> bool {
        self.asks.iter().any(|ask| ask.raises)
    }
}

/// The questions about one finding: only where an answer can change what is done, and only in the finding's own account, because no
/// role is assumed in one that only the finding's text names.
pub(super) fn of(finding: &Finding, decisions: &[Decision], policy: &Policy) -> Vec<Ask> {
    let mode = |target: &Target| policy.mode(&target.account, Some(Containment::QuarantineIam));
    let acted_on = decisions.iter().filter(|decision| {
        !decision.suppressed
            && decision.mode != Mode::Notify
            && finding.account.as_ref() == Some(&decision.target.account)
            && matches!(mode(&decision.target), ResponseMode::GateFirst | ResponseMode::Auto)
    });
    let mut asks: Vec<Ask> = Vec::new();
    let (mut keys_left, mut administrators) = (MAX_ASKED, None);
    for decision in acted_on {
        let target = &decision.target;
        let raises = mode(target) == ResponseMode::Auto;
        for question in questions(finding, decision, policy, &mut keys_left) {
            let ask = Ask { place: target.place(), question, raises };
            if asks.len() < MAX_ASKED && !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        if administrators.is_none() && may_deny_all(decision) {
            administrators = Some(Ask { place: target.place(), question: Question::Administrators, raises: false });
        }
    }
    asks.extend(administrators);
    bounded(asks)
}

/// No more sessions than CloudTrail can be asked about. Those that are left out wait for a person.
pub(super) fn bounded(asks: Vec<Ask>) -> Vec<Ask> {
    let mut left = MAX_SESSIONS;
    let fits = |ask: &Ask| {
        if !matches!(ask.question, Question::Session { .. }) {
            return true;
        }
        let has_room = left > 0;
        left = left.saturating_sub(1);
        has_room
    };
    asks.into_iter().filter(fits).collect()
}

fn questions(finding: &Finding, decision: &Decision, policy: &Policy, keys_left: &mut usize) -> Vec<Question> {
    let target = &decision.target;
    let name = || IamName::parse(&target.id).ok();
    match target.kind {
        TargetKind::AccessKey | TargetKind::FederatedUser => {
            let keys = taken(target.keys(), keys_left);
            let temporary = |key: &AccessKeyId| target.kind == TargetKind::FederatedUser || is_temporary(key);
            keys.into_iter().map(|key| Question::Key { temporary: temporary(&key), key }).collect()
        }
        TargetKind::IamUser if decision.containment.is_some() => {
            // GuardDuty reads user and key from one record of CloudTrail: the same record says nothing more about a temporary key.
            let keys = target.keys().filter(|key| !is_temporary(key) || finding.source != Source::GuardDuty);
            let keys = taken(keys, keys_left);
            name().map(|name| Question::User { name, id: target.principal_id.clone(), keys }).into_iter().collect()
        }
        TargetKind::IamRole if decision.containment.is_some() => {
            let session = is_chosen(target, finding).filter(|_| target.access_key_id.is_some());
            let session = session.map(|name| Question::Session { name, regions: regions_of(target, policy) });
            name().map(Question::Role).into_iter().chain(session).collect()
        }
        TargetKind::Ec2Instance if decision.containment.is_some() => {
            target.profile.clone().map(Question::InstanceProfile).into_iter().collect()
        }
        TargetKind::IdentityCenterUser => roles_of(finding, target).cloned().map(Question::Role).collect(),
        _ => vec![],
    }
}

fn taken<'a>(keys: impl Iterator<Item = &'a AccessKeyId>, left: &mut usize) -> Vec<AccessKeyId> {
    let keys: Vec<AccessKeyId> = keys.take(*left).cloned().collect();
    *left -= keys.len();
    keys
}

/// The roles whose sessions are named after a person.
fn roles_of<'a>(finding: &'a Finding, person: &'a Target) -> impl Iterator<Item = &'a IamName> {
    finding.resources.iter().filter_map(|resource| match &resource.named {
        Named::Credentials(Credentials { principal: Principal::Role { name, session }, .. }) if *session == person.session => {
            Some(name)
        }
        _ => None,
    })
}

/// Whether a whole principal would be contained at once, or may be once it is known whose a key is.
fn may_deny_all(decision: &Decision) -> bool {
    let target = &decision.target;
    match target.kind {
        TargetKind::IamUser | TargetKind::IamRole => {
            decision.mode == Mode::Auto && decision.containment == Some(Containment::QuarantineIam) && target.scope.is_whole()
        }
        TargetKind::AccessKey | TargetKind::FederatedUser => target.keys().next().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition};

    #[test]
    fn three_sessions_are_asked_about_and_every_other_question() {
        let region = Region::parse("eu-central-1").expect("a Region");
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: region.clone(),
            partition: Partition::parse("aws").expect("a partition"),
        };
        let ask = |question| Ask { place: place.clone(), question, raises: true };
        let session = |name: &str| {
            let (name, regions) = (SessionName::parse(name).expect("a name"), BTreeSet::from([region.clone()]));
            ask(Question::Session { name, regions })
        };
        let mut asks: Vec<Ask> = ["s1", "s2", "s3", "s4"].into_iter().map(session).collect();
        asks.push(ask(Question::Administrators));
        let asked = bounded(asks.clone());
        assert_eq!(asked, [&asks[..3], &asks[4..]].concat());
    }
}

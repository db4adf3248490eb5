//! Answers that two persons must give, and who must not answer.

use crate::answer::Decided;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::incident::Incident;
use crate::target::{Scope, Target, TargetKind};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// For how long the first of two persons is waited on.
const WAITS: SignedDuration = SignedDuration::from_hours(24);

/// Identity Center names the role of a permission set so, and its sessions after the person.
const IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// What the first of two persons asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What, as the first person named it.
    pub what: String,
    /// The digest of what an answer means by its names. The second person must mean the same: one target can have several names, and a
    /// shorter one can come to mean others, too. Nothing: no target is named, or an earlier version asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// Who: the ARN that signed.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// The revision up to which an answer counts. Nothing: it counts for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<u32>,
}

impl Asked {
    /// A wish of now.
    #[must_use]
    pub fn new(what: &str, by: &str, comment: &str, at: Timestamp) -> Self {
        let expires_at = at.checked_add(WAITS).unwrap_or(Timestamp::MAX);
        let [what, by, comment] = [what, by, comment].map(str::to_owned);
        Self { what, means: None, by, comment, at, expires_at, covers: None }
    }

    /// That of an answer.
    #[must_use]
    pub fn of(decided: &Decided) -> Self {
        let Decided { answer, targets, accept_open, .. } = decided;
        let mut what = answer.word().to_owned();
        for (flag, names) in [("only", &targets.only), ("except", &targets.except), ("accept-open", accept_open)] {
            for name in names.iter().collect::<BTreeSet<_>>() {
                let _ = write!(what, " --{flag} {name}");
            }
        }
        Self { covers: decided.covers, ..Self::new(&what, &decided.by, &decided.comment, decided.at) }
    }

    /// Whether both ask for the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.means, &other.means) {
            (Some(one), Some(other)) => one == other,
            _ => self.what == other.what,
        }
    }

    /// Whether it still counts at `at`. What was carried out `since` is spent.
    #[must_use]
    pub fn counts(&self, at: Timestamp, since: Option<Timestamp>) -> bool {
        self.expires_at > at && since.is_none_or(|since| self.at > since)
    }

    /// What both persons were shown: the older of two revisions.
    #[must_use]
    pub fn covers_with(&self, covers: Option<u32>) -> Option<u32> {
        self.covers.into_iter().chain(covers).min()
    }
}

/// Whether two ARNs, or names that a person gave, are of one person. The last part of an ARN names the user or the session; whoever has
/// two roles is one person. Of a mail address and a plain name the part before the `@` counts.
#[must_use]
pub fn is_one_person(one: &str, other: &str) -> bool {
    let (one, other) = (name(one), name(other));
    let plain = |name: &str| name.split('@').next().unwrap_or(name).to_ascii_lowercase();
    if one.contains('@') && other.contains('@') { one.eq_ignore_ascii_case(other) } else { plain(one) == plain(other) }
}

fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl Incident {
    /// Whether the incident is about whoever signed as `arn`: a suspect must not answer it.
    ///
    /// Not about those whom a look only found to be touched by a suspect: a suspect could keep everybody from answering.
    #[must_use]
    pub fn is_about(&self, arn: &str) -> bool {
        let caller = Caller::of(arn);
        let is_touched =
            |d: &Decision| d.since > 0 && d.mode != Mode::Auto && matches!(d.code, ReasonCode::Traced | ReasonCode::Impact);
        self.decisions.iter().filter(|d| !d.suppressed && !is_touched(d)).any(|decision| caller.is(&decision.target))
    }

    /// Whether somebody of this name asked for the isolation, as the request says.
    #[must_use]
    pub fn was_requested_by(&self, arn: &str) -> bool {
        let findings = self.findings.iter().chain([&self.finding]);
        findings.filter_map(|finding| finding.requested_by.as_deref()).any(|who| is_one_person(who, arn))
    }
}

/// Who signed.
struct Caller<'a> {
    account: &'a str,
    role: Option<&'a str>,
    name: &'a str,
}

impl<'a> Caller<'a> {
    fn of(arn: &'a str) -> Self {
        let mut parts = arn.splitn(6, ':');
        let account = parts.nth(4).unwrap_or_default();
        let resource = parts.next().unwrap_or_default();
        let role = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
        Self { account, role, name: name(resource) }
    }

    /// Whether the target is the caller, or a session is. A session of the roles for people has the user's name, and one of Identity
    /// Center the person's, in every account.
    fn is(&self, target: &Target) -> bool {
        let is_here = target.account.as_str() == self.account;
        let is_named = |name: &str| name.eq_ignore_ascii_case(self.name);
        let is_person = self.role.is_some_and(|role| role.starts_with(IDENTITY_CENTER));
        match target.kind {
            TargetKind::IamUser => is_here && is_named(&target.id),
            TargetKind::AccountRoot => is_here && self.role.is_none() && is_named("root"),
            TargetKind::IdentityCenterUser => is_person && is_named(&target.id),
            TargetKind::IamRole => {
                let is_session = target.session.as_deref().is_some_and(is_named);
                let is_role = is_here && self.role.is_some_and(|role| role.eq_ignore_ascii_case(&target.id));
                let is_theirs = is_person && is_session && target.id.starts_with(IDENTITY_CENTER);
                is_theirs || is_role && (target.scope != Scope::Session || is_session)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, Targets};
    use serde_json::{Value, json};

    const ANN: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakApprover/ann";
    const SSO: &str = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_FirebreakApprover_0123456789abcdef/ann";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    /// An incident about this target, of an account.
    fn incident(account: &str, target: Value, decision: Value) -> Incident {
        let mut whole =
            json!({ "kind": "iam-user", "id": "x", "account": account, "region": "eu-central-1", "partition": "aws" });
        whole.as_object_mut().expect("an object").extend(target.as_object().expect("an object").clone());
        let mut decided = json!({ "target": whole, "containment": "quarantine-iam", "mode": "gate", "reason": "why" });
        decided.as_object_mut().expect("an object").extend(decision.as_object().expect("an object").clone());
        serde_json::from_value(json!({
            "id": "fb-0123456789abcdef", "verdict": "respond", "reason": null, "dedupe_key": "k", "decisions": [decided],
            "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "request", "account": null,
                "region": null, "title": null, "requested_by": "bob@example.com" },
            "execution_arn": "arn", "opened_at": "2026-11-21T02:00:00Z",
            "timing": { "review_timeout_seconds": 1, "review_max_rounds": 1 } }))
        .expect("an incident")
    }

    #[test]
    fn a_suspect_is_known_as_user_as_session_and_under_another_role() {
        let here = "123456789012";
        let is_about = |account: &str, target: Value, arn: &str| incident(account, target, json!({})).is_about(arn);
        assert!(is_about(here, json!({ "id": "ann" }), ANN), "the session has the user's name");
        assert!(is_about(here, json!({ "id": "Ann" }), "arn:aws:iam::123456789012:user/team/ann"));
        assert!(!is_about("111122223333", json!({ "id": "ann" }), ANN) && !is_about(here, json!({ "id": "bob" }), ANN));
        let role = |name: &str, more: Value| {
            let mut role = json!({ "kind": "iam-role", "id": name });
            role.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            role
        };
        let session = |name: &str| json!({ "scope": "session", "session": name });
        assert!(is_about(here, role("FirebreakApprover", json!({})), ANN), "the whole role is suspect");
        assert!(is_about(here, role("FirebreakApprover", session("ann")), ANN));
        assert!(!is_about(here, role("FirebreakApprover", session("carol")), ANN), "another session of a shared role");
        let sso = role("AWSReservedSSO_Admin_fedcba9876543210", session("ann"));
        assert!(is_about("111122223333", sso.clone(), SSO), "one person of Identity Center, in another account");
        assert!(!is_about("111122223333", sso, ANN));
        assert!(is_about("111122223333", json!({ "kind": "identity-center-user", "id": "ann" }), SSO));
    }

    #[test]
    fn a_suspect_cannot_keep_others_from_answering_by_touching_them() {
        let found = |decision: Value| incident("123456789012", json!({ "id": "ann" }), decision).is_about(ANN);
        assert!(!found(json!({ "since": 1, "code": "traced" })), "a look found that a suspect touched ann");
        assert!(found(json!({ "since": 1, "code": "traced", "mode": "auto" })), "a suspect made ann");
        assert!(found(json!({ "since": 1 })), "another finding names ann");
        assert!(!found(json!({ "suppressed": true })));
    }

    #[test]
    fn who_asked_for_the_isolation_is_known_by_name() {
        let asked = incident("123456789012", json!({}), json!({}));
        for bob in ["arn:aws:iam::123456789012:user/bob", "arn:aws:sts::123456789012:assumed-role/R/bob@example.com"] {
            assert!(asked.was_requested_by(bob), "{bob}");
        }
        assert!(!asked.was_requested_by(ANN) && !asked.was_requested_by("arn:aws:sts::1:assumed-role/R/bob@example.org"));
    }

    #[test]
    fn one_person_under_two_roles_is_one_person() {
        assert!(is_one_person(ANN, SSO) && is_one_person(ANN, "arn:aws:iam::123456789012:user/Ann"));
        assert!(!is_one_person(ANN, "arn:aws:sts::123456789012:assumed-role/FirebreakApprover/anna"));
    }

    #[test]
    fn two_answers_are_the_same_when_they_are_about_the_same() {
        let answer = |only: &[&str], covers| {
            let only = only.iter().map(|name| (*name).to_owned()).collect();
            let targets = Targets { only, ..Targets::default() };
            Asked::of(&Decided { targets, covers, ..Decided::new(Answer::Approve, ANN, "why", at(0)) })
        };
        assert_eq!(answer(&["b", "a"], None).what, "approve --only a --only b");
        assert_ne!(answer(&[], None).what, answer(&["a"], None).what);
        assert_eq!(answer(&[], Some(3)).covers_with(None), Some(3), "what both were shown");
        assert_eq!(answer(&[], Some(3)).covers_with(Some(2)), Some(2));
        let means = |what, means: Option<&str>| Asked { means: means.map(str::to_owned), ..Asked::new(what, ANN, "why", at(0)) };
        let first = means("approve --only ci", Some("a digest"));
        assert!(first.is_same(&means("approve --only IAM role ci", Some("a digest"))));
        assert!(!first.is_same(&means("approve --only ci", Some("another digest"))), "the name has come to mean another target");
        assert!(first.is_same(&means("approve --only ci", None)), "an earlier version asked");
        let asked = answer(&[], None);
        assert!(asked.counts(at(86_399), None) && !asked.counts(at(86_400), None));
        assert!(!asked.counts(at(10), Some(at(0))), "an answer was recorded since");
    }
}

//! Who accuses whom at a frozen bucket.
//!
//! Several incidents can hold one freeze, and each of them accuses suspects of its own. The base says whom each one accuses, and nobody else
//! is denied: whoever may write the policy may have put somebody innocent into a statement of Firebreak's. Whom a person released is denied
//! no longer, unless another holder accuses them, too.

use crate::accused::Accused;
use crate::base::Planned;
use crate::suspects::Suspects;
use firebreak_function::containment::Call;
use firebreak_s3::levels::DENY_SUSPECTS;
use std::collections::BTreeMap;

/// Whom each holder of a freeze accuses, by the holder's name.
pub(crate) type Accusers = BTreeMap<String, Accused>;

/// What the base is to say once the incident of `call` accuses `suspects`, which is recorded in the name `as_whom`. A name that is not among
/// `holders` has let go of the bucket and accuses nobody.
pub(crate) fn with(known: &Accusers, (call, as_whom): (&Call, &str), holders: &[String], suspects: &Suspects) -> Accusers {
    let mut all = known.clone();
    all.entry(as_whom.to_owned()).or_default().add(&suspects.accused());
    let holders: Vec<String> = holders.iter().cloned().chain([as_whom.to_owned()]).collect();
    without(&all, call, &holders, &suspects.released)
}

/// What the base is to say once a person has released `released` in the incident of `call`.
pub(crate) fn without(known: &Accusers, call: &Call, holders: &[String], released: &Accused) -> Accusers {
    let mut all = known.clone();
    for (_, accused) in all.iter_mut().filter(|(name, _)| call.is_own(name)) {
        accused.remove(released);
    }
    all.retain(|name, accused| holders.contains(name) && !accused.is_empty());
    all
}

/// The name in which the incident of `call` holds the bucket: its own, or that of a finding that joined.
pub(crate) fn held_as<'a>(call: &'a Call, holders: &'a [String]) -> &'a str {
    let own = call.holder.id().as_str();
    let mut names = holders.iter().map(String::as_str).filter(|name| call.is_own(name));
    if holders.iter().any(|name| name == own) { own } else { names.next().unwrap_or(own) }
}

/// What is planned, once the statements about suspects stand as `now` says: whom nobody accuses any more, and a Sid that is none any more,
/// are forgotten. Not before, or the next look would take them for somebody's work.
pub(crate) fn once_written(planned: &Planned, now: &Planned) -> Planned {
    let is_about = |sid: &&String| sid.starts_with(DENY_SUSPECTS);
    let others = planned.sids.iter().filter(|sid| !is_about(sid));
    let sids = others.chain(now.sids.iter().filter(is_about)).cloned().collect();
    Planned { sids, denied: now.denied.clone(), ..planned.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BaseState;

    fn accusing(holder: &str, name: &str) -> Planned {
        let accused = Accused { arns: [name.to_owned()].into(), ..Accused::default() };
        Planned { denied: [(holder.to_owned(), accused)].into(), ..Planned::default() }
    }

    #[test]
    fn each_holder_s_suspects_are_kept_apart_and_recorded() {
        let base = |planned| BaseState { planned, ..BaseState::default() };
        let both =
            base(accusing("one", "mallory")).joined(&base(accusing("two", "mallory"))).joined(&base(accusing("one", "trent")));
        let names = |holder: &str| both.planned.denied[holder].arns.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!((names("one"), names("two")), (vec!["mallory", "trent"], vec!["mallory"]));
        let text = serde_json::to_string(&both).expect("JSON");
        assert_eq!(serde_json::from_str::<BaseState>(&text).expect("a base"), both);
    }

    #[test]
    fn what_is_no_more_is_forgotten_only_of_the_statements_about_suspects() {
        let sids = |all: &[&str]| all.iter().map(|sid| (*sid).to_owned()).collect();
        let (outsiders, numbered) = ("FirebreakDenyOutsiders", "FirebreakDenySuspectsSessions2");
        let before = Planned { sids: sids(&[DENY_SUSPECTS, numbered, outsiders]), versioning: true, ..accusing("one", "bob") };
        let now = Planned { sids: sids(&[DENY_SUSPECTS]), ..accusing("one", "mallory") };
        let written = once_written(&before, &now);
        assert_eq!(written.sids, sids(&[DENY_SUSPECTS, outsiders]));
        assert!(written.versioning && written.denied == now.denied, "{written:?}");
    }
}

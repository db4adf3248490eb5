//! What objects and the policy of their bucket were before.

use crate::tags::Tags;
use firebreak::objects::ObjectVersion;
use serde::{Deserialize, Serialize};

/// The recorded state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The objects that were there, in order.
    pub objects: Vec<Known>,
    /// The bucket policy without Firebreak's statement; nothing: the bucket had none.
    #[serde(default)]
    pub policy: Option<String>,
    /// The bucket policy could be read: `policy` says something.
    #[serde(default)]
    pub policy_known: bool,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Which one.
    pub object: ObjectVersion,
    /// Its tags.
    pub tags: Tags,
}

impl BaseState {
    /// The recorded tags of an object; nothing: it was not there, or could not be read.
    pub(crate) fn tags(&self, object: &ObjectVersion) -> Option<&Tags> {
        self.objects.iter().find(|known| known.object == *object).map(|known| &known.tags)
    }

    /// The recorded state, with what a later run read first. What is recorded stays: later reads can show the quarantine.
    pub(crate) fn joined(&self, later: &Self) -> Self {
        let mut all = self.clone();
        all.objects.extend(later.objects.iter().filter(|known| self.tags(&known.object).is_none()).cloned());
        if !self.policy_known {
            (all.policy, all.policy_known) = (later.policy.clone(), later.policy_known);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(key: &str, tag: &str) -> Known {
        let object = ObjectVersion::parse(key, Some("v1"), None).expect("an object");
        Known { object, tags: Tags::from([("team".to_owned(), tag.to_owned())]) }
    }

    #[test]
    fn a_later_run_adds_what_is_new_and_changes_nothing_that_is_recorded() {
        let first = BaseState { objects: vec![known("a", "before")], ..BaseState::default() };
        let (objects, policy) = (vec![known("a", "now"), known("b", "now")], Some("{}".to_owned()));
        let later = BaseState { objects, policy, policy_known: true };
        let all = first.joined(&later);
        assert_eq!(all.objects, [known("a", "before"), known("b", "now")]);
        assert_eq!((all.policy.as_deref(), all.policy_known), (Some("{}"), true));
        let without = BaseState { policy: None, policy_known: true, ..all };
        assert_eq!(without.joined(&later), without, "a bucket without a policy is known to have none");
    }
}

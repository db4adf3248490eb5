//! Sets of objects in one bucket share the statement in its policy, and two sets can have an object in common. Whoever finds it quarantined
//! records how it was before any of them, and the last one gives it back.

use crate::base::BaseState;
use crate::tags::{KEY, Tags, is_by_firebreak};
use crate::turn::bucket_of;
use firebreak::fault::Fault;
use firebreak::objects::ObjectVersion;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_s3::levels;
use firebreak_s3::policy::Document;

/// Another set of objects of the bucket that somebody holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Others {
    /// What is recorded of each.
    pub(crate) all: Vec<BaseState>,
    /// Of those, the ones that still need what they changed. One that is being released at this moment needs nothing any more: two
    /// releases at once must not leave a change to each other.
    pub(crate) needing: Vec<BaseState>,
    /// How the statements of levels of the bucket's lockdown begin that nobody holds: what S3 still shows of them is never written again.
    pub(crate) free: Vec<&'static str>,
}

/// What is recorded of the bucket's other sets, and of its lockdown.
///
/// # Errors
/// The ledger could not be read, or a base has an unknown form.
pub(crate) async fn others(call: &Call) -> Result<Others, Fault> {
    let free = levels::free_sids(&call.ledger, &bucket_of(&call.target)).await?;
    let mut others = Others { free, ..Others::default() };
    for row in call.ledger.rows_beside(call.held(), clock::now()).await? {
        let Some(base) = row.base::<BaseState>()?.filter(|_| !row.holders.is_empty()) else { continue };
        if !row.is_releasing {
            others.needing.push(base.clone());
        }
        others.all.push(base);
    }
    Ok(others)
}

impl Others {
    /// Whether another set has this object.
    pub(crate) fn need(&self, object: &ObjectVersion) -> bool {
        self.needing.iter().any(|other| other.tags(object).is_some())
    }

    /// Whether another set has an object of this key.
    pub(crate) fn need_key(&self, key: &str) -> bool {
        self.needing.iter().flat_map(|other| &other.objects).any(|known| known.object.key() == key)
    }

    /// Whether another set needs the statement.
    pub(crate) fn need_statement(&self) -> bool {
        !self.needing.is_empty()
    }
}

/// The tags that an object had before any set, where it has Firebreak's now. Without a record of that, it came to the object with another one
/// whose place it took, or of which it is a copy.
pub(crate) fn tags_before(object: &ObjectVersion, now: &Tags, others: &[BaseState]) -> Tags {
    let known = others.iter().filter(|_| now.contains_key(KEY)).find_map(|other| other.tags(object));
    let mut before = known.unwrap_or(now).clone();
    if is_by_firebreak(&before) {
        before.remove(KEY);
    }
    before
}

/// The text of a policy without Firebreak's statement, byte for byte where another set recorded it.
pub(crate) fn text_before(rest: &Document, others: &[BaseState]) -> Option<String> {
    let is_it = |other: &&BaseState| {
        other.policy_known && Document::parse(other.policy.as_deref()).is_ok_and(|before| before.is_same(rest))
    };
    others.iter().find(is_it).map_or_else(|| rest.render(), |other| other.policy.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Known;
    use crate::statement::SID;
    use serde_json::json;

    const BEFORE: &str =
        r#"{ "Statement": { "Sid": "App", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" } }"#;

    fn object(key: &str) -> ObjectVersion {
        ObjectVersion::parse(key, Some("v1"), None).expect("an object")
    }

    fn tags(all: &[&str]) -> Tags {
        all.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect()
    }

    #[test]
    fn an_object_that_another_set_marked_is_recorded_as_it_was_before_that() {
        let known = Known { object: object("a"), tags: tags(&["team"]) };
        let others = [BaseState { objects: vec![known], ..BaseState::default() }];
        assert_eq!(tags_before(&object("a"), &tags(&["team", KEY]), &others), tags(&["team"]));
        assert_eq!(tags_before(&object("a"), &tags(&["new"]), &others), tags(&["new"]), "somebody took the mark off");
        assert_eq!(tags_before(&object("b"), &tags(&[KEY]), &others), tags(&[KEY]), "nobody knows who set it");
        let mut copied = tags(&["team"]);
        copied.insert(KEY.to_owned(), "fb-0123456789abcdef".to_owned());
        assert_eq!(tags_before(&object("b"), &copied, &others), tags(&["team"]), "a copy has the tags of the first one");
    }

    #[test]
    fn a_policy_is_recorded_byte_for_byte_where_another_set_knows_it() {
        let others = [BaseState { policy: Some(BEFORE.to_owned()), policy_known: true, ..BaseState::default() }];
        let before = Document::parse(Some(BEFORE)).expect("a policy");
        let ours = json!({ "Sid": SID, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
        let now = before.with(&[ours]).render().expect("statements");
        let rest = Document::parse(Some(&now)).expect("a policy").without_exactly(SID);
        assert_eq!(text_before(&rest, &others).as_deref(), Some(BEFORE));
        let more = json!({ "Sid": "More", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
        let changed = text_before(&rest.with(&[more]), &others).expect("a policy");
        assert!(changed.contains("More") && changed.contains("App"), "{changed}");
        assert_eq!(text_before(&rest.leaving_out(0), &others), None, "nothing else is left");
    }
}

//! Labels: last, and never a reason to fail. Only the tags that name a denied session are more than labels.

use crate::policies::SESSION_TAG;
use aws_sdk_iam::Client;
use aws_sdk_iam::config::Builder;
use aws_sdk_iam::operation::tag_role::TagRoleError;
use aws_sdk_iam::operation::tag_user::TagUserError;
use aws_sdk_iam::types::Tag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::classify::{OrFault, repeats_when_changed_together};
use firebreak_function::containment::{Call, LateStep, TAG_KEYS, tags};
use firebreak_function::step::{skipped, step};
use firebreak_ledger::SESSION_SLOTS;

/// What the policy takes for an empty slot.
pub(crate) const NOBODY: &str = "firebreak-none";

/// The label that the guard and the member role's policy go by.
pub(crate) const STATE: &str = TAG_KEYS[0];

/// The label that says for which incident.
pub(crate) const INCIDENT: &str = TAG_KEYS[1];

/// The tag that opens a role to the inline policy that ends older sessions. `FirebreakMemberQuarantineIam` must never be able to write it.
pub(crate) const REVOKE: &str = "firebreak-revoke";

/// The keys of Firebreak's tags. Nobody else has a use for them: they are not part of a base.
pub(crate) fn is_ours(key: &str) -> bool {
    is_label(key) || is_session(key)
}

/// A label for people and for the organization's guard, or what is left of a role that was opened.
pub(crate) fn is_label(key: &str) -> bool {
    TAG_KEYS.contains(&key) || key == REVOKE
}

/// A tag that names a denied session.
pub(crate) fn is_session(key: &str) -> bool {
    key.starts_with(SESSION_TAG)
}

/// A tag that the policy reads. IAM lets this function write these, and no other that begins so.
pub(crate) fn is_slot(key: &str) -> bool {
    (1..=SESSION_SLOTS).any(|slot| key == format!("{SESSION_TAG}{slot}"))
}

/// The tag that names a denied session.
pub(crate) fn session_tag(slot: usize, session: &str) -> (String, String) {
    (format!("{SESSION_TAG}{slot}"), session.to_owned())
}

/// Labels the target. A principal without room for a tag, or in an account that forbids it, is contained all the same.
pub(crate) async fn label(call: &Call, iam: &Client, held: bool) -> Step {
    if !held {
        return step(StepKind::Tag, async { Ok(Outcome::Skipped) }).await;
    }
    let labelled =
        step(StepKind::Tag, async { put(call, iam, &tags(&call.incident, "quarantined")).await.map(|()| Outcome::Applied) })
            .await;
    match labelled.error {
        Some(fault) => skipped(StepKind::Tag, fault),
        None => labelled,
    }
}

/// The label of a target that is held, beside the receipt: it is the last thing to do.
pub(crate) fn late(call: &Call, iam: &Client) -> LateStep {
    let (call, iam) = (call.clone(), iam.clone());
    LateStep(Box::pin(async move { label(&call, &iam, true).await }))
}

/// Writes tags. A policy goes out at the same time, and IAM refuses one of two changes that arrive together (409
/// `ConcurrentModification`: IAM API reference, `TagRole`): the SDK repeats this one.
pub(crate) async fn put(call: &Call, iam: &Client, tags: &[(String, String)]) -> Result<(), Fault> {
    let name = &call.present.id;
    let labels = tags.iter().map(|(key, value)| tag(key, value)).collect::<Result<Vec<_>, _>>()?;
    match call.target.kind {
        TargetKind::IamRole => {
            let tag = iam.tag_role().role_name(name).set_tags(Some(labels)).customize();
            tag.config_override(repeated::<TagRoleError>()).send().await.map(|_| ()).or_fault("iam:TagRole")
        }
        _ => {
            let tag = iam.tag_user().user_name(name).set_tags(Some(labels)).customize();
            tag.config_override(repeated::<TagUserError>()).send().await.map(|_| ()).or_fault("iam:TagUser")
        }
    }
}

fn repeated<E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static>() -> Builder {
    Builder::new().retry_classifier(repeats_when_changed_together::<E>())
}

fn tag(key: &str, value: &str) -> Result<Tag, Fault> {
    Tag::builder().key(key).value(value).build().map_err(|error| Fault::bug(format!("a tag could not be built: {error}")))
}

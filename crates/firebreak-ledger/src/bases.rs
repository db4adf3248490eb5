//! Base states: how a target was before Firebreak first touched it, and which incidents hold it contained.
//!
//! The first incident owns the base. A later one on the same target joins it and must never record the quarantined state as the
//! base. Only when the last incident lets go is the target put back. Every step is one conditional write, so two incidents, two
//! releases, or a release and a new incident at once cannot strand a target.

use super::{Item, Ledger, lost, number, sortable, string, text, to_doc};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::containment::Containment;
use firebreak::containment::declaration::Base;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer than the release function may run. A release that died no longer keeps incidents from containing the target.
const RELEASE_LEASE: SignedDuration = SignedDuration::from_secs(90);

/// How far the clocks of two functions may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(1);

/// A target under one containment: what a base and its holders belong to.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The target.
    pub target: &'a Target,
    /// What holds it.
    pub containment: Containment,
}

impl Held<'_> {
    /// Tells one base from another.
    #[must_use]
    pub fn key(self) -> (String, String) {
        (self.target.ledger_key(), self.sort_key())
    }

    /// Parts of a principal are held and released each on its own, and so is what IAM denies and what the organization denies: letting
    /// one session go must not wait for another one.
    fn sort_key(self) -> String {
        match self.containment.declaration().base {
            Base::Own => format!("base#{}", self.containment),
            Base::Target if self.target.scope.is_whole() => "base".to_owned(),
            Base::Target => format!("base#{}", self.target.scoped_key().trim_start_matches(&self.target.ledger_key())),
        }
    }
}

/// What an incident may do about a target it wants to release.
#[derive(Debug)]
pub enum ReleaseClaim<T> {
    /// It is the last holder: put the target back.
    Ours {
        /// Its state before. `None`: it was marked as held, but its state was never recorded.
        base: Option<T>,
        /// An earlier run began to put it back and did not finish: part of it may be back already.
        resumed: bool,
        /// Credentials that a suspect made and that stay inactive.
        exposed: Vec<String>,
    },
    /// It let go; another incident still holds the target.
    StillHeld {
        /// That incident.
        by: String,
    },
    /// It let go before, in an earlier run.
    Released,
    /// It never held the target.
    NotHeld,
}

impl Ledger {
    /// Marks `target` as held by `incident`, without a state. For changes that are undone without knowing what was there before.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` while the target is being released.
    pub async fn mark_held(&self, held: Held<'_>, incident: &IncidentId, at: Timestamp) -> Result<(), Fault> {
        let marked = self
            .update_base(held)
            .update_expression("ADD holders :me DELETE released_by :me REMOVE release_begun")
            .condition_expression("attribute_not_exists(releasing_until) OR releasing_until < :now")
            .expression_attribute_values(":me", set_of(incident))
            .expression_attribute_values(":now", text(sortable(at)))
            .send()
            .await;
        if lost(&marked) {
            return Err(being_released(held.target));
        }
        marked.or_fault("ledger: mark the target as held")?;
        Ok(())
    }

    /// Whether `incident` holds the target, and nobody is releasing it: what it wrote must be there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn holds(&self, held: Held<'_>, incident: &IncidentId, at: Timestamp) -> Result<bool, Fault> {
        let item = self.base_item(held).await?;
        let releasing = string(&item, "releasing_until").is_some_and(|until| until >= sortable(at).as_str());
        Ok(!releasing && names(&item, "holders").iter().any(|name| name == incident.as_str()))
    }

    /// Whether any incident holds the target.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn is_held(&self, held: Held<'_>) -> Result<bool, Fault> {
        Ok(!names(&self.base_item(held).await?, "holders").is_empty())
    }

    /// Remembers credentials that a release must leave inactive, because a suspect made them.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn expose(&self, held: Held<'_>, ids: &[String]) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let exposed = self
            .update_base(held)
            .update_expression("ADD exposed :ids")
            .expression_attribute_values(":ids", AttributeValue::Ss(ids.to_vec()))
            .send()
            .await;
        exposed.or_fault("ledger: remember exposed credentials")?;
        Ok(())
    }

    /// Records `state` as the base of `target` unless it has one, and makes `incident` a holder. Returns the base that counts.
    ///
    /// `identity` is the immutable id of the resource: the base of a deleted namesake is replaced. Call this before the first change
    /// that could not be undone without it. `read_from` is the time from which `state` was read: what was read before a release ended
    /// can be the contained state, and must not become a base.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` while the target is being released, or when it was since `read_from`.
    pub async fn hold<T>(
        &self,
        held: Held<'_>,
        incident: &IncidentId,
        identity: &str,
        state: &T,
        read_from: Timestamp,
    ) -> Result<T, Fault>
    where
        T: Serialize + DeserializeOwned,
    {
        let update = |expression: &str, condition: &str| {
            self.update_base(held)
                .update_expression(expression)
                .condition_expression(format!(
                    "(attribute_not_exists(releasing_until) OR releasing_until < :now) AND {condition}"
                ))
                .expression_attribute_values(":now", text(sortable(read_from)))
                .expression_attribute_values(":by", text(incident.as_str()))
                .expression_attribute_values(":id", text(identity))
                .expression_attribute_values(":me", set_of(incident))
                .return_values(ReturnValue::AllNew)
        };
        let doc = to_doc(state)?;
        let join = "SET doc = if_not_exists(doc, :doc), captured_by = if_not_exists(captured_by, :by), \
                    captured_at = if_not_exists(captured_at, :now), #id = :id ADD holders :me DELETE released_by :me REMOVE release_begun";
        let fresh = "(attribute_exists(doc) OR attribute_not_exists(released_at) OR released_at < :read)";
        let joined = update(join, &format!("(attribute_not_exists(#id) OR #id = :id) AND {fresh}"))
            .expression_attribute_names("#id", "identity")
            .expression_attribute_values(":read", text(sortable(read_from - SKEW)))
            .expression_attribute_values(":doc", doc.clone())
            .send()
            .await;
        let written = if lost(&joined) {
            // Another resource had this name: its base is history, and who held it has nothing left to put back.
            let replace = "SET doc = :doc, captured_by = :by, captured_at = :now, #id = :id, \
                           released_by = if_not_exists(holders, :me), holders = :me";
            let replaced = update(replace, "attribute_exists(#id) AND #id <> :id")
                .expression_attribute_names("#id", "identity")
                .expression_attribute_values(":doc", doc)
                .send()
                .await;
            if lost(&replaced) {
                return Err(being_released(held.target));
            }
            replaced
        } else {
            joined
        };
        let item = written.or_fault("ledger: record the base state")?.attributes.unwrap_or_default();
        state_of(&item)?.ok_or_else(|| Fault::bug("ledger: the base state was not written"))
    }

    /// Adds to a base what a joining incident found and the first one did not know. Nothing happens when the base has changed since.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn extend_base<T: Serialize>(&self, held: Held<'_>, known: &T, extended: &T) -> Result<(), Fault> {
        let written = self
            .update_base(held)
            .update_expression("SET doc = :extended")
            .condition_expression("doc = :known")
            .expression_attribute_values(":extended", to_doc(extended)?)
            .expression_attribute_values(":known", to_doc(known)?)
            .send()
            .await;
        if lost(&written) {
            return Err(Fault::new(FaultKind::Transient, "ledger: another incident extended the base state at the same time"));
        }
        written.or_fault("ledger: extend the base state")?;
        Ok(())
    }

    /// The base of `target` and its holders, for evidence. Nothing when no state was recorded.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn base<T: DeserializeOwned>(&self, held: Held<'_>) -> Result<Option<(T, Vec<String>)>, Fault> {
        let item = self.base_item(held).await?;
        Ok(state_of(&item)?.map(|state| (state, names(&item, "holders"))))
    }

    /// Asks to release `target` for `incident`: the last holder gets it for a short while, any other lets go.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn begin_release<T: DeserializeOwned>(
        &self,
        held: Held<'_>,
        incident: &IncidentId,
        at: Timestamp,
    ) -> Result<ReleaseClaim<T>, Fault> {
        // Two releases at once can each lose once against the other; a third round would mean something else is wrong.
        for _ in 0..3 {
            let last = self
                .update_base(held)
                .update_expression("SET releasing_until = :until, release_begun = :until")
                .condition_expression("contains(holders, :name) AND size(holders) = :one")
                .expression_attribute_values(":until", text(sortable(at + RELEASE_LEASE)))
                .expression_attribute_values(":name", text(incident.as_str()))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::AllOld)
                .send()
                .await;
            if !lost(&last) {
                let item = last.or_fault("ledger: begin the release")?.attributes.unwrap_or_default();
                let (resumed, exposed) = (item.contains_key("release_begun"), names(&item, "exposed"));
                return Ok(ReleaseClaim::Ours { base: state_of(&item)?, resumed, exposed });
            }
            let left = self
                .update_base(held)
                .update_expression("DELETE holders :me ADD released_by :me")
                .condition_expression("contains(holders, :name) AND size(holders) > :one")
                .expression_attribute_values(":me", set_of(incident))
                .expression_attribute_values(":name", text(incident.as_str()))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::AllNew)
                .send()
                .await;
            if !lost(&left) {
                let item = left.or_fault("ledger: let go of the target")?.attributes.unwrap_or_default();
                let by = names(&item, "holders").into_iter().next().unwrap_or_default();
                return Ok(ReleaseClaim::StillHeld { by });
            }
            let item = self.base_item(held).await?;
            let is_in = |set: Vec<String>| set.iter().any(|name| name == incident.as_str());
            if is_in(names(&item, "released_by")) {
                return Ok(ReleaseClaim::Released);
            }
            if !is_in(names(&item, "holders")) {
                return Ok(ReleaseClaim::NotHeld);
            }
        }
        Err(Fault::new(FaultKind::Transient, format!("ledger: {} is released and contained at the same time", held.target)))
    }

    /// Ends a release that put the target back: the base is forgotten, the next incident records a fresh one.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn end_release(&self, held: Held<'_>, incident: &IncidentId, at: Timestamp) -> Result<(), Fault> {
        let ended = self
            .update_base(held)
            .update_expression(
                "SET released_at = :at DELETE holders :me ADD released_by :me REMOVE doc, #id, captured_by, captured_at, releasing_until, release_begun, exposed",
            )
            .condition_expression("contains(holders, :name) AND size(holders) = :one")
            .expression_attribute_names("#id", "identity")
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":me", set_of(incident))
            .expression_attribute_values(":name", text(incident.as_str()))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        if lost(&ended) {
            // Ended before, by an earlier attempt.
            return Ok(());
        }
        ended.or_fault("ledger: end the release")?;
        Ok(())
    }

    /// Ends a release that could not put the target back: it stays held, and other incidents may contain it again at once. `untouched`
    /// says that nothing of it was put back.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn abandon_release(&self, held: Held<'_>, incident: &IncidentId, untouched: bool) -> Result<(), Fault> {
        let abandoned = self
            .update_base(held)
            .update_expression(if untouched { "REMOVE releasing_until, release_begun" } else { "REMOVE releasing_until" })
            .condition_expression("contains(holders, :name)")
            .expression_attribute_values(":name", text(incident.as_str()))
            .send()
            .await;
        if lost(&abandoned) {
            return Ok(());
        }
        abandoned.or_fault("ledger: abandon the release")?;
        Ok(())
    }

    fn update_base(&self, held: Held<'_>) -> UpdateItemFluentBuilder {
        self.update(text(format!("target#{}", held.target.ledger_key())), text(held.sort_key()))
    }

    async fn base_item(&self, held: Held<'_>) -> Result<Item, Fault> {
        let answer = self
            .get(format!("target#{}", held.target.ledger_key()), held.sort_key())
            .send()
            .await
            .or_fault("ledger: read the base state")?;
        Ok(answer.item.unwrap_or_default())
    }
}

fn set_of(incident: &IncidentId) -> AttributeValue {
    AttributeValue::Ss(vec![incident.to_string()])
}

fn being_released(target: &Target) -> Fault {
    Fault::new(FaultKind::Transient, format!("{target} is being released for another incident"))
}

fn names(item: &Item, set: &str) -> Vec<String> {
    item.get(set).and_then(|names| names.as_ss().ok()).cloned().unwrap_or_default()
}

fn state_of<T: DeserializeOwned>(item: &Item) -> Result<Option<T>, Fault> {
    let unreadable = |error| Fault::bug(format!("ledger: a base state has an unknown form: {error}"));
    string(item, "doc").map(|doc| serde_json::from_str(doc).map_err(unreadable)).transpose()
}

//! Base states: how a target was before Firebreak first touched it, and which incidents hold it contained.
//!
//! The first incident owns the base. A later one on the same target joins it and must never record the quarantined state as the
//! base. Only when the last incident lets go is the target put back. Every step is one conditional write, so two incidents, two
//! releases, or a release and a new incident at once cannot strand a target.

mod guards;
mod releases;
mod rows;

pub use guards::Guard;
use guards::NOBODY_ELSE;
pub use releases::{Lease, ReleaseClaim};
pub use rows::{Handed, Row};

use super::{Item, Ledger, lost, number, sortable, string, text, to_doc};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::containment::Containment;
use firebreak::containment::declaration::Base;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer than the functions that release and contain may run. One that died no longer keeps others from the target.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(90);

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
        let key = match self.containment.declaration().base {
            // What it writes goes by the name as it is spelled: two incidents that write the same must find each other, whatever they know.
            Base::Own => self.target.as_spelled().ledger_key(),
            Base::Target => self.target.ledger_key(),
        };
        (key, self.sort_key())
    }

    /// Whether its row is never given to somebody else. Whoever had the user's name before may have another one now, and be held all the
    /// same; the row of the immutable id takes the base.
    fn keeps_its_base(self) -> bool {
        self.containment == Containment::QuarantineIam && self.target.kind == TargetKind::IamUser && self.target.is_by_name()
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

/// How a finding that joined records where nobody else contains the target.
const ALONE: (&str, &str) = (", containing = :me, containing_until = :lease", "ADD holders :me");

/// What came of marking a target as held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is held now.
    Held,
    /// A release answered before for the finding that joined: the target must stay as it is.
    Answered,
}

impl Mark {
    /// Whether `target` is held, as a result.
    ///
    /// # Errors
    /// `Malformed` when a release answered before.
    pub fn held(self, target: &Target) -> Result<(), Fault> {
        match self {
            Self::Held => Ok(()),
            Self::Answered => Err(answered(target)),
        }
    }
}

impl Ledger {
    /// Marks `target` as held by `holder`, without a state. For changes that are undone without knowing what was there before.
    ///
    /// For a finding that joined, no release begins until [`end_containment`](Self::end_containment), or until the containment must
    /// have died.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` while the target is being released.
    pub async fn mark_held(&self, held: Held<'_>, holder: &Holder, at: Timestamp) -> Result<Mark, Fault> {
        let marked = match holder {
            Holder::Own(_) => None,
            Holder::Joined(_) => {
                let alone = "SET containing = :me, containing_until = :lease ADD holders :me REMOVE release_begun";
                let write = may_hold(self.update_base(held).update_expression(alone), holder, at, NOBODY_ELSE);
                Some(write.send().await).filter(|marked| !lost(marked))
            }
        };
        let marked = match marked {
            Some(marked) => marked,
            None => self.marking(held, holder, at, None).send().await,
        };
        if lost(&marked) {
            return if self.is_answered(held, holder).await? { Ok(Mark::Answered) } else { Err(being_released(held.target)) };
        }
        marked.or_fault("ledger: mark the target as held")?;
        Ok(Mark::Held)
    }

    /// The write of [`mark_held`](Self::mark_held); with the slot that a session gets in the same transaction.
    pub(crate) fn marking(&self, held: Held<'_>, holder: &Holder, at: Timestamp, slot: Option<usize>) -> UpdateItemFluentBuilder {
        let (lease, join) = match holder {
            Holder::Own(_) => (None, "ADD holders :me DELETE released_by :me REMOVE release_begun"),
            Holder::Joined(_) => (Some("containing_until = :lease"), "ADD holders :me, containing :me REMOVE release_begun"),
        };
        let sets: Vec<&str> = lease.into_iter().chain(slot.map(|_| "session_slot = :slot")).collect();
        let set = if sets.is_empty() { String::new() } else { format!("SET {} ", sets.join(", ")) };
        let write = may_hold(self.update_base(held).update_expression(format!("{set}{join}")), holder, at, "");
        match slot {
            Some(slot) => write.expression_attribute_values(":slot", number(slot)),
            None => write,
        }
    }

    /// Why a target could not be marked as held.
    pub(crate) async fn not_held(&self, held: Held<'_>, holder: &Holder) -> Result<Fault, Fault> {
        let is_answered = self.is_answered(held, holder).await?;
        Ok(if is_answered { answered(held.target) } else { being_released(held.target) })
    }

    /// The slot that a session got while it was held.
    pub(crate) async fn had_slot(&self, held: Held<'_>) -> Result<Option<usize>, Fault> {
        let item = self.base_item(held).await?;
        Ok(item.get("session_slot").and_then(|slot| slot.as_n().ok()?.parse().ok()))
    }

    /// The write that forgets the slot of a session.
    pub(crate) fn without_slot(&self, held: Held<'_>) -> UpdateItemFluentBuilder {
        self.update_base(held).update_expression("REMOVE session_slot")
    }

    /// Ends what holding for a finding that joined began: a release need not wait for its containment any more.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn end_containment(&self, held: Held<'_>, holder: &Holder) -> Result<(), Fault> {
        if let Holder::Joined(_) = holder {
            let write = self.update_base(held).update_expression("DELETE containing :me");
            let ended = write.expression_attribute_values(":me", set_of(holder)).send().await;
            ended.or_fault("ledger: end the containment")?;
        }
        Ok(())
    }

    /// Takes back a mark of a finding that joined, where nothing is recorded: nothing was changed, and nobody must find the target held.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn unmark(&self, held: Held<'_>, holder: &Holder) -> Result<(), Fault> {
        if let Holder::Joined(_) = holder {
            let write = self.update_base(held).update_expression("DELETE holders :me, containing :me");
            let write =
                write.condition_expression("attribute_not_exists(doc)").expression_attribute_values(":me", set_of(holder));
            let taken_back = write.send().await;
            if !lost(&taken_back) {
                taken_back.or_fault("ledger: take back a mark")?;
            }
        }
        Ok(())
    }

    /// Whether `holder` holds the target, and nobody is releasing it: what it wrote must be there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn holds(&self, held: Held<'_>, holder: &Holder, at: Timestamp) -> Result<bool, Fault> {
        let item = self.base_item(held).await?;
        let releasing = string(&item, "releasing_until").is_some_and(|until| until >= sortable(at).as_str());
        Ok(!releasing && names(&item, "holders").iter().any(|name| name == holder.id().as_str()))
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

    /// Records `state` as the base of `target` unless it has one, and makes `holder` a holder. Returns the base that counts.
    ///
    /// `identity` is the immutable id of the resource: the base of a deleted namesake is replaced. A user's in a row by name is not: that
    /// user can have another name now. Call this before the first change that could not be undone without it. `read_from` is the time
    /// from which `state` was read: what was read before a release ended can be the contained state, and must not become a base. For a
    /// finding that joined see [`mark_held`](Self::mark_held).
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` while the target is being released, when it was since `read_from`, or when the row by
    /// a user's name is another user's; `Malformed` when a release answered before for the finding that joined.
    pub async fn hold<T>(
        &self,
        held: Held<'_>,
        holder: &Holder,
        identity: &str,
        state: &T,
        read_from: Timestamp,
    ) -> Result<T, Fault>
    where
        T: Serialize + DeserializeOwned,
    {
        let doc = to_doc(state)?;
        let update = |expression: String, condition: &str| {
            let write = self
                .update_base(held)
                .update_expression(expression)
                .expression_attribute_names("#id", "identity")
                .expression_attribute_values(":by", text(holder.id().as_str()))
                .expression_attribute_values(":id", text(identity))
                .expression_attribute_values(":doc", doc.clone())
                .return_values(ReturnValue::AllNew);
            may_hold(write, holder, read_from, condition)
        };
        let join = |(begun, add): (&str, &str), alone: &str| {
            let join = format!(
                "SET doc = if_not_exists(doc, :doc), captured_by = if_not_exists(captured_by, :by), \
                 captured_at = if_not_exists(captured_at, :now), #id = :id{begun} {add} REMOVE release_begun"
            );
            let fresh = "(attribute_exists(doc) OR attribute_not_exists(released_at) OR released_at < :read)";
            update(join, &format!(" AND (attribute_not_exists(#id) OR #id = :id) AND {fresh}{alone}"))
                .expression_attribute_values(":read", text(sortable(read_from - SKEW)))
        };
        let (begun, beside, add) = match holder {
            Holder::Own(_) => ("", "", "ADD holders :me DELETE released_by :me"),
            Holder::Joined(_) => (", containing_until = :lease", " ADD containing :me", "ADD holders :me, containing :me"),
        };
        let alone = match holder {
            Holder::Own(_) => None,
            Holder::Joined(_) => Some(join(ALONE, NOBODY_ELSE).send().await).filter(|joined| !lost(joined)),
        };
        let joined = match alone {
            Some(joined) => joined,
            None => join((begun, add), "").send().await,
        };
        let written = if lost(&joined) {
            if held.keeps_its_base() {
                return Err(self.not_held(held, holder).await?);
            }
            // Another resource had this name: its base is history, and who held it has nothing left to put back.
            let replace = format!(
                "SET doc = :doc, captured_by = :by, captured_at = :now, #id = :id, \
                 released_by = if_not_exists(holders, :me), holders = :me{begun}{beside}"
            );
            let replaced = update(replace, " AND attribute_exists(#id) AND #id <> :id").send().await;
            if lost(&replaced) {
                return Err(self.not_held(held, holder).await?);
            }
            replaced
        } else {
            joined
        };
        let item = written.or_fault("ledger: record the base state")?.attributes.unwrap_or_default();
        state_of(&item)?.ok_or_else(|| Fault::bug("ledger: the base state was not written"))
    }

    /// Whether a release answered for `holder`: only for a finding that joined, once and for all.
    async fn is_answered(&self, held: Held<'_>, holder: &Holder) -> Result<bool, Fault> {
        let Holder::Joined(finding) = holder else { return Ok(false) };
        Ok(names(&self.base_item(held).await?, "released_by").iter().any(|name| name == finding.as_str()))
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

    fn update_base(&self, held: Held<'_>) -> UpdateItemFluentBuilder {
        let (target, part) = held.key();
        self.update(text(format!("target#{target}")), text(part))
    }

    async fn base_item(&self, held: Held<'_>) -> Result<Item, Fault> {
        let (target, part) = held.key();
        let answer = self.get(format!("target#{target}"), part).send().await.or_fault("ledger: read the base state")?;
        Ok(answer.item.unwrap_or_default())
    }
}

/// A write that makes `holder` a holder: only while nobody releases the target, and `more` is true. A finding that joined does not
/// hold again what a release answered for it.
fn may_hold(write: UpdateItemFluentBuilder, holder: &Holder, at: Timestamp, more: &str) -> UpdateItemFluentBuilder {
    let free = format!("(attribute_not_exists(releasing_until) OR releasing_until < :now){more}");
    let write = write.expression_attribute_values(":me", set_of(holder)).expression_attribute_values(":now", text(sortable(at)));
    match holder {
        Holder::Own(_) => write.condition_expression(free),
        Holder::Joined(finding) => write
            .condition_expression(format!("{free} AND NOT contains(released_by, :by)"))
            .expression_attribute_values(":by", text(finding.as_str()))
            .expression_attribute_values(":lease", text(sortable(at + LEASE))),
    }
}

fn set_of(holder: &Holder) -> AttributeValue {
    AttributeValue::Ss(vec![holder.id().to_string()])
}

fn answered(target: &Target) -> Fault {
    Fault::malformed(format!("{target} was released, and that answered the finding that joined, too"))
}

fn being_released(target: &Target) -> Fault {
    let why = format!("{target} is being released for another incident, or its record is somebody else's");
    Fault::new(FaultKind::Transient, why)
}

fn names(item: &Item, set: &str) -> Vec<String> {
    item.get(set).and_then(|names| names.as_ss().ok()).cloned().unwrap_or_default()
}

fn state_of<T: DeserializeOwned>(item: &Item) -> Result<Option<T>, Fault> {
    let unreadable = |error| Fault::bug(format!("ledger: a base state has an unknown form: {error}"));
    string(item, "doc").map(|doc| serde_json::from_str(doc).map_err(unreadable)).transpose()
}

//! Releases: who may put a target back, and who must not hold it again.
//!
//! A release is about several names: the incident's own, and those of findings that joined it before the ticket that was answered. A
//! finding that joined later is not named: the target stays contained for it.

use super::{Held, LEASE, names, state_of};
use crate::{Item, Ledger, lost, number, sortable, string, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// No finding that joined is being contained: its writes must not come after those of a release.
const NOBODY_CONTAINS: &str = "(attribute_not_exists(containing) OR containing_until < :at)";

/// Nobody has the lease: another release of the incident can be about fewer names, and must not let go of some meanwhile.
const NOBODY_RELEASES: &str = "(attribute_not_exists(releasing_until) OR releasing_until < :at)";

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
        /// What ends or abandons the release.
        lease: Lease,
    },
    /// It let go; another incident, or a finding that joined later, still holds the target.
    StillHeld {
        /// That incident or finding.
        by: String,
    },
    /// It let go before, in an earlier run.
    Released,
    /// It never held the target.
    NotHeld,
}

/// The right to put a target back, for a short while, for the names of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    own: String,
    /// All names that the release is about.
    names: BTreeSet<String>,
    /// Those of them that hold the target.
    holding: BTreeSet<String>,
}

impl Lease {
    /// Most often all names hold the target. Who does is read only when that is wrong.
    fn guess(holders: &Holders<'_>) -> Self {
        let names: BTreeSet<String> = holders.names().map(ToString::to_string).collect();
        Self { own: holders.own().to_string(), holding: names.clone(), names }
    }

    /// The names that do not hold the target.
    fn others(&self) -> BTreeSet<String> {
        self.names.difference(&self.holding).cloned().collect()
    }
}

impl Ledger {
    /// Asks to release `target` for the names of one incident: if nobody else holds it they get it for a short while, else they let go.
    /// Names of findings that joined and do not hold it yet never will.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Transient` while the target is being contained for a finding that joined.
    pub async fn begin_release<T: DeserializeOwned>(
        &self,
        held: Held<'_>,
        holders: &Holders<'_>,
        at: Timestamp,
    ) -> Result<ReleaseClaim<T>, Fault> {
        let mut lease = Lease::guess(holders);
        // Two releases at once can each lose once against the other, and each name can begin to hold once. One more round would mean
        // something else is wrong.
        for _ in 0..lease.names.len() + 2 {
            if !lease.holding.is_empty() {
                if let Some(claim) = self.take_lease(held, &lease, at).await? {
                    return Ok(claim);
                }
                if let Some(claim) = self.let_go(held, &lease, at).await? {
                    return Ok(claim);
                }
            }
            let item = self.base_item(held).await?;
            lease.holding = names(&item, "holders").into_iter().filter(|name| lease.names.contains(name)).collect();
            if lease.holding.is_empty() {
                if self.bar(held, &lease, &item).await? {
                    let let_go = names(&item, "released_by").contains(&lease.own);
                    return Ok(if let_go { ReleaseClaim::Released } else { ReleaseClaim::NotHeld });
                }
            } else if is_being_contained(&item, at) {
                let why = format!("{} is being contained for a finding that joined", held.target);
                return Err(Fault::new(FaultKind::Transient, why));
            }
        }
        Err(Fault::new(FaultKind::Transient, format!("ledger: {} is released and contained at the same time", held.target)))
    }

    /// Nothing when somebody else holds the target, too, or when one of the names does not.
    async fn take_lease<T: DeserializeOwned>(
        &self,
        held: Held<'_>,
        lease: &Lease,
        at: Timestamp,
    ) -> Result<Option<ReleaseClaim<T>>, Fault> {
        let write = self
            .update_base(held)
            .update_expression("SET releasing_until = :until, release_begun = :until")
            .expression_attribute_values(":until", text(sortable(at + LEASE)))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":count", number(lease.holding.len()))
            .return_values(ReturnValue::AllOld);
        let more = ["size(holders) = :count", NOBODY_CONTAINS];
        let last = while_held(write, &lease.holding, &BTreeSet::new(), &more).send().await;
        if lost(&last) {
            return Ok(None);
        }
        let item = last.or_fault("ledger: begin the release")?.attributes.unwrap_or_default();
        let (resumed, exposed) = (item.contains_key("release_begun"), names(&item, "exposed"));
        Ok(Some(ReleaseClaim::Ours { base: state_of(&item)?, resumed, exposed, lease: lease.clone() }))
    }

    /// Nothing when nobody else holds the target, or when other names hold it than are thought to.
    async fn let_go<T>(&self, held: Held<'_>, lease: &Lease, at: Timestamp) -> Result<Option<ReleaseClaim<T>>, Fault> {
        let write = self
            .update_base(held)
            .update_expression("DELETE holders :mine ADD released_by :names")
            .expression_attribute_values(":mine", set_of(&lease.holding))
            .expression_attribute_values(":names", set_of(&lease.names))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":count", number(lease.holding.len()))
            .return_values(ReturnValue::AllNew);
        let more = ["size(holders) > :count", NOBODY_CONTAINS, NOBODY_RELEASES];
        let left = while_held(write, &lease.holding, &lease.others(), &more).send().await;
        if lost(&left) {
            return Ok(None);
        }
        let item = left.or_fault("ledger: let go of the target")?.attributes.unwrap_or_default();
        let by = names(&item, "holders").into_iter().next().unwrap_or_default();
        Ok(Some(ReleaseClaim::StillHeld { by }))
    }

    /// Keeps findings that joined from ever holding a row that none of the names holds, and lets go of nothing.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Transient` while a finding that joined is contained there, or when one of the names holds
    /// the row by now.
    pub async fn bar_joined(&self, held: Held<'_>, holders: &Holders<'_>, at: Timestamp) -> Result<(), Fault> {
        let lease = Lease::guess(holders);
        if lease.names.len() == 1 {
            return Ok(());
        }
        let item = self.base_item(held).await?;
        if !is_being_contained(&item, at) && self.bar_while(held, &lease, &item, Some(at)).await? {
            return Ok(());
        }
        Err(Fault::new(FaultKind::Transient, format!("{} is being contained for a finding that joined", held.target)))
    }

    /// Keeps findings that joined, and hold nothing yet, from holding the target later. False when one of the names holds it by now.
    async fn bar(&self, held: Held<'_>, lease: &Lease, item: &Item) -> Result<bool, Fault> {
        self.bar_while(held, lease, item, None).await
    }

    /// The same; with a time: only while nobody is being contained then.
    async fn bar_while(&self, held: Held<'_>, lease: &Lease, item: &Item, at: Option<Timestamp>) -> Result<bool, Fault> {
        let gone = names(item, "released_by");
        let is_late = |name: &&String| **name != lease.own && !gone.contains(name);
        let late: BTreeSet<String> = lease.names.iter().filter(is_late).cloned().collect();
        if late.is_empty() {
            return Ok(true);
        }
        let write =
            self.update_base(held).update_expression("ADD released_by :late").expression_attribute_values(":late", set_of(&late));
        let (write, more) = match at {
            Some(at) => (write.expression_attribute_values(":at", text(sortable(at))), vec![NOBODY_CONTAINS]),
            None => (write, vec![]),
        };
        let barred = while_held(write, &BTreeSet::new(), &lease.names, &more).send().await;
        if lost(&barred) {
            return Ok(false);
        }
        barred.or_fault("ledger: answer for findings that joined")?;
        Ok(true)
    }

    /// Ends a release that put the target back: the base is forgotten, the next incident records a fresh one.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn end_release(&self, held: Held<'_>, lease: &Lease, at: Timestamp) -> Result<(), Fault> {
        let write = self
            .update_base(held)
            .update_expression(
                "SET released_at = :at DELETE holders :mine ADD released_by :names REMOVE doc, #id, captured_by, captured_at, \
                 releasing_until, release_begun, exposed, containing, containing_until, session_slot",
            )
            .expression_attribute_names("#id", "identity")
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":mine", set_of(&lease.holding))
            .expression_attribute_values(":names", set_of(&lease.names))
            .expression_attribute_values(":count", number(lease.holding.len()));
        let ended = while_held(write, &lease.holding, &BTreeSet::new(), &["size(holders) = :count"]).send().await;
        if lost(&ended) {
            // Ended before, by an earlier attempt. That one may have been about fewer names.
            if lease.names.len() > 1 {
                let item = self.base_item(held).await?;
                self.bar(held, lease, &item).await?;
            }
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
    pub async fn abandon_release(&self, held: Held<'_>, lease: &Lease, untouched: bool) -> Result<(), Fault> {
        let write = self.update_base(held).update_expression(if untouched {
            "REMOVE releasing_until, release_begun"
        } else {
            "REMOVE releasing_until"
        });
        let abandoned = while_held(write, &lease.holding, &BTreeSet::new(), &[]).send().await;
        if lost(&abandoned) {
            return Ok(());
        }
        abandoned.or_fault("ledger: abandon the release")?;
        Ok(())
    }
}

/// A write that is made only while all of `holding` and none of `others` hold the target, and `more` is true.
fn while_held(
    write: UpdateItemFluentBuilder,
    holding: &BTreeSet<String>,
    others: &BTreeSet<String>,
    more: &[&str],
) -> UpdateItemFluentBuilder {
    let numbered = |letter: char, names: &BTreeSet<String>| -> Vec<(String, AttributeValue)> {
        names.iter().enumerate().map(|(n, name)| (format!(":{letter}{n}"), text(name))).collect()
    };
    let (holding, others) = (numbered('h', holding), numbered('o', others));
    let hold = holding.iter().map(|(key, _)| format!("contains(holders, {key})"));
    let do_not = others.iter().map(|(key, _)| format!("NOT contains(holders, {key})"));
    let conditions: Vec<String> = hold.chain(do_not).chain(more.iter().map(|more| (*more).to_owned())).collect();
    let write = write.condition_expression(conditions.join(" AND "));
    holding.into_iter().chain(others).fold(write, |write, (key, name)| write.expression_attribute_values(key, name))
}

fn set_of(names: &BTreeSet<String>) -> AttributeValue {
    AttributeValue::Ss(names.iter().cloned().collect())
}

pub(super) fn is_being_contained(item: &Item, at: Timestamp) -> bool {
    let lasts = |until: &str| until >= sortable(at).as_str();
    item.contains_key("containing") && string(item, "containing_until").is_some_and(lasts)
}

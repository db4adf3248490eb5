//! Which sessions of a role are denied, and by which of the role's tags.
//!
//! The quarantine policy compares a session's name with five tags of the role. The ledger gives out the tags, so that two incidents
//! can never take the same one, and a containment need not read the role's tags first. A slot is taken together with the hold on the
//! session, or not at all.

mod slots;

pub use slots::{SESSION_SLOTS, SessionSlot};

use super::bases::LEASE;
use super::{Held, Item, Ledger, lost, sortable, text};
use aws_sdk_dynamodb::config::AsyncSleep as _;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::ids::SessionName;
use firebreak::target::Target;
use firebreak_aws::classify::{OrFault, SdkResult, fault};
use firebreak_aws::clock;
use futures::future::try_join_all;
use jiff::Timestamp;
use slots::{FREE, Rows, SHOWN, Take, Wish};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Others can come first at each try, and each of them takes a slot. One more would mean that something else is wrong.
const TRIES: usize = SESSION_SLOTS + 1;
/// What DynamoDB says of a part of a transaction whose condition is not met.
const UNMET: &str = "ConditionalCheckFailed";

/// What came of trying to take a slot.
enum Taken {
    /// It is taken, and the session is held.
    Written,
    /// Neither: the session may not be held.
    NotHeld,
    /// Neither: the slots are not as they were thought to be. The row, where DynamoDB showed it.
    Otherwise(Option<Item>),
    /// Neither: another transaction was under way.
    Busy,
}

impl Ledger {
    /// Holds a session of a role, and gives the session its slot, from 1: the one it has, a free one, or one whose session has ended.
    /// Both or neither. One round trip where no session of the role is denied.
    ///
    /// # Errors
    /// Those of [`mark_held`](Self::mark_held), and `Malformed` when a release answered before; `Malformed` when all slots are taken;
    /// `Transient` when others took slots of the role at the same time.
    pub async fn hold_session(
        &self,
        held: Held<'_>,
        session: &SessionName,
        holder: &Holder,
        at: Timestamp,
    ) -> Result<usize, Fault> {
        let wish = Wish { role: held.target, session: session.as_str(), incident: Some(holder.id().as_str()), at };
        let hold = Some((held, holder));
        let guess = Rows::default().choose(&wish).ok_or_else(full)?;
        let (taken, spelled) = futures::join!(self.take(&wish, &guess, hold), self.spelled_item(held.target));
        let spelled = match spelled {
            Ok(spelled) => spelled,
            Err(fault) => {
                // Nobody knows whether the slot is the session's: it gets no tag.
                if matches!(taken, Ok(Taken::Written)) {
                    self.give_back(&wish, guess.slot, hold).await;
                }
                return Err(fault);
            }
        };
        self.take_or_follow(&wish, hold, Rows { item: Item::new(), spelled }, (guess, taken)).await
    }

    /// Gives a session that is held its slot, from 1: the one it has, or another one.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Malformed` when all slots are taken; `Transient` when others took slots of the role
    /// at the same time.
    pub async fn name_session(&self, role: &Target, session: &SessionName) -> Result<usize, Fault> {
        let wish = Wish { role, session: session.as_str(), incident: None, at: clock::now() };
        let rows = self.session_rows(role).await?;
        let take = rows.choose(&wish).ok_or_else(full)?;
        if take.is_ours() {
            return Ok(take.slot);
        }
        let taken = self.take(&wish, &take, None).await;
        self.take_or_follow(&wish, None, rows, (take, taken)).await
    }

    /// Tries until it is known whether the session has a slot. What an earlier version listed becomes slots by the way.
    async fn take_or_follow(
        &self,
        wish: &Wish<'_>,
        hold: Option<(Held<'_>, &Holder)>,
        mut rows: Rows,
        first: (Take, Result<Taken, Fault>),
    ) -> Result<usize, Fault> {
        let mut wrong = None;
        let settled = self.try_slots(wish, hold, &mut rows, first, &mut wrong).await;
        if let (Err(_), Some(slot)) = (&settled, wrong) {
            self.give_back(wish, slot, hold).await;
        }
        if rows.adoption(wish.at).is_some() {
            // The slot is what counts. Whoever wants one next makes up for what is missed here.
            let adopted = async { self.adopt(wish.role, &self.session_rows(wish.role).await?, wish.at).await };
            log(adopted.await);
        }
        settled
    }

    /// Tries until a slot is taken, none is left, or others were first too often. `wrong`: a slot that was taken just now, and that the
    /// session cannot have.
    async fn try_slots(
        &self,
        wish: &Wish<'_>,
        hold: Option<(Held<'_>, &Holder)>,
        rows: &mut Rows,
        (mut take, mut taken): (Take, Result<Taken, Fault>),
        wrong: &mut Option<usize>,
    ) -> Result<usize, Fault> {
        for _ in 0..TRIES {
            match taken? {
                Taken::Written if rows.may_have(take.slot, wish.session) => return Ok(take.slot),
                // A version before this one gave it to another session, under the name's own spelling.
                Taken::Written => {
                    *wrong = Some(take.slot).filter(|_| take.is_fresh());
                    rows.item = self.sessions_item(wish.role).await?;
                }
                Taken::NotHeld => return Err(self.why_not_held(hold).await?),
                Taken::Otherwise(Some(item)) => rows.item = item,
                Taken::Otherwise(None) => rows.item = self.sessions_item(wish.role).await?,
                Taken::Busy => self.wait_a_little().await,
            }
            take = rows.choose(wish).ok_or_else(full)?;
            taken = self.take(wish, &take, hold).await;
        }
        match taken? {
            Taken::Written if rows.may_have(take.slot, wish.session) => Ok(take.slot),
            _ => Err(Fault::new(FaultKind::Transient, "ledger: others take slots of this role at the same time")),
        }
    }

    /// One transaction: the hold, where there is one to write, and the slot.
    async fn take(&self, wish: &Wish<'_>, take: &Take, hold: Option<(Held<'_>, &Holder)>) -> Result<Taken, Fault> {
        let slot = take.write(self.update_sessions(&slots::key(wish.role)), wish);
        let hold = hold.map(|(held, holder)| self.marking(held, holder, wish.at, Some(take.slot)));
        let is_hold = hold.is_some();
        self.transact(hold.into_iter().chain([slot]), is_hold).await
    }

    /// Makes all of the writes, or none. The first one can be a hold.
    async fn transact(&self, writes: impl IntoIterator<Item = UpdateItemFluentBuilder>, holds: bool) -> Result<Taken, Fault> {
        let writes = writes.into_iter().map(|write| part(&write)).collect::<Result<Vec<_>, Fault>>()?;
        let sent = self.dynamodb.transact_write_items().set_transact_items(Some(writes)).send().await;
        taken(holds, sent.map(|_| ()))
    }

    /// Gives a slot back that the session has just got and cannot have. The hold stays: a release finds what this one misses.
    async fn give_back(&self, wish: &Wish<'_>, slot: usize, hold: Option<(Held<'_>, &Holder)>) {
        let free = self.update_sessions(&slots::key(wish.role)).update_expression(format!("REMOVE s{slot}"));
        // Another run of this containment may have made the slot its own.
        let free = free
            .condition_expression(format!("s{slot}.#name = :name AND s{slot}.#at = :at"))
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":name", text(wish.session))
            .expression_attribute_values(":at", text(sortable(wish.at)));
        let forget = hold.map(|(held, _)| self.without_slot(held));
        log(self.transact(forget.into_iter().chain([free]), false).await);
    }

    /// Makes slots of what an earlier version listed: their ends begin now. False: there was nothing to do. Others can come first.
    async fn adopt(&self, role: &Target, rows: &Rows, at: Timestamp) -> Result<bool, Fault> {
        let Some(adoption) = rows.adoption(at) else { return Ok(false) };
        let (row, spelled) = (self.update_sessions(&slots::key(role)), self.update_sessions(&slots::spelled_key(role)));
        self.transact(adoption.writes(row, spelled), false).await?;
        Ok(true)
    }

    /// The rows, once no list names the session.
    async fn adopted_rows(&self, role: &Target, session: &str, at: Timestamp) -> Result<Rows, Fault> {
        let mut rows = self.session_rows(role).await?;
        for _ in 0..TRIES {
            if !rows.lists(session) || !self.adopt(role, &rows, at).await? {
                break;
            }
            rows = self.session_rows(role).await?;
        }
        Ok(rows)
    }

    /// Two that met must not meet again.
    async fn wait_a_little(&self) {
        if let Some(sleep) = self.dynamodb.config().sleep_impl() {
            let jitter = RandomState::new().build_hasher().finish() % 4_000;
            sleep.sleep(Duration::from_micros(1_000 + jitter)).await;
        }
    }

    async fn why_not_held(&self, hold: Option<(Held<'_>, &Holder)>) -> Result<Fault, Fault> {
        match hold {
            Some((held, holder)) => self.not_held(held, holder).await,
            None => Err(Fault::bug("ledger: a slot was taken without a hold, and the hold was refused")),
        }
    }

    /// The names of the role's sessions that are denied, of those that have ended, too: their tags are still there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn named_sessions(&self, role: &Target) -> Result<Vec<String>, Fault> {
        Ok(self.session_slots(role).await?.into_iter().map(|slot| slot.session).collect())
    }

    /// The slots of a role that are taken, in order.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn session_slots(&self, role: &Target) -> Result<Vec<SessionSlot>, Fault> {
        Ok(self.session_rows(role).await?.slots(role))
    }

    /// The names of the role's sessions that stay denied: without those that a release lets go at this moment.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn staying_sessions(&self, role: &Target, at: Timestamp) -> Result<Vec<String>, Fault> {
        Ok(self.session_rows(role).await?.staying(role, at))
    }

    /// Whether a session that is held had a slot which another session has now: nothing denies it any more.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn session_was_replaced(&self, held: Held<'_>, session: &str) -> Result<bool, Fault> {
        let (had_slot, rows) = futures::join!(self.had_slot(held), self.session_rows(held.target));
        let (had_slot, rows) = (had_slot?, rows?);
        Ok(had_slot.is_some_and(|slot| rows.is_anothers(slot, session)) && !rows.names(session))
    }

    /// Notes that a release takes a session's tag away. Until the release ends, or must have died, nobody else gets the slot, and no
    /// other release leaves the policy there for this session's sake.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn leave_session(&self, role: &Target, session: &str, at: Timestamp) -> Result<(), Fault> {
        let rows = self.adopted_rows(role, session, at).await?;
        for slot in rows.slots_of(role, session) {
            let leave = self.update_sessions(&slots::key(role)).update_expression(format!("SET s{slot}.leaving = :until"));
            let leave = leave.condition_expression(format!("s{slot}.#name = :name"));
            let leave = leave.expression_attribute_names("#name", "name");
            self.change_slot(leave.expression_attribute_values(":until", text(sortable(at + LEASE))), session).await?;
        }
        Ok(())
    }

    /// Notes that a release did not take a session's tag away: the session keeps its slot.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn keep_session(&self, role: &Target, session: &str) -> Result<(), Fault> {
        for slot in self.session_rows(role).await?.slots_of(role, session) {
            let keep = self.update_sessions(&slots::key(role)).update_expression(format!("REMOVE s{slot}.leaving"));
            let keep = keep.condition_expression(format!("s{slot}.#name = :name"));
            self.change_slot(keep.expression_attribute_names("#name", "name"), session).await?;
        }
        Ok(())
    }

    /// Gives a session's slot back.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn free_session(&self, role: &Target, session: &str) -> Result<(), Fault> {
        let rows = self.adopted_rows(role, session, clock::now()).await?;
        for slot in rows.slots_of(role, session) {
            let free = self.update_sessions(&slots::key(role)).update_expression(format!("REMOVE s{slot}"));
            let free = free.condition_expression(format!("s{slot}.#name = :name"));
            self.change_slot(free.expression_attribute_names("#name", "name"), session).await?;
        }
        let places = [(slots::key(role), &rows.item), (slots::spelled_key(role), &rows.spelled)];
        for (key, at) in places.iter().flat_map(|(key, row)| slots::listed(row, session).map(move |at| (key, at))) {
            let free = self.update_sessions(key).update_expression(format!("SET slots[{at}] = :free"));
            let free = free.condition_expression(format!("slots[{at}] = :name"));
            self.change_slot(free.expression_attribute_values(":free", text(FREE)), session).await?;
        }
        Ok(())
    }

    /// Notes that the instance of this name was gone by `at`. Credentials that were stolen from it can live on as long as a session can:
    /// after that another one may take the slot. Its tag stays until then.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn end_session(&self, role: &Target, session: &str, at: Timestamp) -> Result<(), Fault> {
        let rows = self.adopted_rows(role, session, at).await?;
        try_join_all(rows.slots_of(role, session).map(async |slot| {
            let end = self
                .update_sessions(&slots::key(role))
                .update_expression(format!("SET s{slot}.#until = :until"))
                .condition_expression(format!("s{slot}.#name = :name AND attribute_not_exists(s{slot}.#until)"))
                .expression_attribute_names("#name", "name")
                .expression_attribute_names("#until", "until")
                .expression_attribute_values(":until", text(slots::end(at)));
            self.change_slot(end, session).await
        }))
        .await?;
        Ok(())
    }

    /// Makes a change, as long as the slot is the session's.
    async fn change_slot(&self, change: UpdateItemFluentBuilder, session: &str) -> Result<(), Fault> {
        let changed = change.expression_attribute_values(":name", text(session)).send().await;
        if !lost(&changed) {
            changed.or_fault("ledger: change a session's slot")?;
        }
        Ok(())
    }

    fn update_sessions(&self, key: &str) -> UpdateItemFluentBuilder {
        self.update(text(key), text("sessions"))
    }

    async fn session_rows(&self, role: &Target) -> Result<Rows, Fault> {
        let (item, spelled) = futures::join!(self.sessions_item(role), self.spelled_item(role));
        Ok(Rows { item: item?, spelled: spelled? })
    }

    async fn sessions_item(&self, role: &Target) -> Result<Item, Fault> {
        self.sessions_at(slots::key(role)).await
    }

    /// What versions before decision 0044 wrote under the name's own spelling.
    async fn spelled_item(&self, role: &Target) -> Result<Item, Fault> {
        let key = slots::spelled_key(role);
        if key == slots::key(role) { Ok(Item::new()) } else { self.sessions_at(key).await }
    }

    /// Analysts may read these attributes, and no whole row.
    async fn sessions_at(&self, key: String) -> Result<Item, Fault> {
        let get = self.get(key, "sessions").projection_expression(SHOWN);
        Ok(get.send().await.or_fault("ledger: read the denied sessions")?.item.unwrap_or_default())
    }
}

/// A write as a part of a transaction.
fn part(write: &UpdateItemFluentBuilder) -> Result<TransactWriteItem, Fault> {
    let input = write.as_input();
    let update = Update::builder()
        .set_table_name(input.get_table_name().clone())
        .set_key(input.get_key().clone())
        .set_update_expression(input.get_update_expression().clone())
        .set_condition_expression(input.get_condition_expression().clone())
        .set_expression_attribute_names(input.get_expression_attribute_names().clone())
        .set_expression_attribute_values(input.get_expression_attribute_values().clone())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|error| Fault::bug(format!("ledger: a part of a transaction could not be built: {error}")))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// The slot is the last part.
fn taken(holds: bool, sent: SdkResult<(), TransactWriteItemsError>) -> Result<Taken, Fault> {
    let Err(error) = sent else { return Ok(Taken::Written) };
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        _ => return Err(fault("ledger: take a session's slot", &error)),
    };
    let has = |reason: Option<&CancellationReason>, code: &str| reason.and_then(CancellationReason::code) == Some(code);
    if holds && has(reasons.first(), UNMET) {
        return Ok(Taken::NotHeld);
    }
    if reasons.iter().any(|reason| has(Some(reason), UNMET)) {
        return Ok(Taken::Otherwise(reasons.last().and_then(CancellationReason::item).cloned()));
    }
    if reasons.iter().any(|reason| has(Some(reason), "TransactionConflict")) {
        return Ok(Taken::Busy);
    }
    let passes = ["ThrottlingError", "ProvisionedThroughputExceeded"];
    let is_throttled = reasons.iter().any(|reason| passes.iter().any(|code| has(Some(reason), code)));
    let fault = fault("ledger: take a session's slot", &error);
    Err(if is_throttled { Fault::new(FaultKind::Transient, fault.message) } else { fault })
}

fn log<T>(made: Result<T, Fault>) {
    if let Err(fault) = made {
        tracing::warn!(fault.message = %fault.message, "the ledger did not take a change of a role's slots");
    }
}

fn full() -> Fault {
    let why = "sessions of this role are denied already: only the whole role can be; `firebreak slots` lists them";
    Fault::malformed(format!("{SESSION_SLOTS} {why}"))
}

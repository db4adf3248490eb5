//! In which rows, and in whose names, an incident holds a target, and how it lets go of them.

use crate::Function;
use crate::rows::{self, Found};
use crate::undone::{Undone, is_done, untouched};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::ids::IncidentId;
use firebreak::target::{Scope, Target};
use firebreak_aws::clock;
use firebreak_ledger::{Held, Lease, ReleaseClaim, Row};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;

/// The lease of the row that is put back, and what else the incident holds of the same principal.
pub(crate) struct Leased<'a> {
    pub(crate) held: Held<'a>,
    pub(crate) lease: Lease,
    /// An earlier run began to put it back.
    pub(crate) resumed: bool,
    pub(crate) others: &'a [Target],
}

impl Function {
    /// The rows at which the incident holds a target: mostly the decision's own alone. An execution of an earlier version, or of a finding
    /// that joined, can have held it under another key. Nothing to read where there can be one row only.
    ///
    /// With them go names that were released and still hold a row: an earlier version let go of the row by name alone.
    pub(crate) async fn found(
        &self,
        holders: &Holders<'_>,
        containment: Containment,
        target: &Target,
    ) -> Result<(Vec<IncidentId>, Found), Fault> {
        let is_renamable = rows::is_renamable(target, containment);
        let forms = rows::distinct(target, containment);
        if forms.len() == 1 && !is_renamable {
            return Ok((vec![], Found::of(forms)));
        }
        let known = self.known(holders, containment, target).await?;
        let over = if is_renamable { self.over(holders, &known).await? } else { vec![] };
        if over.is_empty() {
            return Ok((over, Found::among(known, holders, target, containment)));
        }
        let found = {
            let holders = holders.clone().with(&over);
            let known = self.known(&holders, containment, target).await?;
            Found::among(known, &holders, target, containment)
        };
        Ok((over, found))
    }

    async fn known(&self, holders: &Holders<'_>, containment: Containment, target: &Target) -> Result<Vec<(Target, Row)>, Fault> {
        let read = |row: Target| self.row(row, containment);
        let mut known = try_join_all(rows::distinct(target, containment).into_iter().map(read)).await?;
        let led = rows::led_to(&known, holders, target);
        known.extend(try_join_all(led.into_iter().map(read)).await?);
        Ok(known)
    }

    async fn row(&self, target: Target, containment: Containment) -> Result<(Target, Row), Fault> {
        let row = self.responder.ledger().row(Held { target: &target, containment }, clock::now()).await?;
        Ok((target, row))
    }

    /// Which of those who hold the incident's rows, too, are released already.
    async fn over(&self, holders: &Holders<'_>, known: &[(Target, Row)]) -> Result<Vec<IncidentId>, Fault> {
        let mut over = Vec::new();
        for name in rows::others(known, holders) {
            if self.responder.ledger().is_released(&name).await? {
                over.push(name);
            }
        }
        Ok(over)
    }

    /// Keeps findings that joined from holding a row that the incident does not hold: their containments come too late. Before anything is
    /// put back: one that is under way is waited for.
    ///
    /// # Errors
    /// `Transient` while one is under way; the ledger could not be read or written.
    pub(crate) async fn bar(&self, holders: &Holders<'_>, containment: Containment, found: &Found) -> Result<(), Fault> {
        if let Some(target) = &found.under_way {
            return Err(Fault::new(FaultKind::Transient, format!("{target} is being contained for a finding that joined")));
        }
        for target in &found.unheld {
            self.responder.ledger().bar_joined(Held { target, containment }, holders, clock::now()).await?;
        }
        Ok(())
    }

    /// Ends a release that put everything back, or whose principal stays for somebody else. Every other one gives its lease back.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Transient` when somebody let go of the principal at the same time.
    pub(crate) async fn end_hold<B: DeserializeOwned>(
        &self,
        holders: &Holders<'_>,
        target: &Target,
        leased: &Leased<'_>,
        undone: &Result<Undone, Fault>,
    ) -> Result<(), Fault> {
        let ledger = self.responder.ledger();
        let (is_over, stays) = match undone {
            // A resource that is gone has nothing to put back, and nobody must wait for it.
            Ok(Undone::Gone(_)) => (true, false),
            Ok(Undone::Steps(steps)) => (is_done(steps), false),
            Ok(Undone::StillHeld(_, steps)) => (is_done(steps), true),
            _ => (false, false),
        };
        if !is_over {
            self.give_back(leased, untouched(undone)).await;
            return Ok(());
        }
        if let (Ok(Undone::Gone(_)), Some(session)) =
            (undone, target.session.as_deref().filter(|_| target.scope == Scope::Session))
        {
            ledger.free_session(target, session).await?;
        }
        if let Err(fault) = self.let_go::<B>(holders, leased.held.containment, leased.others, !stays).await {
            // The lease of what is back stays: a look must not write it again before the next run.
            if stays {
                self.give_back(leased, true).await;
            }
            return Err(fault);
        }
        ledger.end_release(leased.held, &leased.lease, clock::now()).await
    }

    /// Ends what the names hold of a target under other keys, now that it `is_back`.
    ///
    /// Where it is not, somebody else holds such a row and may have the base in it. Nobody else there any more: whoever it was has let go
    /// of it meanwhile, and left the target to this incident. So the row stays, and the next run puts the target back.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Transient` when a row stays.
    pub(crate) async fn let_go<B: DeserializeOwned>(
        &self,
        holders: &Holders<'_>,
        containment: Containment,
        rows: &[Target],
        is_back: bool,
    ) -> Result<(), Fault> {
        for target in rows {
            let (held, ledger) = (Held { target, containment }, self.responder.ledger());
            let claim = ledger.begin_release::<B>(held, holders, clock::now()).await?;
            let ReleaseClaim::Ours { lease, resumed, .. } = claim else { continue };
            if is_back {
                ledger.end_release(held, &lease, clock::now()).await?;
                continue;
            }
            self.give_back(&Leased { held, lease, resumed, others: &[] }, true).await;
            let why = format!("whoever held {target}, too, has let go of it at the same time");
            return Err(Fault::new(FaultKind::Transient, why));
        }
        Ok(())
    }

    /// The lease ends by itself; what the release has to say must not be lost for it.
    async fn give_back(&self, leased: &Leased<'_>, untouched: bool) {
        let Leased { held, lease, resumed, .. } = leased;
        if let Err(fault) = self.responder.ledger().abandon_release(*held, lease, !resumed && untouched).await {
            tracing::error!(fault.message = %fault.message, "the lease of an unfinished release stays until it ends");
        }
    }
}

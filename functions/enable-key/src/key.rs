//! One key of KMS: what KMS says of it, and the two calls that give it back.

use crate::base::BaseState;
use crate::state::State;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::Outcome;
use firebreak::target::Target;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault as _, code, fault};
use firebreak_function::containment::Call;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::sleep;

/// How often the key is enabled and read back. KMS is eventually consistent: a call can meet the state of before (KMS developer guide, "AWS
/// KMS eventual consistency").
const TRIES: usize = 3;
/// What KMS answers where the state of the key does not allow the call.
const WRONG_STATE: &str = "KMSInvalidStateException";

/// A key in the account and the Region of a call.
pub(crate) struct Key<'a> {
    kms: Client,
    target: &'a Target,
    settle: Duration,
}

/// What one read showed.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// The state to record.
    pub(crate) base: BaseState,
    /// AWS administers the key for one of its services.
    pub(crate) is_of_aws: bool,
    /// The custom key store that has the key.
    store: Option<String>,
}

impl<'a> Key<'a> {
    pub(crate) fn of(call: &'a Call) -> Self {
        Self { kms: Client::new(&call.config), target: &call.target, settle: call.settle }
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Gone` when there is no such key (any more), `Malformed` when KMS answers about another one, and read errors.
    pub(crate) async fn see(&self) -> Result<Seen, Fault> {
        let asked = Box::pin(self.kms.describe_key().key_id(&self.target.id).send()).await;
        let answer = asked.or_fault("kms:DescribeKey").map_err(|fault| match fault.kind {
            FaultKind::Gone => Fault::gone(format!("{}: KMS has deleted it, or it never was in this Region", self.target)),
            _ => fault,
        })?;
        let key = answer.key_metadata.ok_or_else(|| Fault::bug("kms:DescribeKey answered without a key"))?;
        if key.aws_account_id().is_some_and(|account| account != self.target.account.as_str()) || key.key_id() != self.target.id {
            return Err(Fault::malformed(format!("{}: KMS answers about a key of another account", self.target)));
        }
        Ok(Seen::of(&key))
    }

    /// Reads it, and once more if it is not enabled: nothing counts as taken away on one read.
    ///
    /// # Errors
    /// Those of [`see`](Self::see).
    pub(crate) async fn see_settled(&self) -> Result<Seen, Fault> {
        let first = self.see().await?;
        if first.state == State::Enabled {
            return Ok(first);
        }
        sleep(self.settle).await;
        self.see().await
    }

    /// Cancels the deletion.
    ///
    /// # Errors
    /// KMS refuses, or the deletion is scheduled all the same.
    pub(crate) async fn cancel_deletion(&self) -> Result<Outcome, Fault> {
        match Box::pin(self.kms.cancel_key_deletion().key_id(&self.target.id).send()).await {
            Ok(_) => Ok(Outcome::Applied),
            // Somebody else cancelled it meanwhile, or an earlier attempt of this call did whose answer was lost.
            Err(error) if code(&error) == Some(WRONG_STATE) => match self.see().await?.state {
                State::ToBeDeleted => Err(fault("kms:CancelKeyDeletion", &error)),
                _ => Ok(Outcome::Applied),
            },
            Err(error) => Err(self.explained(fault("kms:CancelKeyDeletion", &error))),
        }
    }

    /// Enables it, and says so only when KMS shows it enabled.
    ///
    /// # Errors
    /// KMS refuses; the state of the key allows no `EnableKey`; `Transient` when KMS shows the key in another state all the same.
    pub(crate) async fn enable(&self) -> Result<Outcome, Fault> {
        let mut shown = String::new();
        for _ in 0..TRIES {
            match Box::pin(self.kms.enable_key().key_id(&self.target.id).send()).await {
                Ok(_) => {}
                // What the state is by now, the key says itself.
                Err(error) if code(&error) == Some(WRONG_STATE) => {}
                Err(error) => return Err(self.explained(fault("kms:EnableKey", &error))),
            }
            let seen = self.see().await?;
            if seen.state == State::Enabled {
                return Ok(Outcome::Applied);
            }
            if let Some(why) = self.barred(&seen) {
                return Err(why);
            }
            shown = seen.says();
            sleep(self.settle).await;
        }
        Err(Fault::new(FaultKind::Transient, format!("kms:EnableKey was called, and KMS shows the key {shown}")))
    }

    /// Why the two calls cannot give back a key that is as it was seen; nothing: they can, or need not.
    pub(crate) fn barred(&self, seen: &Seen) -> Option<Fault> {
        let of = self.arguments();
        Some(match seen.state {
            State::Enabled | State::Disabled | State::ToBeDeleted => return None,
            State::NoMaterial => Fault::malformed(format!(
                "KEY MATERIAL GONE: EnableKey fails in this state (KMSInvalidStateException, PendingImport). AWS has no copy: import the same \
                 material again: aws kms get-parameters-for-import {of} --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec \
                 RSA_4096, then aws kms import-key-material"
            )),
            State::Unavailable => {
                let (store, region) = (seen.store.as_deref().unwrap_or("ID"), &self.target.region);
                Fault::malformed(format!(
                    "KEY STORE DISCONNECTED: nobody can use the key until its store is connected: aws kms connect-custom-key-store \
                     --custom-key-store-id {store} --region {region}, then aws kms enable-key {of}"
                ))
            }
            State::Passing => Fault::new(FaultKind::Transient, format!("KMS is still changing it ({})", seen.base.state)),
            State::Unknown => Fault::malformed(format!("KMS names a state that this version does not know: {}", seen.base.state)),
        })
    }

    /// The same fault; of a refusal with the commands first. Who may use and administer a key, the key's own policy says: where it leaves
    /// nothing to IAM, no role of Firebreak gets in (KMS developer guide, "Key policies in AWS KMS").
    pub(crate) fn explained(&self, fault: Fault) -> Fault {
        if fault.kind != FaultKind::Denied {
            return fault;
        }
        let commands = self.commands();
        let message = format!("whom the key's own policy lets administer it runs {commands}; {}", fault.message);
        Fault::new(FaultKind::Denied, message)
    }

    /// What gives the key back by hand.
    pub(crate) fn commands(&self) -> String {
        let of = self.arguments();
        format!("aws kms cancel-key-deletion {of} (fails if none is scheduled), then aws kms enable-key {of}")
    }

    /// The command by which a person disables it.
    pub(crate) fn disabling(&self) -> String {
        format!("aws kms disable-key {}", self.arguments())
    }

    /// Which key, for any command.
    fn arguments(&self) -> String {
        format!("--key-id {} --region {}", self.target.id, self.target.region)
    }
}

impl Seen {
    fn of(key: &KeyMetadata) -> Self {
        let word = |text: Option<&str>| text.map(|text| inert(text, 40));
        let state = key.key_state().map_or("", |state| state.as_str());
        let deleted_at = key.deletion_date().and_then(|at| Timestamp::from_second(at.secs()).ok());
        let base = BaseState {
            state: inert(state, 40),
            deleted_at,
            origin: word(key.origin().map(|origin| origin.as_str())),
            multi_region: key.multi_region().unwrap_or_default(),
            manager: word(key.key_manager().map(|manager| manager.as_str())),
        };
        let is_of_aws = key.key_manager() == Some(&KeyManagerType::Aws);
        Self { state: State::named(state), base, is_of_aws, store: word(key.custom_key_store_id()) }
    }

    /// In words for a person: `scheduled for deletion on 2026-11-27`.
    pub(crate) fn says(&self) -> String {
        match self.state {
            State::Enabled => "enabled".to_owned(),
            State::Disabled => "disabled".to_owned(),
            State::ToBeDeleted => match self.base.deleted_at {
                Some(at) => format!("scheduled for deletion on {}", at.strftime("%Y-%m-%d")),
                None => "scheduled for deletion as soon as its replicas are gone".to_owned(),
            },
            State::NoMaterial => "without its key material".to_owned(),
            State::Unavailable => "behind a disconnected key store".to_owned(),
            State::Passing | State::Unknown => format!("in the state {}", self.base.state),
        }
    }
}

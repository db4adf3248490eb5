//! A key as KMS shows it.

use crate::ID;
use firebreak_testkit::room::ACCOUNT;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything that the key shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// In KMS's own word. Nothing: there is no such key.
    pub(crate) state: Option<&'static str>,
    pub(crate) origin: &'static str,
    pub(crate) manager: &'static str,
    pub(crate) account: String,
    /// Its imported material is gone: a cancelled deletion shows that.
    pub(crate) has_material: bool,
    /// How many reads still show the state of before.
    pub(crate) lag: usize,
    /// What such reads show.
    pub(crate) shown: &'static str,
}

/// The key, played for the SDK.
#[derive(Clone)]
pub(crate) struct Key(Arc<Mutex<State>>);

impl Key {
    pub(crate) fn of(aws: &ScriptedAws, state: &'static str) -> Self {
        let key = Self(Arc::new(Mutex::new(State {
            state: Some(state),
            origin: "AWS_KMS",
            manager: "CUSTOMER",
            account: ACCOUNT.to_owned(),
            has_material: true,
            lag: 0,
            shown: state,
        })));
        let served = key.clone();
        aws.on("kms:*", move |call| Some(served.serve(call)));
        key
    }

    /// The state that the key has.
    pub(crate) fn now(&self) -> Option<&'static str> {
        self.state().state
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.state());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Answer {
        let mut key = self.state();
        let Some(state) = key.state.filter(|_| call.param("KeyId") == ID) else { return error(400, "NotFoundException") };
        let to = match (call.operation.as_str(), state) {
            ("DescribeKey", _) => return ok(described(&mut key, state).to_string()),
            ("CancelKeyDeletion", "PendingDeletion" | "PendingReplicaDeletion") if key.has_material => "Disabled",
            ("CancelKeyDeletion", "PendingDeletion" | "PendingReplicaDeletion") => "PendingImport",
            ("EnableKey", "Enabled" | "Disabled") => "Enabled",
            ("CancelKeyDeletion" | "EnableKey", _) => return error(400, "KMSInvalidStateException"),
            _ => return error(400, "UnsupportedOperationException"),
        };
        key.state = Some(to);
        ok(json!({ "KeyId": ID }).to_string())
    }
}

fn described(key: &mut State, state: &str) -> Value {
    let shown = if key.lag > 0 { key.shown } else { state };
    key.lag = key.lag.saturating_sub(1);
    let mut metadata = json!({ "AWSAccountId": key.account, "KeyId": ID, "KeyState": shown, "Origin": key.origin, "KeyManager": key.manager,
        "MultiRegion": false, "Enabled": shown == "Enabled" });
    if shown == "PendingDeletion" {
        // 2026-11-27
        metadata["DeletionDate"] = json!(1_795_737_600.0);
    }
    json!({ "KeyMetadata": metadata })
}

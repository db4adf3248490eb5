//! The two messages of the review gate's queue.

use firebreak::fault::Fault;
use firebreak::review::{AsksAgain, GateMessage};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One of them. A gate's has a task token: no `Debug`.
pub(crate) enum Message {
    /// An execution waits for an answer.
    Gate(GateMessage),
    /// A finding joined an incident, and nobody waits for an answer of its own.
    AsksAgain(AsksAgain),
}

/// What tells them apart. An execution of an earlier definition sends a gate's message without the field.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    asks_again: bool,
}

impl Message {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// `Malformed`. It never quotes the body.
    pub(crate) fn read(body: &str) -> Result<Self, Fault> {
        let Kind { asks_again } = parsed(body)?;
        if asks_again { parsed(body).map(Self::AsksAgain) } else { parsed(body).map(Self::Gate) }
    }
}

/// The parser's message could quote the body, and the body can hold the token: it says only where it broke.
fn parsed<T: DeserializeOwned>(body: &str) -> Result<T, Fault> {
    serde_json::from_str(body)
        .map_err(|error| Fault::malformed(format!("a gate message has the wrong form at column {}", error.column())))
}

//! Every error of Firebreak as a name that the state machine matches.
//!
//! A Lambda function that fails reports `errorType`; Step Functions matches it in `Retry` and `Catch`. The names here are the
//! only ones Firebreak emits, and a test in `state-machine/` holds the definition to them.

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong, which decides who may help: a retry, an operator, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Throttling, a 5xx, a timeout, a broken connection. Trying again may help.
    Transient,
    /// AWS refused the call: a permission, an SCP, a role that cannot be assumed.
    Denied,
    /// The resource does not exist, or no longer does.
    Gone,
    /// The input or the resource has a form Firebreak cannot act on.
    Malformed,
    /// The target is one Firebreak must never touch.
    Protected,
    /// Firebreak itself is wrong. Includes panics.
    Bug,
}

impl FaultKind {
    /// All kinds, for tests that hold other files to this list.
    pub const ALL: [Self; 6] = [Self::Transient, Self::Denied, Self::Gone, Self::Malformed, Self::Protected, Self::Bug];

    /// What it means, for a person. Nothing where the message alone says it.
    #[must_use]
    pub fn says(self) -> Option<&'static str> {
        match self {
            Self::Transient => Some("AWS did not answer as it should"),
            Self::Denied => Some("AWS refused"),
            Self::Gone => Some("it does not exist"),
            Self::Malformed => None,
            Self::Protected => Some("it is protected"),
            Self::Bug => Some("an error of Firebreak itself"),
        }
    }

    /// The `errorType` of this kind, as `Retry` and `Catch` see it.
    #[must_use]
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Transient => "Firebreak.Transient",
            Self::Denied => "Firebreak.Denied",
            Self::Gone => "Firebreak.Gone",
            Self::Malformed => "Firebreak.Malformed",
            Self::Protected => "Firebreak.Protected",
            Self::Bug => "Firebreak.Bug",
        }
    }
}

/// The error of an execution whose last notice nobody heard. Only the state machine raises it.
pub const UNHEARD: &str = "Firebreak.Unheard";

/// The name of an error as Step Functions reports it: one of ours, or of AWS's, such as `States.Timeout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorName(String);

impl ErrorName {
    /// The kind of fault it names, if it is one of ours.
    #[must_use]
    pub fn kind(&self) -> Option<FaultKind> {
        FaultKind::ALL.into_iter().find(|kind| kind.error_type() == self.0)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<FaultKind> for ErrorName {
    fn from(kind: FaultKind) -> Self {
        Self(kind.error_type().to_owned())
    }
}

/// An error with its kind and one line for a person.
///
/// The message says what was attempted and what AWS answered. It never carries a token, a credential or a whole finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}: {message}", kind.error_type())]
pub struct Fault {
    /// Who may help.
    pub kind: FaultKind,
    /// What happened, in one line of at most 400 characters.
    pub message: String,
}

impl Fault {
    /// A fault of `kind`. The message is made [`inert`](crate::text::inert): AWS error texts can quote resource names.
    pub fn new(kind: FaultKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: crate::text::inert(message.as_ref(), 400) }
    }

    /// The fault for a person: what it means, and the message.
    #[must_use]
    pub fn told(&self) -> String {
        self.kind.says().map_or_else(|| self.message.clone(), |says| format!("{says}: {}", self.message))
    }

    /// The input has a form Firebreak cannot act on.
    pub fn malformed(message: impl AsRef<str>) -> Self {
        Self::new(FaultKind::Malformed, message)
    }

    /// Firebreak is wrong.
    pub fn bug(message: impl AsRef<str>) -> Self {
        Self::new(FaultKind::Bug, message)
    }

    /// The target must never be touched.
    pub fn protected(message: impl AsRef<str>) -> Self {
        Self::new(FaultKind::Protected, message)
    }

    /// The resource is not there.
    pub fn gone(message: impl AsRef<str>) -> Self {
        Self::new(FaultKind::Gone, message)
    }
}

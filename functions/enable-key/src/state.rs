//! What the state of a key means (KMS developer guide, "Key states of AWS KMS keys").

use aws_sdk_kms::types::KeyState;

/// The state of a key, as far as it decides what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It can be used.
    Enabled,
    /// Nobody can use it. `EnableKey` ends that.
    Disabled,
    /// Nobody can use it, and it goes for good. `CancelKeyDeletion` leaves it disabled, also where a multi-Region key only waits for its
    /// replicas to go (KMS developer guide, "Deleting multi-Region keys").
    ToBeDeleted,
    /// Its imported key material was deleted, or has expired: `EnableKey` fails.
    NoMaterial,
    /// Its custom key store is disconnected: `EnableKey` alone changes nothing.
    Unavailable,
    /// KMS is creating it, or gives a multi-Region key another primary Region. That passes by itself.
    Passing,
    /// A state that this version does not know.
    Unknown,
}

impl State {
    /// The state that KMS names so.
    pub(crate) fn named(word: &str) -> Self {
        match KeyState::from(word) {
            KeyState::Enabled => Self::Enabled,
            KeyState::Disabled => Self::Disabled,
            KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => Self::ToBeDeleted,
            KeyState::PendingImport => Self::NoMaterial,
            KeyState::Unavailable => Self::Unavailable,
            KeyState::Creating | KeyState::Updating => Self::Passing,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_is_enabled_counts_as_given_back_and_a_new_word_is_not_guessed() {
        for word in KeyState::values() {
            assert_ne!(State::named(word), State::Unknown, "{word}");
            assert_eq!(State::named(word) == State::Enabled, *word == "Enabled", "{word}");
        }
        assert_eq!(State::named("EnabledSoon"), State::Unknown);
    }
}

//! What a look finds is judged by its age: no session lives for ever, and what was made long ago may have found other users.
//!
//! | the call gave | in time | too old | without a time |
//! |---|---|---|---|
//! | a session | as found | a line: the session is over | waits |
//! | a user, a role or a key that the suspect made | as found | waits | waits |
//! | anything else: a change to a principal, an instance, a channel | as found | as found | as found |
//!
//! A session that is over takes no decision and no slot of its role, but what was done with it is still the suspect's doing: the
//! search has followed it before ages are judged. What the finding itself names is decided without a look, and has no age.

use super::{Follow, Traced};
use crate::decision::Mode;
use jiff::{SignedDuration, Timestamp};

/// What ages are measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// When the incident was opened.
    pub opened_at: Timestamp,
    /// The time of the look.
    pub now: Timestamp,
}

/// The longest life of a role's session, also in the console (STS API reference, `AssumeRole`, `DurationSeconds`; IAM user guide,
/// "Enable custom identity broker access to the AWS console", `SessionDuration`).
pub(super) const OF_A_ROLE: SignedDuration = SignedDuration::from_hours(12);
/// The longest life of a user's session (STS API reference, `GetSessionToken` and `GetFederationToken`, `DurationSeconds`).
pub(super) const OF_A_USER: SignedDuration = SignedDuration::from_hours(36);
/// What a suspect made longer than this before the incident may have found other users since.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

const OLD: &str =
    "created with the suspect's credentials, over a day before the incident or at an unknown time: others may need it";
const TIMELESS: &str =
    "assumed with the suspect's credentials at an unknown time: the session may be over, and its name another's";

impl Traced {
    /// Lowers what follows, as the table of this module says.
    pub fn judge_by_age(&mut self, ages: Ages) {
        if self.lives.zip(self.at).is_some_and(|(lives, at)| ages.now.duration_since(at) > lives) {
            self.follow = Follow::Nothing;
            return;
        }
        let is_session = self.lives.is_some();
        let is_old = self.at.is_none_or(|at| !is_session && ages.opened_at.duration_since(at) > RECENT);
        let Follow::Contain { mode: mode @ Mode::Auto, why, created, .. } = &mut self.follow else { return };
        if is_old && (is_session || *created) {
            *mode = Mode::Gate;
            *why = if is_session { TIMELESS } else { OLD };
        }
    }
}

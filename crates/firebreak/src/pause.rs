//! A pause: for a while everything automatic waits for a person, everywhere or in one account.
//!
//! A person asks for it with one call, without a deployment. A pause only lowers what would happen at once, ends by itself, and is
//! told to everybody. What a person approves is carried out all the same.

use crate::decision::{ReasonCode, Waits};
use crate::ids::AccountId;
use crate::text::inert;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest pause, in seconds: 24 hours. Only a person extends it, by asking again.
pub const LONGEST_SECONDS: u32 = 24 * 3600;
/// The longest reason that is kept, in characters.
pub const LONGEST_REASON: usize = 200;
/// Who paused by a test event of the Lambda console: a direct invocation tells a function nothing of its caller.
pub const UNSIGNED: &str = "unsigned: CloudTrail's data events of Lambda say who invoked firebreak-pause";

/// What the function `pause` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseRequest {
    /// From now on everything automatic waits.
    Pause(Wish),
    /// A pause ends before its time.
    Resume(Ending),
    /// What is paused now?
    Show {},
}

/// A pause that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The account; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// For how long from now, in seconds. It replaces what an earlier pause of the same account, or of all, says.
    pub for_seconds: u32,
    /// Why, for whoever wonders why nothing is contained.
    pub reason: String,
}

/// Which pause ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// That of this account; none: the one of all accounts. It leaves the pauses of single accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// A test event of the Lambda console: `{"pause": {…}, "from": "console"}`. Nobody signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleRequest {
    /// Says that whoever sends it knows that no identity comes with it.
    pub from: FromConsole,
    /// What is asked.
    #[serde(flatten)]
    pub request: PauseRequest,
}

/// Where a request without a signature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromConsole {
    /// The Lambda console.
    Console,
}

/// Why a pause is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPause {
    /// It would be over at once.
    #[error("a pause lasts at least one second")]
    TooShort,
    /// It would last too long.
    #[error("a pause lasts at most 24 hours; pause again before it ends to extend it")]
    TooLong,
    /// Nobody would know why.
    #[error("a pause needs a reason: people read it while nothing is contained without them")]
    NoReason,
}

/// A pause, as the ledger keeps it and people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The account; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When it was asked for.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Who asked: the ARN that IAM has checked, or [`UNSIGNED`].
    pub by: String,
    /// Why.
    pub reason: String,
    /// Nobody may have asked for it: the ledger could not say. What is automatic waits all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_known: bool,
}

/// A pause that a person ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The pause as it was.
    pub pause: Pause,
    /// Who ended it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Pauses in force at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pauses(Vec<Pause>);

/// What the function `pause` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum PauseOutcome {
    /// Everything automatic waits, and people were told.
    Paused {
        /// The pause.
        pause: Pause,
        /// All that is paused now.
        in_force: Pauses,
    },
    /// The pause is over, and people were told.
    Resumed {
        /// The pause as it was, and who ended it.
        resumed: Resumed,
        /// What is paused all the same.
        in_force: Pauses,
    },
    /// There was nothing to end.
    NotPaused {
        /// What is paused elsewhere.
        in_force: Pauses,
    },
    /// What was asked for.
    Shown {
        /// All that is paused now.
        in_force: Pauses,
    },
}

impl Wish {
    /// The pause that begins now. `by`: who asks, as IAM says.
    ///
    /// # Errors
    /// It has no reason, or lasts no time or too long.
    pub fn begin(&self, by: &str, now: Timestamp) -> Result<Pause, InvalidPause> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err(InvalidPause::NoReason);
        }
        match self.for_seconds {
            0 => return Err(InvalidPause::TooShort),
            seconds if seconds > LONGEST_SECONDS => return Err(InvalidPause::TooLong),
            _ => {}
        }
        let until = now.checked_add(SignedDuration::from_secs(i64::from(self.for_seconds))).unwrap_or(now);
        let (by, reason) = (inert(by, 200), inert(reason, LONGEST_REASON));
        Ok(Pause { account: self.account.clone(), since: now, until, by, reason, not_known: false })
    }
}

impl Pause {
    /// What counts as a pause of `account`, or of all, at `at`: its record could not be read. Such a pause lowers a decision; it never
    /// loses one.
    #[must_use]
    pub fn unread(account: Option<AccountId>, at: Timestamp) -> Self {
        let until = at.checked_add(SignedDuration::from_secs(i64::from(LONGEST_SECONDS))).unwrap_or(at);
        let (by, reason) = ("nobody knows".to_owned(), "its record in the ledger could not be read".to_owned());
        Self { account, since: at, until, by, reason, not_known: true }
    }

    /// Whether it is about `account`.
    #[must_use]
    pub fn is_about(&self, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|paused| paused == account)
    }

    /// Where it holds, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.account.as_ref().map_or_else(|| "all accounts".to_owned(), |account| format!("account {account}"))
    }

    /// When it ends by itself, for people: UTC, to the second.
    #[must_use]
    pub fn ends(&self) -> String {
        self.until.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// Why something waits, in one line that leaves room for what else there is to say.
    #[must_use]
    pub fn says(&self) -> String {
        if self.not_known {
            return format!("whether it is paused is not known: {}", inert(&self.reason, 80));
        }
        format!("paused until {} by {}: {}", self.ends(), inert(&self.by, 110), inert(&self.reason, 80))
    }

    /// All of it in one line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { by, reason, .. } = self;
        if self.not_known {
            return format!("whether what is automatic is paused in {} is not known, so it waits: {reason}", self.place());
        }
        format!("what is automatic waits in {} until {}, by {by}: {reason}", self.place(), self.ends())
    }

    /// What a containment answers while nobody has approved it.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits { code: ReasonCode::Paused, impact: self.says() }
    }

    /// The command that ends it.
    #[must_use]
    pub fn ended_by(&self) -> String {
        let place = self.account.as_ref().map_or_else(String::new, |account| format!(" --account {account}"));
        let resume = format!("firebreak resume{place}");
        // A record without its end has nothing that could be ended: a pause writes all of it anew.
        if self.not_known { format!("firebreak pause{place} --for 1m --reason repair, then {resume}") } else { resume }
    }
}

impl Pauses {
    /// The pause that holds back what is automatic in `account`: of several the one that is known, and lasts longest.
    #[must_use]
    pub fn of(&self, account: &AccountId) -> Option<&Pause> {
        self.all().filter(|pause| pause.is_about(account)).max_by_key(|pause| (!pause.not_known, pause.until))
    }

    /// Each of them.
    pub fn all(&self) -> impl Iterator<Item = &Pause> {
        self.0.iter()
    }

    /// Whether nothing is paused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Pause> for Pauses {
    fn from_iter<T: IntoIterator<Item = Pause>>(pauses: T) -> Self {
        Self(pauses.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BY: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakOperator/ann";

    fn account(number: &str) -> AccountId {
        AccountId::parse(number).expect("an account")
    }

    fn now() -> Timestamp {
        "2026-11-30T02:00:00Z".parse().expect("a time")
    }

    fn wish(for_seconds: u32, reason: &str) -> Wish {
        Wish { account: None, for_seconds, reason: reason.to_owned() }
    }

    #[test]
    fn a_pause_has_an_end_within_a_day_and_a_reason() {
        let pause = wish(7200, " a rollout misfires\r\n").begin(BY, now()).expect("a pause");
        assert_eq!((pause.since, pause.until.to_string()), (now(), "2026-11-30T04:00:00Z".to_owned()));
        assert_eq!((pause.by.as_str(), pause.reason.as_str()), (BY, "a rollout misfires"));
        assert!(wish(LONGEST_SECONDS, "x").begin(BY, now()).is_ok());
        for (wrong, why) in [
            (wish(LONGEST_SECONDS + 1, "x"), InvalidPause::TooLong),
            (wish(0, "x"), InvalidPause::TooShort),
            (wish(60, " \u{9}"), InvalidPause::NoReason),
        ] {
            assert_eq!(wrong.begin(BY, now()), Err(why));
        }
    }

    #[test]
    fn what_people_read_is_one_line_whatever_somebody_wrote() {
        let hostile = format!("x\r\nBcc: all@example.com\u{1b}[2J\u{202e}{}", "y".repeat(2000));
        let pause = wish(60, &hostile).begin(&hostile, now()).expect("a pause");
        for line in [pause.line(), pause.says()] {
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
            assert!(line.chars().count() < 520, "{}", line.chars().count());
        }
        assert!(pause.says().chars().count() < 240, "a decision says more than that it is paused");
    }

    #[test]
    fn a_pause_of_one_account_leaves_the_others_and_one_of_all_leaves_none() {
        let (one, other) = (account("111122223333"), account("444455556666"));
        let everywhere = wish(60, "x").begin(BY, now()).expect("a pause");
        let of_one = Wish { account: Some(one.clone()), ..wish(120, "y") }.begin(BY, now()).expect("a pause");
        let pauses: Pauses = [of_one.clone()].into_iter().collect();
        assert_eq!((pauses.of(&one), pauses.of(&other)), (Some(&of_one), None));
        let pauses: Pauses = [everywhere.clone(), of_one.clone()].into_iter().collect();
        assert_eq!((pauses.of(&one), pauses.of(&other)), (Some(&of_one), Some(&everywhere)), "the one that lasts longest");
        assert_eq!((of_one.place().as_str(), everywhere.place().as_str()), ("account 111122223333", "all accounts"));
        assert_eq!(of_one.ended_by(), "firebreak resume --account 111122223333");
    }

    #[test]
    fn what_is_not_known_counts_as_a_pause_in_words_of_its_own_and_a_known_pause_says_more() {
        let one = account("111122223333");
        let unread = Pause::unread(Some(one.clone()), now());
        assert_eq!(unread.waits().code, ReasonCode::Paused);
        for words in [unread.says(), unread.line()] {
            assert!(words.contains("is not known") && !words.contains("nobody knows"), "{words}");
        }
        let known = wish(60, "x").begin(BY, now()).expect("a pause");
        let pauses: Pauses = [unread.clone(), known.clone()].into_iter().collect();
        assert_eq!(pauses.of(&one), Some(&known), "it says who, although the other one would last longer");
        assert_eq!([unread.clone()].into_iter().collect::<Pauses>().of(&one), Some(&unread));
        let before = json!({ "since": now(), "until": now(), "by": "ann", "reason": "x" });
        assert!(serde_json::from_value::<Pause>(before).is_ok_and(|pause| !pause.not_known), "as it was written before");
    }

    #[test]
    fn a_request_has_one_form() {
        let read = |request: serde_json::Value| serde_json::from_value::<PauseRequest>(request).ok();
        let pause = json!({ "pause": { "account": "111122223333", "for_seconds": 60, "reason": "x" } });
        let wish = Wish { account: Some(account("111122223333")), ..wish(60, "x") };
        assert_eq!(read(pause), Some(PauseRequest::Pause(wish)));
        assert_eq!(read(json!({ "resume": {} })), Some(PauseRequest::Resume(Ending::default())));
        assert_eq!(read(json!({ "show": {} })), Some(PauseRequest::Show {}));
        for wrong in [
            json!({ "pause": { "for_seconds": 60, "reason": "x", "by": "somebody else" } }),
            json!({ "pause": { "for_seconds": -1, "reason": "x" } }),
            json!({ "pause": { "for_seconds": 60 } }),
            json!({ "pause": { "account": "../1", "for_seconds": 60, "reason": "x" } }),
            json!({ "resume": {}, "show": {} }),
            json!({}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn a_test_event_of_the_console_says_that_it_is_one() {
        let read = |request: serde_json::Value| serde_json::from_value::<ConsoleRequest>(request).map(|console| console.request);
        let pause = json!({ "pause": { "for_seconds": 60, "reason": "x" }, "from": "console" });
        assert_eq!(read(pause).expect("a test event"), PauseRequest::Pause(wish(60, "x")));
        assert_eq!(read(json!({ "resume": {}, "from": "console" })).expect("one"), PauseRequest::Resume(Ending::default()));
        for wrong in [
            json!({ "pause": { "for_seconds": 60, "reason": "x" } }),
            json!({ "pause": { "for_seconds": 60, "reason": "x" }, "from": "me" }),
            json!({ "from": "console" }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

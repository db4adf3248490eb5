//! That somebody pauses or resumes what is automatic: everybody hears of it, since nothing is contained without them meanwhile.

use super::mail::Message;
use crate::pause::{Pause, Pauses, Resumed};
use crate::text;
use std::fmt::Write as _;

/// A pause begins, or has a new end.
#[must_use]
pub fn paused(pause: &Pause) -> Message {
    let (place, until) = (pause.place(), pause.ends());
    let mut body = format!("What is automatic is PAUSED in {place}.\n\nUntil: {until}\n");
    who(&mut body, &pause.by, Some(&pause.reason));
    body.push_str(
        "\nUntil then:\n  \
         - What would be contained at once waits for an approval: firebreak review list\n  \
         - What is contained stays contained. A control that somebody takes away is told, and NOT written again.\n  \
         - Approvals, releases, evidence and notices go on.\n",
    );
    let _ = write!(body, "\nIt ends by itself. Sooner: {}\nStill paused? firebreak doctor\n", pause.ended_by());
    Message { subject: text::subject(&format!("[Firebreak] PAUSED until {until}: {place}")), body }
}

/// A pause ends before its time. `in_force`: what is paused all the same.
#[must_use]
pub fn resumed(resumed: &Resumed, in_force: &Pauses) -> Message {
    let place = resumed.pause.place();
    let mut body = format!("What is automatic is no longer paused in {place}.\n\n");
    who(&mut body, &resumed.by, None);
    let _ = writeln!(body, "The pause was: {}", shown(&resumed.pause.line()));
    for pause in in_force.all() {
        let _ = writeln!(body, "STILL paused: {}", shown(&pause.line()));
    }
    body.push_str("\nWhat was decided during the pause waits for an approval all the same: firebreak review list\n");
    Message { subject: text::subject(&format!("[Firebreak] Resumed: {place}")), body }
}

fn who(body: &mut String, by: &str, reason: Option<&str>) {
    let _ = writeln!(body, "By: {}", shown(by));
    if let Some(reason) = reason {
        let _ = writeln!(body, "Why: {}", shown(reason));
    }
}

/// A person's words: one line, and nothing that a mail client makes a link of.
fn shown(words: &str) -> String {
    text::free_text(words, 520)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pause::Wish;
    use jiff::Timestamp;

    const BY: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakOperator/ann";

    fn pause(account: Option<&str>, reason: &str) -> Pause {
        let account = account.map(|number| crate::ids::AccountId::parse(number).expect("an account"));
        let now: Timestamp = "2026-11-30T02:00:00Z".parse().expect("a time");
        Wish { account, for_seconds: 7200, reason: reason.to_owned() }.begin(BY, now).expect("a pause")
    }

    #[test]
    fn a_pause_says_who_until_when_why_and_how_to_end_it() {
        let Message { subject, body } = paused(&pause(Some("111122223333"), "a rollout misfires"));
        assert_eq!(subject, "[Firebreak] PAUSED until 2026-11-30 04:00:00 UTC: account 111122223333");
        for words in [BY, "Why: a rollout misfires", "Until: 2026-11-30 04:00:00 UTC", "firebreak resume --account 111122223333"]
        {
            assert!(body.contains(words), "{words}: {body}");
        }
    }

    #[test]
    fn a_resumption_says_who_and_what_is_paused_all_the_same() {
        let at: Timestamp = "2026-11-30T02:30:00Z".parse().expect("a time");
        let ended = Resumed { pause: pause(None, "a rollout misfires"), by: "bob".to_owned(), at };
        let Message { subject, body } = resumed(&ended, &[pause(Some("111122223333"), "a drill")].into_iter().collect());
        assert_eq!(subject, "[Firebreak] Resumed: all accounts");
        for words in ["By: bob", "a rollout misfires", "STILL paused: what is automatic waits in account 111122223333"] {
            assert!(body.contains(words), "{words}: {body}");
        }
    }

    #[test]
    fn a_reason_cannot_forge_a_line_or_a_link() {
        let hostile = "x\r\nBy: somebody else\u{1b}[2J https://evil.example www.evil.example";
        let body = paused(&pause(None, hostile)).body;
        assert_eq!(body.lines().filter(|line| line.starts_with("By: ")).count(), 1, "{body}");
        assert!(!body.contains("://") && !body.contains("www.") && !body.contains('\u{1b}'), "{body:?}");
    }
}

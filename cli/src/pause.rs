//! `firebreak pause` and `firebreak resume`: everything automatic waits for a person, for a while.
//!
//! The function `pause` writes it down and tells people. Who asks is the identity that signs the request.

use crate::arguments::{PauseArguments, ResumeArguments};
use crate::{CommandError, Connection, print_json, signed};
use console::style;
use firebreak::ids::AccountId;
use firebreak::pause::{Ending, LONGEST_SECONDS, Pause, PauseOutcome, PauseRequest, Pauses, Wish};
use firebreak::text::inert;

pub(crate) async fn pause(arguments: &PauseArguments) -> Result<(), CommandError> {
    let (account, for_seconds) = (account(arguments.account.as_deref())?, seconds(&arguments.duration)?);
    let reason = arguments.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(CommandError::Input("--reason: say why; people read it while nothing is contained without them".to_owned()));
    }
    ask(&PauseRequest::Pause(Wish { account, for_seconds, reason }), arguments.json).await
}

pub(crate) async fn resume(arguments: &ResumeArguments) -> Result<(), CommandError> {
    let account = account(arguments.account.as_deref())?;
    ask(&PauseRequest::Resume(Ending { account }), arguments.json).await
}

async fn ask(request: &PauseRequest, json: bool) -> Result<(), CommandError> {
    let connection = Connection::open().await?;
    let outcome: PauseOutcome = signed::call(&connection, "pause", request).await?;
    if json {
        return print_json(&outcome);
    }
    println!("{}", says(&outcome));
    Ok(())
}

/// What a person reads after the command.
fn says(outcome: &PauseOutcome) -> String {
    let mut lines = Vec::new();
    match outcome {
        PauseOutcome::Paused { pause, in_force } => {
            lines.push(format!("{} {} until {}", style("paused:").yellow().bold(), pause.place(), pause.ends()));
            lines.push("  what would be contained at once waits for an approval: firebreak review list".to_owned());
            lines.push("  what is contained stays contained; what somebody takes away is told, and NOT written again".to_owned());
            lines.push(format!("  it ends by itself; sooner: {}", pause.ended_by()));
            lines.extend(still(in_force, Some(pause)));
        }
        PauseOutcome::Resumed { resumed, in_force } => {
            lines.push(format!("{} {}", style("resumed:").green().bold(), resumed.pause.place()));
            lines
                .push("  what was decided during the pause waits for an approval all the same: firebreak review list".to_owned());
            lines.extend(still(in_force, None));
        }
        PauseOutcome::NotPaused { in_force } => {
            lines.push("nothing was paused there".to_owned());
            lines.extend(still(in_force, None));
        }
        PauseOutcome::Shown { in_force } if in_force.is_empty() => lines.push("nothing is paused".to_owned()),
        PauseOutcome::Shown { in_force } => lines.extend(still(in_force, None)),
    }
    lines.join("\n")
}

/// What else is paused, each with the command that ends it.
fn still<'a>(in_force: &'a Pauses, but: Option<&'a Pause>) -> impl Iterator<Item = String> {
    let others = in_force.all().filter(move |pause| but.is_none_or(|but| but.account != pause.account));
    others.map(|pause| {
        format!("  {} {}; to end it: {}", style("still paused:").yellow(), inert(&pause.line(), 520), pause.ended_by())
    })
}

fn account(text: Option<&str>) -> Result<Option<AccountId>, CommandError> {
    let wrong = |text: &str, error| CommandError::Input(format!("--account {}: {error}", inert(text, 40)));
    text.map(|text| AccountId::parse(text).map_err(|error| wrong(text, error))).transpose()
}

/// A duration as people write it: `90m`, `2h`, `1d`, `1h30m`.
fn seconds(text: &str) -> Result<u32, CommandError> {
    let refused = |why: &str| CommandError::Input(format!("--for {}: {why}", inert(text, 40)));
    match parsed(text) {
        None => Err(refused("write seconds, minutes, hours or a day, such as 45s, 90m, 2h or 1d")),
        Some(0) => Err(refused("a pause lasts at least a second")),
        Some(seconds) if seconds > LONGEST_SECONDS => {
            Err(refused("a pause lasts at most 24 hours; pause again before it ends to extend it"))
        }
        Some(seconds) => Ok(seconds),
    }
}

/// Nothing for what is no duration. More than fits is the most that fits: it is too long anyway.
fn parsed(text: &str) -> Option<u32> {
    let mut rest = text.trim();
    let mut sum: u32 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let mut letters = after.chars();
        let unit = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let is_number = !number.is_empty();
        let number = is_number.then(|| number.parse::<u32>().unwrap_or(u32::MAX))?;
        sum = sum.saturating_add(number.saturating_mul(unit));
        rest = letters.as_str();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_duration_is_written_as_people_write_it() {
        for (text, expected) in
            [("45s", 45), ("90m", 5_400), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400), (" 2h ", 7_200), ("24h", 86_400)]
        {
            assert_eq!(seconds(text).expect(text), expected, "{text}");
        }
        for (text, why) in [
            ("25h", "at most 24 hours"),
            ("2d", "at most 24 hours"),
            ("99999999999999h", "at most 24 hours"),
            ("0h", "at least a second"),
            ("", "such as"),
            ("2", "such as"),
            ("h", "such as"),
            ("2w", "such as"),
            ("-2h", "such as"),
            ("1.5h", "such as"),
            ("２h", "such as"),
            ("2h\u{1b}[2J", "such as"),
        ] {
            let CommandError::Input(line) = seconds(text).expect_err(text) else { panic!("{text}: the input is wrong") };
            assert!(line.contains(why) && !line.contains(['\n', '\u{1b}']), "{text}: {line}");
        }
    }

    fn paused(account: Option<&str>) -> Pause {
        let account = account.map(|number| AccountId::parse(number).expect("an account"));
        let now: Timestamp = "2026-11-30T02:00:00Z".parse().expect("a time");
        Wish { account, for_seconds: 7_200, reason: "a rollout misfires".to_owned() }.begin("ann", now).expect("a pause")
    }

    #[test]
    fn after_a_pause_a_person_knows_what_waits_until_when_and_how_to_end_it() {
        let (of_all, of_one) = (paused(None), paused(Some("111122223333")));
        let in_force: Pauses = [of_all.clone(), of_one.clone()].into_iter().collect();
        let text = says(&PauseOutcome::Paused { pause: of_one, in_force });
        for words in [
            "account 111122223333 until 2026-11-30 04:00:00 UTC",
            "waits for an approval",
            "firebreak resume --account 111122223333",
            "what is automatic waits in all accounts until 2026-11-30 04:00:00 UTC, by ann: a rollout misfires",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(text.matches("still paused:").count(), 1, "{text}");
        let text = says(&PauseOutcome::NotPaused { in_force: [of_all].into_iter().collect() });
        assert!(text.contains("nothing was paused there") && text.contains("to end it: firebreak resume"), "{text}");
    }
}

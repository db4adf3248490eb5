//! `firebreak report observe`: what mode `auto` would have done where accounts only observe or rehearse.

mod show;

use crate::arguments::{ObserveArguments, ReportAbout, ReportArguments};
use crate::{CommandError, Connection, print_json};
use firebreak::answer::{Answer, Decided};
use firebreak::decision::{Decision, ReasonCode};
use firebreak::ids::{AccountId, IncidentId};
use firebreak::incident::IncidentStatus;
use firebreak::policy::Budget;
use firebreak::rollout::{self, Entry, Rollout};
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_ledger::{IncidentRecord, Ledger};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Of so many released dry runs, the newest ones, the report says why.
const RELEASED: usize = 20;

/// What the page says.
#[derive(Debug, Serialize)]
struct Report {
    /// Incidents that were opened then or later.
    since: Timestamp,
    #[serde(flatten)]
    rollout: Rollout,
    /// Dry runs that an analyst called wrong.
    released: Vec<Released>,
}

/// A dry run that an analyst released.
#[derive(Debug, Serialize)]
struct Released {
    incident: IncidentId,
    /// Who released it and why; nothing where the ledger has no answer any more.
    answer: Option<Decided>,
}

pub(crate) async fn run(arguments: &ReportArguments) -> Result<(), CommandError> {
    let ReportAbout::Observe(arguments) = &arguments.about;
    observe(arguments).await
}

async fn observe(arguments: &ObserveArguments) -> Result<(), CommandError> {
    let since = since(&arguments.since, clock::now())?;
    let account = arguments.account.as_deref().map(account).transpose()?;
    let ledger = Connection::open().await?.ledger;
    let records = ledger.incidents_since(since).await?;
    let is_asked = |decision: &Decision| account.as_ref().is_none_or(|account| decision.target.account == *account);
    let entries = records.iter().flat_map(|record| Entry::all_of(&record.incident, record.status));
    let held = entries.filter(|entry| entry.decision.suppressed || rollout::held_by_mode(entry.decision));
    // Policy is in the deployment, not in the ledger: hours are held against the budget that policy has by default.
    let rollout = rollout::rollout(held.filter(|entry| is_asked(entry.decision)), &Budget::default());
    let released = released(&ledger, &records, is_asked).await?;
    let report = Report { since, rollout, released };
    if arguments.json {
        return print_json(&report);
    }
    show::print(&report);
    Ok(())
}

/// The newest dry runs that an analyst released, with the answers.
async fn released(
    ledger: &Ledger,
    records: &[IncidentRecord],
    is_asked: impl Fn(&Decision) -> bool,
) -> Result<Vec<Released>, CommandError> {
    let is_rehearsal = |decision: &Decision| decision.code == ReasonCode::DryRun && is_asked(decision);
    let is_released = |record: &&IncidentRecord| {
        record.status == IncidentStatus::Released && record.incident.decisions.iter().any(is_rehearsal)
    };
    let mut released = Vec::new();
    for record in records.iter().filter(is_released).take(RELEASED) {
        let incident = record.incident.id.clone();
        let review = ledger.incident(&incident).await?.and_then(|view| view.review);
        let mut answers = review.into_iter().flat_map(|review| review.decision.into_iter().chain(review.answers));
        let answer = answers.rfind(|decided| decided.answer == Answer::Release);
        released.push(Released { incident, answer });
    }
    Ok(released)
}

/// When the report begins: `age` before `now`, in days or hours.
fn since(age: &str, now: Timestamp) -> Result<Timestamp, CommandError> {
    let units = [('d', 24), ('h', 1)];
    let number = |unit: char| age.strip_suffix(unit).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let hours = units.iter().find_map(|(unit, hours)| number(*unit)?.parse::<u32>().ok().map(|n| i64::from(n) * hours));
    let since = hours.and_then(|hours| now.checked_sub(SignedDuration::from_hours(hours)).ok());
    since.ok_or_else(|| CommandError::Input(format!("--since {}: write days or hours, such as 30d or 12h", inert(age, 40))))
}

fn account(text: &str) -> Result<AccountId, CommandError> {
    AccountId::parse(text).map_err(|error| CommandError::Input(format!("--account {}: {error}", inert(text, 40))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_days_or_hours_and_nothing_else() {
        let now: Timestamp = "2026-12-12T12:00:00Z".parse().expect("a time");
        for (age, from) in [("30d", "2026-11-12T12:00:00Z"), ("12h", "2026-12-12T00:00:00Z"), ("0h", "2026-12-12T12:00:00Z")] {
            assert_eq!(since(age, now).expect(age).to_string(), from, "{age}");
        }
        for age in
            ["", "x", "d", "30", "30D", "+1d", "-1d", "1.5d", "1d2h", "１d", "d30", "99999999999d", "4294967295d", "30d\u{1b}[2J"]
        {
            let refused = since(age, now).expect_err(age);
            let CommandError::Input(line) = refused else { panic!("{age}: the input is wrong") };
            assert!(line.contains("30d or 12h") && !line.contains('\u{1b}'), "{line}");
        }
    }
}

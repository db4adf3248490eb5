//! The page on which an engineer decides whether an account gets its next mode.

use super::{Released, Report};
use crate::paint;
use console::style;
use firebreak::rollout::{Answers, Hour, Line, Suppressed, targets};
use firebreak::text::inert;
use std::fmt::Display;

/// So many targets or accounts are named in one line.
const NAMED: usize = 5;

pub(super) fn print(report: &Report) {
    for line in page(report) {
        println!("{line}");
    }
}

fn page(report: &Report) -> Vec<String> {
    let rollout = &report.rollout;
    let since = paint::time(report.since);
    let mut page = vec![format!("{} incident(s) since {since} in accounts that only observe or rehearse", rollout.incidents)];
    if rollout.earlier > 0 {
        let unknown = "were decided before this version: what mode auto would have done is not known";
        page.push(format!("{} more {unknown}", rollout.earlier));
    }
    page.push(format!("\nIn mode auto {} would have been contained {}.", count(&rollout.at_once), style("at once").red()));
    page.extend(rollout.at_once.iter().map(of_type));
    let hours = rollout.hours.iter().enumerate().filter(|(place, hour)| *place == 0 || hour.over_budget > 0);
    page.extend(hours.map(|(_, hour)| in_hour(hour)));
    page.push(format!("\nOf {} people would have been {}.", count(&rollout.gated), style("asked first").yellow()));
    page.extend(rollout.gated.iter().map(of_type));
    page.push(format!("\nOf {} more decision(s) people would only have been told.", rollout.told));
    if !rollout.suppressed.is_empty() {
        page.push("\nSuppressed, whatever the account's mode:".to_owned());
        page.extend(rollout.suppressed.iter().map(by_suppression));
    }
    page.push(format!("\nDry runs: {}", answered(&rollout.answers)));
    page.extend(report.released.iter().map(why_released));
    page
}

fn count(lines: &[Line]) -> String {
    format!("{} target(s)", style(targets(lines)).bold())
}

fn of_type(line: &Line) -> String {
    let what = line.containment.map_or("by hand", |containment| containment.name());
    let (account, kind) = (&line.account, inert(&line.kind, 128));
    let (number, named) = (line.targets.len(), few(&line.targets));
    format!("  {} in {account}: {kind}\n      {number} target(s), {} finding(s): {named}", style(what).bold(), line.findings)
}

fn in_hour(hour: &Hour) -> String {
    let when = hour.hour.map_or_else(|| "at an unknown time".to_owned(), |at| format!("in the hour from {}", paint::time(at)));
    let (what, account) = (hour.budget, &hour.account);
    let over = match hour.over_budget {
        0 => String::new(),
        over => format!(", {}", style(format!("{over} over the default budget: they would have waited")).yellow()),
    };
    format!("  most: {} target(s) of {what} in {account} {when}{over}", hour.targets)
}

fn by_suppression(suppressed: &Suppressed) -> String {
    let accounts: Vec<_> = suppressed.accounts.iter().collect();
    format!("  {} decision(s) in {}: {}", suppressed.decisions, few(&accounts), inert(&suppressed.reason, 400))
}

fn answered(answers: &Answers) -> String {
    let Answers { approved, released, waiting, under_way, failed } = answers;
    let open = format!("{waiting} wait for an answer, {under_way} under way");
    format!("{approved} approved, {released} released, {open}, {failed} not answered in time or broken down")
}

fn why_released(released: &Released) -> String {
    let id = style(released.incident.as_str()).bold();
    match &released.answer {
        Some(decided) => format!("  {id} released by {}: {}", inert(&decided.by, 200), inert(&decided.comment, 300)),
        None => format!("  {id} released"),
    }
}

/// A few of them by name, and how many more there are.
fn few(all: &[impl Display]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::answer::{Answer, Decided};
    use firebreak::containment::Containment;
    use firebreak::ids::{AccountId, IncidentId, Partition, Region};
    use firebreak::rollout::Rollout;
    use firebreak::target::{Place, Target, TargetKind};
    use jiff::Timestamp;
    use std::collections::BTreeSet;

    fn account() -> AccountId {
        AccountId::parse("111122223333").expect("an account")
    }

    fn user(name: &str) -> Target {
        let region = Region::parse("eu-central-1").expect("a Region");
        let place = Place { account: account(), region, partition: Partition::parse("aws").expect("a partition") };
        Target::new(TargetKind::IamUser, name, place)
    }

    fn shown(rollout: Rollout, released: Vec<Released>) -> String {
        let report = Report { since: Timestamp::UNIX_EPOCH, rollout, released };
        console::strip_ansi_codes(&page(&report).join("\n")).into_owned()
    }

    fn line(containment: Option<Containment>, kind: &str, names: &[&str]) -> Line {
        let targets = names.iter().map(|name| user(name)).collect();
        Line { account: account(), containment, kind: kind.to_owned(), findings: 9, targets }
    }

    #[test]
    fn the_page_names_what_would_be_contained_and_where() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let at_once = vec![line(Some(Containment::QuarantineIam), "Exfiltration:IAMUser/AnomalousBehavior", &names)];
        let gated = vec![line(None, "Backdoor:Lambda/C&CActivity.B", &["root"])];
        let (containment, hour) = (Containment::QuarantineIam, Some(Timestamp::UNIX_EPOCH));
        let counted = |targets: usize| {
            let (budget, over_budget) = ("quarantine-iam-user", targets.saturating_sub(20));
            Hour { account: account(), containment, budget, hour, targets, over_budget }
        };
        let hours = vec![counted(22), counted(7)];
        let rollout = Rollout { incidents: 12, earlier: 3, at_once, gated, hours, ..Rollout::default() };
        let page = shown(rollout, vec![]);
        for words in [
            "12 incident(s) since 1970-01-01 00:00:00 UTC",
            "3 more were decided before this version",
            "In mode auto 7 target(s) would have been contained at once",
            "quarantine-iam in 111122223333: Exfiltration:IAMUser/AnomalousBehavior\n      7 target(s), 9 finding(s): IAM user a,",
            "IAM user e and 2 more",
            "by hand in 111122223333: Backdoor:Lambda/C&CActivity.B",
            "2 over the default budget",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(page.matches("most: ").count(), 1, "an hour within the budget is only shown when it is the fullest: {page}");
    }

    #[test]
    fn hostile_text_is_inert_on_the_page() {
        let evil = "x\u{1b}[2J\r\u{202e}";
        let decided = Decided::new(Answer::Release, evil, evil, Timestamp::UNIX_EPOCH);
        let released = vec![Released { incident: IncidentId::of("one"), answer: Some(decided) }];
        let suppressed = vec![Suppressed { reason: evil.to_owned(), accounts: BTreeSet::from([account()]), decisions: 1 }];
        let at_once = vec![line(Some(Containment::QuarantineIam), evil, &[evil])];
        let report =
            Report { since: Timestamp::UNIX_EPOCH, rollout: Rollout { at_once, suppressed, ..Rollout::default() }, released };
        // As it is: who takes the colours away first would take the escapes of a name away with them.
        let page = page(&report).join("\n");
        assert!(page.matches("x\u{fffd}[2J\u{fffd}\u{fffd}").count() >= 5, "{page:?}");
        assert!(!page.contains(['\r', '\u{202e}']) && !page.contains("\u{1b}[2J"), "{page:?}");
    }
}

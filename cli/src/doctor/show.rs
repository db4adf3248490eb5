//! What a person reads: one line for what is sound, every line for what is not.

use super::deployment::Deployment;
use console::style;
use firebreak::diagnosis::{Condition, Observation};
use firebreak::text::inert;

pub(super) fn print(deployment: &Deployment, observations: &[Observation], all: bool) {
    println!("Firebreak in {} {}", deployment.account, deployment.region);
    for check in checks(observations) {
        let of_check: Vec<_> = observations.iter().filter(|seen| seen.check == check).collect();
        let sound = of_check.iter().filter(|seen| seen.condition == Condition::Sound).count();
        let mark = if of_check.iter().any(|seen| matches!(seen.condition, Condition::Broken | Condition::Unknown)) {
            style("✖").red().bold()
        } else {
            style("✔").green()
        };
        println!("  {mark} {:<18} {sound} of {}", inert(check, 40), of_check.len());
        for seen in of_check.into_iter().filter(|seen| all || seen.condition != Condition::Sound) {
            line(seen);
        }
    }
    summary(observations);
}

/// The names of the checks, in the order in which they were made.
fn checks(observations: &[Observation]) -> Vec<&str> {
    let mut checks: Vec<&str> = Vec::new();
    for seen in observations {
        if !checks.contains(&seen.check.as_str()) {
            checks.push(&seen.check);
        }
    }
    checks
}

fn line(seen: &Observation) {
    let (mark, found) = (mark(seen.condition), inert(&seen.found, 400));
    println!("      {mark} {}: {found}", style(inert(&seen.subject, 200)).bold());
    if let Some(fix) = &seen.fix {
        println!("        {} {}", style("→").cyan(), inert(fix, 700));
    }
}

fn mark(condition: Condition) -> console::StyledObject<&'static str> {
    match condition {
        Condition::Sound => style("✔").green(),
        Condition::Advice => style("!").yellow(),
        Condition::Broken => style("✖").red().bold(),
        Condition::Unknown => style("?").yellow().bold(),
    }
}

fn summary(observations: &[Observation]) {
    let count = |condition| observations.iter().filter(|seen| seen.condition == condition).count();
    let (broken, unknown, advice) = (count(Condition::Broken), count(Condition::Unknown), count(Condition::Advice));
    let sound = count(Condition::Sound);
    let text = format!("{sound} sound, {broken} broken, {unknown} not known, {advice} could be better");
    println!();
    if broken + unknown == 0 {
        println!("{} {text}", style("Ready:").green().bold());
    } else {
        println!("{} {text}", style("Not ready:").red().bold());
    }
}

//! Lines for people, as many as travel through the state machine.

use crate::text::inert;
use std::collections::BTreeSet;

/// Lines of one kind that a report takes.
pub const MAX_LINES: usize = 40;
/// Characters of one line.
const MAX_LINE: usize = 200;
/// How the line begins that stands for those that are left out.
const MORE: &str = "… and ";

/// The lines of earlier rounds and of this one, oldest first and each once; and whether this round added one.
///
/// Every round looks from the beginning again. What an earlier one counted, and could not show, is not new.
#[must_use]
pub fn merged(before: &[String], now: impl IntoIterator<Item = String>) -> (Vec<String>, bool) {
    let (more, shown): (Vec<&String>, Vec<&String>) = before.iter().partition(|line| line.starts_with(MORE));
    let hidden: usize = more.iter().filter_map(|line| line.strip_prefix(MORE)?.split(' ').next()?.parse::<usize>().ok()).sum();
    let known = shown.len().saturating_add(hidden);
    let mut all: BTreeSet<String> = shown.into_iter().map(|line| inert(line, MAX_LINE)).collect();
    all.extend(now.into_iter().map(|line| inert(&line, MAX_LINE)));
    let total = all.len().max(known);
    (cut(all, total), total > known)
}

/// As many of `lines` as a report takes, in their order, and how many more there are.
#[must_use]
pub fn bounded(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let lines = lines.into_iter().map(|line| inert(&line, MAX_LINE));
    let lines: Vec<String> = lines.filter(|line| seen.insert(line.clone())).collect();
    let total = lines.len();
    cut(lines, total)
}

fn cut(lines: impl IntoIterator<Item = String>, total: usize) -> Vec<String> {
    let mut kept: Vec<String> = lines.into_iter().take(if total > MAX_LINES { MAX_LINES - 1 } else { MAX_LINES }).collect();
    if total > kept.len() {
        kept.push(format!("{MORE}{} more", total - kept.len()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: usize) -> String {
        format!("2026-11-21T14:{:02}:{:02}Z CreateUser", at / 60, at % 60)
    }

    #[test]
    fn rounds_add_up_without_repeating() {
        let (first, new) = merged(&[], [line(2), line(1), line(2)]);
        assert_eq!((first.as_slice(), new), (&[line(1), line(2)][..], true));
        let (same, new) = merged(&first, [line(1), line(2)]);
        assert_eq!((&same, new), (&first, false));
        let (more, new) = merged(&first, [line(0)]);
        assert_eq!((more.len(), new, more[0].clone()), (3, true, line(0)), "oldest first, whenever it was found");
    }

    #[test]
    fn a_flood_is_counted_and_does_not_alarm_twice() {
        let (first, new) = merged(&[], (0..1000).map(line));
        assert_eq!((first.len(), new), (MAX_LINES, true));
        assert_eq!(first.last().map(String::as_str), Some("… and 961 more"));
        let (second, new) = merged(&first, (0..1000).map(line));
        assert_eq!((&second, new), (&first, false));
        // A round that could not look everywhere forgets nothing.
        let (third, new) = merged(&first, (0..5).map(line));
        assert_eq!((&third, new), (&first, false));
        let (fourth, new) = merged(&first, (0..1001).map(line));
        assert_eq!((fourth.last().map(String::as_str), new), (Some("… and 962 more"), true));
    }

    #[test]
    fn a_line_is_short_and_inert() {
        let lines = bounded(["x".repeat(500) + "\n", "a\u{1b}[2J".to_owned(), "a\u{1b}[2J".to_owned()]);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.chars().count() <= MAX_LINE + 1 && !line.contains(char::is_control)));
        assert_eq!(bounded((0..100).map(line)).len(), MAX_LINES);
    }
}

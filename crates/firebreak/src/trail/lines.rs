//! Lines for people, as many as travel through the state machine.

use super::{Follow, Traced};
use crate::decision::Decision;
use crate::target::Target;
use crate::text::inert;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of one kind that a report takes.
pub const MAX_LINES: usize = 40;
/// Characters of one line.
const MAX_LINE: usize = 200;

/// Calls of one kind that get a line each.
const MAX_OF_A_KIND: usize = 5;
/// Further ones that get a line because no decision is about their target.
const MAX_UNDECIDED: usize = 10;

/// What people are told of what suspects did, oldest first. Many calls that open the same way are a few lines: five hundred buckets must
/// not hide the call after them. What there is to do about the others, `decisions` say, and what an incident has no room for is counted.
#[must_use]
pub fn told(traced: &[Traced], decisions: &[Decision]) -> Vec<String> {
    let mut of_kind: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let line = |traced: &Traced| {
        let Follow::ByHand { kind, target, .. } = &traced.follow else { return Some(traced.line()) };
        let (count, undecided) = of_kind.entry(*kind).or_default();
        *count += 1;
        match (*count).cmp(&(MAX_OF_A_KIND + 1)) {
            Ordering::Less => Some(traced.line()),
            // Without a number: the line of the next look is the same.
            Ordering::Equal => Some(format!("{}; more like it", traced.line())),
            Ordering::Greater if *undecided == MAX_UNDECIDED || decisions.iter().any(|known| names(known, target)) => None,
            Ordering::Greater => {
                *undecided += 1;
                Some(traced.line())
            }
        }
    };
    traced.iter().filter_map(line).collect()
}

/// Whether a decision is about a target, by itself or as one of several.
fn names(decision: &Decision, target: &Target) -> bool {
    decision.target.merge_key() == target.merge_key() || decision.also.contains(&target.to_string())
}

/// Lines of several rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Oldest first, each once, at most [`MAX_LINES`]. The last one is a count for people when `more` is not 0.
    pub lines: Vec<String>,
    /// How many lines the last one stands for.
    pub more: usize,
    /// True when this round added a line.
    pub is_new: bool,
}

/// Adds the lines of this round to those of earlier rounds, of which `more` did not fit.
///
/// A round can look from the beginning again. What an earlier one counted, and could not show, is not new.
#[must_use]
pub fn merged(before: &[String], more: usize, now: impl IntoIterator<Item = String>) -> Merged {
    let shown = if more > 0 { before.len().saturating_sub(1) } else { before.len() };
    let known = shown.saturating_add(more);
    let mut all: BTreeSet<String> = before.iter().take(shown).map(|line| inert(line, MAX_LINE)).collect();
    all.extend(now.into_iter().map(|line| inert(&line, MAX_LINE)));
    let total = all.len().max(known);
    let (lines, more) = cut(all, total);
    Merged { lines, more, is_new: total > known }
}

/// Lines about what failed, then those about what is left to the next look, as many as a report takes; and how many of them are of the
/// latter.
#[must_use]
pub fn unseen(failed: impl IntoIterator<Item = String>, later: impl IntoIterator<Item = String>) -> (Vec<String>, u32) {
    let failed = distinct(failed);
    let count = failed.len();
    let lines = bounded(failed.into_iter().chain(later));
    let later = lines.len().saturating_sub(count);
    (lines, u32::try_from(later).unwrap_or(u32::MAX))
}

/// As many of `lines` as a report takes, in their order, and how many more there are.
#[must_use]
pub fn bounded(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let lines = distinct(lines);
    let total = lines.len();
    cut(lines, total).0
}

fn distinct(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let lines = lines.into_iter().map(|line| inert(&line, MAX_LINE));
    lines.filter(|line| seen.insert(line.clone())).collect()
}

/// The first lines, the count of the others as the last line, and that count.
fn cut(lines: impl IntoIterator<Item = String>, total: usize) -> (Vec<String>, usize) {
    let mut kept: Vec<String> = lines.into_iter().take(if total > MAX_LINES { MAX_LINES - 1 } else { MAX_LINES }).collect();
    let more = total.saturating_sub(kept.len());
    if more > 0 {
        kept.push(format!("… and {more} more"));
    }
    (kept, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: usize) -> String {
        format!("2026-11-21T14:{:02}:{:02}Z CreateUser", at / 60, at % 60)
    }

    fn again(before: &Merged, now: impl IntoIterator<Item = String>) -> Merged {
        merged(&before.lines, before.more, now)
    }

    #[test]
    fn rounds_add_up_without_repeating() {
        let first = merged(&[], 0, [line(2), line(1), line(2)]);
        assert_eq!(first, Merged { lines: vec![line(1), line(2)], more: 0, is_new: true });
        let same = again(&first, [line(1), line(2)]);
        assert_eq!(same, Merged { is_new: false, ..first.clone() });
        let third = again(&first, [line(0)]);
        assert_eq!(third.lines, [line(0), line(1), line(2)], "oldest first, whenever it was found");
        assert!(third.is_new);
    }

    #[test]
    fn a_flood_is_counted_and_does_not_alarm_twice() {
        let first = merged(&[], 0, (0..1000).map(line));
        assert_eq!((first.lines.len(), first.more, first.is_new), (MAX_LINES, 961, true));
        assert_eq!(first.lines.last().map(String::as_str), Some("… and 961 more"));
        let quiet = Merged { is_new: false, ..first.clone() };
        assert_eq!(again(&first, (0..1000).map(line)), quiet);
        // A round that could not look everywhere forgets nothing.
        assert_eq!(again(&first, (0..5).map(line)), quiet);
        let fourth = again(&first, (0..1001).map(line));
        assert_eq!((fourth.lines.last().map(String::as_str), fourth.is_new), (Some("… and 962 more"), true));
    }

    #[test]
    fn a_name_that_reads_like_the_count_is_a_line_like_others() {
        let first = merged(&[], 0, ["… and 999 more".to_owned()]);
        let second = again(&first, [line(0)]);
        assert_eq!((second.lines.len(), second.more, second.is_new), (2, 0, true));
    }

    #[test]
    fn what_failed_comes_before_what_is_left_to_the_next_look() {
        let (failed, later) = ([line(99)], [line(1), line(2)]);
        assert_eq!(unseen(failed.clone(), later), (vec![line(99), line(1), line(2)], 2));
        let (lines, later) = unseen(failed, (0..100).map(line));
        assert_eq!((lines.len(), &lines[0], later), (MAX_LINES, &line(99), 39), "no more are left than are shown");
        let (lines, later) = unseen((0..100).map(line), [line(200)]);
        assert_eq!((lines.len(), later), (MAX_LINES, 0), "{lines:?}");
    }

    #[test]
    fn a_line_is_short_and_inert() {
        let lines = bounded(["x".repeat(500) + "\n", "a\u{1b}[2J".to_owned(), "a\u{1b}[2J".to_owned()]);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.chars().count() <= MAX_LINE + 1 && !line.contains(char::is_control)));
        assert_eq!(bounded((0..100).map(line)).len(), MAX_LINES);
    }
}

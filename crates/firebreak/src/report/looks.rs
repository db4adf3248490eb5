//! What the looks of several executions of one incident found, as one.

use super::{More, SweepBranch};
use crate::trail::{Merged, merged, unseen};

impl SweepBranch {
    /// Adds what the looks of another execution of the incident found. How the own looks ended stays as it is; where there was none
    /// yet, the other's are what CloudTrail was asked.
    pub fn add(&mut self, other: &Self) {
        if self.status.is_empty() && self.error.is_none() {
            self.status.clone_from(&other.status);
            (self.suspects, self.asked) = (other.suspects, other.asked);
        }
        self.looked = self.looked.or(other.looked);
        let (mine, theirs) = (self.more, other.more);
        let found = both((&self.found, mine.found), (&other.found, theirs.found));
        let left_out = both((&self.left_out, mine.left_out), (&other.left_out, theirs.left_out));
        let reverted = both((&self.reverted, mine.reverted), (&other.reverted, theirs.reverted));
        self.more = More { found: found.more, left_out: left_out.more, reverted: reverted.more };
        (self.found, self.left_out, self.reverted) = (found.lines, left_out.lines, reverted.lines);
        let ((failed, later), (also_failed, also_later)) = (self.parts(), other.parts());
        (self.missing, self.later) = unseen([failed, also_failed].concat(), [later, also_later].concat());
    }

    /// What failed, and what is only left to the next look.
    fn parts(&self) -> (&[String], &[String]) {
        let later = usize::try_from(self.later).unwrap_or(usize::MAX);
        self.missing.split_at(self.missing.len().saturating_sub(later))
    }
}

impl SweepBranch {
    /// What could not be looked at, and whether the next look goes on: the end of a sentence.
    pub(super) fn unseen(&self) -> String {
        let later = if self.later > 0 { "; the next look goes on" } else { "" };
        match self.parts().0.len() {
            0 => later.to_owned(),
            missing => format!("; {missing} thing(s) could not be looked at{later}"),
        }
    }
}

/// The lines of two bounded lists, each once. The list that stands for more counts what no list shows.
fn both(mine: (&[String], usize), theirs: (&[String], usize)) -> Merged {
    let ((longer, more), (shorter, hidden)) = if mine.1 >= theirs.1 { (mine, theirs) } else { (theirs, mine) };
    // The last line of a list that stands for more is only their count.
    let shown = shorter.len().saturating_sub(usize::from(hidden > 0));
    merged(longer, more, shorter.iter().take(shown).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(found: &[&str]) -> SweepBranch {
        let found = found.iter().map(|line| (*line).to_owned()).collect();
        SweepBranch { status: "ok".to_owned(), suspects: Some(1), found, ..SweepBranch::default() }
    }

    #[test]
    fn what_two_executions_found_is_told_once() {
        let mut all = looked(&["1 CreateUser bob", "2 CreateRole ci"]);
        all.add(&looked(&["2 CreateRole ci", "3 CreateUser eve"]));
        assert_eq!(all.found, ["1 CreateUser bob", "2 CreateRole ci", "3 CreateUser eve"]);
        let before = all.clone();
        all.add(&before);
        assert_eq!(all, before, "adding it again changes nothing");
    }

    #[test]
    fn what_both_leave_to_the_next_look_is_counted_once_and_hides_no_failure() {
        let one = SweepBranch { missing: vec!["refused".to_owned(), "left".to_owned()], later: 1, ..looked(&[]) };
        let mut all = one.clone();
        all.add(&SweepBranch { missing: vec!["denied".to_owned(), "left".to_owned()], ..one });
        assert_eq!((all.missing, all.later), (["refused", "denied", "left"].map(str::to_owned).to_vec(), 1));
    }

    #[test]
    fn lists_that_stand_for_more_keep_counting_it() {
        let many: Vec<String> = (0..100).map(|at| format!("{at:03} CreateUser")).collect();
        let of = |lines: &[String]| {
            let Merged { lines, more, .. } = merged(&[], 0, lines.iter().cloned());
            SweepBranch { found: lines, more: More { found: more, ..More::default() }, ..looked(&[]) }
        };
        let (long, short) = (of(&many), of(&many[..2]));
        for (first, second) in [(&long, &short), (&short, &long)] {
            let mut all = first.clone();
            all.add(second);
            assert_eq!((&all.found, all.more), (&long.found, long.more));
        }
    }

    #[test]
    fn a_look_that_failed_is_not_unsaid_and_one_that_was_not_made_yet_says_nothing() {
        let mut failed = SweepBranch { error: Some("States.Timeout".to_owned()), ..SweepBranch::default() };
        failed.add(&looked(&["1 CreateUser bob"]));
        assert!(failed.says().contains("could not be searched") && failed.found.len() == 1, "{}", failed.says());
        let mut none = SweepBranch::default();
        none.add(&looked(&["1 CreateUser bob"]));
        assert!(none.says().contains("1 more thing"), "{}", none.says());
    }
}

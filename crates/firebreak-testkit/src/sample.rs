//! Which cases of a long test are tried: all of them, or those that the commit's hash chooses.
//!
//! Each commit tries other cases, and the same commit the same ones. `SAMPLE=<hash>` repeats the choice of that commit, `SAMPLE=all`
//! tries everything.

use crate::fixture::repository;
use firebreak::digest::sha256_bytes;
use std::process::Command;

/// A choice of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    /// All of them.
    All,
    /// The ones that this text chooses.
    Chosen(String),
}

impl Sample {
    /// What `SAMPLE` says, else the commit's hash.
    #[must_use]
    pub fn of_this_run() -> Self {
        match std::env::var("SAMPLE") {
            Ok(all) if all == "all" => Self::All,
            Ok(chosen) if !chosen.is_empty() => Self::Chosen(chosen),
            _ => Self::Chosen(commit()),
        }
    }

    /// Whether a case is tried, when about one of `of` shall be.
    #[must_use]
    pub fn has(&self, case: &str, of: u32) -> bool {
        match self {
            Self::All => true,
            Self::Chosen(by) => {
                let [a, b, c, d, ..] = sha256_bytes(format!("{by} {case}").as_bytes());
                u32::from_be_bytes([a, b, c, d]) % of.max(1) == 0
            }
        }
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(repository()).output();
    let hash = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if hash.trim().is_empty() { "no commit".to_owned() } else { hash.trim().to_owned() }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all of them"),
            Self::Chosen(by) => write!(f, "the sample of {by}; again: SAMPLE={by}, all: make faults"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_about_as_large_as_it_was_asked_to_be_and_the_same_each_time() {
        let sample = Sample::Chosen("3836077".to_owned());
        let chosen = |sample: &Sample| (0..1000).filter(|n| sample.has(&n.to_string(), 10)).collect::<Vec<_>>();
        assert!((60..150).contains(&chosen(&sample).len()), "{}", chosen(&sample).len());
        assert_eq!(chosen(&sample), chosen(&sample));
        assert_ne!(chosen(&sample), chosen(&Sample::Chosen("975d201".to_owned())));
        assert_eq!(chosen(&Sample::All).len(), 1000);
    }
}

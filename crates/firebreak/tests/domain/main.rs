//! The domain from outside: what is decided about every event that is known, and about events that nobody has seen.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod arrival;
mod buckets;
mod called_for;
mod cases;
mod corpus;
mod earlier;
mod evasion;
mod exports;
mod fixtures;
mod flood;
mod holders;
mod hostile;
mod hosts;
mod identities;
mod join_keys;
mod joining;
mod joining_again;
mod malware;
mod notices;
mod pause;
mod policies;
mod principals;
mod properties;
mod restored;
mod revision;
mod rollout;
mod selectors;
mod settled;
mod severity;
mod sizes;
mod trail;
mod traps;
mod types;
mod walk;

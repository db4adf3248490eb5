//! Fuzzing of triage. `fuzz/run` runs it; `docs/testing.md` says what came of it.

pub mod invariants;
pub mod mutate;

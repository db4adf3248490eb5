//! The detail of a Security Hub event in OCSF.
#![no_main]

use firebreak_fuzz::{invariants, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|detail: &[u8]| invariants::check(&invariants::envelope("aws.securityhub", "Findings Imported V2", detail)));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::mutate(data, size, max_size, seed) });

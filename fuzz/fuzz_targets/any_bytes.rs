//! Whole events, and whatever else somebody puts on the bus.
#![no_main]

use firebreak_fuzz::{invariants, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|event: &[u8]| invariants::check(event));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::mutate(data, size, max_size, seed) });

//! On what and when was measured. No host name.

use firebreak_aws::clock;
use std::env::consts::{ARCH, OS};
use std::num::NonZero;

/// One line. What the system does not tell is left general.
pub(crate) fn words() -> String {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let processor = name.map_or(ARCH, |(_, name)| name.trim());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = clock::now().strftime("%Y-%m-%d").to_string();
    format!(
        "{cores} cores, {processor}, {OS} {}, {date}; quarantine-iam of target/release, triage and isolate-ec2 of target/debug.",
        kernel.trim()
    )
}

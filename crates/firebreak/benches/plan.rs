//! How long `plan` takes: a typical finding, one of EventBridge's largest, and whether the time grows with the size alone.
//!
//! `make bench`; the measured numbers are in `docs/testing.md`.
#![expect(clippy::expect_used, reason = "a benchmark may fail where it stands")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use std::hint::black_box;

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);
/// The corpus' median is 3.1 kB; this fixture is an instance with two interfaces.
const TYPICAL: &str = include_str!("../../../fixtures/findings/guardduty/bitcoin-tool.json");

/// A finding of about `bytes`, grown the way real ones grow: more evidence of the same kind.
fn grown(bytes: usize) -> Vec<u8> {
    let mut event: serde_json::Value = serde_json::from_str(TYPICAL).expect("a fixture");
    let one = serde_json::json!({"ipAddressV4": "198.51.100.23", "country": {"countryName": "Netherlands"}, "port": 443, "seen": [1.5, true, null]});
    let each = one.to_string().len() + 1;
    let empty = event.to_string().len();
    event["detail"]["service"]["additionalInfo"]["evidence"] = vec![one; bytes.saturating_sub(empty) / each].into();
    event.to_string().into_bytes()
}

fn plans(criterion: &mut Criterion) {
    let policy = Policy::unrestricted();
    let circumstances = Circumstances::new(&policy, NOW);
    let compact: serde_json::Value = serde_json::from_str(TYPICAL).expect("a fixture");
    let mut group = criterion.benchmark_group("plan");
    let sizes = [compact.to_string().into_bytes(), grown(16 << 10), grown(128 << 10), grown(1 << 20)];
    for event in &sizes {
        group.throughput(Throughput::Bytes(event.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(event.len()), event, |bencher, event| {
            bencher.iter(|| plan_json(black_box(event), &circumstances));
        });
    }
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);

//! A clock that somebody else can set would blind the watch: it is for tests.

use crate::repository;
use std::collections::BTreeSet;
use std::path::Path;

const VARIABLE: &str = "FIREBREAK_CLOCK";
/// What is built into a release, and what is deployed.
const SHIPPED: [&str; 8] = [".cargo", "cli", "crates", "functions", "infra", "policies", "state-machine", "supply-chain"];
/// What somebody else wrote, or a build.
const OTHERS: [&str; 4] = ["node_modules", "target", ".venv", "__pycache__"];

/// The files that name it.
fn naming(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable")) {
        let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
        if kind.is_dir() && !OTHERS.iter().any(|name| entry.file_name() == *name) {
            naming(&path, found);
        } else if kind.is_file() && String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).contains(VARIABLE) {
            found.insert(path.strip_prefix(repository()).expect("in the repository").display().to_string());
        }
    }
}

#[test]
fn no_release_build_and_no_deployment_reads_a_clock_that_a_test_sets() {
    let mut found = BTreeSet::new();
    SHIPPED.iter().for_each(|folder| naming(&repository().join(folder), &mut found));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["crates/firebreak-aws/src/clock/simulated.rs"]);
    let text = |file: &str| std::fs::read_to_string(repository().join(file)).expect("readable");
    let clock = text("crates/firebreak-aws/src/clock.rs");
    assert!(clock.contains("#[cfg(debug_assertions)]\nmod simulated;\n"), "a release build would have it");
    for file in ["Cargo.toml", ".cargo/config.toml"] {
        let is_turned_on = ["debug-assertions", "debug_assertions"].iter().any(|word| text(file).to_lowercase().contains(word));
        assert!(!is_turned_on, "{file}: a release build would have it");
    }
}

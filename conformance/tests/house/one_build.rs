//! `cargo build` and `cargo test` share one build of every dependency: the EC2 SDK alone takes four minutes.

use crate::repository;
use std::collections::BTreeSet;
use std::process::Command;

/// Every package and its features, as `cargo build` or `cargo test` makes it.
fn packages(edges: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}", "--edges", edges]);
    let output = cargo.current_dir(repository()).output().expect("cargo answers");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.trim_end_matches(" (*)").trim_end().to_owned()).collect()
}

#[test]
fn what_tests_need_switches_no_feature_on_that_a_build_lacks() {
    let (built, tested) = (packages("normal,build"), packages("normal,build,dev"));
    assert!(built.len() > 200, "{} packages", built.len());
    let twice: Vec<&String> = built.difference(&tested).collect();
    assert_eq!(twice, [""; 0], "these are built twice, and all that depends on them: name their features in a normal dependency");
}

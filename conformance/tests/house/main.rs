//! The rules of the house.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod destructive_calls;
mod structure;

use cargo_metadata::{Metadata, MetadataCommand};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// Every package of the build. Asks no registry: everything that this machine builds is here, or this test would not run.
fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let version = Command::new("rustc").arg("-vV").output().expect("rustc answers").stdout;
        let version = String::from_utf8(version).expect("text");
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
        let options = ["--locked", "--offline", "--filter-platform", host].map(str::to_owned);
        let mut command = MetadataCommand::new();
        command.manifest_path(repository().join("Cargo.toml")).other_options(options);
        command.exec().expect("cargo knows the packages")
    })
}

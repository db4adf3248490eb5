//! The rules of the house.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod build;
mod containments;
mod declarations;
mod destructive_calls;
mod documents;
mod lists;
mod one_build;
mod simulated_time;
mod structure;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

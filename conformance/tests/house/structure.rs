//! What keeps the house readable.

use crate::build::build;
use crate::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;

pub(crate) fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("readable").path()) {
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

/// The folder of each crate of the workspace.
fn crates() -> Vec<PathBuf> {
    build().members().map(|package| package.folder().to_owned()).collect()
}

#[test]
fn no_source_file_is_too_long_to_hold_one_idea() {
    let mut files = Vec::new();
    crates().iter().for_each(|folder| files_below(&folder.join("src"), "rs", &mut files));
    assert!(files.len() > 150, "only {} files", files.len());
    for file in files {
        let lines = std::fs::read_to_string(&file).expect("readable").lines().count();
        assert!(lines <= MAX_LINES, "{}: {lines} lines. Ask what it hides", file.display());
    }
}

#[test]
fn each_crate_has_one_integration_test_binary() {
    for package in build().members() {
        let tests = package.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "test"));
        let tests: Vec<&str> = tests.map(|target| target.name.as_str()).collect();
        assert!(tests.len() <= 1, "{}: {tests:?}: each links every dependency again", package.name);
    }
}

#[test]
fn the_command_does_not_compile_the_lambda_runtime() {
    let build = build();
    let package = |id: &str| build.packages.iter().find(|package| package.id == id).expect("a package");
    let command = build.packages.iter().find(|package| package.name == "firebreak-cli").expect("the command");
    let mut reached = BTreeSet::from([command.id.as_str()]);
    let mut open = vec![command.id.as_str()];
    while let Some(next) = open.pop() {
        let node = build.resolve.nodes.iter().find(|node| node.id == next).expect("a node");
        for edge in node.deps.iter().filter(|edge| edge.is_normal()) {
            if reached.insert(edge.pkg.as_str()) {
                open.push(&edge.pkg);
            }
        }
    }
    let names: BTreeSet<&str> = reached.iter().map(|id| package(id).name.as_str()).collect();
    assert!(names.contains("firebreak-ledger"), "the walk reached {} packages", names.len());
    assert!(!names.contains("lambda_runtime"));
}

/// Which files of a crate each file names with `use crate::…` or `use super::…`.
fn uses(src: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    files_below(src, "rs", &mut files);
    let module = |file: &Path| {
        let path = file.strip_prefix(src).expect("below src").with_extension("");
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("::")
    };
    let known: BTreeSet<String> = files.iter().map(|file| module(file)).collect();
    let named = |own: &str, text: &str| {
        let parent = own.rsplit_once("::").map_or("", |(parent, _)| parent);
        let lines = text.lines().take_while(|line| !line.contains("#[cfg(test)]")).filter_map(|line| line.strip_prefix("use "));
        let paths = lines.filter_map(|path| match path.split_once("::") {
            Some(("crate", rest)) => Some(rest.to_owned()),
            Some(("super", rest)) => Some(if parent.is_empty() { rest.to_owned() } else { format!("{parent}::{rest}") }),
            _ => None,
        });
        let longest = |path: String| {
            let parts: Vec<&str> = path.split("::").map(|part| part.trim_end_matches(';')).collect();
            (1..=parts.len()).rev().map(|n| parts[..n].join("::")).find(|path| known.contains(path))
        };
        // A parent and its children are one family: a child may use what its parent shares.
        let family = |other: &String| own.starts_with(&format!("{other}::")) || other.starts_with(&format!("{own}::"));
        paths.filter_map(longest).filter(|other| other != own && !family(other)).collect::<BTreeSet<String>>()
    };
    files.iter().map(|file| (module(file), named(&module(file), &std::fs::read_to_string(file).expect("readable")))).collect()
}

/// A way from `at` back to itself, if there is one.
fn circle(at: &str, uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![at.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in uses.get(way.last()?).into_iter().flatten() {
            if next == at {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push(way.iter().cloned().chain([next.clone()]).collect());
            }
        }
    }
    None
}

#[test]
fn no_files_go_in_a_circle() {
    for folder in crates() {
        let uses = uses(&folder.join("src"));
        for file in uses.keys() {
            assert_eq!(circle(file, &uses), None, "{}: a circle of files", folder.display());
        }
    }
}

#[test]
fn a_circle_would_be_seen() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        edges.iter().for_each(|(from, to)| {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        });
        graph
    };
    assert!(circle("a", &graph(&[("a", "b"), ("b", "c"), ("c", "a")])).is_some());
    assert!(circle("a", &graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_none());
    let domain = uses(&repository().join("crates/firebreak/src"));
    assert!(domain["plan::decide"].contains("plan::restrain"), "{:?}", domain["plan::decide"]);
}

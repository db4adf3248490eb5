//! A list of IAM is read to its end: `firebreak_aws::pages!` asks for every page, a call by itself for the first one alone.

use crate::build::build;
use crate::structure::files_below;
use std::collections::BTreeSet;

const READS: &str = "pages!(";

/// Lists whose first page answers the question: one more entity is enough.
const ONE_PAGE: [&str; 1] = ["list_entities_for_policy"];

/// The methods of the IAM client that give a list.
fn lists() -> BTreeSet<String> {
    let iam = build().packages.iter().find(|package| package.name == "aws-sdk-iam").expect("the SDK of IAM");
    let files = std::fs::read_dir(iam.folder().join("src/client")).expect("readable");
    let names = files.filter_map(|file| file.expect("readable").file_name().to_str()?.strip_suffix(".rs").map(str::to_owned));
    names.filter(|name| name.starts_with("list_")).collect()
}

/// Each call for a list in `source`, and whether it stands in the parentheses of `pages!` or `ask_pages!`.
fn calls(source: &str, lists: &BTreeSet<String>) -> Vec<(String, bool)> {
    let call = |(at, _): (usize, &str)| {
        let (name, rest) = source[at + 1..].split_once('(')?;
        // Whoever asks for one entry asks whether the call is allowed.
        let is_probe = rest.starts_with(").max_items(1).");
        (rest.starts_with(')') && lists.contains(name)).then(|| (name.to_owned(), is_probe || is_within(&source[..at])))
    };
    source.match_indices(".list_").filter_map(call).collect()
}

fn is_within(before: &str) -> bool {
    let mut depth = 0_i32;
    let mut is_open = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth > 0
    };
    before.rsplit_once(READS).is_some_and(|(_, since)| "(".chars().chain(since.chars()).all(&mut is_open))
}

#[test]
fn every_list_of_iam_is_read_to_its_end() {
    let (lists, mut files, mut seen) = (lists(), Vec::new(), 0);
    build().members().for_each(|package| files_below(&package.folder().join("src"), "rs", &mut files));
    for file in files {
        let source = std::fs::read_to_string(&file).expect("readable");
        // Other SDKs have methods of the same names.
        if !source.contains("aws_sdk_iam") {
            continue;
        }
        for (call, reads_on) in calls(&source, &lists) {
            assert!(
                reads_on || ONE_PAGE.contains(&call.as_str()),
                "{}: {call} gives one page: use `firebreak_aws::pages!`",
                file.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} calls");
}

#[test]
fn a_call_that_reads_one_page_would_be_seen() {
    let lists = BTreeSet::from(["list_access_keys".to_owned()]);
    let cases = [
        ("pages!(iam.list_access_keys().user_name(name), access_key_metadata)", vec![true]),
        ("ask_pages!(\n    \"iam:ListAccessKeys\",\n    iam\n        .list_access_keys()\n)", vec![true]),
        ("iam.list_access_keys().send().await", vec![false]),
        ("(pages!(iam.x(), y).await, iam.list_access_keys().send())", vec![false]),
        ("steps.list_access_keys(1)", vec![]),
        ("iam.list_access_keys().max_items(1).send()", vec![true]),
        ("iam.list_access_keys().max_items(100).send()", vec![false]),
    ];
    for (source, expected) in cases {
        let found: Vec<bool> = calls(source, &lists).into_iter().map(|(_, reads_on)| reads_on).collect();
        assert_eq!(found, expected, "{source}");
    }
}

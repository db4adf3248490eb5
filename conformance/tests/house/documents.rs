//! Parts of the documents that are written from declarations.

use firebreak::containment::Containment;
use firebreak_functions::FUNCTIONS;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Name of a part, its document, and what stands there.
fn parts() -> [(&'static str, &'static str, String); 5] {
    [
        ("levels", "docs/semantics.md", levels()),
        ("stolen", "docs/threat-model.md", stolen()),
        ("forged", "docs/threat-model.md", forged()),
        ("stop", "docs/runbooks.md", stop()),
        ("scenarios", "docs/testing.md", scenarios()),
    ]
}

/// What each level of each containment stops and leaves.
fn levels() -> String {
    let mut table =
        "| containment | subject | level | without a person | stops | leaves |\n|---|---|---|---|---|---|\n".to_owned();
    for containment in Containment::ALL {
        let declaration = containment.declaration();
        let subject = serde_json::to_value(declaration.subject).expect("JSON");
        let subject = subject.as_str().expect("a word");
        for level in declaration.levels {
            let when = if level.automatic { "where policy says so" } else { "never" };
            let scope = if level.scope.is_whole() { "all" } else { level.scope.name() };
            let (stops, leaves) = (level.stops, level.leaves);
            writeln!(table, "| `{containment}` | `{subject}` | {scope} | {when} | {stops} | {leaves} |").expect("text");
        }
    }
    table
}

/// What a thief of each function's role can do.
fn stolen() -> String {
    let mut table = "| role | cannot | can |\n|---|---|---|\n".to_owned();
    for function in FUNCTIONS {
        let Some(stolen) = function.stolen else { continue };
        writeln!(table, "| `{}` | {} | {} |", function.role, stolen.cannot, stolen.can).expect("text");
    }
    table
}

/// What a release would do for somebody who forged the recorded state.
fn forged() -> String {
    let of = |function: &firebreak_functions::Function| Some((function.name, function.stolen?.forged_base?));
    FUNCTIONS.iter().filter_map(of).map(|(name, can)| format!("- `{name}`: {can}.\n")).collect()
}

/// The commands that stop every containment.
fn stop() -> String {
    let of = |containment: &Containment| {
        let apart = containment.declaration().levels.iter().filter_map(|level| level.apart);
        [containment.name()].into_iter().chain(apart.map(|apart| apart.function))
    };
    let names: Vec<&str> = Containment::ALL.iter().flat_map(of).collect();
    let call = "aws lambda put-function-concurrency --function-name firebreak-$f --reserved-concurrent-executions 0";
    format!("    for f in {}; do\n      {call}; done\n", names.join(" "))
}

/// What is planted, sent and contained for each family of findings.
fn scenarios() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scenarios");
    let files = std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path());
    let files: BTreeSet<PathBuf> = files.filter(|path| path.file_stem().is_some_and(|name| name != "end-states")).collect();
    let mut table = "| scenario | families | finding | resources |\n|---|---|---|---|\n".to_owned();
    for path in files {
        let scenario: toml::Table = std::fs::read_to_string(&path).expect("readable").parse().expect("TOML");
        let text = |name: &str| scenario[name].as_str().expect(name);
        let list = |name: &str| scenario[name].as_array().expect(name).iter().filter_map(toml::Value::as_str).collect::<Vec<_>>();
        let resources = scenario["resources"].as_table().expect("a table").iter();
        let resources: Vec<String> =
            resources.map(|(kind, when)| format!("{kind}: {}", when.as_str().expect("a word"))).collect();
        let (says, families) = (text("says"), list("families").join(", "));
        writeln!(table, "| {says} | `{families}` | `{}` | {} |", text("finding"), resources.join(", ")).expect("text");
    }
    table
}

#[test]
fn the_documents_say_what_the_declarations_say() {
    for (name, document, text) in parts() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
        let read = || std::fs::read_to_string(&path).expect(document);
        let begin = format!("<!-- {name}: begin (UPDATE_DOCUMENTS=1 cargo test -p firebreak-conformance) -->");
        let end = format!("<!-- {name}: end -->");
        let whole = read();
        let (before, rest) = whole.split_once(&begin).expect("the mark where the part begins");
        let (_, after) = rest.split_once(&end).expect("the mark where the part ends");
        let current = format!("{before}{begin}\n\n{text}\n{end}{after}");
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            std::fs::write(&path, &current).expect("written");
        }
        assert!(read() == current, "{document} differs: UPDATE_DOCUMENTS=1 cargo test -p firebreak-conformance writes it");
    }
}

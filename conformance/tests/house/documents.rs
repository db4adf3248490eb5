//! Tables of the documents that are written from declarations.

use firebreak::containment::Containment;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- levels: begin (UPDATE_DOCUMENTS=1 cargo test -p firebreak-conformance) -->";
const END: &str = "<!-- levels: end -->";
const DOCUMENT: &str = "docs/semantics.md";

/// What each level of each containment stops and leaves.
fn levels() -> String {
    let mut table = "| containment | level | without a person | stops | leaves |\n|---|---|---|---|---|\n".to_owned();
    for containment in Containment::ALL {
        for level in containment.declaration().levels {
            let when = if level.automatic { "where policy says so" } else { "never" };
            let scope = if level.scope.is_whole() { "all" } else { level.scope.name() };
            writeln!(table, "| `{containment}` | {scope} | {when} | {} | {} |", level.stops, level.leaves).expect("text");
        }
    }
    table
}

#[test]
fn the_table_of_levels_is_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DOCUMENT);
    let text = std::fs::read_to_string(&path).expect(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).expect("the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the mark where the table ends");
    let current = format!("{before}{BEGIN}\n\n{}\n{END}{after}", levels());
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(&path, &current).expect("written");
    }
    let now = std::fs::read_to_string(&path).expect(DOCUMENT);
    assert!(now == current, "{DOCUMENT} differs: UPDATE_DOCUMENTS=1 cargo test -p firebreak-conformance writes it");
}

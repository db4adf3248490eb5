//! One test walks the declarations and names every edit that is missing for a containment. The compiler and the other tests notice
//! the rest: `docs/adding-a-containment.md` has both lists.

use firebreak::containment::Containment;
use firebreak::containment::declaration::Home;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The repository as the test sees it: what is changed, over what is there.
#[derive(Default)]
struct Repository {
    changed: BTreeMap<PathBuf, String>,
}

impl Repository {
    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The text of a file; empty when it is not there.
    fn text(&self, path: impl AsRef<Path>) -> String {
        let known = self.changed.get(path.as_ref()).cloned();
        known.unwrap_or_else(|| std::fs::read_to_string(Self::root().join(path)).unwrap_or_default())
    }

    /// Every file of a folder, one after the other.
    fn all(&self, folder: &str) -> String {
        let entries = std::fs::read_dir(Self::root().join(folder)).into_iter().flatten().flatten();
        let names = entries.map(|entry| Path::new(folder).join(entry.file_name()));
        names.map(|name| self.text(name)).collect::<Vec<_>>().join("\n")
    }
}

/// Something that a containment needs outside its declaration.
struct Edit {
    /// The file or folder, from the repository's root.
    place: String,
    /// What must stand there.
    needs: String,
    /// What goes wrong when it is forgotten.
    else_: &'static str,
    there: bool,
}

fn edits(containment: Containment, repository: &Repository) -> Vec<Edit> {
    let (name, state) = (containment.name(), containment.state());
    let declaration = containment.declaration();
    let mut edits = Vec::new();
    let mut needs = |place: &str, needs: &str, else_: &'static str| {
        let text = if Path::new(place).extension().is_some() { repository.text(place) } else { repository.all(place) };
        edits.push(Edit { place: place.to_owned(), needs: needs.to_owned(), else_, there: text.contains(needs) });
    };
    let own = |file: &str| format!("functions/{name}/{file}");
    needs(&own("README.md"), name, "nobody can read what it does and does not do");
    needs(&own("policy.json"), "AssumeMemberRole", "its role may not work in another account");
    needs(&own("src/lib.rs"), "diagnose", "the doctor learns nothing of the accounts it works in");
    needs(&own("src/main.rs"), "function.diagnose(", "the doctor's question would be read as a task");
    needs(&own("tests/wire"), "Status::Contained", "no test over the wire shows that it contains");
    needs(&own("tests/wire/verify.rs"), "#[tokio::test]", "no test over the wire shows that it sees what does not hold");
    needs(&own("tests/wire/release.rs"), "#[tokio::test]", "no test over the wire shows that it puts back");
    needs(&own("tests/wire/faults.rs"), "each_break", "nobody knows what a call that breaks leaves behind");
    let variant = format!("Containment::{state}");
    needs("functions/release/tests/wire", &variant, "nobody knows whether a release reaches it");
    for level in declaration.levels {
        let role = format!("'{}'", level.contains_as().name().trim_start_matches("FirebreakMember"));
        let cases = format!("functions/{}/policy-cases.mjs", containment.function(level.scope));
        needs(&cases, &role, "nobody knows what a thief of its role could do");
    }
    needs(&own("function.toml"), "forged_base", "the threat model does not say what a forged base could do");
    needs(&own("function.toml"), "[stolen]", "the threat model does not say what a thief of its role could do");
    if declaration.home == Home::Target {
        needs(&own("release-policy.json"), "Statement", "no release may undo it");
        needs(&own("policy-cases.mjs"), "'Release'", "nobody knows whether the release role may undo it, and nothing more");
    }
    if declaration.is_ever_automatic() {
        needs("crates/firebreak/playbook.toml", &format!("{name} = \""), "no finding leads to it");
        needs("drill/tests/whole/fault_sweep.rs", name, "no real process is killed at its calls");
    }
    edits
}

fn missing(repository: &Repository) -> Vec<String> {
    let edits = Containment::ALL.iter().flat_map(|it| edits(*it, repository).into_iter().map(move |edit| (it, edit)));
    let missing = edits.filter(|(_, edit)| !edit.there);
    missing.map(|(it, edit)| format!("{it}: {} lacks {:?}; else {}", edit.place, edit.needs, edit.else_)).collect()
}

#[test]
fn every_containment_is_everywhere_where_nobody_else_would_miss_it() {
    let missing = missing(&Repository::default());
    assert!(missing.is_empty(), "docs/adding-a-containment.md:\n{}", missing.join("\n"));
}

#[test]
fn each_forgotten_edit_is_named() {
    let whole = Repository::default();
    let mut tried = 0;
    for containment in Containment::ALL {
        for edit in edits(*containment, &whole) {
            // The edit is taken out wherever it stands.
            let folder = Path::new(&edit.place);
            let files: Vec<PathBuf> = match folder.extension() {
                Some(_) => vec![folder.to_owned()],
                None => std::fs::read_dir(Repository::root().join(folder))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| folder.join(entry.file_name()))
                    .collect(),
            };
            let without = files.into_iter().map(|file| {
                let text = whole.text(&file).replace(&edit.needs, "");
                (file, text)
            });
            let named = missing(&Repository { changed: without.collect() });
            let line = format!("{containment}: {} lacks {:?}; else {}", edit.place, edit.needs, edit.else_);
            assert!(named.contains(&line), "{line}\nis not among\n{named:?}");
            tried += 1;
        }
    }
    println!("{tried} edits forgotten, {tried} named");
    assert!(tried > 50, "only {tried}");
}

//! Writes `functions.rs` of every `functions/*/function.toml`.
#![expect(clippy::expect_used, reason = "a build that cannot read a declaration must stop and say which")]

use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// Every role of another account is called so.
const PREFIX: &str = "FirebreakMember";

/// The fields that Rust needs. The templates need more.
#[derive(Deserialize)]
struct Declaration {
    contains: Option<Contains>,
    stolen: Option<Stolen>,
    #[serde(default)]
    member_roles: Vec<MemberRole>,
}

#[derive(Deserialize)]
struct Stolen {
    cannot: String,
    can: String,
    forged_base: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Contains {
    Automatic,
    AfterApproval,
}

#[derive(Deserialize)]
struct MemberRole {
    name: String,
    description: String,
    account: Account,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Account {
    Members,
    Management,
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("functions/ is there")
        .map(|entry| entry.expect("functions/ is readable"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name in ASCII"))
        .collect();
    names.sort();
    let mut functions = String::new();
    let (mut variants, mut words, mut accounts) = (String::new(), String::new(), String::new());
    for name in names {
        let file = folder.join(&name).join("function.toml");
        println!("cargo:rerun-if-changed={}", file.display());
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read: Declaration = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let role = name.split('-').fold("Firebreak".to_owned(), |role, word| role + &word[..1].to_uppercase() + &word[1..]);
        let contains = read.contains.map_or("None".to_owned(), |when| format!("Some(Contains::{when:?})"));
        let stolen = read.stolen.map_or("None".to_owned(), |Stolen { cannot, can, forged_base }| {
            let forged_base = forged_base.as_deref();
            format!("Some(Stolen {{ cannot: {cannot:?}, can: {can:?}, forged_base: {forged_base:?} }})")
        });
        let mut member_roles = String::new();
        for MemberRole { name, description, account } in read.member_roles {
            let variant = name.strip_prefix(PREFIX).unwrap_or_else(|| panic!("{}: {name} lacks {PREFIX}", file.display()));
            write!(variants, "    /// {description}\n    {variant},\n").expect("text");
            writeln!(words, "            Self::{variant} => {name:?},").expect("text");
            writeln!(accounts, "            Self::{variant} => Account::{account:?},").expect("text");
            write!(member_roles, "MemberRole::{variant}, ").expect("text");
        }
        let line =
            format!("name: {name:?}, role: {role:?}, contains: {contains}, stolen: {stolen}, member_roles: &[{member_roles}]");
        writeln!(functions, "    Function {{ {line} }},").expect("text");
    }
    let code = format!(
        "/// Every function, by name.\npub const FUNCTIONS: &[Function] = &[\n{functions}];\n\n\
         /// A role that functions assume outside the security account, under the path `/firebreak/`. Each function declares its own.\n\
         #[expect(clippy::doc_markdown, reason = \"a description is for people, in the IAM console, too\")]\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub enum MemberRole {{\n{variants}}}\n\n\
         impl MemberRole {{\n    /// Its name in the other account.\n    #[must_use]\n    pub fn name(self) -> &'static str {{\n        \
         match self {{\n{words}        }}\n    }}\n\n    /// In which accounts it is.\n    #[must_use]\n    \
         pub fn account(self) -> Account {{\n        match self {{\n{accounts}        }}\n    }}\n}}\n"
    );
    let out = Path::new(&env::var("OUT_DIR").expect("cargo says where")).join("functions.rs");
    fs::write(out, code).expect("the folder of the build is writable");
}

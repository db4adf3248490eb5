//! `clippy.toml` forbids every call that destroys. The list is held to the SDKs themselves: each operation of an SDK is a file below
//! `src/client`, named like the method.

use crate::build::build;
use crate::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// First words of operations that take something away, or make it unusable.
const DESTROYS: [&str; 25] = [
    "abort",
    "cancel",
    "close",
    "deactivate",
    "deauthorize",
    "delete",
    "deprovision",
    "deregister",
    "detach",
    "disable",
    "disassociate",
    "leave",
    "purge",
    "reboot",
    "release",
    "remove",
    "reset",
    "revoke",
    "stop",
    "terminate",
    "unassign",
    "unlock",
    "unsubscribe",
    "untag",
    "withdraw",
];

/// Calls with such a name that a containment needs.
const NEEDED: [(&str, &str); 5] = [
    (
        "aws_sdk_elasticloadbalancing::Client::deregister_instances_from_load_balancer",
        "is recorded, and a release registers again",
    ),
    ("aws_sdk_elasticloadbalancingv2::Client::deregister_targets", "is recorded, and a release registers again"),
    ("aws_sdk_kms::Client::cancel_key_deletion", "gives a key back: what it cancels is the destruction"),
    ("aws_sdk_ec2::Client::revoke_security_group_egress", "empties the isolation group, which is Firebreak's own"),
    ("aws_sdk_ec2::Client::revoke_security_group_ingress", "empties the isolation group, which is Firebreak's own"),
];

const BEGIN: &str =
    "  # Every other call of the SDKs in use that destroys: written by `UPDATE_CLIPPY=1 cargo test -p firebreak-conformance`.\n";
const END: &str = "  # End of what is written.\n";

/// Every destructive method of the SDKs that the workspace depends on, by crate.
fn destructive() -> BTreeMap<String, BTreeSet<String>> {
    let used: BTreeSet<&str> = build().members().flat_map(|p| &p.dependencies).map(|d| d.name.as_str()).collect();
    let mut found = BTreeMap::new();
    for package in build().packages.iter().filter(|p| p.name.starts_with("aws-sdk-") && used.contains(p.name.as_str())) {
        let client = package.folder().join("src/client");
        let files = std::fs::read_dir(&client).unwrap_or_else(|error| panic!("{}: {error}", client.display()));
        let names = files.filter_map(|file| file.expect("readable").file_name().to_str()?.strip_suffix(".rs").map(str::to_owned));
        let methods: BTreeSet<String> = names.filter(|name| destroys(name)).collect();
        found.insert(package.name.replace('-', "_"), methods);
    }
    found
}

/// `delete_user`, and `batch_delete_…`, too.
fn destroys(method: &str) -> bool {
    let mut words = method.split('_').skip_while(|word| *word == "batch");
    words.next().is_some_and(|word| DESTROYS.contains(&word))
}

fn forbidden(clippy: &str) -> BTreeSet<String> {
    let table: toml::Table = clippy.parse().expect("clippy.toml is TOML");
    let methods = table["disallowed-methods"].as_array().expect("a list");
    methods.iter().map(|method| method["path"].as_str().expect("a path").to_owned()).collect()
}

/// The list with what is missing in it.
fn completed(clippy: &str) -> String {
    let (before, rest) = clippy.split_once(BEGIN).expect("the mark where the list begins");
    let (_, after) = rest.split_once(END).expect("the mark where the list ends");
    let by_hand = forbidden(&format!("{before}{after}"));
    let needed = |path: &str| NEEDED.iter().any(|(call, _)| *call == path);
    let mut list = String::new();
    for (sdk, methods) in destructive() {
        for path in methods.iter().map(|method| format!("{sdk}::Client::{method}")).filter(|p| !by_hand.contains(p) && !needed(p))
        {
            writeln!(list, "  {{ path = \"{path}\", reason = \"never destroy\" }},").expect("a string");
        }
    }
    format!("{before}{BEGIN}{list}{END}{after}")
}

#[test]
fn every_call_that_destroys_is_forbidden() {
    let file = repository().join("clippy.toml");
    let clippy = std::fs::read_to_string(&file).expect("clippy.toml");
    let wanted = completed(&clippy);
    if std::env::var_os("UPDATE_CLIPPY").is_some() {
        std::fs::write(&file, &wanted).expect("written");
        return;
    }
    let (known, wanted) = (forbidden(&clippy), forbidden(&wanted));
    let missing: Vec<&String> = wanted.difference(&known).collect();
    let stale: Vec<&String> = known.difference(&wanted).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "clippy.toml is not what the SDKs have: {missing:?} are missing, {stale:?} are no calls. UPDATE_CLIPPY=1 writes it"
    );
}

#[test]
fn the_sdks_are_really_read() {
    let all = destructive();
    for (sdk, method) in [
        ("aws_sdk_iam", "delete_ssh_public_key"),
        ("aws_sdk_iam", "delete_signing_certificate"),
        ("aws_sdk_iam", "delete_service_specific_credential"),
        ("aws_sdk_s3", "delete_bucket_lifecycle"),
        ("aws_sdk_ec2", "deregister_image"),
        ("aws_sdk_ec2", "terminate_instances"),
    ] {
        assert!(all[sdk].contains(method), "{sdk}::{method}");
    }
    assert!(!destroys("describe_instances") && !destroys("put_public_access_block") && destroys("batch_delete_thing"));
}

//! How resources must look contained and released, for each family of findings: `fixtures/scenarios`.

use crate::expected::{is_as, matches};
use crate::resource::Kind;
use crate::state::State;
use firebreak::target::Scope;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What Firebreak does about a finding by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decides {
    /// It contains at once.
    Auto,
    /// A person approves first.
    Gate,
}

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called: the name of its file.
    #[serde(skip)]
    pub name: &'static str,
    /// What happens, for people.
    pub says: String,
    /// Families of finding types ([`family`]).
    pub families: Vec<String>,
    /// A finding of the family, below `fixtures/findings`.
    pub finding: String,
    /// What it is about, and what Firebreak decides about each.
    pub resources: BTreeMap<Kind, Decides>,
}

/// The fields that are not as before, of one kind of resource.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndState {
    /// While it is contained. What the values mean: the head of the file.
    pub contained: BTreeMap<String, String>,
    /// After a release. `{key}` is the access key that the finding names.
    #[serde(default)]
    pub released: BTreeMap<String, String>,
    /// The same of a level that does something else than the whole.
    #[serde(default)]
    pub levels: BTreeMap<Scope, EndState>,
}

macro_rules! scenarios {
    ($($name:literal),+ $(,)?) => {
        /// The files of `fixtures/scenarios`, but for the end states.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../fixtures/scenarios/", $name, ".toml")))),+];
    };
}

scenarios!(
    "abuse-report",
    "attack-sequence-containers",
    "attack-sequence-ec2",
    "attack-sequence-iam",
    "attack-sequence-s3",
    "container",
    "ec2",
    "exposed-key",
    "iam",
    "iam-role-session",
    "iam-user",
    "instance-credentials",
    "isolation-request",
    "kubernetes",
    "rds",
    "runtime",
    "s3-data",
    "s3-policy",
);

const END_STATES: &str = include_str!("../../../fixtures/scenarios/end-states.toml");

impl Scenario {
    /// Every scenario, in the order of their names.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them")]
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
            let read = |(name, text): &(&'static str, &str)| Scenario { name, ..toml::from_str(text).expect(name) };
            FILES.iter().map(read).collect()
        });
        &ALL
    }
}

impl EndState {
    /// That of a kind of resource, contained at a level.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    pub fn of(kind: Kind, level: Scope) -> &'static Self {
        static ALL: LazyLock<BTreeMap<Kind, EndState>> = LazyLock::new(|| toml::from_str(END_STATES).expect("end-states.toml"));
        let whole = ALL.get(&kind).expect("every kind has an end state");
        whole.levels.get(&level).unwrap_or(whole)
    }

    /// What is not as it must be while the resource is contained, one line each.
    #[must_use]
    pub fn wrong_contained(&self, before: &State, now: &State) -> Vec<String> {
        wrong(&self.contained, before, now)
    }

    /// What is not as it must be after a release. `key`: the access key that the finding named.
    #[must_use]
    pub fn wrong_released(&self, before: &State, now: &State, key: Option<&str>) -> Vec<String> {
        let rules = self.released.iter().filter_map(|(field, value)| {
            let needs_key = field.contains("{key}");
            (!needs_key || key.is_some()).then(|| (field.replace("{key}", key.unwrap_or_default()), value.clone()))
        });
        wrong(&rules.collect(), before, now)
    }
}

/// Differences that no rule explains, and rules that do not hold.
fn wrong(rules: &BTreeMap<String, String>, before: &State, now: &State) -> Vec<String> {
    let unexplained = before.differences(now).into_iter().filter(|difference| {
        let known = |(field, value): (&String, &String)| {
            matches(field, &difference.field) && is_as(value, &difference.after, &difference.before)
        };
        !rules.iter().any(known)
    });
    let unexplained =
        unexplained.map(|d| format!("{}: {} became {}", d.field, or_absent(&d.before), or_absent(&d.after))).collect::<Vec<_>>();
    let mut broken = Vec::new();
    for (rule, value) in rules {
        let mut fields = now.fields().filter(|(field, _)| matches(rule, field)).peekable();
        if fields.peek().is_none() && !rule.contains('*') {
            broken.push(format!("{rule}: absent, and must be {value}"));
        }
        let is_wrong = |(field, is): &(&str, &str)| !is_as(value, is, before.get(field).unwrap_or_default());
        broken.extend(fields.filter(is_wrong).map(|(field, is)| format!("{field}: {is}, and must be {value}")));
    }
    unexplained.into_iter().chain(broken).collect()
}

fn or_absent(value: &str) -> &str {
    if value.is_empty() { "absent" } else { value }
}

/// The family of a finding type: `IAMUser` of `Exfiltration:IAMUser/AnomalousBehavior`, `AttackSequence:EC2`, `AWS_ABUSE`,
/// `AWS_RISK`; any other name is a family of its own.
#[must_use]
pub fn family(finding_type: &str) -> String {
    if let Some((purpose, rest)) = finding_type.split_once(':')
        && let Some((resource, _)) = rest.split_once('/')
    {
        return if purpose == "AttackSequence" { format!("AttackSequence:{resource}") } else { resource.to_owned() };
    }
    let events = ["AWS_ABUSE", "AWS_RISK"].into_iter().find(|begin| finding_type.starts_with(begin));
    events.unwrap_or(finding_type).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::decision::Mode;
    use firebreak::playbook::Playbook;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn state(fields: &[(&str, &str)]) -> State {
        let mut state = State::default();
        fields.iter().for_each(|(field, value)| state.set(*field, value));
        state
    }

    #[test]
    fn every_file_is_a_scenario_and_every_finding_of_one_exists() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let files = std::fs::read_dir(fixtures.join("scenarios")).expect("a folder");
        let files = files.map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned());
        let files: BTreeSet<String> = files.filter(|name| name != "end-states").collect();
        let known: BTreeSet<String> = Scenario::all().iter().map(|scenario| scenario.name.to_owned()).collect();
        assert_eq!(files, known, "the list in scenario.rs");
        for scenario in Scenario::all() {
            assert!(fixtures.join("findings").join(format!("{}.json", scenario.finding)).is_file(), "{}", scenario.finding);
            scenario.resources.keys().for_each(|kind| assert!(!EndState::of(*kind, Scope::Principal).contained.is_empty()));
        }
    }

    #[test]
    fn every_family_that_the_playbook_contains_has_a_scenario() {
        let acts = |mode: &Mode| *mode != Mode::Notify;
        let contains = |kind: &&str| Playbook::shipped().row(kind).is_some_and(|row| row.contain.values().any(acts));
        let families: BTreeSet<String> = Playbook::shipped().types().filter(contains).map(family).collect();
        let covered: BTreeSet<String> = Scenario::all().iter().flat_map(|scenario| scenario.families.clone()).collect();
        assert_eq!(families.difference(&covered).collect::<Vec<_>>(), [""; 0]);
        assert_eq!(covered.difference(&families).collect::<Vec<_>>(), [""; 0], "no row of that family contains anything");
    }

    #[test]
    fn an_end_state_tells_what_is_missing_and_what_nobody_asked_for() {
        let user = EndState::of(Kind::User, Scope::Principal);
        let before = state(&[("attached policies", "work"), ("access key A", "Active"), ("user id", "AIDA")]);
        let contained = state(&[
            ("attached policies", "FirebreakQuarantineDenyAll, work"),
            ("access key A", "Inactive"),
            ("user id", "AIDA"),
        ]);
        assert_eq!(user.wrong_contained(&before, &contained), [""; 0]);
        let half = state(&[("attached policies", "work"), ("access key A", "Inactive"), ("user id", "AIDA")]);
        assert_eq!(user.wrong_contained(&before, &half).len(), 1);
        let more = state(&[
            ("attached policies", "FirebreakQuarantineDenyAll, work"),
            ("access key A", "Inactive"),
            ("user id", "AIDB"),
        ]);
        assert_eq!(user.wrong_contained(&before, &more), ["user id: AIDA became AIDB"]);
        let released = state(&[("attached policies", "work"), ("access key A", "Inactive"), ("user id", "AIDA")]);
        assert_eq!(user.wrong_released(&before, &released, Some("A")), [""; 0]);
        assert_eq!(
            user.wrong_released(&before, &released, Some("B")).len(),
            2,
            "that key was not exposed, and the other is not inactive"
        );
    }

    /// A bucket as it is before anything happens, and with other fields.
    fn bucket(fields: &[(&str, &str)]) -> State {
        let mut state = state(&[
            ("policy", r#"{"Statement": [{"Sid": "TlsOnly"}]}"#),
            ("public access block", "absent"),
            ("versioning", "never"),
            ("blocked encryption", "none"),
            ("lifecycle rule old-logs", "Enabled"),
            ("replication rule backup", "Enabled"),
        ]);
        fields.iter().for_each(|(field, value)| state.set(*field, value));
        state
    }

    const FROZEN: [(&str, &str); 4] = [
        (
            "policy",
            r#"{"Statement": [{"Sid": "TlsOnly"}, {"Sid": "FirebreakDenySuspects"}, {"Sid": "FirebreakDenyOutsiders"},
                {"Sid": "FirebreakDenyCustomerKeys"}]}"#,
        ),
        ("public access block", "on on on on"),
        ("versioning", "Enabled"),
        ("blocked encryption", "SSE-C"),
    ];

    #[test]
    fn a_freeze_is_told_from_a_wrong_one_and_from_a_blocked_public_access() {
        let (freeze, block) = (EndState::of(Kind::Bucket, Scope::Freeze), EndState::of(Kind::Bucket, Scope::Principal));
        let (before, frozen) = (bucket(&[]), bucket(&FROZEN));
        assert_eq!(freeze.wrong_contained(&before, &frozen), [""; 0]);
        let expired = bucket(&[&FROZEN[..], &[("lifecycle rule old-logs", "Disabled")]].concat());
        assert_eq!(freeze.wrong_contained(&before, &expired), [""; 0], "CloudTrail may show it changed");
        for (field, value) in [
            ("policy", FROZEN[0].1.replace("FirebreakDenyOutsiders", "FirebreakDenySuspectsSessions")),
            ("policy", FROZEN[0].1.replace("TlsOnly", "Everyone")),
            ("versioning", "never".to_owned()),
            ("blocked encryption", "none".to_owned()),
            ("public access block", "absent".to_owned()),
            ("replication rule backup", "absent".to_owned()),
        ] {
            let wrong = bucket(&[&FROZEN[..], &[(field, value.as_str())]].concat());
            assert!(!freeze.wrong_contained(&before, &wrong).is_empty(), "{field}: {value}");
        }
        assert_eq!(freeze.wrong_contained(&before, &before).len(), 4, "nothing was done");
        let blocked = bucket(&[("public access block", "on on on on")]);
        assert_eq!(block.wrong_contained(&before, &blocked), [""; 0]);
        assert_eq!(block.wrong_contained(&before, &frozen).len(), 3, "it is no freeze");
    }

    #[test]
    fn against_destruction_nothing_is_replicated_any_more() {
        let destruction = EndState::of(Kind::Bucket, Scope::Destruction);
        let policy = FROZEN[0].1.replace("]}", r#", {"Sid": "FirebreakDenyDestruction"}]}"#);
        let fields = [&FROZEN[1..], &[("policy", policy.as_str()), ("replication rule backup", "Disabled")]].concat();
        assert_eq!(destruction.wrong_contained(&bucket(&[]), &bucket(&fields)), [""; 0]);
        assert_eq!(
            destruction.wrong_contained(&bucket(&[]), &bucket(&fields[..4])),
            ["replication rule backup: Enabled, and must be Disabled"]
        );
        let alone = destruction.wrong_contained(&bucket(&[]), &bucket(&FROZEN));
        assert!(alone.iter().any(|line| line.starts_with("policy: ")), "the freeze alone denies no deletion: {alone:?}");
    }

    #[test]
    fn a_bucket_that_never_kept_versions_keeps_them_after_a_release_and_every_other_field_is_as_before() {
        let freeze = EndState::of(Kind::Bucket, Scope::Freeze);
        let released =
            |before: &[(&str, &str)], now: &[(&str, &str)]| freeze.wrong_released(&bucket(before), &bucket(now), None).len();
        let (on, off) = ([("versioning", "Enabled")], [("versioning", "Suspended")]);
        assert_eq!((released(&[], &on), released(&on, &on), released(&off, &off)), (0, 0, 0));
        assert!(released(&[], &[]) > 0 && released(&[], &off) > 0 && released(&off, &on) > 0 && released(&on, &off) > 0);
        assert_eq!(released(&[], &FROZEN), 3, "policy, public access block and blocked encryption");
    }
}

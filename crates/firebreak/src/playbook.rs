//! The playbook: finding type → what contains it. Data, not code.
//!
//! The table is `playbook.toml`, embedded at build time; the response policy can replace rows. A type that is not in it leads to
//! a notice, never to a guess: the list of GuardDuty types is an open vocabulary, and no part of a type's name says reliably what
//! the victim is.

use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::{SeverityBand, Subject};
use crate::target::TargetKind;
use crate::text::letters;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How far `lockdown-s3` closes a bucket by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BucketLevel {
    /// Public access is blocked. What a row means that says nothing, as in files of earlier versions.
    #[default]
    PublicAccess,
    /// The bucket is frozen, and wider levels can be approved beside.
    Freeze,
}

/// One row: everything Firebreak knows about a finding type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Containment → mode, the strongest mode that policy may allow.
    #[serde(default)]
    pub contain: BTreeMap<Containment, Mode>,
    /// How far `lockdown-s3` in `contain` closes a bucket: `public-access` or `freeze`. Default: `public-access`.
    #[serde(default)]
    pub bucket: Option<BucketLevel>,
    /// The finding tells of ransom or destruction: an approval also denies destructive actions in the bucket, and policy can have that
    /// done at once (`lockdown.destruction`).
    #[serde(default)]
    pub ransom: bool,
    /// Mode of the long-term access key that the finding names, apart from its user, whom `contain` is about.
    #[serde(default)]
    pub key_alone: Option<Mode>,
    /// What Firebreak cannot contain itself → `gate` or `notify`: the decision names it and says what a person should do.
    #[serde(default)]
    pub by_hand: BTreeMap<Subject, Mode>,
    /// Contain only when the resource is the actor; as a target it is the victim (brute force), and only `by_hand` holds.
    #[serde(default)]
    pub only_actor: bool,
    /// Mode of `by_hand` when a guardrail saw the prompt and let it through.
    #[serde(default)]
    pub let_through: Option<Mode>,
    /// Acts also on findings below the severity from which policy acts (`auto_from`): the type is evidence by itself.
    #[serde(default)]
    pub auto_below: bool,
    /// Why, where `auto_below` is set.
    #[serde(default)]
    pub below_why: Option<String>,
    /// Delivered whatever its severity, although people are only told. Rows that contain or gate are delivered anyway.
    #[serde(default)]
    pub arrives: bool,
    /// What a person should do, where the text by kind of target does not fit.
    #[serde(default)]
    pub advice: Option<String>,
    /// Why this row says what it says, for the on-call.
    pub why: String,
}

impl Row {
    /// What is wrong with the row, in words for the person who wrote it.
    #[must_use]
    pub fn mistake(&self) -> Option<&'static str> {
        if self.why.trim().is_empty() {
            return Some("why must say what the finding means");
        }
        if self.contain.values().any(|mode| *mode == Mode::Notify) {
            return Some("contain takes auto or gate: leave a containment out instead of notify");
        }
        if self.contain.iter().any(|(it, mode)| *mode == Mode::Auto && !it.declaration().is_ever_automatic()) {
            return Some("a containment that is never automatic takes gate");
        }
        let users = self.contain.contains_key(&Containment::QuarantineIam) && !self.only_actor;
        if self.key_alone.is_some_and(|mode| mode == Mode::Notify || !users) {
            return Some("key_alone takes auto or gate, beside quarantine-iam in contain and without only_actor");
        }
        if self.bucket.is_some() && !self.contain.contains_key(&Containment::LockdownS3) {
            return Some("bucket says how far lockdown-s3 goes: it needs lockdown-s3 in contain");
        }
        if self.ransom && !self.freezes() {
            return Some("ransom needs bucket = \"freeze\"");
        }
        if self.by_hand.values().chain(&self.let_through).any(|mode| *mode == Mode::Auto) {
            return Some("by_hand takes gate or notify: what a person does is never automatic");
        }
        None
    }

    /// Whether a bucket that the finding names is frozen.
    #[must_use]
    pub fn freezes(&self) -> bool {
        self.bucket == Some(BucketLevel::Freeze) && self.contain.contains_key(&Containment::LockdownS3)
    }
}

impl Row {
    /// What is wrong with it as a row for types that nobody knows, in words for the person who wrote it.
    #[must_use]
    pub fn mistake_as_default(&self) -> Option<&'static str> {
        let acts = self.contain.values().chain(&self.key_alone).any(|mode| *mode == Mode::Auto);
        acts.then_some("contain takes gate here: nobody knows what the finding means").or_else(|| self.mistake())
    }
}

/// The table from finding type to row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    advice: BTreeMap<TargetKind, String>,
    /// What a type without a row leads to, from a band upwards.
    #[serde(default)]
    default: BTreeMap<SeverityBand, Row>,
    finding: BTreeMap<String, Row>,
}

static SHIPPED: LazyLock<Playbook> = LazyLock::new(|| {
    // A malformed table must not turn into a panic in a Lambda at night: `shipped_table_parses` fails the build's tests instead.
    toml::from_str(Playbook::SHIPPED_TEXT).unwrap_or(Playbook {
        advice: BTreeMap::new(),
        default: BTreeMap::new(),
        finding: BTreeMap::new(),
    })
});

impl Playbook {
    /// The shipped table as text, for `plan --explain`, which names lines.
    pub const SHIPPED_TEXT: &str = include_str!("../playbook.toml");

    /// The table that ships with Firebreak.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The row of a finding type, by exact name.
    #[must_use]
    pub fn row(&self, finding_type: &str) -> Option<&Row> {
        self.finding.get(finding_type)
    }

    /// The row's own spelling of a type: the same letters and digits.
    #[must_use]
    pub fn spelling(&self, finding_type: &str) -> Option<&str> {
        spelled(&self.finding, finding_type)
    }

    /// The row for a type that has none, by severity: the highest band that is not above.
    #[must_use]
    pub fn default_row(&self, band: SeverityBand) -> Option<(SeverityBand, &Row)> {
        self.default.range(..=band).next_back().map(|(from, row)| (*from, row))
    }

    /// What a person should do about a target of this kind.
    #[must_use]
    pub fn advice(&self, kind: TargetKind) -> &str {
        self.advice.get(&kind).map_or("look at it", String::as_str)
    }

    /// All types in the table, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.finding.keys().map(String::as_str)
    }
}

/// The key of `rows` that is `name`, exactly or by its letters and digits.
pub(crate) fn spelled<'a>(rows: &'a BTreeMap<String, Row>, name: &str) -> Option<&'a str> {
    if let Some((exact, _)) = rows.get_key_value(name) {
        return Some(exact);
    }
    let wanted = letters(name).filter(|letters| !letters.is_empty())?;
    rows.keys().find(|known| letters(known).as_deref() == Some(wanted.as_str())).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(playbook: &Playbook) -> impl Iterator<Item = (&str, &Row)> {
        let by_band = playbook.default.iter().map(|(band, row)| (band.label(), row));
        playbook.finding.iter().map(|(kind, row)| (kind.as_str(), row)).chain(by_band)
    }

    #[test]
    fn shipped_table_parses() {
        let parsed: Result<Playbook, _> = toml::from_str(Playbook::SHIPPED_TEXT);
        let playbook = parsed.unwrap_or_else(|error| panic!("playbook.toml: {error}"));
        for (kind, row) in &playbook.finding {
            assert_eq!(row.mistake(), None, "{kind}");
            assert!(row.why.len() <= 160, "{kind}: one line for somebody who is tired");
            assert!(!row.contain.is_empty() || !row.by_hand.is_empty(), "{kind} leads to nothing");
            assert_eq!(row.auto_below, row.below_why.is_some(), "{kind}: acting on a low severity has its reason beside it");
        }
    }

    #[test]
    fn every_shipped_row_says_how_far_it_closes_a_bucket() {
        let locks = |row: &Row| row.contain.contains_key(&Containment::LockdownS3);
        let silent = rows(Playbook::shipped()).filter(|(_, row)| locks(row) && row.bucket.is_none());
        assert_eq!(silent.map(|(kind, _)| kind).collect::<Vec<_>>(), [""; 0]);
        let public = rows(Playbook::shipped()).filter(|(_, row)| row.bucket == Some(BucketLevel::PublicAccess));
        assert_eq!(
            public.map(|(kind, _)| kind).collect::<Vec<_>>(),
            [
                "Policy:S3/BucketAnonymousAccessGranted",
                "Policy:S3/BucketBlockPublicAccessDisabled",
                "Policy:S3/BucketPublicAccessGranted"
            ]
        );
    }

    /// A URL that was presigned has the rights of its signer, whatever becomes of the bucket, and ends with them (S3 user guide, "Download
    /// and upload objects with presigned URLs").
    #[test]
    fn a_row_that_freezes_a_bucket_forgets_nobody_who_may_have_signed() {
        let signer =
            |row: &Row| row.contain.contains_key(&Containment::QuarantineIam) || row.by_hand.contains_key(&Subject::Principal);
        let frozen: Vec<_> = rows(Playbook::shipped()).filter(|(_, row)| row.freezes()).collect();
        assert!(frozen.len() > 12, "{}", frozen.len());
        let forgetful = frozen.into_iter().filter(|(_, row)| !signer(row)).map(|(kind, _)| kind);
        assert_eq!(forgetful.collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn how_far_a_bucket_is_closed_needs_a_bucket_that_is_closed() {
        let mistake = |text: &str| toml::from_str::<Row>(&format!("why = \"x\"\n{text}")).expect(text).mistake();
        assert_eq!(mistake("contain = { lockdown-s3 = \"auto\" }"), None, "as in files of earlier versions");
        assert_eq!(mistake("contain = { lockdown-s3 = \"gate\" }\nbucket = \"freeze\"\nransom = true"), None);
        let without = mistake("contain = { quarantine-iam = \"gate\" }\nbucket = \"freeze\"");
        assert!(without.is_some_and(|why| why.contains("needs lockdown-s3")), "{without:?}");
        for public in ["", "bucket = \"public-access\"\n"] {
            let ransom = mistake(&format!("contain = {{ lockdown-s3 = \"gate\" }}\n{public}ransom = true"));
            assert!(ransom.is_some_and(|why| why.contains("freeze")), "{ransom:?}");
        }
    }
}

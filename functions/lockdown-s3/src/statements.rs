//! The statements that each level adds to a bucket's policy: `statements/*.json`, filled.
//!
//! All of them deny. A bucket's policy counts for every caller of the bucket and its objects, also through an access point, and an
//! explicit deny wins (IAM user guide, "Policy evaluation logic"). The account's root can read, replace and delete a bucket's policy
//! whatever it denies (Amazon S3 user guide, "Bucket policies").
//!
//! `s3:*p*tEncryption*` in `deny-destruction.json` means `PutEncryptionConfiguration` and `UpdateObjectEncryption`. S3 refuses a policy
//! with an action that it does not know, and not every partition need have the second one.

mod denied;
mod fill;
mod outsiders;

use crate::changed::Trust;
use crate::named;
use crate::suspects::Suspects;
use denied::Denied;
use fill::{Fills, filled};
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_s3::Bucket;
use firebreak_s3::levels::{DENY_SESSIONS, DENY_SUSPECTS};
use firebreak_s3::policy::{Document, LIMIT};
use outsiders::deny_outsiders;
pub(crate) use outsiders::excepted;
use serde_json::{Map, Value};

const SUSPECTS_JSON: &str = include_str!("statements/deny-suspects.json");
const SESSIONS_JSON: &str = include_str!("statements/deny-sessions.json");
const SESSIONS_OF_ROLE_JSON: &str = include_str!("statements/deny-sessions-of-role.json");
const OUTSIDERS_JSON: &str = include_str!("statements/deny-outsiders.json");
const CUSTOMER_KEYS_JSON: &str = include_str!("statements/deny-customer-keys.json");
const DESTRUCTION_JSON: &str = include_str!("statements/deny-destruction.json");
const SEAL_JSON: &str = include_str!("statements/seal.json");

/// The member roles that work on a locked bucket.
const MEMBER_ROLES: [&str; 4] =
    ["FirebreakMemberLockdownS3", "FirebreakMemberPreserveEvidence", "FirebreakMemberQuarantineObject", "FirebreakMemberRelease"];

/// What the statements of a bucket are written for.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    /// The bucket.
    pub(crate) bucket: &'a Bucket,
    /// The organization's id, if the function knows it.
    pub(crate) organization: Option<&'a str>,
    /// Whom the incident accuses, and of a freeze whoever else holds it, too.
    pub(crate) suspects: &'a Suspects,
}

impl Around<'_> {
    /// The ARNs of whoever is never locked out: four roles of Firebreak by their exact names, break-glass, and the account's root.
    pub(crate) fn responders(&self) -> Vec<String> {
        let front = format!("arn:{}:iam::{}", self.bucket.partition, self.bucket.owner);
        let roles = MEMBER_ROLES.iter().map(|role| format!("{front}:role/firebreak/{role}"));
        roles.chain([format!("{front}:role/firebreak-break-glass/*"), format!("{front}:root")]).collect()
    }
}

/// The statements of a level.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    /// Each with the step that it belongs to.
    pub(crate) all: Vec<(StepKind, Value)>,
    /// What cannot be written, and why, in words for people. [`StepKind::NoteAccess`]: suspects whom no bucket policy can deny.
    pub(crate) missing: Vec<(StepKind, String)>,
    /// What the level promises and cannot have as things are, and what a person does about it. Its step has failed.
    pub(crate) refused: Vec<(StepKind, String)>,
    /// How the Sids of those begin that give way to these ones, whoever wrote them: numbers move, and some are needed no longer.
    pub(crate) replaces: &'static [&'static str],
}

impl Statements {
    fn add(&mut self, kind: StepKind, statement: Result<Map<String, Value>, Fault>) {
        match statement {
            Ok(statement) => self.all.push((kind, Value::Object(statement))),
            Err(fault) => self.missing.push((kind, fault.message)),
        }
    }

    fn lacks(&mut self, kind: StepKind, why: impl Into<String>) {
        self.missing.push((kind, why.into()));
    }

    fn refuses(&mut self, kind: StepKind, why: impl Into<String>) {
        self.refused.push((kind, why.into()));
    }
}

/// The statements of a level, for a bucket whose policy is `current`, which is believed as far as `trust` goes.
pub(crate) fn of_level(level: Scope, around: &Around<'_>, current: &Document, trust: &Trust) -> Statements {
    let mut all = Statements::default();
    match level {
        Scope::Freeze => {
            deny_suspects(&mut all, around);
            deny_outsiders(&mut all, around, current, trust);
            all.add(StepKind::DenyCustomerKeys, for_bucket(CUSTOMER_KEYS_JSON, around, &[]));
        }
        Scope::Destruction => all.add(StepKind::DenyDestruction, for_bucket(DESTRUCTION_JSON, around, &[])),
        Scope::Seal => all.add(StepKind::SealBucket, for_bucket(SEAL_JSON, around, &[])),
        _ => {}
    }
    all
}

/// The same where the whole does not fit into the policy: of a freeze the deny of the suspects alone. The other levels have one
/// statement, and no shorter form.
pub(crate) fn shorter(level: Scope, around: &Around<'_>) -> Statements {
    let mut all = Statements::default();
    let why = format!("with it the bucket's policy would be larger than S3's {LIMIT} bytes");
    match level {
        Scope::Freeze => {
            deny_suspects(&mut all, around);
            all.lacks(StepKind::DenyOutsiders, &why);
            all.lacks(StepKind::DenyCustomerKeys, &why);
        }
        Scope::Destruction => all.lacks(StepKind::DenyDestruction, why),
        Scope::Seal => all.lacks(StepKind::SealBucket, why),
        _ => {}
    }
    all
}

/// Of a freeze the deny of the suspects alone, where nothing else is written.
pub(crate) fn about_suspects(around: &Around<'_>) -> Statements {
    let mut all = Statements::default();
    deny_suspects(&mut all, around);
    all
}

/// The pattern of `deny-destruction.json` for two actions of which one is not known everywhere, and its actions. Whoever may do what an
/// unrelated action with such letters is, destroys nothing.
const ENCRYPTION: (&str, [&str; 2]) = ("s3:*p*tEncryption*", ["s3:PutEncryptionConfiguration", "s3:UpdateObjectEncryption"]);

/// What destroys, as patterns of actions: what the statement against destruction denies.
pub(crate) fn destructive_actions() -> Vec<String> {
    let statement: Value = serde_json::from_str(DESTRUCTION_JSON).unwrap_or_default();
    let (pattern, meant) = ENCRYPTION;
    let denied = named::strings(&statement["Action"]).unwrap_or_default();
    let others = denied.into_iter().filter(|action| *action != pattern);
    others.chain(meant).map(str::to_owned).collect()
}

/// A template with the bucket, whoever is never locked out, and `more` in their places.
fn for_bucket(template: &str, around: &Around<'_>, more: Fills<'_>) -> Result<Map<String, Value>, Fault> {
    let arn = around.bucket.arn();
    let (bucket, objects, responders) = ([arn.clone()], [format!("{arn}/*")], around.responders());
    let mut fills: Vec<(&str, &[String])> =
        vec![("Bucket", bucket.as_slice()), ("Objects", objects.as_slice()), ("Responders", responders.as_slice())];
    fills.extend(more);
    filled(template, &fills)
}

fn deny_suspects(all: &mut Statements, around: &Around<'_>) {
    all.replaces = &[DENY_SUSPECTS];
    let (kind, denied) = (StepKind::DenySuspects, Denied::of(around));
    let unnamed = around.suspects.unnamed.join("; ");
    let is_nobody = denied.is_empty() || around.suspects.is_nobody_named;
    if !unnamed.is_empty() && is_nobody {
        // The suspect goes on, whatever else the level denies.
        let way = format!("stop them by hand, or seal the bucket: --only \"every access to S3 bucket {}\"", around.bucket.name);
        all.refuses(kind, format!("no suspect whom a bucket policy can deny: {unnamed}; {way}"));
    } else if denied.is_empty() {
        all.lacks(kind, "no suspect whom a bucket policy can deny: the incident accuses nobody");
    } else if !unnamed.is_empty() {
        all.lacks(StepKind::NoteAccess, format!("not denied at the bucket: {unnamed}"));
    }
    if !denied.arns.is_empty() {
        all.add(kind, for_bucket(SUSPECTS_JSON, around, &[("Suspects", denied.arns.as_slice())]));
    }
    if !denied.identities.is_empty() {
        all.add(kind, for_bucket(SESSIONS_JSON, around, &[("Sessions", denied.identities.as_slice())]));
    }
    for (at, (role, sessions)) in denied.of_roles.iter().enumerate() {
        let statement =
            for_bucket(SESSIONS_OF_ROLE_JSON, around, &[("Role", role.as_slice()), ("Sessions", sessions.as_slice())]);
        let sid = ("Sid".to_owned(), Value::String(format!("{DENY_SESSIONS}{}", at + 1)));
        all.add(kind, statement.map(|statement| statement.into_iter().chain([sid]).collect()));
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! What a level of the lockdown would hit, for whoever decides about one that waits. It reads and changes nothing.
//!
//! CloudTrail is not asked: people wait for the ticket, and the containment asks before it changes anything.

use crate::access::{self, Access, Loses};
use crate::base::{self, BaseState, Rule, Versioning};
use crate::changed::Trust;
use crate::statements::{self, Around};
use crate::suspects::Suspects;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak::target::{Scope, TargetKind};
use firebreak::task::{Hits, TaskInput};
use firebreak::text::inert;
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::Responder;
use firebreak_s3::policy::Document;

/// Characters of a line that quotes a reason.
const WHY: usize = 120;
/// So many are named in a line.
const NAMED: usize = 3;
/// Characters of a line that names so many, each with a reason.
const LINE: usize = 450;

/// What the level of `request` would hit in its bucket. What could not be read is a line, too.
///
/// # Errors
/// `Gone` when the bucket does not exist, `Malformed` for any other target, and whatever kept Firebreak out of the account.
pub(crate) async fn impact(responder: &Responder, organization: Option<&str>, request: &TaskInput) -> Result<Hits, Fault> {
    let (target, level) = (&request.target, request.target.scope);
    if target.kind != TargetKind::S3Bucket {
        return Err(Fault::malformed(format!("lockdown-s3 cannot contain {target}")));
    }
    let call = responder.call(target, Containment::LockdownS3, MemberRole::LockdownS3, &request.incident.id).await?;
    let bucket = Box::pin(firebreak_s3::open(&call.config, target)).await?;
    let base = Box::pin(base::read(&bucket, level)).await?;
    let suspects = Suspects::of(&request.incident, &[]);
    let around = Around { bucket: &bucket, organization, suspects: &suspects };
    let document = match Document::parse(base.policy.as_deref()) {
        Ok(document) => document,
        Err(fault) => {
            let unknown = format!("not known whom it would hit: {}", inert(&fault.message, WHY));
            return Ok(Hits { hits: std::iter::once(unknown).chain(of_level(level, &base)).collect() });
        }
    };
    let access = access::assess(level, &base, &document, &around, &Trust::default());
    let mut hits: Vec<String> = losers(&access.loses).into_iter().collect();
    hits.extend(of_level(level, &base));
    hits.extend(access.says_keepers());
    if level == Scope::Freeze {
        hits.extend(of_freeze(&around, &document, &access));
    }
    // Last and in one line: people read only so many, and many settings that cannot be read must not push out what the level does.
    hits.extend(unknown(&base.unread));
    Ok(Hits { hits })
}

/// Who loses access and why, in one line. Whom nobody accuses comes first: the approval is about them.
fn losers(all: &[Loses]) -> Option<String> {
    let (suspects, innocent): (Vec<&Loses>, Vec<&Loses>) = all.iter().partition(|loses| loses.is_suspect);
    let named = innocent.into_iter().chain(suspects).map(|loses| format!("{} ({})", loses.who, loses.why));
    some_of(named, "names").map(|named| inert(&format!("loses access: {named}"), LINE))
}

/// What could not be read, in one line. Nothing when all was.
fn unknown(unread: &[String]) -> Option<String> {
    let lines = unread.iter().map(|line| inert(line, WHY));
    some_of(lines, "settings").map(|lines| inert(&format!("not known: {lines}"), LINE))
}

/// The first of them, and how many there are where that is not all. Nothing of none.
fn some_of(all: impl Iterator<Item = String>, what: &str) -> Option<String> {
    let all: Vec<String> = all.collect();
    let first = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => None,
        1..=NAMED => Some(first),
        count => Some(format!("{count} {what}, among them {first}")),
    }
}

/// What everybody meets, whoever the policy names.
fn of_level(level: Scope, base: &BaseState) -> Vec<String> {
    match level {
        Scope::Principal => {
            vec!["public access ends: by its policy, by ACLs, and of a public policy every other account's".to_owned()]
        }
        Scope::Freeze => {
            let keys = "objects under keys of the caller (SSE-C) are refused".to_owned();
            let versions = "versioning is switched on and can only be suspended again: older versions cost storage".to_owned();
            let is_new = base.versioning == Versioning::Never;
            std::iter::once(keys).chain(is_new.then_some(versions)).collect()
        }
        Scope::Destruction => {
            let denied = "nobody but Firebreak, break-glass and the root user deletes objects or changes settings, and nobody else sets an \
                          ACL with an upload";
            std::iter::once(denied.to_owned()).chain(rules(base)).collect()
        }
        Scope::Seal => vec![
            "every call of anybody but Firebreak, break-glass and the root user is refused, also reads".to_owned(),
            "AWS services are refused, too: logs, inventories and notifications that it takes part in stop".to_owned(),
        ],
        _ => vec![],
    }
}

/// The rules that would be switched off so that S3 itself deletes and copies nothing.
fn rules(base: &BaseState) -> Option<String> {
    let count = |rules: Option<&base::Rules>, is_off: fn(&Rule) -> bool| {
        rules.map_or(0, |rules| rules.rules.iter().filter(|rule| is_off(rule)).count())
    };
    let expiring = count(base.lifecycle.as_ref(), |rule| rule.enabled && rule.expires);
    let copying = count(base.replication.as_ref(), |rule| rule.enabled);
    (expiring + copying > 0).then(|| {
        format!("switched off: {expiring} lifecycle rules that delete objects, {copying} replication rules: objects are kept, and not copied")
    })
}

/// What a person must know of a freeze besides.
fn of_freeze(around: &Around<'_>, document: &Document, access: &Access) -> Vec<String> {
    let statements = statements::of_level(Scope::Freeze, around, document, &Trust::default());
    let missing =
        statements.missing.into_iter().chain(statements.refused).filter(|(kind, _)| *kind != StepKind::DenyCustomerKeys);
    let trust =
        "whom the policy names keeps access; where CloudTrail shows that a suspect wrote it, whom it named before".to_owned();
    let trust = (!access.keeps.is_empty()).then_some(trust);
    missing.map(|(_, why)| inert(&why, WHY)).chain(trust).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rules;

    fn rule(enabled: bool, expires: bool) -> Rule {
        Rule { id: "a".to_owned(), enabled, expires, ..Rule::default() }
    }

    #[test]
    fn only_rules_that_would_be_switched_off_are_counted() {
        let lifecycle = Some(Rules { rules: vec![rule(true, true), rule(true, false), rule(false, true)], ..Rules::default() });
        let replication = Some(Rules { rules: vec![rule(true, false), rule(false, false)], ..Rules::default() });
        let base = BaseState { lifecycle, replication, ..BaseState::default() };
        let says = of_level(Scope::Destruction, &base).join("; ");
        assert!(says.contains("1 lifecycle rules") && says.contains("1 replication rules"), "{says}");
        assert_eq!(of_level(Scope::Destruction, &BaseState::default()).len(), 1);
    }

    #[test]
    fn three_names_are_whole_with_their_reasons_and_whom_nobody_accuses_comes_first() {
        let arn = |at: usize| format!("arn:aws:iam::555566667777:role/{at}{}", "x".repeat(48));
        let loses = |at| Loses { who: arn(at), is_suspect: at == 0, why: "the policy is public, so the block shuts them out" };
        let says = losers(&(0..4).map(loses).collect::<Vec<_>>()).expect("a line");
        assert!(says.starts_with("loses access: 4 names, among them arn:"), "{says}");
        assert!(
            (1..4).all(|at| says.contains(&format!("{} (the policy is public,", arn(at)))) && !says.contains(&arn(0)),
            "{says}"
        );
        assert!(says.ends_with("shuts them out)"), "{says}");
        assert_eq!(losers(&[]), None);
    }

    #[test]
    fn many_settings_that_cannot_be_read_take_one_line() {
        let unread: Vec<String> = (0..12).map(|at| format!("s3:GetSetting{at}: AccessDenied {}", "x".repeat(900))).collect();
        let [one, all] = [&unread[..1], &unread[..]].map(|unread| unknown(unread).expect("a line"));
        assert!(one.starts_with("not known: s3:GetSetting0: AccessDenied"), "{one}");
        assert!(all.starts_with("not known: 12 settings, among them s3:GetSetting0") && all.len() < 500, "{all}");
        assert_eq!(unknown(&[]), None);
    }

    #[test]
    fn versioning_is_said_where_it_can_never_be_off_again() {
        let of = |versioning| of_level(Scope::Freeze, &BaseState { versioning, ..BaseState::default() }).join("; ");
        assert!(of(Versioning::Never).contains("can only be suspended") && !of(Versioning::Enabled).contains("versioning"));
        assert!(!of(Versioning::Suspended).contains("can only be suspended"), "a release suspends it again");
    }
}

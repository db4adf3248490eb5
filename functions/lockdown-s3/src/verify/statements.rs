//! The statements of a level, as they must stand in the bucket policy.

use crate::base::BaseState;
use crate::statements::{Around, DENY_SUSPECTS, PolicyTrust, Statements, of_level, shorter};
use crate::write::is_there;
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::BTreeSet;

/// Statements that do not stand in the policy as they must.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The step that they belong to.
    pub(super) kind: StepKind,
    /// For people.
    pub(super) line: String,
    pub(super) how: How,
}

/// How statements come not to stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// They are missing, or somebody changed them.
    TakenAway,
    /// They are as they were written, and the incident accuses more suspects by now.
    Grown,
}

/// The statements that the level must have. Whom they except goes by the policy as it was recorded: nobody writes himself into an
/// exception after the containment.
///
/// # Errors
/// The recorded policy is none that this version understands.
pub(super) fn wanted(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Result<Statements, Fault> {
    let planned = &base.planned;
    if planned.sids.is_empty() {
        return Ok(Statements::default());
    }
    let ours: Vec<Value> = ours(now).cloned().collect();
    let document = Document::parse(base.policy.as_deref())?.with(&ours);
    let trust = if planned.distrusts { PolicyTrust::WrittenBySuspect } else { PolicyTrust::Trusted };
    let all = of_level(level, around, &document, trust);
    // The containment wrote the shorter form where there was no room for all.
    let is_written = |(kind, one): &(StepKind, Value)| *kind == StepKind::DenySuspects || planned.sids.contains(sid(one));
    Ok(if all.all.iter().all(is_written) { all } else { shorter(level, around, &document) })
}

/// What of the statements does not stand in the policy as it must.
///
/// # Errors
/// As [`wanted`].
pub(super) fn misfits(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Result<Vec<Misfit>, Fault> {
    let all = wanted(level, around, (base, now))?.all;
    let (suspects, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(kind, _)| *kind == StepKind::DenySuspects);
    let suspects: Vec<Value> = suspects.into_iter().map(|(_, statement)| statement).collect();
    let one = |(kind, statement): (StepKind, Value)| {
        let sid = sid(&statement);
        let what = if now.sid(sid).is_some() { "was changed" } else { "is missing in the bucket policy" };
        let line = format!("statement {sid} {what}");
        (!is_there(now, &statement)).then_some(Misfit { kind, line, how: How::TakenAway })
    };
    Ok(misfit_of_suspects(&suspects, (base, now)).into_iter().chain(others.into_iter().filter_map(one)).collect())
}

/// Statements that were written and that nobody could write again: what they are made of is not known any more.
pub(super) fn unwritable(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Vec<String> {
    let Ok(Statements { all, .. }) = wanted(level, around, (base, now)) else { return vec![] };
    let denies_suspects = all.iter().any(|(kind, _)| *kind == StepKind::DenySuspects);
    let known: BTreeSet<&str> = all.iter().map(|(_, statement)| sid(statement)).collect();
    let is_lost = |name: &&String| {
        let is_known = known.contains(name.as_str()) || denies_suspects && name.starts_with(DENY_SUSPECTS);
        !is_known && now.sid(name).is_none()
    };
    let line = |name: &String| format!("statement {name} is missing in the bucket policy and cannot be written again");
    base.planned.sids.iter().filter(is_lost).map(line).collect()
}

/// Sessions have numbered statements, and a new one can move the numbers: these go by what they deny, not by name.
fn misfit_of_suspects(wanted: &[Value], (base, now): (&BaseState, &Document)) -> Option<Misfit> {
    let there: Vec<&Value> = ours(now).filter(|one| sid(one).starts_with(DENY_SUSPECTS)).collect();
    if wanted.iter().all(|one| there.iter().any(|there| is_same(there, one))) {
        return None;
    }
    let is_part = |there: &&Value| wanted.iter().any(|one| is_same(there, &cut_to(one, there)));
    let mut written = base.planned.sids.iter().filter(|name| name.starts_with(DENY_SUSPECTS)).peekable();
    let has_all = written.peek().is_some() && written.all(|name| now.sid(name).is_some());
    let (line, how) = if has_all && there.iter().all(is_part) {
        ("the bucket policy did not deny every suspect of the incident", How::Grown)
    } else {
        ("the statements that deny the suspects are not in the bucket policy as they were written", How::TakenAway)
    };
    Some(Misfit { kind: StepKind::DenySuspects, line: line.to_owned(), how })
}

/// Lists of those who are denied.
const DENIED: [&str; 3] =
    ["/Condition/ArnLike/aws:PrincipalArn", "/Condition/StringEquals/aws:userid", "/Condition/StringLike/aws:userid"];

/// A statement that denies only whom `there` denies, where `there` denies nobody else.
fn cut_to(statement: &Value, there: &Value) -> Value {
    let mut cut = statement.clone();
    for list in DENIED {
        let (Some(all), Some(some)) = (cut.pointer_mut(list), there.pointer(list)) else { continue };
        if listed(some).is_subset(&listed(all)) {
            *all = some.clone();
        }
    }
    cut
}

fn listed(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(values) => values.iter().map(Value::to_string).collect(),
        one => BTreeSet::from([one.to_string()]),
    }
}

/// Whether both say the same, whatever their names.
fn is_same(one: &Value, other: &Value) -> bool {
    let unnamed = |statement: &Value| {
        let mut statement = statement.clone();
        if let Some(members) = statement.as_object_mut() {
            members.remove("Sid");
        }
        Document::parse(None).map(|none| none.with(&[statement]))
    };
    matches!((unnamed(one), unnamed(other)), (Ok(one), Ok(other)) if one.is_same(&other))
}

/// The statements of Firebreak's.
fn ours(document: &Document) -> impl Iterator<Item = &Value> {
    document.statements().iter().filter(|one| document.sid(sid(one)) == Some(*one))
}

fn sid(statement: &Value) -> &str {
    statement.get("Sid").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Planned;
    use serde_json::json;

    fn denying(sid: &str, arns: &Value) -> Value {
        json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::b"],
            "Condition": { "ArnLike": { "aws:PrincipalArn": arns }, "ArnNotLike": { "aws:PrincipalArn": ["root"] } } })
    }

    fn how(wanted: &[Value], there: &[Value], planned: &[&str]) -> Option<How> {
        let now = Document::parse(None).expect("no policy").with(there);
        let sids = planned.iter().map(|sid| (*sid).to_owned()).collect();
        let base = BaseState { planned: Planned { sids, ..Planned::default() }, ..BaseState::default() };
        misfit_of_suspects(wanted, (&base, &now)).map(|misfit| misfit.how)
    }

    #[test]
    fn a_new_suspect_is_no_revert_and_whatever_was_taken_out_is() {
        let wanted = [denying(DENY_SUSPECTS, &json!(["a", "b"]))];
        let planned = [DENY_SUSPECTS];
        assert_eq!(how(&wanted, &[denying(DENY_SUSPECTS, &json!(["b", "a"]))], &planned), None);
        assert_eq!(how(&wanted, &[denying(DENY_SUSPECTS, &json!("a"))], &planned), Some(How::Grown));
        assert_eq!(how(&wanted, &[], &planned), Some(How::TakenAway));
        let mut excepting = denying(DENY_SUSPECTS, &json!(["a", "b"]));
        excepting["Condition"]["ArnNotLike"]["aws:PrincipalArn"] = json!(["root", "a"]);
        assert_eq!(how(&wanted, &[excepting], &planned), Some(How::TakenAway), "an exception");
        let mut allowing = denying(DENY_SUSPECTS, &json!(["a", "b"]));
        allowing["Effect"] = json!("Allow");
        assert_eq!(how(&wanted, &[allowing], &planned), Some(How::TakenAway), "it denies nobody");
    }

    #[test]
    fn a_statement_that_got_another_number_is_still_there() {
        let wanted = [
            denying("FirebreakDenySuspectsSessions1", &json!(["new"])),
            denying("FirebreakDenySuspectsSessions2", &json!(["a"])),
        ];
        let there = [denying("FirebreakDenySuspectsSessions1", &json!(["a"]))];
        assert_eq!(how(&wanted, &there, &["FirebreakDenySuspectsSessions1"]), Some(How::Grown));
        assert_eq!(how(&wanted[1..], &there, &["FirebreakDenySuspectsSessions1"]), None);
    }
}

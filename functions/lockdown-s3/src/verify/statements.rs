//! The statements of a level, as they must stand in the bucket policy.

use crate::base::{BaseState, Part};
use crate::changed::Trust;
use crate::lineage::without_levels;
use crate::statements::{Around, Statements, about_suspects, of_level};
use crate::suspects::Suspects;
use crate::write::is_there;
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_s3::levels::{DENY_OUTSIDERS, DENY_SUSPECTS};
use firebreak_s3::policy::{Document, LIMIT};
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
    /// They say more than was ever written.
    PutIn,
    /// They are as they were written, and the incident accuses more suspects by now.
    Grown,
    /// They are as they were written, and of those whom they deny nobody accuses all any more.
    Freed,
}

/// The statements that the level must have. Whom they except goes by the policy as it was recorded: nobody writes himself into an
/// exception after the containment.
///
/// # Errors
/// The recorded policy is none that this version understands.
pub(super) fn wanted(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Result<Statements, Fault> {
    let (planned, recorded) = (&base.planned, Document::parse(base.policy.as_deref())?);
    let trust = Trust::recorded(planned);
    if planned.sids.is_empty() {
        return Ok(late(level, around, now, &trust));
    }
    let mut statements = of_level(level, around, &recorded, &trust);
    // The containment wrote less where there was no room for all, or where nobody knew whom a statement shuts out.
    statements.all.retain(|(kind, one)| *kind == StepKind::DenySuspects || planned.sids.contains(sid(one)));
    Ok(statements)
}

/// What can be written at last of a level whose statements never were, because the policy was not known or had no room: what hits only those
/// whom somebody accuses, and what was meant for everybody. Of whom a freeze would shut out besides, nobody has been asked.
fn late(level: Scope, around: &Around<'_>, now: &Document, trust: &Trust) -> Statements {
    let statements = match level {
        Scope::Freeze => about_suspects(around),
        Scope::Destruction => of_level(level, around, now, trust),
        _ => Statements::default(),
    };
    let ours: Vec<Value> = statements.all.iter().map(|(_, statement)| statement.clone()).collect();
    let bytes = now.without(statements.replaces).with(&ours).bytes();
    if bytes <= LIMIT { statements } else { Statements::default() }
}

/// Whether nothing of the level was ever written into the policy, and nothing of it can be.
pub(super) fn is_out_of_reach(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> bool {
    base.planned.sids.is_empty() && wanted(level, around, (base, now)).is_ok_and(|wanted| wanted.all.is_empty())
}

/// What is recorded, with the policy of now where the containment could not read it: nothing was written into that one.
pub(super) fn with_policy(base: &BaseState, now: &Document) -> BaseState {
    let mut with = base.clone();
    if with.unknown.remove(&Part::Policy) {
        with.policy = without_levels(now).render();
    }
    with
}

/// What of the statements does not stand in the policy as it must.
///
/// # Errors
/// As [`wanted`].
pub(super) fn misfits(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Result<Vec<Misfit>, Fault> {
    let all = wanted(level, around, (base, now))?.all;
    let (suspects, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(kind, _)| *kind == StepKind::DenySuspects);
    // The statements about suspects are a freeze's: the other levels leave them alone.
    let of_suspects = if level == Scope::Freeze && !(base.planned.sids.is_empty() && suspects.is_empty()) {
        let once = values(about_suspects(&Around { suspects: &once_accused(around, base), ..*around }).all);
        misfit_of_suspects((&values(suspects), &once), (base, now))
    } else {
        None
    };
    let one = |(kind, statement): (StepKind, Value)| {
        let sid = sid(&statement);
        let what = if now.sid(sid).is_some() { "was changed" } else { "is missing in the bucket policy" };
        let line = format!("statement {sid} {what}");
        (!is_there(now, &statement)).then_some(Misfit { kind, line, how: How::TakenAway })
    };
    Ok(of_suspects.into_iter().chain(others.into_iter().filter_map(one)).collect())
}

/// Statements that were written and that nobody could write again: what they are made of is not known any more.
pub(super) fn unwritable(level: Scope, around: &Around<'_>, (base, now): (&BaseState, &Document)) -> Vec<String> {
    let Ok(Statements { all, refused, .. }) = wanted(level, around, (base, now)) else { return vec![] };
    let known: BTreeSet<&str> = all.iter().map(|(_, statement)| sid(statement)).collect();
    let is_lost = |name: &&String| {
        // Whom they deny is recorded, and nobody need be denied any more.
        let is_known = known.contains(name.as_str()) || name.starts_with(DENY_SUSPECTS);
        !is_known && now.sid(name).is_none()
    };
    let line = |name: &String| format!("statement {name} is missing in the bucket policy and cannot be written again");
    let doubtful = refused.into_iter().filter(|(kind, _)| is_doubtful(*kind, base)).map(|(_, why)| why);
    base.planned.sids.iter().filter(is_lost).map(line).chain(doubtful).collect()
}

/// Statements of a freeze that were never written, while looks write those about the suspects: whom they shut out, nobody has been asked.
///
/// # Errors
/// As [`wanted`].
pub(super) fn unwritten(
    level: Scope,
    around: &Around<'_>,
    (base, now): (&BaseState, &Document),
) -> Result<Vec<(StepKind, String)>, Fault> {
    if level != Scope::Freeze {
        return Ok(vec![]);
    }
    let recorded = Document::parse(base.policy.as_deref())?;
    let all = of_level(level, around, &recorded, &Trust::recorded(&base.planned)).all;
    let is_missing = |(kind, one): &(StepKind, Value)| {
        *kind != StepKind::DenySuspects && !base.planned.sids.contains(sid(one)) && now.sid(sid(one)).is_none()
    };
    let line = |one: &Value| {
        let bucket = &around.bucket.name;
        format!("statement {} was never written: approve it with --only \"freeze of S3 bucket {bucket}\"", sid(one))
    };
    Ok(all.into_iter().filter(is_missing).map(|(kind, one)| (kind, line(&one))).collect())
}

/// Whether the statement of a step was written before anybody knew that it excepts whom a suspect may have named.
pub(super) fn is_doubtful(kind: StepKind, base: &BaseState) -> bool {
    kind == StepKind::DenyOutsiders && base.planned.distrusts && base.planned.sids.contains(DENY_OUTSIDERS)
}

/// Everybody whom a holder of the bucket ever accused and the record still knows, and whom a person released since.
fn once_accused(around: &Around<'_>, base: &BaseState) -> Suspects {
    around.suspects.beside(base.planned.denied.values().chain([&around.suspects.released]))
}

fn values(statements: Vec<(StepKind, Value)>) -> Vec<Value> {
    statements.into_iter().map(|(_, statement)| statement).collect()
}

/// Sessions have numbered statements, and a new one can move the numbers: these go by what they deny, not by name. `once`: how they would be
/// if everybody were still accused whom they denied before.
fn misfit_of_suspects((wanted, once): (&[Value], &[Value]), (base, now): (&BaseState, &Document)) -> Option<Misfit> {
    let there: Vec<&Value> = ours(now).filter(|one| sid(one).starts_with(DENY_SUSPECTS)).collect();
    let is_there = |one: &Value| there.iter().any(|there| is_same(there, one));
    if there.len() == wanted.len() && wanted.iter().all(is_there) {
        return None;
    }
    let are_part_of = |all: &[Value]| there.iter().all(|there| all.iter().any(|one| is_same(there, &cut_to(one, there))));
    let mut written = base.planned.sids.iter().filter(|name| name.starts_with(DENY_SUSPECTS));
    // Where nothing of the level was ever written, nothing has grown.
    let has_all = !base.planned.sids.is_empty() && written.all(|name| now.sid(name).is_some());
    let not_as_written = "the statements that deny the suspects are not in the bucket policy as they were written";
    let (line, how) = if !has_all {
        (not_as_written, How::TakenAway)
    } else if !are_part_of(once) {
        (not_as_written, How::PutIn)
    } else if are_part_of(wanted) {
        ("the bucket policy did not deny every suspect of the incident", How::Grown)
    } else {
        ("the bucket policy denied somebody whom nobody accuses any more", How::Freed)
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
        how_once((wanted, wanted), there, planned)
    }

    fn how_once(wanted_and_once: (&[Value], &[Value]), there: &[Value], planned: &[&str]) -> Option<How> {
        let now = Document::parse(None).expect("no policy").with(there);
        let sids = planned.iter().map(|sid| (*sid).to_owned()).collect();
        let base = BaseState { planned: Planned { sids, ..Planned::default() }, ..BaseState::default() };
        misfit_of_suspects(wanted_and_once, (&base, &now)).map(|misfit| misfit.how)
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
        assert_eq!(how(&wanted, &[excepting], &planned), Some(How::PutIn), "an exception");
        let mut allowing = denying(DENY_SUSPECTS, &json!(["a", "b"]));
        allowing["Effect"] = json!("Allow");
        assert_eq!(how(&wanted, &[allowing], &planned), Some(How::TakenAway), "it denies nobody");
    }

    #[test]
    fn whom_nobody_accuses_any_more_was_not_put_in_by_somebody_and_a_stranger_was() {
        let [wanted, once] = [json!(["a"]), json!(["a", "b"])].map(|arns| [denying(DENY_SUSPECTS, &arns)]);
        let there = |arns: Value| how_once((&wanted, &once), &[denying(DENY_SUSPECTS, &arns)], &[DENY_SUSPECTS]);
        assert_eq!(there(json!(["a"])), None);
        assert_eq!(there(json!(["a", "b"])), Some(How::Freed));
        assert_eq!(there(json!(["a", "prod"])), Some(How::PutIn));
        // The last one is let go.
        let last = denying(DENY_SUSPECTS, &json!(["b"]));
        assert_eq!(how_once((&[], &once), &[last], &[DENY_SUSPECTS]), Some(How::Freed));
        assert_eq!(how_once((&[], &once), &[], &[]), None);
        // A statement beside Firebreak's own, under a name like theirs.
        let beside = [denying(DENY_SUSPECTS, &json!(["a"])), denying("FirebreakDenySuspectsToo", &json!(["prod"]))];
        assert_eq!(how_once((&wanted, &once), &beside, &[DENY_SUSPECTS]), Some(How::PutIn));
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

//! Room for the seal in a bucket policy that is full.
//!
//! Whoever may write the policy can fill it up to S3's limit, and no deny has room then. The seal makes room: it denies every call of
//! everybody but the responders, so a statement that allows something gives nobody anything beside it. The base has the statement, and a
//! release puts it back. A Deny stays: it can bind a responder.

use crate::statements::Statements;
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak_s3::policy::{Document, LIMIT};
use serde_json::Value;

/// A policy, and what is not in it so that it fits.
#[derive(Debug)]
pub(crate) struct Room {
    /// The policy.
    pub(crate) document: Document,
    /// Statements of the customer's, each of which allows something.
    pub(crate) left_out: Vec<Value>,
}

/// Makes room in `wanted`, a policy with all of `statements`: what allows something goes, the largest statement first, until the policy fits.
/// For any other level than the seal, and where all that allows something is not enough, the policy stays as it is.
pub(crate) fn made(wanted: Document, statements: &Statements) -> Room {
    let (mut rest, mut left_out) = (wanted.clone(), Vec::new());
    while seals(statements) && rest.bytes() > LIMIT {
        let Some(at) = largest_allow(&rest) else { return Room { document: wanted, left_out: vec![] } };
        left_out.extend(rest.statements().get(at).cloned());
        rest = rest.leaving_out(at);
    }
    Room { document: rest, left_out }
}

/// The fault of statements for which the policy of the bucket `name` has no room, and what a person does.
pub(crate) fn none(bytes: usize, statements: &Statements, name: &str) -> Fault {
    let way = if seals(statements) {
        "without all that the policy allows, its Deny statements leave no room: take out those that nobody needs".to_owned()
    } else {
        format!(
            "approve the seal, --only \"every access to S3 bucket {name}\": it leaves out what the policy allows until it has room, and a \
             release puts that back. Or take statements out that nobody needs"
        )
    };
    Fault::malformed(format!("the bucket policy would have {bytes} bytes, and S3 takes {LIMIT}: {way}"))
}

fn seals(statements: &Statements) -> bool {
    statements.all.iter().any(|(kind, _)| *kind == StepKind::SealBucket)
}

fn largest_allow(document: &Document) -> Option<usize> {
    let all = document.statements().iter().enumerate();
    let allows = all.filter(|(_, statement)| statement.get("Effect").and_then(Value::as_str) == Some("Allow"));
    allows.map(|(at, _)| at).max_by_key(|at| document.bytes_of(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn statement(sid: &str, effect: &str, bytes: usize) -> Value {
        json!({ "Sid": sid, "Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "x".repeat(bytes) })
    }

    fn of(kind: StepKind) -> Statements {
        Statements { all: vec![(kind, statement("FirebreakSeal", "Deny", 400))], ..Statements::default() }
    }

    /// The Sids of what is left, and of what went, of a policy with these statements to which those of a step are added.
    fn room(theirs: &[Value], kind: StepKind) -> (Vec<String>, Vec<String>) {
        let (none, statements) = (Document::parse(None).expect("no policy"), of(kind));
        let ours: Vec<Value> = statements.all.iter().map(|(_, one)| one.clone()).collect();
        let Room { document, left_out } = made(none.with(theirs).with(&ours), &statements);
        let sids = |all: &[Value]| all.iter().filter_map(|one| one["Sid"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        (sids(document.statements()), sids(&left_out))
    }

    #[test]
    fn the_largest_of_what_allows_something_goes_until_the_seal_has_room() {
        let theirs = [
            statement("Small", "Allow", 100),
            statement("Tls", "Deny", 9_000),
            statement("Large", "Allow", 9_000),
            statement("Larger", "Allow", 10_000),
        ];
        let (left, out) = room(&theirs, StepKind::SealBucket);
        assert_eq!(
            (left, out),
            (["Small", "Tls", "Large", "FirebreakSeal"].map(str::to_owned).into(), vec!["Larger".to_owned()])
        );
        let fits = [statement("Small", "Allow", 100)];
        assert_eq!(room(&fits, StepKind::SealBucket).1, [""; 0]);
    }

    #[test]
    fn nothing_goes_for_another_level_or_where_that_is_not_enough() {
        let allows = [statement("Large", "Allow", LIMIT)];
        assert_eq!(room(&allows, StepKind::DenyDestruction).1, [""; 0], "destruction takes reads from nobody");
        let denies = [statement("App", "Allow", 100), statement("Tls", "Deny", LIMIT)];
        assert_eq!(room(&denies, StepKind::SealBucket).1, [""; 0]);
    }
}

//! Which statements of a level have room in the bucket policy.

use crate::changed::Trust;
use crate::room;
use crate::statements::{Around, Statements, of_level, shorter};
use firebreak::fault::Fault;
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_s3::policy::{Document, LIMIT};
use serde_json::Value;
use std::collections::BTreeSet;

/// What goes into the policy.
pub(crate) struct Fit {
    /// The statements: all of the level's, or its shorter form.
    pub(crate) statements: Statements,
    /// What the shorter form lacks.
    pub(crate) lacks: Vec<(StepKind, Fault)>,
    /// Not even the shorter form has room.
    pub(crate) refused: Option<Fault>,
}

impl Fit {
    /// Whether a step has a statement among them.
    pub(crate) fn has(&self, kind: StepKind) -> bool {
        self.statements.all.iter().any(|(known, _)| *known == kind)
    }

    /// The Sids of the statements.
    pub(crate) fn sids(&self) -> BTreeSet<String> {
        let sid = |(_, statement): &(StepKind, Value)| Some(statement.get("Sid")?.as_str()?.to_owned());
        self.statements.all.iter().filter_map(sid).collect()
    }
}

/// The statements of `level` beside those of `now`. Whom the existing policy lets in is read from `believed`.
pub(crate) fn fit(level: Scope, around: &Around<'_>, (now, believed): (&Document, &Document), trust: &Trust) -> Fit {
    let whole = of_level(level, around, believed, trust);
    let bytes = room::made(with(now, &whole), &whole).document.bytes();
    if whole.all.is_empty() || bytes <= LIMIT {
        return Fit { statements: whole, lacks: vec![], refused: None };
    }
    let no_room = |statements: &Statements| room::none(bytes, statements, &around.bucket.name);
    let mut short = shorter(level, around);
    if short.all.is_empty() || with(now, &short).bytes() > LIMIT {
        let refused = Some(no_room(&whole));
        return Fit { statements: whole, lacks: vec![], refused };
    }
    // A control that would be there but for the room has failed. It was not left out on purpose.
    let has = |kind: StepKind| short.all.iter().any(|(known, _)| *known == kind);
    let lost: BTreeSet<StepKind> = whole.all.iter().map(|(kind, _)| *kind).filter(|kind| !has(*kind)).collect();
    short.missing.retain(|(kind, _)| !lost.contains(kind) && !whole.refused.iter().any(|(refused, _)| refused == kind));
    let lacks = lost.into_iter().map(|kind| (kind, no_room(&whole))).collect();
    short.refused = whole.refused;
    Fit { statements: short, lacks, refused: None }
}

fn with(now: &Document, statements: &Statements) -> Document {
    let ours: Vec<Value> = statements.all.iter().map(|(_, statement)| statement.clone()).collect();
    now.without(statements.replaces).with(&ours)
}

//! A bucket policy: its text as S3 gave it, and its statements in order.
//!
//! Statements of the customer are kept as they are written. Firebreak's own stand at the end.

use super::deleted;
use super::raw::{Members, compact};
use super::spelling;
use firebreak::fault::Fault;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

const STATEMENT: &str = "Statement";
/// How the `Sid` of every statement of Firebreak's begins.
const OURS: &str = "Firebreak";
/// What a new policy says.
const VERSION: &str = r#""2012-10-17""#;
/// What a policy without the member counts as (IAM user guide, "IAM JSON policy elements: Version").
const OLD_VERSION: &str = r#""2008-10-17""#;

/// A bucket policy. A bucket that has none has a document without statements.
#[derive(Debug, Clone)]
pub struct Document {
    text: Option<String>,
    /// The statements of `text`, each as it is written there.
    read: Vec<String>,
    /// The members of the object, in order; nothing in place of the statements.
    members: Vec<(String, Option<String>)>,
    statements: Vec<Value>,
    /// The same statements, each as it will be written.
    written: Vec<String>,
}

impl Document {
    /// Reads the text of a policy; nothing: the bucket has none. Members that this version does not know are kept.
    ///
    /// # Errors
    /// `Malformed` when the text is no JSON object with one `Statement`, which is an object or a list of them.
    pub fn parse(text: Option<&str>) -> Result<Self, Fault> {
        let Some(text) = text else { return Ok(Self::none()) };
        let Members(all) = serde_json::from_str(text).map_err(|error| unknown(&format!("is no JSON object: {error}")))?;
        let (mut members, mut statement) = (Vec::new(), None);
        for (name, value) in all {
            if name != STATEMENT {
                members.push((name, Some(compact(value.get()))));
            } else if statement.replace(value).is_none() {
                members.push((name, None));
            } else {
                // Which of them S3 goes by is not known.
                return Err(unknown("has two members Statement"));
            }
        }
        let written = each(statement.ok_or_else(|| unknown("has no member Statement"))?)?;
        let statements: Vec<Value> = written.iter().map(|text| value(text)).collect::<Result<_, Fault>>()?;
        Ok(Self { text: Some(text.to_owned()), read: written.clone(), members, statements, written })
    }

    fn none() -> Self {
        let members = vec![("Version".to_owned(), Some(VERSION.to_owned())), (STATEMENT.to_owned(), None)];
        Self { text: None, read: vec![], members, statements: vec![], written: vec![] }
    }

    /// The text that was read, whatever was added or left out since; nothing: the bucket had no policy.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Its statements, in order.
    #[must_use]
    pub fn statements(&self) -> &[Value] {
        &self.statements
    }

    /// The statement of Firebreak's with this `Sid`.
    #[must_use]
    pub fn sid<'a>(&'a self, sid: &str) -> Option<&'a Value> {
        self.statements.iter().find(|statement| is_ours(statement) && sid_of(statement) == Some(sid))
    }

    /// Every statement that is not Firebreak's. A statement of Firebreak's denies and has a `Sid` that begins with `Firebreak`: whoever can
    /// write the policy could call an Allow so, and it must not be overlooked.
    pub fn foreign(&self) -> impl Iterator<Item = &Value> {
        self.statements.iter().filter(|statement| !is_ours(statement))
    }

    /// The policy with `ours` at the end, in place of statements with the same `Sid` that begins with `Firebreak`: a statement of the
    /// customer's that is put back replaces none of theirs. All others keep every byte but whitespace between tokens. The `Version` stays
    /// as it is: in one of 2008, policy variables are plain text.
    #[must_use]
    pub fn with(&self, ours: &[Value]) -> Self {
        let is_replaced = |sid: &str| sid.starts_with(OURS) && ours.iter().any(|our| sid_of(our) == Some(sid));
        let mut next = self.keeping(|_, statement| !sid_of(statement).is_some_and(is_replaced));
        next.written.extend(ours.iter().map(Value::to_string));
        next.statements.extend_from_slice(ours);
        next
    }

    /// The policy without the statements of Firebreak's whose `Sid` begins with one of `sids`: some are numbered.
    #[must_use]
    pub fn without(&self, sids: &[&str]) -> Self {
        let is_named = |sid: &str| sids.iter().any(|begin| sid.starts_with(begin));
        self.keeping(|_, statement| !(is_ours(statement) && sid_of(statement).is_some_and(is_named)))
    }

    /// The policy without Firebreak's statement of exactly this `Sid`. A name that only begins so is somebody else's.
    #[must_use]
    pub fn without_exactly(&self, sid: &str) -> Self {
        self.keeping(|_, statement| !(is_ours(statement) && sid_of(statement) == Some(sid)))
    }

    /// The policy without the statement at this place of [`statements`](Self::statements).
    #[must_use]
    pub fn leaving_out(&self, index: usize) -> Self {
        self.keeping(|at, _| at != index)
    }

    /// The policy without the statements at these places.
    pub(super) fn leaving_all_out(&self, out: &BTreeSet<usize>) -> Self {
        self.keeping(|at, _| !out.contains(&at))
    }

    /// The policy in which each Deny denies only who exists, and the places of the statements that changed by that. What denies nobody any
    /// more stays as it is.
    pub(super) fn living(&self) -> (Self, BTreeSet<usize>) {
        let (mut next, mut cut) = (self.clone(), BTreeSet::new());
        for (at, (statement, written)) in next.statements.iter_mut().zip(&mut next.written).enumerate() {
            if let Some(living) = deleted::living(statement) {
                (*written, *statement) = (living.to_string(), living);
                cut.insert(at);
            }
        }
        (next, cut)
    }

    /// Whether both say the same, whatever the spelling: one string or a list of one, the order inside lists and of the statements, an
    /// account's number or the ARN of its root user, a Deny with or without principals who were deleted. S3 may give back another spelling
    /// than it got.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_empty = self.statements.is_empty() && other.statements.is_empty();
        is_empty || (self.version() == other.version() && spelling::set(&self.statements) == spelling::set(&other.statements))
    }

    /// The text to write, without whitespace between tokens; the text that was read where the statements are as they were read. Nothing: no
    /// statement is left, and S3 takes no policy without one.
    #[must_use]
    pub fn render(&self) -> Option<String> {
        if self.written == self.read {
            return self.text.clone();
        }
        if self.written.is_empty() {
            return None;
        }
        let member = |(name, value): &(String, Option<String>)| {
            let name = Value::from(name.as_str());
            value.as_ref().map_or_else(|| format!("{name}:[{}]", self.written.join(",")), |value| format!("{name}:{value}"))
        };
        let members: Vec<String> = self.members.iter().map(member).collect();
        Some(format!("{{{}}}", members.join(",")))
    }

    /// How many bytes of [`LIMIT`](super::LIMIT) it has: without whitespace between tokens. 0: no statement is left.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.render().map_or(0, |text| compact(&text).len())
    }

    /// How many of these bytes the statement at this place has. 0: there is none.
    #[must_use]
    pub fn bytes_of(&self, index: usize) -> usize {
        self.written.get(index).map_or(0, String::len)
    }

    fn keeping(&self, is_kept: impl Fn(usize, &Value) -> bool) -> Self {
        let all = self.statements.iter().zip(&self.written).enumerate();
        let kept = all.filter(|(at, (statement, _))| is_kept(*at, statement));
        let (statements, written) = kept.map(|(_, (statement, text))| (statement.clone(), text.clone())).unzip();
        Self { text: self.text.clone(), read: self.read.clone(), members: self.members.clone(), statements, written }
    }

    fn version(&self) -> &str {
        let version = self.members.iter().find(|(name, _)| name == "Version");
        version.and_then(|(_, version)| version.as_deref()).unwrap_or(OLD_VERSION)
    }
}

/// Each statement as it is written: one object can stand there instead of a list.
fn each(statement: Box<RawValue>) -> Result<Vec<String>, Fault> {
    let all: Vec<Box<RawValue>> = if statement.get().starts_with('[') {
        serde_json::from_str(statement.get()).map_err(|error| unknown(&format!("has no list of statements: {error}")))?
    } else {
        vec![statement]
    };
    Ok(all.iter().map(|statement| compact(statement.get())).collect())
}

fn value(statement: &str) -> Result<Value, Fault> {
    let value: Value =
        serde_json::from_str(statement).map_err(|error| unknown(&format!("has an unreadable statement: {error}")))?;
    if let Value::Object(_) = value { Ok(value) } else { Err(unknown("has a statement that is no object")) }
}

fn unknown(what: &str) -> Fault {
    Fault::malformed(format!("the bucket policy {what}"))
}

fn sid_of(statement: &Value) -> Option<&str> {
    statement.get("Sid")?.as_str()
}

fn is_ours(statement: &Value) -> bool {
    let denies = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    denies && sid_of(statement).is_some_and(|sid| sid.starts_with(OURS))
}

#[cfg(test)]
mod tests;

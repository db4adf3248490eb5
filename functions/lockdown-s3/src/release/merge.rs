//! What the bucket policy is to be after a release: the recorded one, what Firebreak wrote, and what is there now, compared statement by
//! statement.

use crate::claimed::Claims;
use crate::deleted;
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::text::inert;
use firebreak_s3::policy::{Document, denies_nobody};
use serde_json::Value;

/// What is known of a bucket policy.
pub(super) struct Known<'a> {
    /// Before any level was contained.
    pub(super) recorded: &'a Document,
    /// As it is.
    pub(super) now: &'a Document,
    /// The Sids of this level, or how they begin.
    pub(super) sids: &'a [&'a str],
    /// What is Firebreak's: this level's, that of levels that somebody still holds, and quarantines of objects.
    pub(super) claims: &'a Claims,
    /// What was left out, and can be put back now.
    pub(super) left_out: &'a [Value],
    /// What levels that somebody still holds have left out, and must stay out.
    pub(super) others_left_out: &'a [Value],
}

/// What comes of it.
pub(super) struct Merged {
    /// The policy without this level.
    pub(super) document: Document,
    /// What somebody else changed since, in one line.
    pub(super) drift: Option<String>,
    /// What was left out and does not come back, and why.
    pub(super) stays_out: Vec<(Value, &'static str)>,
}

/// Another level or incident leaves the statement out as well.
pub(super) const NEEDED: &str = "it stays out of the bucket policy until another level or incident that leaves it out as well is released: that release \
                      puts it back";
/// The record of before does not have it.
const NEWER: &str = "somebody wrote it into the bucket policy after the containment, and it was left out: S3 did not take it back, or the seal \
                     had no room beside it. It does not come back by itself";

impl Known<'_> {
    /// Takes this level out, and puts back what was left out for it.
    ///
    /// # Errors
    /// Never in practice: an empty policy is one.
    pub(super) fn merged(&self) -> Result<Merged, Fault> {
        let (missing, added) = self.differing();
        let is_explained =
            |one: &&Value| denies_nobody(one) || deleted::has(self.left_out, one) || deleted::has(self.others_left_out, one);
        let unexplained: Vec<Value> = missing.iter().filter(|one| !is_explained(one)).cloned().collect();
        let stays_out = self.stays_out(&missing, &added);
        if added.is_empty() && unexplained.is_empty() {
            return Ok(Merged { document: self.as_recorded(&missing)?, drift: None, stays_out });
        }
        let drift = Some(self.told(&added, &unexplained));
        Ok(Merged { document: self.as_now(&missing), drift, stays_out })
    }

    /// Statements of the customer that are recorded and not there, and those that are there and not recorded.
    fn differing(&self) -> (Vec<Value>, Vec<Value>) {
        let (mut missing, mut added) = (Vec::new(), self.claims.strangers(self.now).cloned().collect::<Vec<Value>>());
        for one in self.claims.strangers(self.recorded) {
            match added.iter().position(|there| deleted::is_same(there, one)) {
                Some(at) => drop(added.remove(at)),
                None => missing.push(one.clone()),
            }
        }
        (missing, added)
    }

    /// What was left out and does not come back with this release.
    fn stays_out(&self, missing: &[Value], added: &[Value]) -> Vec<(Value, &'static str)> {
        let needed = missing.iter().filter(|one| deleted::has(self.others_left_out, one)).map(|one| (one.clone(), NEEDED));
        let is_newer = |one: &&Value| {
            let is_known = deleted::has(self.recorded.statements(), one) || deleted::has(added, one);
            !is_known && !denies_nobody(one)
        };
        let newer = self.left_out.iter().filter(is_newer).map(|one| (one.clone(), NEWER));
        needed.chain(newer).collect()
    }

    /// The recorded policy, and whatever else Firebreak has in it by now. Its text is the recorded one where nothing else is left.
    fn as_recorded(&self, missing: &[Value]) -> Result<Document, Fault> {
        let mut document = self.recorded.clone();
        // From the end: an index stays what it was.
        for (at, one) in self.recorded.statements().iter().enumerate().rev() {
            if deleted::has(missing, one) && deleted::has(self.others_left_out, one) {
                document = document.leaving_out(at);
            }
        }
        let (before, now) = (self.of_others(self.recorded), self.of_others(self.now));
        if is_same(&before, &now)? {
            return Ok(document);
        }
        let before: Vec<&str> = before.iter().filter_map(sid).collect();
        Ok(document.without(&before).with(&now))
    }

    /// The policy as somebody changed it, without this level. Theirs stays where it has the Sid of what was left out.
    fn as_now(&self, missing: &[Value]) -> Document {
        let taken: Vec<&str> = self.claims.strangers(self.now).filter_map(sid).collect();
        let is_free = |one: &&Value| sid(one).is_none_or(|sid| !taken.contains(&sid));
        let is_out = |one: &&Value| deleted::has(self.left_out, one) && !deleted::has(self.others_left_out, one);
        // As they were recorded: what was left out later can have the identifier of a deleted principal.
        let back: Vec<Value> = missing.iter().filter(is_free).filter(is_out).cloned().collect();
        self.now.without(self.sids).with(&back)
    }

    /// Statements that Firebreak has for something else: another level, or an object in quarantine.
    fn of_others(&self, document: &Document) -> Vec<Value> {
        let rest = document.without(self.sids);
        rest.statements().iter().filter(|one| self.claims.has(&rest, one)).cloned().collect()
    }

    /// The digest tells one change from the next, however alike their names are.
    fn told(&self, added: &[Value], missing: &[Value]) -> String {
        let all: Vec<String> = self.claims.strangers(self.now).map(Value::to_string).collect();
        let digest: String = sha256_hex(all.join("\n").as_bytes()).chars().take(12).collect();
        let counted = |what: &str, some: &[Value]| (!some.is_empty()).then(|| format!("{what} {}", named(some)));
        let parts: Vec<String> = [counted("has", added), counted("lacks", missing)].into_iter().flatten().collect();
        format!("the bucket policy {} (sha256 {digest})", parts.join(", and "))
    }
}

/// Statements that a line names.
const NAMED: usize = 3;

/// Statements as people call them.
pub(super) fn named(statements: &[Value]) -> String {
    let one = |statement: &Value| sid(statement).map_or_else(|| "one without a Sid".to_owned(), |sid| inert(sid, 40));
    let first: Vec<String> = statements.iter().take(NAMED).map(one).collect();
    let more = statements.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let noun = if statements.len() == 1 { "the statement" } else { "the statements" };
    format!("{noun} {}{more}", first.join(", "))
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

/// Whether both say the same, whatever the spelling.
fn is_same(some: &[Value], others: &[Value]) -> Result<bool, Fault> {
    let document = |statements: &[Value]| Document::parse(None).map(|empty| empty.with(statements));
    Ok(document(some)?.is_same(&document(others)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::target::Scope;
    use serde_json::json;

    const TEXT: &str = "{ \"Version\": \"2012-10-17\", \"Statement\": [ { \"Sid\": \"A\", \"Effect\": \"Deny\", \"Principal\": \"*\" },\n \
                        { \"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"*\"]}, \"Action\": \"s3:GetObject\" } ] }";
    const SIDS: [&str; 1] = ["FirebreakSeal"];

    fn document(text: Option<&str>) -> Document {
        Document::parse(text).expect("a policy")
    }

    fn ours(sid: &str) -> Value {
        json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*" })
    }

    fn allow(sid: &str) -> Value {
        json!({ "Sid": sid, "Effect": "Allow", "Principal": { "AWS": "111122223333" } })
    }

    /// The release of a seal, while somebody holds the destruction of the same bucket.
    fn release(recorded: &Document, now: &Document, (left_out, others_left_out): (&[Value], &[Value])) -> Merged {
        let claims = &Claims::of([Scope::Seal, Scope::Destruction]);
        let known = Known { recorded, now, sids: &SIDS, claims, left_out, others_left_out };
        known.merged().expect("two policies")
    }

    /// What is written, and whether somebody changed something.
    fn merged(recorded: &Document, now: &Document, left_out: (&[Value], &[Value])) -> (Option<String>, bool) {
        let merged = release(recorded, now, left_out);
        (merged.document.render(), merged.drift.is_some())
    }

    #[test]
    fn a_policy_that_nobody_changed_is_the_recorded_text_again() {
        let recorded = document(Some(TEXT));
        assert_eq!(merged(&recorded, &recorded.with(&[ours("FirebreakSeal")]), (&[], &[])), (Some(TEXT.to_owned()), false));
        let none = document(None);
        assert_eq!(merged(&none, &none.with(&[ours("FirebreakSeal")]), (&[], &[])), (None, false));
    }

    #[test]
    fn another_spelling_of_s3_is_no_change() {
        let spelled = json!({ "Version": "2012-10-17", "Statement": [
            { "Action": ["s3:GetObject"], "Effect": "Allow", "Principal": "*" }, { "Sid": "A", "Effect": "Deny", "Principal": { "AWS": "*" } },
            ours("FirebreakSeal") ] });
        let now = document(Some(&spelled.to_string()));
        assert_eq!(merged(&document(Some(TEXT)), &now, (&[], &[])), (Some(TEXT.to_owned()), false));
    }

    #[test]
    fn what_firebreak_has_there_for_something_else_stays() {
        let recorded = document(Some(TEXT));
        let (text, drift) =
            merged(&recorded, &recorded.with(&[ours("FirebreakDenyDestruction"), ours("FirebreakSeal")]), (&[], &[]));
        let left = document(text.as_deref());
        assert!(!drift && left.is_same(&recorded.with(&[ours("FirebreakDenyDestruction")])), "{text:?}");
        // What an object in quarantine needed then, it does not need any more.
        let mut object = ours("FirebreakDenyQuarantined");
        object["Condition"] = json!({ "Null": { "s3:ExistingObjectTag/firebreak-quarantined": "false" } });
        let with_object = recorded.with(&[object]);
        let (text, _) = merged(&with_object, &recorded.with(&[ours("FirebreakSeal")]), (&[], &[]));
        assert!(document(text.as_deref()).is_same(&recorded), "{text:?}");
    }

    #[test]
    fn what_was_left_out_comes_back_unless_another_level_leaves_it_out_as_well() {
        let recorded = document(Some(TEXT));
        let out = [recorded.statements()[1].clone()];
        let now = recorded.leaving_out(1).with(&[ours("FirebreakSeal")]);
        assert_eq!(merged(&recorded, &now, (&out, &[])), (Some(TEXT.to_owned()), false));
        let (text, drift) = merged(&recorded, &now, (&out, &out));
        assert!(!drift && document(text.as_deref()).is_same(&recorded.leaving_out(1)), "{text:?}");
        assert_eq!(release(&recorded, &now, (&out, &out)).stays_out, [(out[0].clone(), NEEDED)], "and that is said");
        assert!(merged(&recorded, &now, (&[], &[])).1, "nobody but somebody else took it out");
    }

    #[test]
    fn a_statement_of_which_a_principal_was_deleted_since_is_nobodys_change_and_comes_back_as_it_was_recorded() {
        let (arns, ids) =
            (json!(["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"]), json!(["arn:aws:iam::1:role/a", "AROAEXAMPLEEXAMPLE12"]));
        let naming =
            |names: &Value| json!({ "Sid": "App", "Effect": "Allow", "Principal": { "AWS": names }, "Action": "s3:GetObject" });
        let recorded = document(None).with(&[naming(&arns), allow("Other")]);
        let out = [naming(&ids)];
        let seal = [ours("FirebreakSeal")];
        let (text, drift) = merged(&recorded, &document(None).with(&[allow("Other")]).with(&seal), (&out, &[]));
        assert!(!drift && document(text.as_deref()).is_same(&recorded), "{text:?}");
        // Nothing was left out: S3 shows the identifier by itself.
        let (text, drift) = merged(&recorded, &document(None).with(&[naming(&ids), allow("Other")]).with(&seal), (&[], &[]));
        assert!(!drift && document(text.as_deref()).is_same(&recorded), "{text:?}");
        // Somebody changed something else.
        let (text, drift) = merged(&recorded, &document(None).with(&[allow("Theirs")]).with(&seal), (&out, &[]));
        assert!(drift && document(text.as_deref()).statements().contains(&naming(&arns)), "{text:?}");
    }

    #[test]
    fn a_change_stays_and_what_was_left_out_comes_back_beside_it() {
        let recorded = document(Some(TEXT));
        let out = [recorded.statements()[1].clone()];
        let now = recorded.leaving_out(1).with(&[allow("Theirs"), ours("FirebreakSeal")]);
        let (text, drift) = merged(&recorded, &now, (&out, &[]));
        let left = document(text.as_deref());
        assert!(drift && left.sid("FirebreakSeal").is_none());
        assert_eq!(left.statements().iter().filter_map(sid).collect::<Vec<_>>(), ["A", "Theirs"]);
        assert!(left.statements().contains(&out[0]));
    }

    #[test]
    fn an_allow_that_is_called_like_firebreaks_deny_is_somebodys_change() {
        let recorded = document(Some(TEXT));
        let now = json!({ "Version": "2012-10-17", "Statement": [recorded.statements()[0], recorded.statements()[1], allow("FirebreakSeal")] });
        assert!(merged(&recorded, &document(Some(&now.to_string())), (&[], &[])).1);
    }

    #[test]
    fn a_deny_that_only_calls_itself_firebreaks_is_somebodys_change_and_one_that_was_there_before_stays() {
        let recorded = document(Some(TEXT));
        // Nobody holds a freeze, and no level has such a name.
        for sid in ["FirebreakX", "FirebreakDenyOutsiders", "FirebreakDenyQuarantined"] {
            let now = recorded.with(&[ours("FirebreakSeal"), ours(sid)]);
            let drift = release(&recorded, &now, (&[], &[])).drift;
            assert!(drift.as_ref().is_some_and(|line| line.contains(sid)), "{sid}: {drift:?}");
        }
        let recorded = recorded.with(&[ours("FirebreakX")]);
        let (text, drift) = merged(&recorded, &recorded.with(&[ours("FirebreakSeal")]), (&[], &[]));
        assert!(!drift && document(text.as_deref()).sid("FirebreakX").is_some(), "{text:?}");
    }

    #[test]
    fn what_was_left_out_and_is_not_on_record_is_said() {
        let recorded = document(Some(TEXT));
        let (now, out) = (recorded.with(&[ours("FirebreakSeal")]), [allow("Later")]);
        let Merged { document: left, drift, stays_out } = release(&recorded, &now, (&out, &[]));
        assert_eq!((left.render().as_deref(), drift), (Some(TEXT), None));
        assert_eq!(stays_out, [(allow("Later"), NEWER)]);
        let there = now.with(&out);
        assert!(release(&recorded, &there, (&out, &[])).stays_out.is_empty(), "it was not left out after all");
    }

    #[test]
    fn a_deny_of_nobody_who_exists_is_missed_by_nobody() {
        let orphan = json!({ "Sid": "Gone", "Effect": "Deny", "Principal": { "AWS": "AIDAEXAMPLEEXAMPLE01" }, "Action": "s3:*" });
        let recorded = document(Some(TEXT)).with(&[orphan]);
        assert!(!merged(&recorded, &document(Some(TEXT)).with(&[ours("FirebreakSeal")]), (&[], &[])).1);
    }

    #[test]
    fn each_change_has_words_of_its_own() {
        let recorded = document(Some(TEXT));
        let drift = |sid: &str| release(&recorded, &recorded.with(&[allow(sid)]), (&[], &[])).drift.expect("a change");
        assert!(drift("Theirs").contains("has the statement Theirs"), "{}", drift("Theirs"));
        // As far as the line shows them, both names are alike.
        let (one, other) = (drift(&format!("{}a", "x".repeat(60))), drift(&format!("{}b", "x".repeat(60))));
        assert_ne!(one, other, "an analyst has seen only one of them");
    }
}

//! Whose word it is who may come in: what the policy of a bucket names can be what a suspect wrote there.
//!
//! A policy counts as a suspect's from his first write since the first activity, whoever wrote after him: who reads, changes and writes
//! back keeps what the suspect put in. What the policy said before that stays everybody's word. So a suspect who writes the policy back
//! unchanged takes nobody's access, and one who adds an accomplice gets nobody in.

use super::record::{Kind, NO_POLICY, Record};
use crate::base::Planned;
use crate::named::{self, Named};
use firebreak_s3::policy::Document;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What CloudTrail shows of who wrote down who may come in, since the first activity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// A suspect wrote the bucket policy since the first activity, whoever wrote it last.
    pub(crate) policy_by_suspect: bool,
    /// A suspect wrote the bucket's ACL since the first activity, whoever wrote it last.
    pub(crate) acl_by_suspect: bool,
    /// The newest policy that CloudTrail shows from before the first suspect's write; without a statement where the bucket had none.
    /// Nothing: no suspect wrote the policy, or CloudTrail does not show how it was before.
    pub(crate) before: Option<Document>,
}

impl Trust {
    /// What records of calls show since `since`.
    pub(super) fn of(records: &[Record], since: Timestamp) -> Self {
        let of_kind = |kind: Kind| records.iter().filter(move |record| record.kind == kind);
        let is_suspects = |record: &&Record| record.at >= since && record.who.is_suspect && !record.who.is_own;
        let first = of_kind(Kind::Policy).filter(is_suspects).map(|record| record.at).min();
        // CloudTrail tells seconds: of two calls in one second nobody knows which one came first.
        let before = first
            .and_then(|first| of_kind(Kind::Policy).filter(|record| record.at < first).min_by_key(|record| Reverse(record.at)));
        let before = before.and_then(|record| Document::parse(Some(record.policy.as_deref()?)).ok());
        Self { policy_by_suspect: first.is_some(), acl_by_suspect: of_kind(Kind::Acl).any(|record| is_suspects(&record)), before }
    }

    /// What is recorded of an earlier run.
    pub(crate) fn recorded(planned: &Planned) -> Self {
        Self::default().and(planned)
    }

    /// With what an earlier run, or an incident before this one, recorded. Of two policies only what both say is believed: each incident
    /// knows its own suspects.
    pub(crate) fn and(self, recorded: &Planned) -> Self {
        if !recorded.distrusts {
            return self;
        }
        let theirs = recorded.before.as_deref().and_then(|text| Document::parse(Some(text)).ok());
        let before = match (self.before, theirs) {
            (Some(one), Some(other)) => Some(common(one, &other)),
            (one, other) => one.or(other),
        };
        Self { policy_by_suspect: true, acl_by_suspect: self.acl_by_suspect, before }
    }

    /// The same, after a person agreed to the level: where nobody knows what the policy said before, it names nobody.
    pub(crate) fn approved(self) -> Self {
        if !self.policy_by_suspect || self.before.is_some() {
            return self;
        }
        Self { before: Document::parse(Some(NO_POLICY)).ok(), ..self }
    }

    /// The policy whose names are believed, of a bucket that has `now`: that one as long as no suspect wrote it, and the one before his
    /// first write afterwards. Nothing: a suspect wrote it, and nobody knows what was before. Whom it names may be his accomplice, or a
    /// partner of years.
    pub(crate) fn believed<'a>(&'a self, now: &'a Document) -> Option<&'a Document> {
        if self.policy_by_suspect { self.before.as_ref() } else { Some(now) }
    }

    /// The text of [`before`](Self::before), for the record.
    pub(crate) fn text(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        Some(before.render().unwrap_or_else(|| NO_POLICY.to_owned()))
    }
}

/// A policy that names those alone whom both name, however each spells it: from both, the statements that name nobody besides. What a statement
/// allows says nothing about who may come in.
fn common(one: Document, other: &Document) -> Document {
    let (ours, theirs) = (names(&one), names(other));
    let all = one.statements().iter().enumerate();
    let alone: Vec<usize> =
        all.filter(|(_, statement)| !named::of_statement(statement).is_subset(&theirs)).map(|(at, _)| at).collect();
    // From the end: the place of a statement is that among those which are still there.
    let mut both = alone.into_iter().rev().fold(one, |policy, at| policy.leaving_out(at));
    for statement in other.statements() {
        let who = named::of_statement(statement);
        if who.is_subset(&ours) && !who.is_subset(&names(&both)) {
            both = both.with(std::slice::from_ref(statement));
        }
    }
    both
}

fn names(policy: &Document) -> BTreeSet<Named> {
    policy.statements().iter().flat_map(named::of_statement).collect()
}

#[cfg(test)]
mod tests {
    use super::super::who::Who;
    use super::*;
    use serde_json::{Value, json};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("a time")
    }

    fn policy(accounts: &[&str]) -> String {
        let allow =
            |account: &&str| json!({ "Effect": "Allow", "Principal": { "AWS": account }, "Action": "s3:*", "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": accounts.iter().map(allow).collect::<Vec<Value>>() }).to_string()
    }

    fn wrote(minute: i64, who: &str, text: Option<String>) -> Record {
        let who = Who { text: who.to_owned(), is_suspect: who == "mallory", is_own: who == "firebreak" };
        Record { kind: Kind::Policy, at: at(minute), who, rules: None, policy: text }
    }

    /// Whom a policy is believed to name. Nothing: nobody knows.
    fn named(records: &[Record]) -> Option<Vec<String>> {
        let now = Document::parse(Some(&policy(&["now"]))).expect("a policy");
        let trust = Trust::of(records, at(0));
        let names = |one: &Value| one["Principal"]["AWS"].as_str().map(str::to_owned);
        trust.believed(&now).map(|policy| policy.statements().iter().filter_map(names).collect())
    }

    #[test]
    fn what_the_policy_said_before_the_first_write_of_a_suspect_is_believed_whoever_wrote_after() {
        let old = || wrote(-1_440, "alice", Some(policy(&["partner"])));
        let older = || wrote(-9_000, "alice", Some(policy(&["former"])));
        assert_eq!(named(&[old()]), Some(vec!["now".to_owned()]), "no suspect wrote");
        assert_eq!(named(&[wrote(-30, "mallory", None)]), Some(vec!["now".to_owned()]), "before the first activity");
        let partner = Some(vec!["partner".to_owned()]);
        let taken = wrote(5, "mallory", Some(policy(&["partner", "foreign"])));
        assert_eq!(named(&[old(), taken.clone(), older()]), partner);
        let carried_on = wrote(9, "alice", Some(policy(&["partner", "foreign"])));
        assert_eq!(named(&[carried_on, taken.clone(), old()]), partner, "who comes after the suspect keeps what he put in");
        let second = wrote(7, "mallory", Some(policy(&["foreign"])));
        assert_eq!(named(&[second, taken.clone(), old()]), partner, "his first write counts");
        assert_eq!(named(&[old(), wrote(2, "alice", Some(policy(&["new"]))), taken]), Some(vec!["new".to_owned()]));
    }

    #[test]
    fn nobody_is_believed_where_nobody_knows_what_was_before_until_a_person_agrees() {
        let taken = || wrote(5, "mallory", Some(policy(&["foreign"])));
        assert_eq!(named(&[taken()]), None);
        assert_eq!(
            named(&[taken(), wrote(-9, "alice", None), wrote(-99, "alice", Some(policy(&["old"])))]),
            None,
            "not the older one"
        );
        assert_eq!(named(&[taken(), wrote(5, "alice", Some(policy(&["partner"])))]), None, "in the same second");
        let none = Some(NO_POLICY.to_owned());
        assert_eq!(named(&[taken(), wrote(-9, "alice", none.clone())]), Some(vec![]), "there was none");
        let agreed = Trust::of(&[taken()], at(0)).approved();
        assert_eq!((agreed.policy_by_suspect, agreed.text()), (true, none));
        assert_eq!(Trust::default().approved().text(), None, "nothing to agree to");
    }

    #[test]
    fn what_two_incidents_know_is_believed_where_both_say_it() {
        let taken = || wrote(5, "mallory", None);
        let own = || Trust::of(&[taken(), wrote(-9, "alice", Some(policy(&["partner", "of mallory"])))], at(0));
        let recorded = |before: Option<&[&str]>| Planned { distrusts: true, before: before.map(policy), ..Planned::default() };
        assert_eq!(own().and(&recorded(Some(&["partner", "of trent"]))).text(), Some(policy(&["partner"])));
        assert_eq!(own().and(&recorded(Some(&["of trent"]))).text().as_deref(), Some(NO_POLICY));
        let both = Some(policy(&["partner", "of mallory"]));
        assert_eq!((own().and(&recorded(None)).text(), own().and(&Planned::default()).text()), (both.clone(), both));
        let later = Trust::recorded(&recorded(Some(&["partner"])));
        assert_eq!((later.policy_by_suspect, later.text()), (true, Some(policy(&["partner"]))));
        assert!(!Trust::recorded(&Planned::default()).policy_by_suspect);
    }

    /// The same partner in two spellings, and in one list with an accomplice.
    #[test]
    fn whom_both_of_two_incidents_name_stays_however_the_policy_was_written() {
        const PARTNER: &str = "555566667777";
        let root = format!("arn:aws:iam::{PARTNER}:root");
        let listed = |names: &[&str]| {
            let allow = json!({ "Sid": "All", "Effect": "Allow", "Principal": { "AWS": names }, "Action": ["s3:GetObject"] });
            json!({ "Version": "2012-10-17", "Statement": [allow] }).to_string()
        };
        let both = |own: &str, recorded: &str| {
            let taken = wrote(5, "mallory", None);
            let own = Trust::of(&[taken, wrote(-9, "alice", Some(own.to_owned()))], at(0));
            let recorded = Planned { distrusts: true, before: Some(recorded.to_owned()), ..Planned::default() };
            names(&own.and(&recorded).before.expect("a policy")).into_iter().collect::<Vec<Named>>()
        };
        let partner = [Named::Account(PARTNER.to_owned())];
        assert_eq!(both(&policy(&[PARTNER]), &policy(&[root.as_str()])), partner);
        assert_eq!(both(&policy(&[PARTNER]), &listed(&[root.as_str()])), partner);
        let with_another = listed(&[PARTNER, "999988887777"]);
        assert_eq!(both(&with_another, &policy(&[PARTNER])), partner);
        assert_eq!(both(&policy(&[PARTNER]), &with_another), partner);
        assert!(both(&with_another, &policy(&["111122223333"])).is_empty());
    }

    #[test]
    fn a_suspect_who_wrote_the_acl_since_is_known() {
        let acl = |minute, who| Record { kind: Kind::Acl, ..wrote(minute, who, None) };
        let of = |records: &[Record]| Trust::of(records, at(0)).acl_by_suspect;
        assert!(of(&[acl(5, "mallory"), acl(7, "alice")]) && !of(&[acl(5, "alice"), acl(-5, "mallory")]));
    }
}

//! Every message in every state: each sentence is held against what is true there.
//!
//! [`states`] says for each state what is true, and which messages there are. [`rules`] says of each sentence where it may stand and
//! where it must stand. A sentence that people rely on, and that is wrong somewhere, fails with its state.

mod made;
mod rules;
mod states;

use rules::RULES;
use states::{Say, State, states};
use std::collections::BTreeSet;

/// The states that a person can meet. Each has at least one row.
const STATES: [&str; 8] = ["observe", "dry-run", "gated", "failed", "partial", "gone", "drifted", "released by one holder"];

/// One message of one state.
pub(crate) struct Told {
    pub(crate) subject: String,
    /// Subject and text, in lower case: a claim is one in capitals, too.
    pub(crate) text: String,
    /// The subject and the first lines: the facts, and two sections.
    pub(crate) head: String,
}

impl Told {
    fn of(subject: &str, body: &str) -> Self {
        let first: Vec<&str> = body.split("\n\n").take(3).collect();
        let lower = |body: &str| format!("{subject}\n{body}").to_lowercase();
        Self { subject: subject.to_lowercase(), text: lower(body), head: lower(&first.join("\n\n")) }
    }
}

/// The messages of a state, without those that are sent before the ledger is asked when it is not to be read.
fn told(state: &State, unread: bool) -> impl Iterator<Item = (Say, Told)> {
    let says = state.says.iter().copied().filter(move |say| !unread || !matches!(say, Say::Noticed | Say::Opened));
    says.map(move |say| {
        let message = state.tell(say, unread);
        (say, Told::of(&message.subject, &message.body))
    })
}

#[test]
fn every_sentence_is_true_in_every_state() {
    let (mut said, mut wanted, mut barred) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for state in states() {
        for (say, told) in told(&state, false) {
            for rule in RULES {
                let (says, may, must) = ((rule.says)(&told), (rule.may)(&state.truth, say), (rule.must)(&state.truth, say));
                let place = format!("{:?} of \"{}\": {}\n{}", say, state.name, rule.name, told.text);
                assert!(may || !says, "said although it is not so: {place}");
                assert!(says || !must, "not said although it is so: {place}");
                said.extend(says.then_some(rule.name));
                wanted.extend(must.then_some(rule.name));
                barred.extend((!may).then_some(rule.name));
            }
        }
    }
    // A rule that nothing can break is none.
    for rule in RULES {
        assert!(said.contains(rule.name), "no message says it: {}", rule.name);
        assert!(wanted.contains(rule.name), "no message has to say it: {}", rule.name);
        assert!(barred.contains(rule.name) != rule.everywhere, "where it must not stand: {}", rule.name);
    }
}

/// A message that is sent although the ledger cannot be read says less, and nothing else.
#[test]
fn without_the_ledger_nothing_is_claimed_that_is_not_so() {
    let mut count = 0;
    for state in states() {
        for (say, told) in told(&state, true) {
            for rule in RULES {
                let place = format!("{:?} of \"{}\": {}\n{}", say, state.name, rule.name, told.text);
                assert!((rule.may)(&state.truth, say) || !(rule.says)(&told), "said although it is not so: {place}");
            }
            count += 1;
        }
    }
    assert!(count > 30, "only {count} messages");
}

#[test]
fn nobody_is_told_that_something_is_closed_and_fine_above_a_text_that_says_otherwise() {
    let open = ["not contained", "no longer in place", "not confirmed", "partly", "not put back", "failed"];
    let mut approved = 0;
    for state in states() {
        for (say, told) in told(&state, false).filter(|(_, told)| told.subject.contains("approved and closed")) {
            for words in open {
                assert!(!told.text.contains(words), "{say:?} of \"{}\": {}", state.name, told.text);
            }
            approved += 1;
        }
    }
    assert!(approved > 2, "only {approved} approvals");
}

#[test]
fn a_change_by_somebody_else_is_never_called_malformed() {
    let mut drifted = 0;
    for state in states() {
        for (say, told) in told(&state, false) {
            assert!(!told.text.contains("malformed"), "{say:?} of \"{}\": {}", state.name, told.text);
        }
        drifted += usize::from(state.truth.drift);
    }
    assert!(drifted > 2, "only {drifted} states with a change");
}

#[test]
fn each_state_that_a_person_can_meet_is_walked_and_each_subject_can_be_sent() {
    let states = states();
    for name in STATES {
        assert!(states.iter().any(|state| state.name.starts_with(name)), "{name}");
    }
    for state in &states {
        for say in state.says {
            let message = state.tell(*say, false);
            assert!(message.subject.len() < 100 && message.subject.is_ascii(), "{}: {}", state.name, message.subject);
        }
    }
}

//! What sections say of looks and of single steps.

use super::*;
use crate::fault::Fault;
use crate::receipt::Verification;

fn host() -> Target {
    let target = serde_json::json!({ "kind": "ec2-instance", "id": "i-0123456789abcdef0", "account": "111122223333",
        "region": "eu-central-1", "partition": "aws" });
    serde_json::from_value(target).expect("a target")
}

fn says(entry: &Entry) -> String {
    format!("{entry:?}")
}

#[test]
fn what_a_look_saw_of_an_instance_is_not_called_made_by_somebody_and_left_to_people() {
    let noted = |containment, note: &str| Verification {
        target: host(),
        containment: Some(containment),
        holds: true,
        problems: vec![],
        reverted: vec![],
        notes: vec![note.to_owned()],
    };
    let quiet = noted(Containment::IsolateEc2, "no accepted flow since 02:13");
    let made = noted(Containment::QuarantineIam, "a password was set since");
    let report = Report { verification: vec![quiet.clone(), quiet, made], ..Report::default() };
    for sections in [found(&report), closed(&report, None)] {
        let under = |title: &str| sections.iter().find(|section| section.title == [Text::ours(title)]).expect("a section");
        let [saw, left] = ["What the looks saw", "Made since the containment, and left to you"].map(under);
        assert!(saw.part == Part::Found && saw.entries.len() == 1, "{saw:?}");
        assert!(says(&saw.entries[0]).contains("no accepted flow"), "{saw:?}");
        assert!(left.entries.len() == 1 && says(&left.entries[0]).contains("password"), "{left:?}");
    }
}

#[test]
fn a_note_names_its_interface_and_what_contains_comes_first() {
    let step = |name: &str, outcome, error: Option<Fault>| Step {
        name: name.to_owned().into(),
        outcome,
        error,
        digest: None,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        ms: 1,
    };
    let uncut = |id: &str| {
        step(
            &format!("cut-tracked {id}"),
            Outcome::Skipped,
            Some(Fault::malformed("open connections were not cut: it is public")),
        )
    };
    let volume =
        |number: usize| step(&format!("keep-volume /dev/xvd{number} vol-0123456789abcdef{number}"), Outcome::Applied, None);
    let mut steps: Vec<Step> = (0..20).map(volume).collect();
    steps.extend([uncut("eni-1"), uncut("eni-2"), step("isolate-interface eni-1", Outcome::Applied, None)]);
    let done = Receipt { steps, ..Receipt::of(host(), Containment::IsolateEc2, Status::Contained) };
    let report = Report::default();
    let entry = receipt(&done, &report);
    let notes: Vec<String> =
        entry.notes.iter().filter(|(label, _)| *label == "Note").map(|(_, text)| format!("{text:?}")).collect();
    assert!(notes.len() == 2 && notes[0].contains("eni-1: open") && notes[1].contains("eni-2: open"), "{notes:?}");
    let detail = format!("{:?}", entry.detail.expect("what was done"));
    assert!(detail.contains("moved into the empty security group: network interface eni-1"), "{detail}");
}

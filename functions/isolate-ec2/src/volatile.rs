//! What is lost, and when, whatever Firebreak does: for the receipt and the ticket.

use crate::scaling::{Phase, Scaling};
use aws_sdk_ec2::types::{DeviceType, Instance, InstanceLifecycleType};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::step::skipped;

/// The tag by which Auto Scaling marks what it started (EC2 Auto Scaling user guide, "Tag Auto Scaling groups and instances").
const STARTED_BY: &str = "aws:autoscaling:groupName";

/// One step for each way in which evidence is lost, from what was read already. `done`: all steps, [`scaling::enter`](crate::scaling::enter) among them.
pub(crate) fn notes(instance: &Instance, scaling: Option<&Scaling>, done: &[Step]) -> Vec<Step> {
    let of_group = match scaling {
        Some(member) => member_note(member, done),
        None => former_member_note(instance),
    };
    let lines = [spot(instance), instance_store(instance), hibernation(instance), of_group.map(|line| ("auto-scaling", line))];
    let note = |(part, line): (&str, String)| skipped(StepName::about(StepKind::NoteVolatile, part), Fault::malformed(line));
    lines.into_iter().flatten().map(note).collect()
}

type Note = Option<(&'static str, String)>;

fn spot(instance: &Instance) -> Note {
    let is_spot = instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot);
    let line = "Spot Instance: AWS can take it back at any time, two minutes after a notice, and nothing prevents that: memory and \
                instance store are lost then";
    is_spot.then(|| ("spot", line.to_owned()))
}

fn instance_store(instance: &Instance) -> Note {
    if instance.root_device_type() == Some(&DeviceType::InstanceStore) {
        let line = "its root device is instance store, of which there is no snapshot: all of it is lost when the instance is \
                    terminated or its host fails";
        return Some(("instance-store", line.to_owned()));
    }
    let kind = instance.instance_type()?.as_str();
    may_have_instance_store(kind).then(|| {
        let kind = inert(kind, 32);
        let line = format!(
            "instances like {kind} can have instance store volumes, of which there is no snapshot: they are lost when the instance is \
             stopped, hibernated or terminated, or its host fails"
        );
        ("instance-store", line)
    })
}

fn hibernation(instance: &Instance) -> Note {
    let is_configured = instance.hibernation_options().and_then(|options| options.configured()) == Some(true);
    let line = "hibernation is configured: whoever hibernates it ends what runs and loses its instance store; memory goes to the root \
                volume, which is kept";
    is_configured.then(|| ("hibernation", line.to_owned()))
}

fn member_note(member: &Scaling, done: &[Step]) -> Option<String> {
    let group = member.shown();
    match member.phase() {
        Phase::Ending => {
            let when = match member.lifecycle.as_str() {
                "Terminating:Wait" => "when its lifecycle hook is completed or times out (after an hour, unless set otherwise)",
                _ => "within minutes",
            };
            Some(format!("Auto Scaling group {group} is terminating it: memory and instance store are lost {when}"))
        }
        Phase::Starting | Phase::Warm | Phase::Other => Some(format!(
            "it cannot go on standby in Auto Scaling group {group}: {}. When a health check fails or the group shrinks, it is \
             terminated: memory and instance store are lost",
            member.why_not()
        )),
        // Out of the group, nothing of the group terminates it.
        Phase::Leaving => None,
        Phase::Serving | Phase::OnStandby => {
            let is_failed = done.iter().any(|step| step.is(StepKind::EnterStandby) && step.outcome == Outcome::Failed);
            is_failed.then(|| {
                format!(
                    "Auto Scaling group {group} did not take it on standby: cut off, it fails its health check, and the group \
                     terminates it within minutes: memory and instance store are lost. Looks try again"
                )
            })
        }
    }
}

fn former_member_note(instance: &Instance) -> Option<String> {
    let tag = instance.tags().iter().find(|tag| tag.key() == Some(STARTED_BY))?;
    let group = inert(tag.value().unwrap_or_default(), 64);
    Some(format!(
        "Auto Scaling group {group} started it, and no membership was found: the group was deleted, or let it go. If the group still \
         has it, the group terminates it when its health check fails: memory and instance store are lost"
    ))
}

/// By the name of the type: `d` after the generation means instance store (EC2 user guide, "Instance type naming conventions"); the
/// families here have it without the letter, some types of them at least. `DescribeInstances` does not show these volumes.
fn may_have_instance_store(kind: &str) -> bool {
    const FAMILIES: [&str; 13] = ["cr", "d", "dl", "f", "g", "gr", "h", "hs", "i", "im", "is", "p", "trn"];
    const OLD: [&str; 8] = ["c1", "c3", "m1", "m2", "m3", "r3", "x1", "x1e"];
    let series = kind.split('.').next().unwrap_or_default();
    let at = series.find(|c: char| c.is_ascii_digit()).unwrap_or(series.len());
    let (family, rest) = series.split_at(at);
    let options = rest.trim_start_matches(|c: char| c.is_ascii_digit()).split('-').next().unwrap_or_default();
    FAMILIES.contains(&family) || OLD.contains(&series) || options.contains('d')
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{HibernationOptions, InstanceType, Tag};
    use firebreak_function::step::step;

    fn parts(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    fn member(lifecycle: &str) -> Scaling {
        Scaling { group: "web\u{1b}[31m".to_owned(), lifecycle: lifecycle.to_owned(), protected_from_scale_in: false }
    }

    #[test]
    fn each_way_to_lose_evidence_is_said_once_with_its_time() {
        let plain = Instance::builder().instance_type(InstanceType::T3Micro).build();
        assert_eq!(parts(&notes(&plain, None, &[])), [""; 0]);
        assert_eq!(parts(&notes(&plain, Some(&member("InService")), &[])), [""; 0]);
        let volatile = Instance::builder()
            .instance_lifecycle(InstanceLifecycleType::Spot)
            .root_device_type(DeviceType::InstanceStore)
            .hibernation_options(HibernationOptions::builder().configured(true).build())
            .build();
        let said = notes(&volatile, Some(&member("Terminating:Wait")), &[]);
        let expected =
            ["note-volatile spot", "note-volatile instance-store", "note-volatile hibernation", "note-volatile auto-scaling"];
        assert_eq!(parts(&said), expected);
        assert!(said.iter().all(|step| step.outcome == Outcome::Skipped && step.says().is_some()));
        let line = said[3].says().expect("words");
        assert!(line.contains("lifecycle hook") && !line.contains('\u{1b}'), "{line}");
    }

    #[tokio::test]
    async fn a_member_that_did_not_go_on_standby_and_a_former_member_are_said() {
        let plain = Instance::builder().instance_type(InstanceType::T3Micro).build();
        let failed = step(StepKind::EnterStandby, async { Err(Fault::bug("x")) }).await;
        assert_eq!(parts(&notes(&plain, Some(&member("InService")), &[failed])), ["note-volatile auto-scaling"]);
        assert_eq!(parts(&notes(&plain, Some(&member("Warmed:Running")), &[])), ["note-volatile auto-scaling"]);
        let tagged = Instance::builder().tags(Tag::builder().key(STARTED_BY).value("web").build()).build();
        assert_eq!(parts(&notes(&tagged, None, &[])), ["note-volatile auto-scaling"]);
    }

    #[test]
    fn types_with_instance_store_are_known_by_their_names() {
        let with = ["c5d.large", "i3.large", "i4i.xlarge", "im4gn.large", "m6gd.medium", "p4d.24xlarge", "x1.16xlarge"];
        for kind in with {
            assert!(may_have_instance_store(kind), "{kind}");
        }
        for kind in ["t3.micro", "m5.large", "c7i-flex.large", "m7a.large", "u-6tb1.metal", "mac2.metal", ""] {
            assert!(!may_have_instance_store(kind), "{kind}");
        }
    }
}

use crate::autoscaling_aws::AutoScaling;
use crate::{contain, stage};
use firebreak::receipt::Status;
use firebreak::step::StepKind;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_receipt_says_what_is_lost_and_when_and_is_no_failure_for_it() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(|instance| instance.spot = true);
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    let spot = receipt.steps.iter().find(|step| step.name.as_str() == "note-volatile spot").expect("a note");
    assert!(spot.says().expect("words").contains("two minutes"), "{spot:?}");
}

#[tokio::test]
async fn a_member_that_its_group_goes_on_checking_is_said() {
    let (aws, _) = stage().await;
    AutoScaling::with_member(&aws, "InService");
    aws.always("autoscaling:EnterStandby", error(403, "AccessDenied"));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let note = receipt.steps.iter().find(|step| step.is(StepKind::NoteVolatile)).expect("a note");
    assert!(note.says().expect("words").contains("terminates it"), "{note:?}");
}

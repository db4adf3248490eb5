use crate::principal::Principal;
use crate::release::release;
use crate::target::user;
use crate::{contain, contained, stage, verify};
use firebreak::containment::Containment;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_device_and_a_password_that_were_made_since_are_shown_with_the_command_and_left() {
    let (aws, iam) = contained(Principal::user().but(|alice| alice.console_password = false), &user()).await;
    let made = format!("arn:aws:iam::{}:mfa/of-the-thief", room::ACCOUNT);
    let device = format!("aws iam deactivate-mfa-device --user-name alice --serial-number {made}");
    let password = "aws iam delete-login-profile --user-name alice".to_owned();
    let before = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!(before.notes, [""; 0], "a device that was there before is the user's");
    iam.change(|alice| {
        alice.mfa_devices.insert(made);
        alice.console_password = true;
    });
    let changed = iam.now();
    for _ in 0..2 {
        let check = verify(&aws, "one", &user()).await.expect("a look");
        assert!(check.holds && check.problems.is_empty() && check.reverted.is_empty(), "{check:?}");
        let shown = |command: &String| check.notes.iter().filter(|note| note.ends_with(command.as_str())).count();
        assert_eq!((check.notes.len(), shown(&device), shown(&password)), (2, 1, 1), "{check:?}");
    }
    let (ledger, one) = (room::ledger(&aws), room::incident("one"));
    let kept = ledger.verification(&one, Containment::QuarantineIam, &user()).await.expect("the ledger answers");
    assert_eq!(kept.expect("a look").notes.len(), 2, "`firebreak incidents show` reads them there");
    let drift = release(&aws, "one", &user()).await.expect("a release");
    let told =
        |command: &String| drift.iter().filter_map(|step| step.error.as_ref()).any(|fault| fault.message.contains(command));
    assert!(drift.len() == 2 && told(&device) && told(&password), "{drift:?}");
    assert_eq!((aws.changes(), iam.now()), (vec![], changed));
}

#[tokio::test]
async fn what_was_not_read_then_or_now_cannot_be_compared() {
    for was_unread in [true, false] {
        let (aws, iam) = stage(Principal::user()).await;
        let refuse = || aws.always("iam:ListMFADevices", error(403, "AccessDenied"));
        if was_unread {
            refuse();
        }
        contain(&aws, "one", &user()).await.expect("a receipt");
        aws.mend();
        if !was_unread {
            refuse();
        }
        iam.change(|alice| alice.mfa_devices.extend(["GAHT12345678".to_owned()]));
        let check = verify(&aws, "one", &user()).await.expect("a look");
        assert!(check.holds && check.notes.is_empty(), "{check:?}");
    }
}

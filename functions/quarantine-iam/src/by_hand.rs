//! What is left to a person: a second factor or a console password that was made since the containment.
//!
//! The deny makes both useless as long as it is there. Firebreak changes neither: it could not put them back.

use crate::base::BaseState;

/// One line for each of them, with the command that takes it away. What could not be read, then or now, cannot be compared.
pub(crate) fn made_since(base: &BaseState, now: &BaseState, user: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(before), Some(devices)) = (&base.mfa_devices, &now.mfa_devices) {
        lines.extend(devices.difference(before).map(|serial| mfa_device(user, serial)));
    }
    if (base.console_password, now.console_password) == (Some(false), Some(true)) {
        lines.push(console_password(user));
    }
    lines
}

/// An MFA device was added to a user.
pub(crate) fn mfa_device(user: &str, serial: &str) -> String {
    let options = option("--user-name", user).zip(option("--serial-number", serial));
    match options {
        Some((user, serial)) => format!("an MFA device was added; {LEFT}: aws iam deactivate-mfa-device {user} {serial}"),
        None => format!("MFA device {serial} was added; {LEFT}, in the console"),
    }
}

/// A user got a console password.
pub(crate) fn console_password(user: &str) -> String {
    match option("--user-name", user) {
        Some(user) => format!("a console password was created; {LEFT}: aws iam delete-login-profile {user}"),
        None => format!("a console password was created; {LEFT}, in the console"),
    }
}

const LEFT: &str = "Firebreak leaves it to you";

/// An option of the AWS CLI. Nothing where the value has a character that IAM gives neither names nor serial numbers (API reference:
/// `[\w+=,.@-]`, and `/:`): a shell could act on it, and the CLI would fetch what looks like the address of a file.
fn option(name: &str, value: &str) -> Option<String> {
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-/:".contains(c)) && !value.contains("://");
    // What begins like an option would be taken for one.
    let separator = if value.starts_with('-') { '=' } else { ' ' };
    (is_plain && !value.is_empty()).then(|| format!("{name}{separator}{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_holds_nothing_that_a_shell_or_the_aws_cli_acts_on() {
        let device = "arn:aws:iam::111122223333:mfa/alice+2@example.com";
        let line = mfa_device("alice", device);
        assert!(line.ends_with(&format!(": aws iam deactivate-mfa-device --user-name alice --serial-number {device}")), "{line}");
        let line = console_password("--endpoint-url=evil.example");
        assert!(line.ends_with(": aws iam delete-login-profile --user-name=--endpoint-url=evil.example"), "{line}");
        for hostile in ["$(reboot)", "a b", "a;b", "a\nb", "'", "~", "*", "", "file://etc", "\u{202e}x", "\u{e4}"] {
            for line in [mfa_device("alice", hostile), mfa_device(hostile, device), console_password(hostile)] {
                assert!(!line.contains("aws iam"), "{line}");
            }
        }
    }
}

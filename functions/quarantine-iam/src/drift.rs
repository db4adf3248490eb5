//! What somebody else changed since the containment: the difference between the base, what Firebreak wrote, and now.

use crate::base::{BaseState, Credential};
use crate::{by_hand, policies};
use firebreak_function::containment::Call;
use std::collections::BTreeSet;

/// One line per change that is neither as before nor as Firebreak left it. What cannot be read now is a line, too; what could not be
/// read then cannot be compared.
pub(crate) fn since(base: &BaseState, now: &BaseState, call: &Call) -> Vec<String> {
    let ours: BTreeSet<String> = policies::all(&call.target).into();
    // What lets somebody in comes first.
    let each = now.credentials.iter().filter(|credential| credential.active);
    let mut lines: Vec<String> = each.filter_map(|c| activated(base, c, call)).collect();
    sets(&mut lines, "managed policy", base.attached_policies.as_ref(), now.attached_policies.as_ref(), |arn| ours.contains(arn));
    let revocation = |name: &str| name.starts_with(policies::REVOCATION);
    sets(&mut lines, "inline policy", base.inline_policies.as_ref(), now.inline_policies.as_ref(), revocation);
    sets(&mut lines, "group", base.groups.as_ref(), now.groups.as_ref(), |_| false);
    let added = |serial: &str| by_hand::mfa_device(&call.present.id, serial);
    changes(&mut lines, "MFA device", base.mfa_devices.as_ref(), now.mfa_devices.as_ref(), |_| false, added);
    if now.boundary != base.boundary && !now.boundary.as_ref().is_some_and(|boundary| ours.contains(boundary)) {
        lines.push(format!("permissions boundary is now {}", now.boundary.as_deref().unwrap_or("none")));
    }
    match (base.console_password, now.console_password) {
        (Some(false), Some(true)) => lines.push(by_hand::console_password(&call.present.id)),
        (Some(true), Some(false)) => lines.push("console password was deleted".to_owned()),
        (Some(_), None) => lines.push("whether there is a console password could not be read".to_owned()),
        _ => {}
    }
    if base.trust_policy.is_some() && now.trust_policy.is_some() && base.trust_policy != now.trust_policy {
        lines.push("trust policy was changed".to_owned());
    }
    lines
}

fn activated(base: &BaseState, credential: &Credential, call: &Call) -> Option<String> {
    let name = format!("{} {}", credential.kind.word(), credential.id);
    match base.credentials.iter().find(|known| known.id == credential.id) {
        None => Some(format!("{name} was created")),
        Some(known) if !known.active => Some(format!("{name} was made active")),
        // It was never Firebreak's to change.
        Some(_) if !base.deactivated.contains(&credential.id) => None,
        // Firebreak could not make it inactive, or a release that did not finish made it active again.
        Some(_) if call.failed_steps.contains(&crate::credentials::step_name(credential)) || call.resumed => None,
        Some(_) => Some(format!("{name} was made active again")),
    }
}

fn sets(
    lines: &mut Vec<String>,
    what: &str,
    base: Option<&BTreeSet<String>>,
    now: Option<&BTreeSet<String>>,
    ours: impl Fn(&str) -> bool,
) {
    changes(lines, what, base, now, ours, |name| format!("{what} {name} was added"));
}

fn changes(
    lines: &mut Vec<String>,
    what: &str,
    base: Option<&BTreeSet<String>>,
    now: Option<&BTreeSet<String>>,
    ours: impl Fn(&str) -> bool,
    added: impl Fn(&str) -> String,
) {
    let Some(base) = base else { return };
    let Some(now) = now else {
        lines.push(format!("every {what} could have: the list could not be read"));
        return;
    };
    lines.extend(now.difference(base).filter(|name| !ours(name)).map(|name| added(name)));
    lines.extend(base.difference(now).filter(|name| !ours(name)).map(|name| format!("{what} {name} was taken away")));
}

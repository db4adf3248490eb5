//! What was found after the containment: what somebody reverted, and what the suspect did besides.

use crate::incident::Report;
use crate::text::{free_text, mail};
use std::fmt::Write as _;

/// Whether somebody took a control away. Nobody does that by accident.
pub(super) fn is_reverted(report: &Report) -> bool {
    report.verification.iter().any(|check| !check.reverted.is_empty())
}

pub(super) fn found_lines(body: &mut String, report: &Report) {
    let reverted = report.verification.iter().flat_map(|check| check.reverted.iter().map(move |line| (&check.target, line)));
    let reverted: Vec<_> = reverted.collect();
    if !reverted.is_empty() {
        body.push_str("\nREVERTED by somebody else than Firebreak:\n");
    }
    for (target, line) in reverted {
        let _ = writeln!(body, "  - {}: {}", mail(&target.to_string(), 280), mail(line, 300));
    }
    let sweep = &report.sweep;
    if !sweep.found.is_empty() {
        body.push_str("\nCloudTrail says, about the same credentials:\n");
    }
    for line in &sweep.found {
        let _ = writeln!(body, "  - {}", free_text(line, 300));
    }
    if !sweep.left_out.is_empty() {
        body.push_str("\nFound, and more than this incident can hold; do it by hand:\n");
    }
    for line in &sweep.left_out {
        let _ = writeln!(body, "  - {}", free_text(line, 300));
    }
    if !sweep.missing.is_empty() {
        body.push_str("\nNot seen in CloudTrail, look yourself:\n");
    }
    for line in &sweep.missing {
        let _ = writeln!(body, "  - {}", free_text(line, 300));
    }
}

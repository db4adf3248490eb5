//! Decisions for people: when, what, to what, why, and what is left for a person to do.

use console::{Alignment, StyledObject, pad_str, style};
use firebreak::decision::{Decision, Mode};
use firebreak::text::inert;
use std::fmt::Write as _;

/// Wide enough for the longest of [`when`].
const WHEN: usize = 21;

/// Prints decisions, one block each.
pub(crate) fn print(decisions: &[Decision]) {
    print!("{}", shown(decisions));
}

/// Decisions, one block each.
pub(crate) fn shown(decisions: &[Decision]) -> String {
    let mut out = String::new();
    for decision in decisions {
        let _ = writeln!(out, "\n  {}{}: {}", when(decision), style(&decision.target).bold(), decision.does());
        let mut line = |text: &str| {
            let _ = writeln!(out, "  {:WHEN$}{text}", "");
        };
        if let Some(session) = &decision.target.session {
            line(&format!("session {}", inert(session, 64)));
        }
        line(&inert(&decision.reason, 400));
        if let Some(by_hand) = &decision.by_hand {
            line(&format!("{} {}", style("To do:").yellow(), inert(by_hand, 300)));
        }
    }
    out
}

fn when(decision: &Decision) -> StyledObject<String> {
    let pad = |word| style(pad_str(word, WHEN, Alignment::Left, None).into_owned());
    match (decision.mode, decision.containment) {
        (Mode::Auto, _) => pad("automatically").red(),
        (Mode::Gate, Some(_)) => pad("only if you approve").yellow(),
        (Mode::Gate, None) => pad("needs your answer").yellow(),
        (Mode::Notify, _) => pad("information only").dim(),
    }
}

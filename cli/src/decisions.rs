//! Decisions for people: when, what, to what, why, and what is left to do by hand.

use console::{Alignment, StyledObject, pad_str, style};
use firebreak::decision::{Decision, Mode};
use firebreak::text::inert;

/// Wide enough for the longest of [`when`].
const WHEN: usize = 16;

/// Prints decisions, one block each.
pub(crate) fn print(decisions: &[Decision]) {
    for decision in decisions {
        let what = decision.containment.map_or("by hand", |containment| containment.name());
        println!("\n  {}{} {}", when(decision), style(what).bold(), decision.target);
        let line = |text: &str| println!("  {:WHEN$}{text}", "");
        if let Some(session) = &decision.target.session {
            line(&format!("session {}", inert(session, 64)));
        }
        line(&inert(&decision.reason, 400));
        if let Some(by_hand) = &decision.by_hand {
            line(&format!("{} {}", style("To do:").yellow(), inert(by_hand, 300)));
        }
    }
}

fn when(decision: &Decision) -> StyledObject<String> {
    let pad = |word| style(pad_str(word, WHEN, Alignment::Left, None).into_owned());
    match (decision.mode, decision.containment) {
        (Mode::Auto, _) => pad("at once").red(),
        (Mode::Gate, Some(_)) => pad("after approval").yellow(),
        (Mode::Gate, None) => pad("reviewed").yellow(),
        (Mode::Notify, _) => pad("told only").dim(),
    }
}

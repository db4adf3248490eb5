//! Decisions for people: when, what, to what, why, and what is left for a person to do.

use crate::layout;
use console::{StyledObject, style};
use firebreak::decision::{Decision, Mode};
use firebreak::text::inert;

/// Wide enough for the longest of [`when`].
const WHEN: usize = 21;
/// Narrower than this, what is decided stands below when.
const ROW: usize = 60;

/// Prints decisions, one block each.
pub(crate) fn print(decisions: &[Decision]) {
    print!("{}", shown(decisions, layout::width()));
}

/// Decisions, one block each, for a screen of `width` columns.
pub(crate) fn shown(decisions: &[Decision], width: usize) -> String {
    let mut out = String::new();
    for decision in decisions {
        let what = format!("{}: {}", style(&decision.target).bold(), decision.does());
        let indent = if width < ROW { "    ".to_owned() } else { " ".repeat(WHEN + 2) };
        out.push('\n');
        if width < ROW {
            out.push_str(&format!("  {}\n{}", when(decision), layout::wrap(&indent, &what, width)));
        } else {
            let when = layout::pad(&when(decision).to_string(), WHEN);
            out.push_str(&layout::wrap(&format!("  {when}"), &what, width));
        }
        let mut line = |text: &str| out.push_str(&layout::wrap(&indent, text, width));
        if let Some(session) = &decision.target.session {
            line(&format!("session {}", inert(session, 64)));
        }
        line(&inert(&decision.reason, 400));
        if let Some(by_hand) = &decision.by_hand {
            let label = if decision.containment.is_some() { "Or by hand:" } else { "To do:" };
            line(&format!("{} {}", style(label).yellow(), inert(by_hand, 300)));
        }
        let notes = [
            ("The same for:", decision.says_also()),
            ("Who else:", decision.says_impact()),
            ("It hits:", decision.says_hits()),
            ("Take care:", decision.says_by_name().map(str::to_owned)),
        ];
        for (label, text) in notes {
            if let Some(text) = text {
                line(&format!("{} {}", style(label).yellow(), inert(&text, 2_000)));
            }
        }
    }
    out
}

fn when(decision: &Decision) -> StyledObject<&'static str> {
    match (decision.mode, decision.containment) {
        (Mode::Auto, _) => style("automatically").red(),
        (Mode::Gate, Some(_)) if decision.only_by_name => style("only if you name it").yellow(),
        (Mode::Gate, Some(_)) => style("only if you approve").yellow(),
        (Mode::Gate, None) => style("needs your answer").yellow(),
        (Mode::Notify, _) => style("information only").dim(),
    }
}

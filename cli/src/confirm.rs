//! What a person at a terminal reads before something is changed, and the question. A program is not asked.

use crate::standing::{Facts, Stand};
use crate::{CommandError, layout};
use std::io::{IsTerminal as _, Write as _};

/// Whether somebody is there to ask.
pub(crate) fn is_seen() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks whether to go on.
///
/// # Errors
/// The terminal does not answer.
pub(crate) fn goes_on(question: &str) -> Result<bool, CommandError> {
    print!("{question}Go on? [y/N] ");
    let unread = |error: std::io::Error| CommandError::Bad(format!("the terminal does not answer: {error}"));
    std::io::stdout().flush().map_err(unread)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(unread)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Targets under a title; nothing where there are none.
pub(crate) fn listed(title: &str, stands: &[&Stand<'_>], facts: Facts<'_>, width: usize) -> String {
    if stands.is_empty() {
        return String::new();
    }
    let mut out = format!("  {title}:\n");
    for stand in stands {
        let does = stand.decision.map(|decision| format!(": {}", decision.does())).unwrap_or_default();
        out.push_str(&layout::wrap("    ", &format!("{}{does}", facts.name(stand.target)), width));
    }
    out
}

//! A notice as plain text: for mail subscribers of an SNS topic, and for the ticket that they get.

use super::document::{Entry, Notice, Section, Text};
use crate::text;
use std::fmt::Write as _;

/// A mail: an ASCII subject of at most 99 characters and a text body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// For the mail's subject line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// SNS takes 256 KiB; a person takes less. Longer bodies are cut with a pointer to the command that shows everything.
const MAX_BODY: usize = 32_000;

/// Writes a notice as a mail.
#[must_use]
pub fn mail(notice: &Notice) -> Message {
    let mut body = String::new();
    for fact in &notice.facts {
        let _ = writeln!(body, "{}: {}", fact.label, shown(&fact.value));
    }
    notice.sections.iter().for_each(|section| write_section(&mut body, section));
    write_answers(&mut body, notice);
    let _ = write!(body, "\nAll details: firebreak incidents show {}\n", notice.incident);
    let subject = text::subject(&format!("[Firebreak] {}: {}", notice.headline, all(&notice.about)));
    Message { subject, body: cut(body) }
}

fn write_section(body: &mut String, section: &Section) {
    let colon = if section.entries.is_empty() { "" } else { ":" };
    let _ = writeln!(body, "\n{}{colon}", all(&section.title));
    section.entries.iter().for_each(|entry| write_entry(body, entry));
}

fn write_entry(body: &mut String, entry: &Entry) {
    let subject = entry.subject.as_ref().map(|subject| format!("{}: ", shown(subject))).unwrap_or_default();
    let detail = entry.detail.as_ref().map(|detail| format!(" ({})", shown(detail))).unwrap_or_default();
    let _ = writeln!(body, "  - {subject}{}{detail}", all(&entry.says));
    for (label, note) in &entry.notes {
        let _ = writeln!(body, "    {label}: {}", shown(note));
    }
}

fn write_answers(body: &mut String, notice: &Notice) {
    if notice.answers.is_empty() {
        return;
    }
    body.push_str("\nAnswer:\n");
    let shown = notice.code.as_ref().map(|code| format!(" --shown {code}")).unwrap_or_default();
    for choice in &notice.answers {
        let (word, incident) = (choice.answer.word(), &notice.incident);
        // The explanation stands on a line of its own: people paste the whole line.
        let _ = writeln!(body, "  {}:\n    firebreak review {word} {incident}{shown} --comment \"WHY\"", choice.means);
    }
    if let Some(example) = &notice.example {
        let example = self::shown(example);
        let _ = writeln!(body, "  For some targets, add --only or --except; the rest is asked again:\n    --only=\"{example}\"");
    }
    for hint in &notice.hints {
        let _ = writeln!(body, "  {hint}");
    }
    write_offers(body, notice, &shown);
}

/// One line each, and the command: a ticket is about what waits, and nobody waits for these.
fn write_offers(body: &mut String, notice: &Notice, shown: &str) {
    let incident = &notice.incident;
    if !notice.offers.is_empty() {
        let _ =
            writeln!(body, "\nOffered besides, and nobody waits for these. Whom each hits: firebreak incidents show {incident}");
    }
    for offer in &notice.offers {
        let name = self::shown(&offer.name);
        let _ = writeln!(body, "  {name}: {}:", offer.does);
        let _ = if offer.is_plain {
            writeln!(body, "    firebreak review approve {incident}{shown} --only=\"{name}\" --comment \"WHY\"")
        } else {
            writeln!(body, "    approve with --only and this name, quoted for your shell")
        };
    }
}

fn all(texts: &[Text]) -> String {
    texts.iter().map(shown).collect()
}

/// Mail clients make links of what looks like one.
fn shown(text: &Text) -> String {
    match text {
        Text::Ours(text) => text.clone(),
        Text::Name(name) => text::mail(name, usize::MAX),
        Text::Words(words) => text::free_text(words, usize::MAX),
    }
}

fn cut(mut body: String) -> String {
    if body.len() > MAX_BODY {
        let end = (0..=MAX_BODY).rev().find(|&i| body.is_char_boundary(i)).unwrap_or(0);
        body.truncate(end);
        body.push_str("\n[cut]\n");
    }
    body
}

//! Whether a comment says why. Others read the comment later, and an answer is taken back by no command.

use std::collections::BTreeSet;

/// So many characters are a reason.
const LEAST: usize = 10;
/// So many letters and digits must be among them: a row of dots is none.
const LEAST_LETTERS: usize = 8;
/// So many different ones: a key that was held down is none.
const LEAST_DIFFERENT: usize = 4;
/// What examples, tickets and manuals print in the place of a reason.
const PLACEHOLDERS: [&str; 9] = ["why", "text", "comment", "reason", "your", "the", "a", "here", "say"];

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReason {
    /// It is empty, or nearly.
    #[error("say why in 10 characters or more: it is kept with the incident")]
    TooShort,
    /// It is what an example prints, or one letter again and again.
    #[error("that is no reason: say why in your own words, it is kept with the incident")]
    SaysNothing,
}

/// Whether `comment` says why.
///
/// # Errors
/// What is wrong with the comment.
pub fn is_reason(comment: &str) -> Result<(), NoReason> {
    let words = comment.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    if !words.is_empty() && words.iter().all(|word| PLACEHOLDERS.contains(&word.as_str())) {
        return Err(NoReason::SaysNothing);
    }
    let letters: Vec<char> = words.iter().flat_map(|word| word.chars()).collect();
    if comment.trim().chars().count() < LEAST || letters.len() < LEAST_LETTERS {
        return Err(NoReason::TooShort);
    }
    let different: BTreeSet<char> = letters.into_iter().collect();
    if different.len() < LEAST_DIFFERENT { Err(NoReason::SaysNothing) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_words_of_somebody() {
        for reason in ["it was an attack", "Ticket SEC-4711", "war ein Fehlalarm", "これは攻撃でした、確認済み"] {
            assert_eq!(is_reason(reason), Ok(()), "{reason}");
        }
        for short in
            ["", "  ", "ok", "...", "..........", "yes       !", "\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}ok\u{200b}\u{200b}"]
        {
            assert_eq!(is_reason(short), Err(NoReason::TooShort), "{short:?}");
        }
        for copied in
            ["WHY", "TEXT", "<why>", "\"WHY\"", "WHY WHY WHY WHY", "your reason here", "<say why, here>", "aaaaaaaaaaaaaaa"]
        {
            assert_eq!(is_reason(copied), Err(NoReason::SaysNothing), "{copied}");
        }
    }
}

//! Makes attacker-controlled text safe to show.
//!
//! Names, tags and titles inside a finding are written by whoever owns the resource, which may be the attacker. They end up
//! in terminals, logs, mails and tickets. [`inert`] is the one gate they pass through.

/// A copy of `value` that is one line, at most `max` characters, and free of anything a terminal, a mail client or a log
/// viewer would act on: control characters (ANSI escapes included), bidirectional overrides, zero-width and other invisible
/// formatting characters. Each is replaced by `\u{FFFD}`. A cut is marked with `…`.
#[must_use]
pub fn inert(value: &str, max: usize) -> String {
    let mut out = String::with_capacity(value.len().min(max.saturating_mul(4)));
    for (position, c) in value.chars().enumerate() {
        if position == max {
            out.push('…');
            break;
        }
        out.push(if is_active(c) { '\u{FFFD}' } else { c });
    }
    out
}

/// Like [`inert`], and nothing a mail client would turn into a link: `https[:]//`, `www[.]`.
///
/// A name that an attacker chose must not become something a tired person clicks on.
#[must_use]
pub fn mail(value: &str, max: usize) -> String {
    let mut text = inert(value, max).replace("://", "[:]//");
    // Mail clients take any case.
    while let Some(at) = text.to_ascii_lowercase().find("www.") {
        text.replace_range(at + 3..at + 4, "[.]");
    }
    text
}

/// Like [`mail`], for whole sentences that may come from an attacker: bare host names are no links either, `evil[.]example`.
///
/// Not for finding types and ids, where a full stop is part of the name.
#[must_use]
pub fn free_text(value: &str, max: usize) -> String {
    let value: Vec<char> = mail(value, max).chars().collect();
    let letter = |at: usize| value.get(at).is_some_and(char::is_ascii_alphabetic);
    let mut out = String::with_capacity(value.len() + 8);
    for (at, c) in value.iter().enumerate() {
        let after_name = at.checked_sub(1).and_then(|before| value.get(before)).is_some_and(char::is_ascii_alphanumeric);
        if *c == '.' && after_name && letter(at + 1) && letter(at + 2) { out.push_str("[.]") } else { out.push(*c) }
    }
    out
}

/// Like [`inert`], and reduced to printable ASCII: what an SNS subject may hold.
///
/// SNS subjects are ASCII, start with a letter, digit or punctuation, have no line breaks and are at most 100 characters
/// (SNS API reference, `Publish`).
#[must_use]
pub fn subject(value: &str) -> String {
    let ascii: String = value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    ascii.trim().chars().take(99).collect()
}

/// The letters and digits of a name, in lower case: `Backdoor:EC2/C&CActivity.B` and `backdoor-ec2-c&cactivity.b` are one name. Nothing
/// when it has characters that no spelling of AWS has: an accent or a letter of another script is another name.
#[must_use]
pub fn letters(name: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || " :/.-_!&".contains(c);
    let name = name.trim();
    name.chars().all(known).then(|| name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect())
}

fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}'                     // soft hyphen
            | '\u{034F}'                   // combining grapheme joiner
            | '\u{115F}'..='\u{1160}'      // Hangul fillers
            | '\u{2800}'                   // blank Braille pattern
            | '\u{3164}' | '\u{FFA0}'      // more Hangul fillers
            | '\u{FE00}'..='\u{FE0F}'      // variation selectors
            | '\u{061C}'                   // Arabic letter mark
            | '\u{180E}'                   // Mongolian vowel separator
            | '\u{200B}'..='\u{200F}'      // zero width, directional marks
            | '\u{2028}'..='\u{202E}'      // line and paragraph separators, bidi embeddings and overrides
            | '\u{2060}'..='\u{206F}'      // word joiner, bidi isolates, invisible operators
            | '\u{FEFF}'                   // byte order mark
            | '\u{FFF9}'..='\u{FFFB}'      // interlinear annotation
            | '\u{E0000}'..='\u{E007F}') // tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_acts_on_survives() {
        let hostile = "a\u{1b}[2Jb\u{7}c\0d\r\ne\u{202e}f\u{feff}g\u{200b}h\u{2066}i";
        let shown = inert(hostile, 200);
        assert!(!shown.chars().any(|c| c.is_control() || is_active(c)), "{shown:?}");
        for kept in ["a", "[2Jb", "c", "d", "e", "f", "g", "h", "i"] {
            assert!(shown.contains(kept), "{shown:?} lost {kept}");
        }
    }

    #[test]
    fn a_mail_has_no_links_of_an_attacker() {
        assert_eq!(free_text("Call evil.example/x now. C&C.B", 99), "Call evil[.]example/x now. C&C.B");
        assert_eq!(mail("see https://evil.example or www.evil.example", 99), "see https[:]//evil.example or www[.]evil.example");
    }

    #[test]
    fn long_text_is_cut_on_a_character() {
        assert_eq!(inert("日本語テキスト", 3), "日本語…");
        assert_eq!(inert("abc", 3), "abc");
    }

    #[test]
    fn a_subject_is_one_short_ascii_line() {
        let subject = subject(
            "Contained: iam-user böb\r\nBcc: all@example.com \u{1b}[1m and much more text that goes on and on and on and on",
        );
        assert!(subject.len() < 100 && subject.is_ascii() && !subject.contains(['\r', '\n', '\u{1b}']), "{subject}");
    }
}

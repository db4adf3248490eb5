//! Text that a shell and a terminal take as it is, whoever wrote it.

use serde::Serialize;
use std::fmt::Write as _;

/// JSON in printable ASCII, without a single quote: within single quotes, a shell acts on nothing in it.
pub(super) fn ascii(value: &impl Serialize) -> String {
    // Text and numbers always have a form in JSON.
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~') && c != '\'' {
            out.push(c);
        } else {
            // It stands in a string, where JSON takes every character by its number.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            });
        }
    }
    out
}

/// One word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_printable_ascii_and_says_the_same() {
        let all: String =
            (0..=0x02ff).filter_map(char::from_u32).chain(['日', '\u{202e}', '\u{feff}', '𝄞', '\u{10ffff}']).collect();
        let text = ascii(&all);
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\''), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).expect("JSON"), all);
    }
}

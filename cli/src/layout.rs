//! Text in a terminal of any width. Colour codes have no width, an id stays in one piece, and nothing is cut in a pipe.

use console::{Alignment, Term, measure_text_width, pad_str};

/// So wide is a screen that is none: what reads a pipe wants whole lines.
pub(crate) const PIPE: usize = usize::MAX;

/// How many columns standard output has.
pub(crate) fn width() -> usize {
    let term = Term::stdout();
    if !term.is_term() {
        return PIPE;
    }
    term.size_checked().map_or(80, |(_, columns)| usize::from(columns).max(20))
}

/// `text` in lines of at most `width` columns, broken between words. The first line begins with `first`, the others with as many
/// blanks. A word that is wider than a line stays in one piece.
pub(crate) fn wrap(first: &str, text: &str, width: usize) -> String {
    let indent = measure_text_width(first);
    let mut lines = String::from(first);
    let mut column = indent;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = measure_text_width(word);
        if column > indent {
            if column.saturating_add(1 + wide) > width {
                lines.push('\n');
                lines.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                lines.push(' ');
                column += 1;
            }
        }
        lines.push_str(word);
        column += wide;
    }
    lines.push('\n');
    lines
}

/// `text` in at most `width` columns: what does not fit is left out in the middle, because names differ at both ends.
pub(crate) fn middle(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let wide = |letters: &[char]| measure_text_width(&letters.iter().collect::<String>());
    let (mut head, mut tail) = (letters.len() / 2, letters.len() / 2);
    // The longer side gives a letter away until both fit.
    while head + (letters.len() - tail) > 0 && wide(&letters[..head]) + 1 + wide(&letters[tail..]) > width {
        if head >= letters.len() - tail {
            head -= 1;
        } else {
            tail += 1;
        }
    }
    letters[..head].iter().chain(&['…']).chain(&letters[tail..]).collect()
}

/// `text` with blanks up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    pad_str(text, width, Alignment::Left, None).into_owned()
}

/// A command that can be copied at any width: where a line ends too soon, the shell is told that it goes on.
pub(crate) fn command(indent: &str, words: &[&str], width: usize) -> String {
    let mut lines = String::from(indent);
    let mut column = measure_text_width(indent);
    for (at, word) in words.iter().enumerate() {
        let wide = measure_text_width(word);
        // Room for the word and, unless it is the last one, for ` \` after it.
        let more = if at + 1 < words.len() { 3 } else { 1 };
        if at > 0 && column.saturating_add(wide + more) > width {
            lines.push_str(" \\\n");
            lines.push_str(indent);
            lines.push_str("  ");
            column = measure_text_width(indent) + 2;
        } else if at > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += wide;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::style;

    const ID: &str = "fb-0123456789abcdef";

    #[test]
    fn words_are_wrapped_by_what_is_seen_of_them() {
        let red = style("NOT contained").red().bold().force_styling(true).to_string();
        let text = wrap("NOW  ", &format!("{red} EC2 instance i-0123456789abcdef0"), 32);
        let seen = console::strip_ansi_codes(&text).into_owned();
        assert_eq!(seen, "NOW  NOT contained EC2 instance\n     i-0123456789abcdef0\n");
        assert_eq!(wrap("", "a b  c", PIPE), "a b c\n");
        assert_eq!(wrap("- ", ID, 10), format!("- {ID}\n"), "an id is never broken");
    }

    #[test]
    fn a_name_that_is_too_long_keeps_both_ends() {
        assert_eq!(middle("CryptoCurrency:EC2/BitcoinTool.B", 20), "CryptoCur…coinTool.B");
        assert_eq!(middle("short", 20), "short");
        assert!(measure_text_width(&middle("日本語の長い名前です", 9)) <= 9);
        assert_eq!(middle("ab", 0), "…");
        assert_eq!(middle("abc", PIPE), "abc");
    }

    #[test]
    fn a_command_that_goes_on_says_so_to_the_shell() {
        let words = ["firebreak", "review", "approve", ID, "--comment", "\"WHY\""];
        assert_eq!(command("  ", &words, 80), format!("  firebreak review approve {ID} --comment \"WHY\"\n"));
        let narrow = command("  ", &words, 40);
        assert_eq!(narrow, format!("  firebreak review approve \\\n    {ID} --comment \"WHY\"\n"));
        assert!(narrow.lines().all(|line| measure_text_width(line) <= 40), "{narrow}");
    }
}

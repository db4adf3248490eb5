//! Names with a `*` in them, as Firebreak writes them for policies.

/// Whether a text has the form of a pattern, in which `*` is any number of characters (IAM user guide, "IAM JSON policy elements:
/// Condition operators"). Patterns are Firebreak's own, of names that were checked: they have no `?`.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(*part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_number_of_characters_and_nothing_else_is() {
        assert!(is_like("a*c", "abc") && is_like("a*c", "ac") && is_like("*", "") && is_like("a*b*c", "aXbYc"));
        assert!(!is_like("a*c", "abcd") && !is_like("a.c", "abc") && !is_like("abc", "abcd") && !is_like("a*b*c", "acb"));
    }

    #[test]
    fn no_character_counts_for_two_parts_of_a_pattern() {
        assert!(is_like("aba*aba", "abaaba") && !is_like("aba*aba", "aba") && !is_like("a*b*b", "ab"));
    }
}

//! Where in a TOML file a field stands, so that `plan --explain` can name the line that decided.

use toml::de::{DeTable, DeValue};

/// The line of the field at `path`, counted from 1, or of the nearest table above it that exists. `None` when the text is not
/// TOML or has nothing of the path.
#[must_use]
pub fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut here: Option<&DeValue<'_>> = None;
    for (depth, name) in path.iter().enumerate() {
        let (start, value) = match here {
            None if depth == 0 => entry(document.get_ref(), name)?,
            Some(DeValue::Table(table)) => match entry(table, name) {
                Some(entry) => entry,
                None => break,
            },
            // `suppress.1` is the second of an array.
            Some(DeValue::Array(values)) => match name.parse().ok().and_then(|at: usize| values.get(at)) {
                Some(value) => (value.span().start, value.get_ref()),
                None => break,
            },
            _ => break,
        };
        (found, here) = (Some(start), Some(value));
    }
    found.map(|start| 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count())
}

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(usize, &'a DeValue<'i>)> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key.span().start, value.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn the_line_of_a_field() {
        let text = "a = 1\n[accounts.111122223333]\nmode = \"auto\"\n\ncontainments.isolate-ec2 = \"gate-first\"\n[finding]\n\"X/Y\" = { why = \"z\" }\n";
        let line = |path: &[&str]| line_of(text, &path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["a"]), Some(1));
        assert_eq!(line(&["accounts", "111122223333", "mode"]), Some(3));
        assert_eq!(line(&["accounts", "111122223333", "containments", "isolate-ec2"]), Some(5));
        assert_eq!(line(&["finding", "X/Y"]), Some(7));
        assert_eq!(line(&["nothing"]), None);
        let text = "[[suppress]]\nowner = \"a\"\n\n[[suppress]]\nowner = \"b\"\n";
        let line = |path: &[&str]| line_of(text, &path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!((line(&["suppress", "0"]), line(&["suppress", "1"])), (Some(1), Some(4)));
    }
}

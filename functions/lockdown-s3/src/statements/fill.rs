//! Fills the template of a statement.
//!
//! A placeholder stands alone in a list and gives way to its values. Nothing is replaced inside a text, so no value can end a string, a
//! list or a statement, whoever chose it.

use firebreak::fault::Fault;
use serde_json::{Map, Value};

/// The values of a placeholder, by its name: `Bucket` for `${Bucket}`.
pub(super) type Fills<'a> = &'a [(&'a str, &'a [String])];

/// The statement of a template. An empty list would leave a condition that nobody, or everybody, meets: it is refused.
///
/// # Errors
/// `Bug` when the template is no JSON object, names a placeholder that has no values, or leaves a list empty.
pub(super) fn filled(template: &str, fills: Fills<'_>) -> Result<Map<String, Value>, Fault> {
    let parsed = serde_json::from_str(template).map_err(|error| Fault::bug(format!("a template of a statement: {error}")))?;
    match fill(parsed, fills)? {
        Value::Object(statement) => Ok(statement),
        _ => Err(Fault::bug("a template of a statement is no object")),
    }
}

fn fill(value: Value, fills: Fills<'_>) -> Result<Value, Fault> {
    Ok(match value {
        Value::Array(list) => Value::Array(filled_list(list, fills)?),
        Value::Object(fields) => {
            let each = fields.into_iter().map(|(name, value)| Ok((name, fill(value, fills)?)));
            Value::Object(each.collect::<Result<Map<String, Value>, Fault>>()?)
        }
        other => other,
    })
}

fn filled_list(list: Vec<Value>, fills: Fills<'_>) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::with_capacity(list.len());
    for value in list {
        match value.as_str().and_then(placeholder) {
            Some(name) => {
                let values = fills.iter().find(|(known, _)| *known == name).map(|(_, values)| *values).unwrap_or_default();
                if values.is_empty() {
                    return Err(Fault::bug(format!("a statement has no value for {name}")));
                }
                all.extend(values.iter().cloned().map(Value::String));
            }
            None => all.push(fill(value, fills)?),
        }
    }
    Ok(all)
}

fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEMPLATE: &str =
        r#"{"Sid":"A","Principal":"*","Resource":["${Bucket}"],"Condition":{"ArnLike":{"k":["${Who}","fixed"]}}}"#;

    fn of(who: &[&str]) -> Result<Value, Fault> {
        let who: Vec<String> = who.iter().map(|one| (*one).to_owned()).collect();
        let bucket = ["arn:aws:s3:::b".to_owned()];
        filled(TEMPLATE, &[("Bucket", bucket.as_slice()), ("Who", who.as_slice())]).map(Value::Object)
    }

    #[test]
    fn a_placeholder_gives_way_to_its_values_in_their_place() {
        let expected = json!({ "Sid": "A", "Principal": "*", "Resource": ["arn:aws:s3:::b"],
            "Condition": { "ArnLike": { "k": ["one", "two", "fixed"] } } });
        assert_eq!(of(&["one", "two"]).expect("values"), expected);
    }

    #[test]
    fn a_hostile_value_stays_one_text() {
        let hostile = r#""],"NotAction":"*","x":["${Bucket}"#;
        let statement = of(&[hostile, "${Bucket}"]).expect("values");
        assert_eq!(statement["Condition"]["ArnLike"]["k"], json!([hostile, "${Bucket}", "fixed"]));
        assert_eq!(statement.as_object().map(Map::len), Some(4));
    }

    #[test]
    fn nothing_is_written_with_a_condition_that_lost_its_values() {
        assert!(of(&[]).is_err(), "an empty list");
        assert!(filled(TEMPLATE, &[("Bucket", ["b".to_owned()].as_slice())]).is_err(), "no list");
        assert!(filled("[]", &[]).is_err() && filled("no JSON", &[]).is_err());
    }
}

//! Keeps AWS's answers as they came over the wire.
//!
//! A typed SDK shows what its version knows. Evidence is what AWS said: the interceptor takes the body of the answer, errors
//! included (`NoSuchBucketPolicy` is a finding of its own), and XML becomes JSON without a list of fields.

use firebreak_aws::wire_answer::WireAnswer;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// The HTTP status and the answer as JSON, or nothing when AWS gave none.
pub(crate) fn transcript(answer: &WireAnswer) -> Option<(u16, Value)> {
    let (status, body) = answer.take()?;
    Some((status, body_json(&body)))
}

fn body_json(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .ok()
        .or_else(|| xml_json(body))
        .unwrap_or_else(|| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// Elements become fields, repeated elements arrays, attributes fields with an `@`.
fn xml_json(body: &[u8]) -> Option<Value> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut open: Vec<(String, Map<String, Value>, String)> = vec![(String::new(), Map::new(), String::new())];
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => open.push((element.name().as_ref().to_owned(), attributes(&element), String::new())),
            Event::Empty(element) => {
                let (name, fields) = (element.name().as_ref().to_owned(), attributes(&element));
                add(&mut open.last_mut()?.1, name, if fields.is_empty() { Value::String(String::new()) } else { fields.into() });
            }
            Event::End(_) => {
                let (name, mut fields, text) = open.pop()?;
                let text = text.trim().to_owned();
                let value = if fields.is_empty() {
                    Value::String(text)
                } else {
                    if !text.is_empty() {
                        fields.insert("#text".to_owned(), Value::String(text));
                    }
                    fields.into()
                };
                add(&mut open.last_mut()?.1, name, value);
            }
            Event::Text(text) => open.last_mut()?.2.push_str(&text),
            Event::CData(text) => open.last_mut()?.2.push_str(&text),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)?.to_owned(),
                };
                open.last_mut()?.2.push_str(&resolved);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let (_, root, _) = open.pop().filter(|_| open.is_empty())?;
    (!root.is_empty()).then_some(Value::Object(root))
}

fn attributes(element: &quick_xml::events::BytesStart<'_>) -> Map<String, Value> {
    element
        .attributes()
        .flatten()
        .filter(|attribute| !attribute.key.as_ref().starts_with("xmlns"))
        .map(|attribute| (format!("@{}", attribute.key.as_ref()), Value::String(attribute.value.into_owned())))
        .collect()
}

fn add(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn xml_keeps_every_field_and_repeated_elements() {
        let xml = br#"<?xml version="1.0"?><R xmlns="x"><a>1 &lt; 2 &amp; &#65;</a><m><id>x</id></m><m><id>y</id></m><e/></R>"#;
        let expected = json!({"R": {"a": "1 < 2 & A", "m": [{"id": "x"}, {"id": "y"}], "e": ""}});
        assert_eq!(xml_json(xml), Some(expected));
    }

    #[test]
    fn what_is_neither_json_nor_xml_is_kept_as_text() {
        assert_eq!(body_json(b"plain"), json!("plain"));
        assert_eq!(body_json(b"{\"Version\":\"2012-10-17\"}"), json!({"Version": "2012-10-17"}));
    }
}

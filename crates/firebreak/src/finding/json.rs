//! JSON in, without ambiguity.
//!
//! `serde_json` keeps the last of two fields with the same name. In a finding that is a disguise: one reader sees a user, the
//! next one an instance. An object that names a field twice is refused as a whole.

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;

/// Why bytes are not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// Not JSON at all.
    #[error("not JSON: line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON, but nested deeper than 128, half a surrogate pair, or a number beyond `f64`.
    #[error("valid JSON, but nested too deeply or with values no program can hold")]
    Unholdable,
    /// JSON, but an object names the same field twice.
    #[error("the JSON names the same field twice: readers would disagree about what it says")]
    DuplicateField,
}

/// Parses bytes as JSON and refuses ambiguity.
///
/// # Errors
/// [`BadJson`] with the place, never the text.
pub fn parse(bytes: &[u8]) -> Result<Value, BadJson> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let twice = Cell::new(false);
    let parsed = Strict { twice: &twice }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| {
        let malformed = BadJson::Malformed { line: error.line(), column: error.column() };
        if std::str::from_utf8(bytes).is_err() {
            return malformed;
        }
        match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) if twice.get() => BadJson::DuplicateField,
            Ok(_) => BadJson::Unholdable,
            Err(error) => BadJson::Malformed { line: error.line(), column: error.column() },
        }
    })
}

/// Builds a [`Value`], refusing duplicate fields.
#[derive(Clone, Copy)]
struct Strict<'a> {
    /// Set when a field was named twice: serde's errors carry a message and no code.
    twice: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if object.insert(name, fields.next_value_seed(self)?).is_some() {
                self.twice.set(true);
                return Err(A::Error::custom("duplicate field"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_named_twice_is_refused_at_any_depth() {
        for twice in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"b":{},"a":1}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(parse(twice.as_bytes()), Err(BadJson::DuplicateField), "{twice}");
        }
        assert!(parse(br#"{"a":{"a":[{"a":1},{"a":1}]}}"#).is_ok());
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in ["null", "[1,-2,3.5,1e10,true,\"\\u00e9\"]", r#"{"b":1,"a":{"c":[]}}"#, "18446744073709551615"] {
            assert_eq!(parse(text.as_bytes()).ok(), serde_json::from_str::<Value>(text).ok(), "{text}");
        }
        assert_eq!(parse(b"{} x"), Err(BadJson::Malformed { line: 1, column: 4 }));
        assert_eq!(parse(b"1e999"), Err(BadJson::Unholdable));
        assert!(matches!(parse(b"{\"a\": \xff}"), Err(BadJson::Malformed { .. })));
    }
}

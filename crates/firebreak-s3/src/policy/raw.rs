//! JSON as it is written. What is read into values and written again has lost its spelling: escapes, large numbers, a member that stands
//! there twice.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt::{Formatter, Result as Written};

/// The members of an object, in order.
pub(super) struct Members(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members;

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// JSON without the whitespace between its tokens. Every token keeps its bytes.
pub(super) fn compact(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let mut is_kept = |c: char| {
        if within {
            (within, escaped) = (escaped || c != '"', !escaped && c == '\\');
            return true;
        }
        within = c == '"';
        !c.is_ascii_whitespace()
    };
    json.chars().filter(|c| is_kept(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whitespace_between_tokens_goes() {
        for (json, compacted) in [
            (" { \"a b\" :\t[ 1 ,\r\n 2.50 ] } ", r#"{"a b":[1,2.50]}"#),
            (r#"{ "a \" b" : "\\" , "c" : " d \\\" e " }"#, r#"{"a \" b":"\\","c":" d \\\" e "}"#),
            (r#""\u0041 日本 \/""#, r#""\u0041 日本 \/""#),
        ] {
            assert_eq!(compact(json), compacted);
        }
    }

    #[test]
    fn members_keep_their_order_and_their_spelling_also_twice() {
        let Members(members) = serde_json::from_str(r#"{"b": 1e3, "a": "\u0041", "b": {"x" : 1}}"#).expect("an object");
        let members: Vec<(&str, &str)> = members.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(members, [("b", "1e3"), ("a", r#""\u0041""#), ("b", r#"{"x" : 1}"#)]);
    }
}

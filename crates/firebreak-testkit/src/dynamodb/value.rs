//! Attribute values: their form on the wire, how they compare, how large they are.
//!
//! Binary values, number sets and binary sets are refused: nobody here writes them.

use super::Refusal;
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The attributes of one item, by name.
pub type Item = BTreeMap<String, Value>;

/// The value of an attribute.
///
/// `Ord` is there for collections only. DynamoDB's own order knows strings and numbers, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A string.
    S(String),
    /// A number in plain decimal digits, without needless zeros: DynamoDB trims them, so `1.0` and `1` are one value.
    N(String),
    /// True or false.
    Bool(bool),
    /// An attribute that is there and has no value.
    Null,
    /// A set of strings, never empty.
    Ss(BTreeSet<String>),
    /// A list.
    L(Vec<Value>),
    /// A map.
    M(BTreeMap<String, Value>),
}

impl Value {
    /// Reads the form of the JSON protocol, for example `{"S": "text"}`.
    ///
    /// # Errors
    /// `ValidationException`: an unknown type, a malformed number, an empty set or a set that names a member twice.
    pub fn from_wire(wire: &Json) -> Result<Self, Refusal> {
        let typed = wire.as_object().filter(|typed| typed.len() == 1).and_then(|typed| typed.iter().next());
        let Some((kind, value)) = typed else {
            return Err(Refusal::validation(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ));
        };
        match (kind.as_str(), value) {
            ("S", Json::String(text)) => Ok(Self::S(text.clone())),
            ("N", Json::String(text)) => Decimal::parse(text).map(|number| Self::N(number.to_string())),
            ("BOOL", Json::Bool(flag)) => Ok(Self::Bool(*flag)),
            ("NULL", Json::Bool(true)) => Ok(Self::Null),
            ("SS", Json::Array(members)) => set_from_wire(members).map(Self::Ss),
            ("L", Json::Array(elements)) => elements.iter().map(Self::from_wire).collect::<Result<_, _>>().map(Self::L),
            ("M", Json::Object(_)) => item_from_wire(value).map(Self::M),
            _ => Err(Refusal::validation(format!("This table has no attribute values of type {kind} in this form"))),
        }
    }

    /// Writes the form of the JSON protocol.
    #[must_use]
    pub fn to_wire(&self) -> Json {
        match self {
            Self::S(text) => json!({ "S": text }),
            Self::N(number) => json!({ "N": number }),
            Self::Bool(flag) => json!({ "BOOL": flag }),
            Self::Null => json!({ "NULL": true }),
            Self::Ss(members) => json!({ "SS": members }),
            Self::L(elements) => json!({ "L": elements.iter().map(Self::to_wire).collect::<Vec<_>>() }),
            Self::M(entries) => json!({ "M": item_to_wire(entries) }),
        }
    }

    /// DynamoDB's order, or `None` between values it does not order: two types, or types without an order.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            // Strings compare by their UTF-8 bytes, and so do Rust's.
            (Self::S(one), Self::S(two)) => Some(one.cmp(two)),
            (Self::N(one), Self::N(two)) => Some(Decimal::parse(one).ok()?.order(Decimal::parse(two).ok()?)),
            _ => None,
        }
    }

    /// Whether DynamoDB orders values of this type.
    pub(super) fn is_ordered(&self) -> bool {
        matches!(self, Self::S(_) | Self::N(_))
    }

    /// What `size()` says: bytes of a string, members of a set, elements of a list or map. The other types have no size.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::S(text) => Some(text.len()),
            Self::Ss(members) => Some(members.len()),
            Self::L(elements) => Some(elements.len()),
            Self::M(entries) => Some(entries.len()),
            Self::N(_) | Self::Bool(_) | Self::Null => None,
        }
    }

    /// The number, if it is one.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::N(text) => Decimal::parse(text).ok(),
            _ => None,
        }
    }

    /// Bytes of the value, as the developer guide counts them ("DynamoDB item sizes and formats").
    fn bytes(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.len().div_ceil(2) + 1,
            Self::Bool(_) | Self::Null => 1,
            Self::Ss(members) => members.iter().map(String::len).sum(),
            Self::L(elements) => 3 + elements.iter().map(|element| 1 + element.bytes()).sum::<usize>(),
            Self::M(entries) => 3 + entries.len() + item_bytes(entries),
        }
    }
}

/// Bytes of an item: names and values.
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.bytes()).sum()
}

/// Reads a map of attribute values.
pub(super) fn item_from_wire(wire: &Json) -> Result<Item, Refusal> {
    let attributes = wire.as_object().ok_or_else(|| Refusal::validation("An item or key is missing or no JSON object"))?;
    attributes.iter().map(|(name, value)| Ok((name.clone(), Value::from_wire(value)?))).collect()
}

/// Writes a map of attribute values.
pub(super) fn item_to_wire(item: &Item) -> Json {
    Json::Object(item.iter().map(|(name, value)| (name.clone(), value.to_wire())).collect::<Map<_, _>>())
}

fn set_from_wire(members: &[Json]) -> Result<BTreeSet<String>, Refusal> {
    let invalid = |what: &str| Refusal::validation(format!("One or more parameter values were invalid: {what}"));
    if members.is_empty() {
        return Err(invalid("An string set  may not be empty"));
    }
    let mut set = BTreeSet::new();
    for member in members {
        let text = member.as_str().ok_or_else(|| invalid("A member of a string set is no string"))?;
        if text.is_empty() {
            return Err(invalid("An string set may not have a empty string as a member"));
        }
        if !set.insert(text.to_owned()) {
            return Err(invalid(&format!("Input collection contains duplicates: {text}")));
        }
    }
    Ok(set)
}

/// A number as DynamoDB has it: up to 38 significant digits, first digit between 10^-130 and 10^125 ("Data types" in the
/// developer guide). Floating point would make unequal numbers equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Without trailing zeros.
    coefficient: i128,
    exponent: i64,
}

impl Decimal {
    /// Reads a number, with or without an exponent.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed =
            || Refusal::validation(format!("The parameter cannot be converted to a numeric value: {}", text.escape_debug()));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| malformed())?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(malformed());
        }
        let trimmed = digits.trim_end_matches('0');
        let significant = trimmed.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self { coefficient: 0, exponent: 0 });
        }
        if significant.len() > 38 {
            return Err(Refusal::validation("Attempting to store more than 38 significant digits in a Number"));
        }
        let coefficient: i128 = significant.parse().map_err(|_| malformed())?;
        let exponent = i64::from(exponent) + (digits.len() - trimmed.len()) as i64 - fraction.len() as i64;
        Self::new(if negative { -coefficient } else { coefficient }, exponent)
    }

    /// A sum. DynamoDB refuses one it could not store exactly.
    pub(super) fn plus(self, other: Self) -> Result<Self, Refusal> {
        // Zero has no magnitude that could be out of reach of the other number's.
        if self.coefficient == 0 {
            return Ok(other);
        }
        if other.coefficient == 0 {
            return Ok(self);
        }
        let exponent = self.exponent.min(other.exponent);
        let sum = self.scaled(exponent).zip(other.scaled(exponent)).and_then(|(one, two)| one.checked_add(two));
        Self::new(sum.ok_or_else(overflow)?, exponent)
    }

    /// A difference.
    pub(super) fn minus(self, other: Self) -> Result<Self, Refusal> {
        self.plus(Self { coefficient: -other.coefficient, ..other })
    }

    fn new(mut coefficient: i128, mut exponent: i64) -> Result<Self, Refusal> {
        if coefficient == 0 {
            return Ok(Self { coefficient, exponent: 0 });
        }
        while coefficient % 10 == 0 {
            coefficient /= 10;
            exponent += 1;
        }
        let number = Self { coefficient, exponent };
        if number.digits() > 38 || number.magnitude() > 125 {
            return Err(overflow());
        }
        if number.magnitude() < -130 {
            return Err(Refusal::validation(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            ));
        }
        Ok(number)
    }

    fn order(self, other: Self) -> Ordering {
        let signs = self.coefficient.signum().cmp(&other.coefficient.signum());
        if signs.is_ne() || self.coefficient == 0 {
            return signs;
        }
        let magnitudes = self.magnitude().cmp(&other.magnitude());
        if magnitudes.is_ne() {
            return if self.coefficient < 0 { magnitudes.reverse() } else { magnitudes };
        }
        // Of one magnitude and at most 38 digits each, both fit when they are written with the same exponent.
        let exponent = self.exponent.min(other.exponent);
        self.scaled(exponent).cmp(&other.scaled(exponent))
    }

    fn digits(self) -> i64 {
        self.coefficient.unsigned_abs().checked_ilog10().map_or(1, |log| i64::from(log) + 1)
    }

    /// The power of ten of the first digit.
    fn magnitude(self) -> i64 {
        self.digits() - 1 + self.exponent
    }

    /// The coefficient of the same number with a smaller exponent.
    fn scaled(self, exponent: i64) -> Option<i128> {
        let zeros = u32::try_from(self.exponent - exponent).ok()?;
        10_i128.checked_pow(zeros)?.checked_mul(self.coefficient)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let digits = self.coefficient.unsigned_abs().to_string();
        if let Ok(zeros) = usize::try_from(self.exponent) {
            return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let places = usize::try_from(-self.exponent).unwrap_or_default();
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

fn overflow() -> Refusal {
    Refusal::validation("Number overflow. Attempting to store a number with magnitude larger than supported range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        Decimal::parse(text).expect(text).to_string()
    }

    #[test]
    fn a_number_is_kept_in_one_form() {
        for (text, kept) in [("1.0", "1"), ("+007", "7"), ("-0.50", "-0.5"), ("1e3", "1000"), (".25e-2", "0.0025"), ("-0", "0")] {
            assert_eq!(number(text), kept, "{text}");
        }
        assert_eq!(number("31415926535897932384626433832795028841"), "31415926535897932384626433832795028841");
        for malformed in ["", "-", ".", "1.2.3", "NaN", " 1", "1 ", "0x1", "1e", "--1", "+-1"] {
            assert!(Decimal::parse(malformed).is_err(), "{malformed:?}");
        }
        for out_of_range in ["1e126", "1e-131", "314159265358979323846264338327950288419"] {
            assert!(Decimal::parse(out_of_range).is_err(), "{out_of_range}");
        }
        assert!(Decimal::parse("9.9e125").is_ok() && Decimal::parse("1e-130").is_ok());
    }

    #[test]
    fn numbers_are_ordered_as_numbers_and_exactly() {
        let ascending =
            ["-2e10", "-10", "-9.5", "-1e-5", "0", "2e-5", "0.15", "1", "1.00000000000000000000000000001", "9", "10", "9e125"];
        for (at, one) in ascending.iter().enumerate() {
            for (other, two) in ascending.iter().enumerate() {
                let (first, second) = (Value::N((*one).to_owned()), Value::N((*two).to_owned()));
                assert_eq!(first.order(&second), Some(at.cmp(&other)), "{one} and {two}");
            }
        }
        assert_eq!(Value::N("1".to_owned()).order(&Value::S("1".to_owned())), None);
        assert_eq!(Value::Bool(true).order(&Value::Bool(false)), None);
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |one: &str, two: &str| Decimal::parse(one).expect(one).plus(Decimal::parse(two).expect(two));
        let shown = |one, two| sum(one, two).map(|sum| sum.to_string());
        assert_eq!(shown("1", "10000000000000000000000").as_deref(), Ok("10000000000000000000001"));
        assert_eq!(shown("0.1", "0.2").as_deref(), Ok("0.3"));
        assert_eq!(shown("5", "-5").as_deref(), Ok("0"));
        assert_eq!(shown("0", "-7").as_deref(), Ok("-7"));
        assert!(sum("1e50", "1").is_err() && sum("9e125", "9e125").is_err());
    }

    #[test]
    fn every_type_comes_back_as_it_went_in() {
        let wire = json!({
            "s": { "S": "" }, "n": { "N": "12" }, "b": { "BOOL": false }, "z": { "NULL": true }, "ss": { "SS": ["a", "b"] },
            "l": { "L": [{ "S": "x" }, { "L": [] }] }, "m": { "M": { "k": { "N": "1" } } }
        });
        let item = item_from_wire(&wire).expect("an item");
        assert_eq!(item_to_wire(&item), wire);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for wire in [
            json!({ "SS": [] }),
            json!({ "SS": ["a", "a"] }),
            json!({ "SS": [""] }),
            json!({ "N": 1 }),
            json!({ "B": "eA==" }),
            json!({ "NULL": false }),
            json!({}),
            json!({ "S": "a", "N": "1" }),
            json!("a"),
        ] {
            assert_eq!(Value::from_wire(&wire).expect_err("no value").code, "ValidationException", "{wire}");
        }
    }
}

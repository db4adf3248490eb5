//! Conditions and document paths: what they are, and what they say of an item.
//!
//! One form serves condition, filter and key condition expressions, as in DynamoDB. Where the documentation is silent the
//! source is Scylla's `test/alternator` (`test_condition_expression.py`, `test_key_condition_expression.py`,
//! `test_projection_expression.py`): tests that its authors hold against DynamoDB itself.

use super::value::{Item, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// One step below the top of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into a map.
    Name(String),
    /// Into a list.
    At(usize),
}

/// Where a value is in an item: `holders`, `a.b`, `slots[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    /// The attribute.
    pub(super) root: String,
    /// The way from there.
    pub(super) rest: Vec<Step>,
}

impl Path {
    /// The value that is there.
    pub(super) fn of<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let mut value = item.get(&self.root)?;
        for step in &self.rest {
            value = match (value, step) {
                (Value::M(entries), Step::Name(name)) => entries.get(name)?,
                (Value::L(elements), Step::At(at)) => elements.get(*at)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// How two paths get into each other's way, if they do.
    fn clash(&self, other: &Self) -> Option<&'static str> {
        if self.root != other.root {
            return None;
        }
        for (one, two) in self.rest.iter().zip(&other.rest) {
            match (one, two) {
                _ if one == two => {}
                (Step::Name(_), Step::Name(_)) | (Step::At(_), Step::At(_)) => return None,
                _ => return Some("conflict"),
            }
        }
        Some("overlap")
    }
}

impl fmt::Display for Path {
    /// As DynamoDB writes it: `[a, [0], b]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.root)?;
        for step in &self.rest {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::At(at) => write!(f, ", [{at}]")?,
            }
        }
        f.write_str("]")
    }
}

/// Refuses paths of one expression that name the same place, or a place inside another one.
pub(super) fn apart(paths: &[&Path]) -> Result<(), String> {
    for (at, two) in paths.iter().enumerate() {
        for one in &paths[..at] {
            if let Some(clash) = one.clash(two) {
                return Err(format!(
                    "Two document paths {clash} with each other; must remove or rewrite one of these paths; \
                     path one: {one}, path two: {two}"
                ));
            }
        }
    }
    Ok(())
}

/// The parts of an item at `paths`, each inside what it is part of. Elements of a list close up.
pub(super) fn project<'a>(item: &Item, paths: impl IntoIterator<Item = &'a Path>) -> Item {
    let mut roots: BTreeMap<&str, Vec<&[Step]>> = BTreeMap::new();
    for path in paths {
        roots.entry(&path.root).or_default().push(&path.rest);
    }
    roots.into_iter().filter_map(|(root, rests)| Some((root.to_owned(), part(item.get(root)?, &rests)?))).collect()
}

fn part(value: &Value, rests: &[&[Step]]) -> Option<Value> {
    let mut steps: BTreeMap<&Step, Vec<&[Step]>> = BTreeMap::new();
    for rest in rests {
        let Some((step, below)) = rest.split_first() else { return Some(value.clone()) };
        steps.entry(step).or_default().push(below);
    }
    match value {
        Value::M(entries) => {
            let below = steps.iter().filter_map(|(step, rests)| match step {
                Step::Name(name) => Some((name.clone(), part(entries.get(name)?, rests)?)),
                Step::At(_) => None,
            });
            Some(Value::M(below.collect())).filter(|picked| picked.count() != Some(0))
        }
        Value::L(elements) => {
            let below = steps.iter().filter_map(|(step, rests)| match step {
                Step::At(at) => part(elements.get(*at)?, rests),
                Step::Name(_) => None,
            });
            Some(Value::L(below.collect())).filter(|picked| picked.count() != Some(0))
        }
        _ => None,
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    /// What the item has there.
    Path(Path),
    /// A value of the request.
    Value(Value),
    /// `size(path)`.
    Size(Path),
}

impl Operand {
    fn of<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, Value>> {
        match self {
            Self::Path(path) => path.of(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(path) => path.of(item)?.count().map(|count| Cow::Owned(Value::N(count.to_string()))),
        }
    }

    /// Values of the request must suit the operator. What comes from the item may have any type: then the comparison is false.
    fn suits(&self, operator: &str, suits: impl Fn(&Value) -> bool) -> Result<(), String> {
        match self {
            Self::Value(value) if !suits(value) => {
                Err(format!("Incorrect operand type for operator or function; operator or function: {operator}"))
            }
            _ => Ok(()),
        }
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    /// The comparator of a symbol.
    pub(super) fn of(symbol: &str) -> Option<Self> {
        match symbol {
            "=" => Some(Self::Equal),
            "<>" => Some(Self::NotEqual),
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            ">" => Some(Self::Greater),
            ">=" => Some(Self::GreaterOrEqual),
            _ => None,
        }
    }

    fn holds(self, left: &Value, right: &Value) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left.order(right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => left.order(right).is_some_and(Ordering::is_le),
            Self::Greater => left.order(right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => left.order(right).is_some_and(Ordering::is_ge),
        }
    }
}

/// A condition on one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Contains(Operand, Operand),
    BeginsWith(Operand, Operand),
}

impl Condition {
    /// `left comparator right`, checked.
    pub(super) fn compare(left: Operand, comparator: Comparator, right: Operand) -> Result<Self, String> {
        different("comparison", &left, &right)?;
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            left.suits("comparison", Value::is_ordered)?;
            right.suits("comparison", Value::is_ordered)?;
        }
        Ok(Self::Compare(left, comparator, right))
    }

    /// `value BETWEEN low AND high`, checked.
    pub(super) fn between(value: Operand, low: Operand, high: Operand) -> Result<Self, String> {
        for operand in [&value, &low, &high] {
            operand.suits("BETWEEN", Value::is_ordered)?;
        }
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
            match low.order(high) {
                None => return Err("The BETWEEN operator requires same data type for lower and upper bounds".to_owned()),
                Some(Ordering::Greater) => {
                    return Err("The BETWEEN operator requires upper bound to be greater than or equal to lower bound".to_owned());
                }
                Some(Ordering::Less | Ordering::Equal) => {}
            }
        }
        Ok(Self::Between(value, low, high))
    }

    /// A function that is a condition, checked. Names of functions have a case.
    pub(super) fn function(name: &str, operands: Vec<Operand>) -> Result<Self, String> {
        let count = operands.len();
        let mut operands = operands.into_iter();
        match (name, operands.next(), operands.next(), operands.next()) {
            ("attribute_exists", Some(Operand::Path(path)), None, None) => Ok(Self::Exists(path)),
            ("attribute_not_exists", Some(Operand::Path(path)), None, None) => Ok(Self::NotExists(path)),
            ("attribute_exists" | "attribute_not_exists", Some(_), None, None) => {
                Err(format!("Operator or function requires a document path; operator or function: {name}"))
            }
            ("contains", Some(whole), Some(part), None) => {
                different(name, &whole, &part)?;
                Ok(Self::Contains(whole, part))
            }
            ("begins_with", Some(text), Some(prefix), None) => {
                different(name, &text, &prefix)?;
                text.suits(name, |value| matches!(value, Value::S(_)))?;
                prefix.suits(name, |value| matches!(value, Value::S(_)))?;
                Ok(Self::BeginsWith(text, prefix))
            }
            ("attribute_exists" | "attribute_not_exists" | "contains" | "begins_with", ..) => Err(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            )),
            ("if_not_exists" | "list_append", ..) => {
                Err(format!("The function is not allowed in a condition expression; function: {name}"))
            }
            _ => Err(format!("Invalid function name; function: {name}")),
        }
    }

    /// Whether it holds for an item. An item that is not there is one without attributes.
    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::Not(inner) => !inner.holds(item),
            Self::Compare(left, comparator, right) => match (left.of(item), right.of(item)) {
                (Some(left), Some(right)) => comparator.holds(&left, &right),
                // A missing attribute is unequal to everything, even to another one, and in no order with anything:
                // `test_update_condition_ne` and its neighbours. Without a size there is nothing to be unequal.
                _ => *comparator == Comparator::NotEqual && ![left, right].iter().any(|side| matches!(side, Operand::Size(_))),
            },
            Self::Between(value, low, high) => match (value.of(item), low.of(item), high.of(item)) {
                (Some(value), Some(low), Some(high)) => {
                    Comparator::GreaterOrEqual.holds(&value, &low) && Comparator::LessOrEqual.holds(&value, &high)
                }
                _ => false,
            },
            Self::In(value, list) => {
                value.of(item).is_some_and(|value| list.iter().any(|one| one.of(item).as_ref() == Some(&value)))
            }
            Self::Exists(path) => path.of(item).is_some(),
            Self::NotExists(path) => path.of(item).is_none(),
            Self::Contains(whole, part) => match (whole.of(item), part.of(item)) {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
            Self::BeginsWith(text, prefix) => match (text.of(item).as_deref(), prefix.of(item).as_deref()) {
                (Some(Value::S(text)), Some(Value::S(prefix))) => text.starts_with(prefix.as_str()),
                _ => false,
            },
        }
    }

    /// Refuses what is no key condition: one value of the hash key, and at most one range of the range key.
    pub(super) fn check_key(&self, hash: &str, range: &str) -> Result<(), String> {
        let parts = match self {
            Self::And(left, right) => vec![left.as_ref(), right.as_ref()],
            one => vec![one],
        };
        let keys = parts.iter().map(|part| part.key().ok_or("Query key condition not supported"));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let missed = |name: &str| Err(format!("Query condition missed key schema element: {name}"));
        if !keys.contains(&(hash, true)) {
            return if keys.contains(&(hash, false)) {
                Err("Query key condition not supported".to_owned())
            } else {
                missed(hash)
            };
        }
        match keys.iter().filter(|(name, _)| *name == range).count() {
            ranges if ranges + 1 == keys.len() => Ok(()),
            _ => missed(range),
        }
    }

    /// The attribute that a part of a key condition is about, and whether it asks for one value of it. Keys are strings here.
    fn key(&self) -> Option<(&str, bool)> {
        let (path, one_value) = match self {
            Self::Compare(Operand::Path(path), comparator, Operand::Value(Value::S(_)))
            | Self::Compare(Operand::Value(Value::S(_)), comparator, Operand::Path(path))
                if *comparator != Comparator::NotEqual =>
            {
                (path, *comparator == Comparator::Equal)
            }
            Self::Between(Operand::Path(path), Operand::Value(Value::S(_)), Operand::Value(Value::S(_)))
            | Self::BeginsWith(Operand::Path(path), Operand::Value(Value::S(_))) => (path, false),
            _ => return None,
        };
        path.rest.is_empty().then_some((path.root.as_str(), one_value))
    }
}

/// DynamoDB refuses to compare an attribute with itself.
fn different(operator: &str, left: &Operand, right: &Operand) -> Result<(), String> {
    match (left, right) {
        (Operand::Path(left), Operand::Path(right)) if left == right => Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: {operator}, first operand: {left}"
        )),
        _ => Ok(()),
    }
}

/// A part of a text, a member of a set, an element of a list.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::Ss(members), Value::S(member)) => members.contains(member),
        (Value::L(elements), element) => elements.contains(element),
        _ => false,
    }
}

//! Update expressions: what they are, and what they make of an item.
//!
//! Where the developer guide ("Update expressions") is silent the source is Scylla's
//! `test/alternator/test_update_expression.py`: tests that its authors hold against DynamoDB itself.

use super::Refusal;
use super::expression::{Path, Step, apart};
use super::value::{Decimal, Item, Value};

/// What a `SET` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Path(Path),
    Value(Value),
    IfNotExists(Path, Box<Source>),
    ListAppend(Box<Source>, Box<Source>),
    Plus(Box<Source>, Box<Source>),
    Minus(Box<Source>, Box<Source>),
}

impl Source {
    /// A function of update expressions, checked. Names of functions have a case.
    pub(super) fn function(name: &str, operands: Vec<Self>) -> Result<Self, String> {
        let count = operands.len();
        let mut operands = operands.into_iter();
        match (name, operands.next(), operands.next(), operands.next()) {
            ("if_not_exists", Some(Self::Path(path)), Some(otherwise), None) => Ok(Self::IfNotExists(path, Box::new(otherwise))),
            ("if_not_exists", Some(_), Some(_), None) => {
                Err(format!("Operator or function requires a document path; operator or function: {name}"))
            }
            // DynamoDB does not nest it (`test_update_expression_function_nesting`).
            ("list_append", Some(Self::ListAppend(..)), ..) | ("list_append", _, Some(Self::ListAppend(..)), _) => {
                Err(format!("The function is not allowed to be used this way in an expression; function: {name}"))
            }
            ("list_append", Some(first), Some(second), None) => Ok(Self::ListAppend(Box::new(first), Box::new(second))),
            ("if_not_exists" | "list_append", ..) => Err(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            )),
            ("attribute_exists" | "attribute_not_exists" | "contains" | "begins_with" | "size", ..) => {
                Err(format!("The function is not allowed in an update expression; function: {name}"))
            }
            _ => Err(format!("Invalid function name; function: {name}")),
        }
    }

    fn of(&self, before: &Item) -> Result<Value, Refusal> {
        match self {
            Self::Path(path) => path.of(before).cloned().ok_or_else(|| {
                Refusal::validation("The provided expression refers to an attribute that does not exist in the item")
            }),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, otherwise) => path.of(before).map_or_else(|| otherwise.of(before), |value| Ok(value.clone())),
            Self::ListAppend(first, second) => match (first.of(before)?, second.of(before)?) {
                (Value::L(mut first), Value::L(second)) => {
                    first.extend(second);
                    Ok(Value::L(first))
                }
                _ => Err(wrong_type()),
            },
            Self::Plus(left, right) => calculate(&left.of(before)?, &right.of(before)?, Decimal::plus),
            Self::Minus(left, right) => calculate(&left.of(before)?, &right.of(before)?, Decimal::minus),
        }
    }
}

/// One action of an update expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Set(Path, Source),
    Remove(Path),
    Add(Path, Value),
    Delete(Path, Value),
}

impl Action {
    fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Remove(path) | Self::Add(path, _) | Self::Delete(path, _) => path,
        }
    }

    fn check(&self) -> Result<(), String> {
        let operator = match self {
            Self::Add(_, Value::N(_) | Value::Ss(_)) | Self::Delete(_, Value::Ss(_)) | Self::Set(..) | Self::Remove(_) => {
                return Ok(());
            }
            Self::Add(..) => "ADD",
            Self::Delete(..) => "DELETE",
        };
        Err(format!("Incorrect operand type for operator or function; operator: {operator}"))
    }
}

/// A whole update expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    actions: Vec<Action>,
}

impl Update {
    /// The update of `actions`, unless two of them touch the same place, or one adds or deletes what it cannot.
    pub(super) fn new(actions: Vec<Action>) -> Result<Self, String> {
        apart(&actions.iter().map(Action::path).collect::<Vec<_>>())?;
        actions.iter().try_for_each(Action::check)?;
        Ok(Self { actions })
    }

    /// The places it touches.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(Action::path)
    }

    /// Whether it makes an item where there is none.
    ///
    /// Only `SET` and `ADD` do. "DELETE - Nothing happens; there is no attribute to delete" (API reference,
    /// `AttributeValueUpdate`), and no item comes of `REMOVE` (`test_update_item_non_existent` in Scylla's `test_item.py`).
    pub(super) fn creates(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Set(..) | Action::Add(..)))
    }

    /// The item afterwards. Every operand is read from the item as it was before.
    pub(super) fn apply(&self, before: &Item) -> Result<Item, Refusal> {
        let mut after = before.clone();
        let mut actions: Vec<&Action> = self.actions.iter().collect();
        // Elements beyond the end of a list are appended in the order of their numbers.
        actions.sort_by(|one, two| one.path().cmp(two.path()));
        let mut removed: Vec<&Path> = Vec::new();
        for action in actions {
            match action {
                Action::Set(path, source) => put(&mut after, path, source.of(before)?)?,
                Action::Add(path, addend) => put(&mut after, path, added(path.of(before), addend)?)?,
                Action::Delete(path, members) => match left(path.of(before), members)? {
                    Some(rest) => put(&mut after, path, rest)?,
                    None => removed.push(path),
                },
                Action::Remove(path) => removed.push(path),
            }
        }
        // Last, and from behind: an index means the element that had it before the update.
        for path in removed.into_iter().rev() {
            let place = place(&mut after, path)?;
            if path.of(before).is_some() {
                place.clear();
            }
        }
        Ok(after)
    }
}

fn wrong_type() -> Refusal {
    Refusal::validation("An operand in the update expression has an incorrect data type")
}

fn calculate(
    left: &Value,
    right: &Value,
    operation: impl Fn(Decimal, Decimal) -> Result<Decimal, Refusal>,
) -> Result<Value, Refusal> {
    let (left, right) = left.decimal().zip(right.decimal()).ok_or_else(wrong_type)?;
    operation(left, right).map(|result| Value::N(result.to_string()))
}

/// `ADD`: a number counts from 0, a set grows from nothing.
fn added(before: Option<&Value>, addend: &Value) -> Result<Value, Refusal> {
    match (before, addend) {
        (None, addend) => Ok(addend.clone()),
        (Some(Value::Ss(before)), Value::Ss(members)) => Ok(Value::Ss(before | members)),
        (Some(before), addend) => calculate(before, addend, Decimal::plus),
    }
}

/// `DELETE`: what is left of a set. `None`: nothing, so the attribute goes, because DynamoDB has no empty sets.
fn left(before: Option<&Value>, members: &Value) -> Result<Option<Value>, Refusal> {
    match (before, members) {
        (None, _) => Ok(None),
        (Some(Value::Ss(before)), Value::Ss(members)) => {
            let rest = before - members;
            Ok((!rest.is_empty()).then_some(Value::Ss(rest)))
        }
        _ => Err(wrong_type()),
    }
}

/// Where a value is, or would be.
enum Place<'a> {
    Named(&'a mut Item, &'a str),
    At(&'a mut Vec<Value>, usize),
}

impl Place<'_> {
    fn fill(self, value: Value) {
        match self {
            Self::Named(entries, name) => {
                entries.insert(name.to_owned(), value);
            }
            Self::At(elements, at) => match elements.get_mut(at) {
                Some(element) => *element = value,
                // "If the element doesn't already exist, SET appends the new element at the end of the list."
                None => elements.push(value),
            },
        }
    }

    fn clear(self) {
        match self {
            Self::Named(entries, name) => {
                entries.remove(name);
            }
            Self::At(elements, at) => {
                elements.remove(at);
            }
        }
    }
}

/// The place of `path`, which need not be filled. The map or list around it has to be there.
fn place<'a>(item: &'a mut Item, path: &'a Path) -> Result<Place<'a>, Refusal> {
    let invalid = || Refusal::validation("The document path provided in the update expression is invalid for update");
    let Some((last, steps)) = path.rest.split_last() else { return Ok(Place::Named(item, &path.root)) };
    let mut around = item.get_mut(&path.root).ok_or_else(invalid)?;
    for step in steps {
        let inner = match (around, step) {
            (Value::M(entries), Step::Name(name)) => entries.get_mut(name),
            (Value::L(elements), Step::At(at)) => elements.get_mut(*at),
            _ => None,
        };
        around = inner.ok_or_else(invalid)?;
    }
    match (around, last) {
        (Value::M(entries), Step::Name(name)) => Ok(Place::Named(entries, name)),
        (Value::L(elements), Step::At(at)) => Ok(Place::At(elements, *at)),
        _ => Err(invalid()),
    }
}

fn put(item: &mut Item, path: &Path, value: Value) -> Result<(), Refusal> {
    place(item, path)?.fill(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::super::tests::{REFUSED, code, table, update, used};
    use super::super::value::item_to_wire;
    use serde_json::{Value as Json, json};
    use std::collections::BTreeMap;

    /// What is left of the item `item` after an update, without its key.
    fn updated(item: Json, expression: &str, values: Json) -> Json {
        let mut table = table(item);
        update(&mut table, expression, values, json!({})).expect(expression);
        let mut item = table.item("p", "s").expect("the item").clone();
        item.retain(|name, _| name != "pk" && name != "sk");
        item_to_wire(&item)
    }

    #[test]
    fn only_set_and_add_make_an_item() {
        for (expression, values) in
            [("REMOVE x", Json::Null), ("REMOVE x.y", Json::Null), ("DELETE x :v", json!({ ":v": { "SS": ["a"] } }))]
        {
            let mut table = Table::default();
            let answer = update(&mut table, expression, values, json!({ "ReturnValues": "ALL_NEW" }));
            assert_eq!((answer, table.items().count()), (Ok(json!({})), 0), "{expression}");
        }
        let mut table = Table::default();
        table.call("UpdateItem", &json!({ "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } } })).expect("an update of nothing");
        assert_eq!(table.item("p", "s").map(BTreeMap::len), Some(2), "an update without an expression makes an item of the key");
    }

    #[test]
    fn operands_are_read_before_anything_is_written() {
        let item = json!({ "a": { "N": "1" }, "b": { "N": "2" } });
        assert_eq!(updated(item.clone(), "SET a = b, b = a", Json::Null), json!({ "a": { "N": "2" }, "b": { "N": "1" } }));
        assert_eq!(updated(item, "REMOVE a SET c = a", Json::Null), json!({ "b": { "N": "2" }, "c": { "N": "1" } }));
        let missing = update(&mut table(json!({})), "SET x = :v, y = x", json!({ ":v": { "N": "1" } }), Json::Null);
        assert_eq!(code(missing), REFUSED);
    }

    #[test]
    fn set_calculates_keeps_and_appends() {
        let values = json!({ ":n": { "N": "3" }, ":l": { "L": [{ "S": "z" }] } });
        let item = json!({ "n": { "N": "0.5" }, "l": { "L": [{ "S": "a" }] } });
        let expression = "SET p1 = n + :n, p2 = :n - n, p3 = if_not_exists(n, :n), p4 = if_not_exists(x, :n) - n, \
                          l = list_append(l, :l), m = list_append(if_not_exists(x, :l), l)";
        let expected = json!({
            "l": { "L": [{ "S": "a" }, { "S": "z" }] }, "m": { "L": [{ "S": "z" }, { "S": "a" }] }, "n": { "N": "0.5" },
            "p1": { "N": "3.5" }, "p2": { "N": "2.5" }, "p3": { "N": "0.5" }, "p4": { "N": "2.5" }
        });
        assert_eq!(updated(item, expression, values), expected);
    }

    #[test]
    fn add_counts_and_collects_and_delete_takes_out() {
        let values = json!({ ":n": { "N": "-2" }, ":s": { "SS": ["b", "c"] } });
        assert_eq!(
            updated(json!({}), "ADD n :n, m :s", values.clone()),
            json!({ "m": { "SS": ["b", "c"] }, "n": { "N": "-2" } })
        );
        let item = json!({ "n": { "N": "5" }, "m": { "SS": ["a", "b"] } });
        assert_eq!(updated(item, "ADD n :n, m :s", values), json!({ "m": { "SS": ["a", "b", "c"] }, "n": { "N": "3" } }));
        let take = |members: Json| updated(json!({ "m": members }), "DELETE m :s", json!({ ":s": { "SS": ["b", "c"] } }));
        assert_eq!(take(json!({ "SS": ["a", "b"] })), json!({ "m": { "SS": ["a"] } }));
        assert_eq!(take(json!({ "SS": ["b"] })), json!({}), "an empty set is no attribute");
        assert_eq!(updated(json!({}), "DELETE m :s", json!({ ":s": { "SS": ["b"] } })), json!({}));
    }

    #[test]
    fn an_index_means_the_element_before_the_update() {
        let list =
            |names: &str| json!({ "l": { "L": names.chars().map(|name| json!({ "S": name.to_string() })).collect::<Vec<_>>() } });
        let value = json!({ ":v": { "S": "v" } });
        assert_eq!(updated(list("abcdef"), "REMOVE l[1] SET l[3] = :v", value.clone()), list("acvef"));
        assert_eq!(updated(list("abcdef"), "REMOVE l[1], l[0], l[4], l[17]", Json::Null), list("cdf"));
        assert_eq!(updated(list("ab"), "SET l[7] = :v REMOVE l[2], l[0]", value), list("bv"));
        let values = json!({ ":x": { "S": "x" }, ":y": { "S": "y" }, ":z": { "S": "z" } });
        assert_eq!(updated(list("a"), "SET l[84] = :z, l[17] = :x, l[50] = :y", values), list("axyz"));
        assert_eq!(code(update(&mut table(list("a")), "REMOVE x[0]", Json::Null, Json::Null)), REFUSED);
    }

    #[test]
    fn an_update_answers_with_what_was_asked_for() {
        let item = |n: &str| json!({ "n": { "N": n }, "o": { "S": "o" }, "pk": { "S": "p" }, "sk": { "S": "s" } });
        let answer = |asked: &str| {
            let mut table = table(json!({ "n": { "N": "1" }, "o": { "S": "o" } }));
            update(&mut table, "ADD n :v REMOVE x", json!({ ":v": { "N": "1" } }), json!({ "ReturnValues": asked }))
        };
        assert_eq!(answer("NONE"), Ok(json!({})));
        assert_eq!(answer("ALL_OLD"), Ok(json!({ "Attributes": item("1") })));
        assert_eq!(answer("ALL_NEW"), Ok(json!({ "Attributes": item("2") })));
        assert_eq!(answer("UPDATED_OLD"), Ok(json!({ "Attributes": { "n": { "N": "1" } } })));
        assert_eq!(answer("UPDATED_NEW"), Ok(json!({ "Attributes": { "n": { "N": "2" } } })));
        assert_eq!(code(answer("all_new")), REFUSED);
        let put = json!({ "Item": { "pk": { "S": "p" }, "sk": { "S": "s" } }, "ReturnValues": "ALL_OLD" });
        let mut table = Table::default();
        assert_eq!(table.call("PutItem", &put), Ok(json!({})));
        assert_eq!(table.call("PutItem", &put), Ok(json!({ "Attributes": { "pk": { "S": "p" }, "sk": { "S": "s" } } })));
    }

    #[test]
    fn a_malformed_update_is_refused_and_changes_nothing() {
        let malformed = "| SET | SET a | SET a = | SET a = :v, | SET a = :v SET b = :w | a = :v | HELLO a = :v | SET :v = :w \
            | SET _a = :v | SET 1a = :v | SET a-b = :v | SET a[:v] = :w | SET a[-1] = :v | SET a = :v + :v + :v | SET a = # \
            | SET a = :v + :w | SET a = LIST_APPEND(:v, :w) | SET a = size(b) | SET a = if_not_exists(:v, :w) | SET a = f(:v) \
            | SET a = list_append(:v) | ADD a :w | DELETE a :v | ADD a = :v | SET a.b = :v | SET a = :v; SET b = :w | SET a = b \
            | SET a = :v REMOVE a | SET a.b = :v, a = :w | SET a.b = :v, a[0] = :w | SET pk = :w | REMOVE sk | SET feed = :v";
        for expression in malformed.split('|').map(str::trim) {
            let mut table = table(json!({}));
            let before = table.clone();
            assert_eq!(code(update(&mut table, expression, used(expression), Json::Null)), REFUSED, "{expression}");
            assert_eq!(table, before, "{expression}");
        }
    }
}

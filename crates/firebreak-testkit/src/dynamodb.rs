//! A DynamoDB table in memory, for tests of what the ledger writes.
//!
//! It takes the requests of the JSON protocol and answers as DynamoDB does, conditions and refusals included. Its keys are the
//! strings `pk` and `sk`. It knows the operations and parameters that the ledger uses. It refuses every other one, so that no
//! test passes because something was ignored. It is a plain value: tests copy, compare and hash it.

mod expression;
mod parse;
mod transact;
mod update;
mod value;

#[cfg(test)]
mod tests;

pub use value::{Item, Value};

use expression::{Condition, Path, project};
use parse::Placeholders;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use value::{item_bytes, item_from_wire, item_to_wire};

/// 400 KB, names included ("Quotas in Amazon DynamoDB" in the developer guide).
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// Why DynamoDB refuses a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The error code, for example `ConditionalCheckFailedException`.
    pub code: String,
    /// What people are told.
    pub message: String,
    /// Of a cancelled transaction: why, part by part.
    pub reasons: Vec<Json>,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), reasons: vec![] }
    }

    fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// What DynamoDB answers with it.
    #[must_use]
    pub fn body(&self) -> Json {
        // One error has its message under the other name ("Message": API reference, `TransactionCanceledException`).
        let mut body = json!({ "__type": self.code, "message": self.message });
        if !self.reasons.is_empty() {
            body["Message"] = json!(self.message);
            body["CancellationReasons"] = json!(self.reasons);
        }
        body
    }
}

/// A global secondary index. Both of its keys are strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The attribute that a query names one value of.
    pub hash: String,
    /// The attribute that it is sorted by. An item without both attributes is not in the index.
    pub range: String,
    /// The attributes that it shows beside the keys of the table and its own; nothing: all.
    pub includes: Option<Vec<String>>,
}

impl Index {
    /// What the index has of an item.
    fn view(&self, item: &Item) -> Item {
        let Some(includes) = &self.includes else { return item.clone() };
        let keys = ["pk", "sk", self.hash.as_str(), self.range.as_str()];
        let is_shown = |name: &String| keys.contains(&name.as_str()) || includes.contains(name);
        item.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    items: BTreeMap<(String, String), Item>,
    indexes: Vec<Index>,
    page_size: Option<usize>,
}

impl Default for Table {
    /// An empty table with the index of the ledger.
    fn default() -> Self {
        let [name, hash, range] = ["feed", "feed", "opened_at"].map(str::to_owned);
        Self::new(vec![Index { name, hash, range, includes: Some(vec!["status".to_owned()]) }])
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(indexes: Vec<Index>) -> Self {
        Self { items: BTreeMap::new(), indexes, page_size: None }
    }

    /// The same table, whose query pages hold at most so many items. Shows whether a caller follows `LastEvaluatedKey`: in
    /// DynamoDB a page ends at 1 MB, which few tests write.
    #[must_use]
    pub fn with_page_size(self, items: usize) -> Self {
        Self { page_size: Some(items.max(1)), ..self }
    }

    /// All items, by `pk` and `sk`.
    pub fn items(&self) -> impl Iterator<Item = (&(String, String), &Item)> {
        self.items.iter()
    }

    /// One item.
    #[must_use]
    pub fn item(&self, pk: &str, sk: &str) -> Option<&Item> {
        self.items.get(&(pk.to_owned(), sk.to_owned()))
    }

    /// Carries out `operation`, for example `UpdateItem`, with the request `body`. A call that is refused changes nothing.
    ///
    /// # Errors
    /// What DynamoDB refuses, and what this table does not know.
    pub fn call(&mut self, operation: &str, body: &Json) -> Result<Json, Refusal> {
        match operation {
            "GetItem" => self.get(body),
            "PutItem" => self.put(body),
            "UpdateItem" => self.update(body),
            "DeleteItem" => self.delete(body),
            "Query" => self.query(body),
            "TransactWriteItems" => self.transact(body),
            _ => Err(Refusal::new("UnknownOperationException", format!("this table has no operation {operation}"))),
        }
    }

    fn get(&self, body: &Json) -> Result<Json, Refusal> {
        let mut placeholders = placeholders(body, &["Key", "ConsistentRead", "ProjectionExpression"])?;
        let (key, _) = key(body)?;
        let wanted = optional(body, "ProjectionExpression", |text| parse::projection(text, &mut placeholders))?;
        placeholders.all_used()?;
        Ok(self.items.get(&key).map_or_else(|| json!({}), |item| json!({ "Item": shown(item, wanted.as_deref()) })))
    }

    fn put(&mut self, body: &Json) -> Result<Json, Refusal> {
        let mut placeholders = placeholders(body, &["Item", "ConditionExpression", "ReturnValues"])?;
        let returned = return_values(body, &["NONE", "ALL_OLD"])?;
        let item = item_from_wire(&body["Item"])?;
        let key = key_of(&item)?;
        self.check(&item, "Item size has exceeded the maximum allowed size")?;
        let condition = condition(body, "ConditionExpression", &mut placeholders)?;
        placeholders.all_used()?;
        holds(condition.as_ref(), self.items.get(&key))?;
        let before = self.items.insert(key, item).unwrap_or_default();
        Ok(attributes(&if returned == "ALL_OLD" { before } else { Item::new() }))
    }

    fn delete(&mut self, body: &Json) -> Result<Json, Refusal> {
        let mut placeholders = placeholders(body, &["Key", "ConditionExpression", "ReturnValues"])?;
        let returned = return_values(body, &["NONE", "ALL_OLD"])?;
        let (key, _) = key(body)?;
        let condition = condition(body, "ConditionExpression", &mut placeholders)?;
        placeholders.all_used()?;
        holds(condition.as_ref(), self.items.get(&key))?;
        let before = self.items.remove(&key).unwrap_or_default();
        Ok(attributes(&if returned == "ALL_OLD" { before } else { Item::new() }))
    }

    fn update(&mut self, body: &Json) -> Result<Json, Refusal> {
        let mut placeholders = placeholders(body, &["Key", "UpdateExpression", "ConditionExpression", "ReturnValues"])?;
        let returned = return_values(body, &["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])?;
        let (key, key_alone) = key(body)?;
        let update = optional(body, "UpdateExpression", |text| parse::update(text, &mut placeholders))?;
        let condition = condition(body, "ConditionExpression", &mut placeholders)?;
        placeholders.all_used()?;
        let paths: Vec<&Path> = update.iter().flat_map(|update| update.paths()).collect();
        if let Some(path) = paths.iter().find(|path| key_alone.contains_key(&path.root)) {
            let what = format!("Cannot update attribute {}. This attribute is part of the key", path.root);
            return Err(Refusal::validation(format!("One or more parameter values were invalid: {what}")));
        }
        let before = self.items.get(&key);
        holds(condition.as_ref(), before)?;
        if before.is_none() && update.as_ref().is_some_and(|update| !update.creates()) {
            return Ok(json!({}));
        }
        // The condition saw that there was no item. The update sees one that has its key.
        let start = before.unwrap_or(&key_alone);
        let after = update.as_ref().map_or_else(|| Ok(start.clone()), |update| update.apply(start))?;
        self.check(&after, "Item size to update has exceeded the maximum allowed size")?;
        let answer = attributes(&match (returned, before) {
            ("ALL_NEW", _) => after.clone(),
            ("UPDATED_NEW", _) => project(&after, paths),
            ("ALL_OLD", Some(before)) => before.clone(),
            ("UPDATED_OLD", Some(before)) => project(before, paths),
            _ => Item::new(),
        });
        self.items.insert(key, after);
        Ok(answer)
    }

    fn query(&self, body: &Json) -> Result<Json, Refusal> {
        let fields = [
            "IndexName",
            "KeyConditionExpression",
            "FilterExpression",
            "ProjectionExpression",
            "ConsistentRead",
            "ScanIndexForward",
            "Limit",
            "ExclusiveStartKey",
        ];
        let mut placeholders = placeholders(body, &fields)?;
        let index = self.index(body)?;
        let (hash, range) = index.map_or(("pk", "sk"), |index| (index.hash.as_str(), index.range.as_str()));
        let keys = condition(body, "KeyConditionExpression", &mut placeholders)?;
        let keys = keys.ok_or_else(|| Refusal::validation("KeyConditionExpression must be specified in the request"))?;
        keys.check_key(hash, range).map_err(Refusal::validation)?;
        let filter = condition(body, "FilterExpression", &mut placeholders)?;
        let wanted = optional(body, "ProjectionExpression", |text| parse::projection(text, &mut placeholders))?;
        placeholders.all_used()?;
        let size = self.page(body)?;
        let forward = body["ScanIndexForward"].as_bool().unwrap_or(true);
        let names = [hash, range, "pk", "sk"];
        let order = |item: &Item| names.map(|name| item.get(name).cloned());
        let view = |item: &Item| index.map_or_else(|| item.clone(), |index| index.view(item));
        let mut found: Vec<Item> = self.items.values().map(view).collect();
        found.retain(|item| item.contains_key(hash) && item.contains_key(range) && keys.holds(item));
        found.sort_by_cached_key(|item| order(item));
        if let Some(start) = start_key(body, &names)? {
            if !keys.holds(&start) {
                let outside = "The provided starting key is outside query boundaries based on provided conditions";
                return Err(Refusal::validation(outside));
            }
            // The item of the start key may be gone: what counts is its place in the order.
            found.retain(|item| if forward { order(item) > order(&start) } else { order(item) < order(&start) });
        }
        if !forward {
            found.reverse();
        }
        found.truncate(size);
        let matching: Vec<&Item> = found.iter().filter(|item| filter.as_ref().is_none_or(|filter| filter.holds(item))).collect();
        let items: Vec<Json> = matching.iter().map(|item| shown(item, wanted.as_deref())).collect();
        let mut answer = json!({ "Count": items.len(), "ScannedCount": found.len(), "Items": items });
        // DynamoDB stops when the page is full and does not look whether there is more. The next page may be empty.
        if let Some(last) = found.last().filter(|_| found.len() == size) {
            let place: Item = names.into_iter().filter_map(|name| Some((name.to_owned(), last.get(name)?.clone()))).collect();
            answer["LastEvaluatedKey"] = item_to_wire(&place);
        }
        Ok(answer)
    }

    /// The index that a query is about; nothing: the table.
    fn index(&self, body: &Json) -> Result<Option<&Index>, Refusal> {
        let Some(name) = body["IndexName"].as_str() else { return Ok(None) };
        if body["ConsistentRead"] == true {
            return Err(Refusal::validation("Consistent reads are not supported on global secondary indexes"));
        }
        let index = self.indexes.iter().find(|index| index.name == name);
        index.map(Some).ok_or_else(|| Refusal::validation(format!("The table does not have the specified index: {name}")))
    }

    /// How many items a page of a query has at most.
    fn page(&self, body: &Json) -> Result<usize, Refusal> {
        let most = self.page_size.unwrap_or(usize::MAX);
        let limit = &body["Limit"];
        if limit.is_null() {
            return Ok(most);
        }
        match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit @ 1..) => Ok(limit.min(most)),
            _ => Err(Refusal::validation(format!(
                "Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
            ))),
        }
    }

    /// Refuses an item that is too large, or whose index keys are no strings.
    fn check(&self, item: &Item, too_large: &str) -> Result<(), Refusal> {
        if item_bytes(item) > MAX_ITEM_BYTES {
            return Err(Refusal::validation(too_large));
        }
        for index in &self.indexes {
            for name in [&index.hash, &index.range] {
                if item.get(name).is_some_and(|value| !matches!(value, Value::S(text) if !text.is_empty())) {
                    return Err(Refusal::validation(format!(
                        "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: S IndexName: {}",
                        index.name
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The placeholders of a request that has no fields but the common ones and `fields`.
fn placeholders(body: &Json, fields: &[&str]) -> Result<Placeholders, Refusal> {
    let common = ["TableName", "ExpressionAttributeNames", "ExpressionAttributeValues"];
    let given = body.as_object().ok_or_else(|| Refusal::validation("A request is a JSON object"))?;
    if let Some(unknown) = given.keys().find(|field| !common.contains(&field.as_str()) && !fields.contains(&field.as_str())) {
        return Err(Refusal::validation(format!("This table does not know the parameter {unknown} here")));
    }
    Placeholders::of(body)
}

/// A field that holds an expression, if the request has it.
fn optional<T>(body: &Json, field: &str, parse: impl FnOnce(&str) -> Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match &body[field] {
        Json::Null => Ok(None),
        Json::String(text) => parse(text).map(Some),
        _ => Err(Refusal::validation(format!("{field} is no string"))),
    }
}

fn condition(body: &Json, field: &'static str, placeholders: &mut Placeholders) -> Result<Option<Condition>, Refusal> {
    optional(body, field, |text| parse::condition(field, text, placeholders))
}

fn holds(condition: Option<&Condition>, item: Option<&Item>) -> Result<(), Refusal> {
    if condition.is_none_or(|condition| condition.holds(item.unwrap_or(&Item::new()))) {
        return Ok(());
    }
    Err(Refusal::new("ConditionalCheckFailedException", "The conditional request failed"))
}

fn return_values<'a>(body: &'a Json, known: &[&str]) -> Result<&'a str, Refusal> {
    let asked = body["ReturnValues"].as_str().unwrap_or("NONE");
    if known.contains(&asked) { Ok(asked) } else { Err(Refusal::validation("Return values set to invalid value")) }
}

/// The key that a request names, also as an item.
fn key(body: &Json) -> Result<((String, String), Item), Refusal> {
    let item = item_from_wire(&body["Key"])?;
    if item.len() != 2 {
        return Err(Refusal::validation("The provided key element does not match the schema"));
    }
    Ok((key_of(&item)?, item))
}

/// The key of an item. Its parts have 1 to 2048 and 1 to 1024 bytes ("Quotas in Amazon DynamoDB" in the developer guide).
fn key_of(item: &Item) -> Result<(String, String), Refusal> {
    let part = |name: &str, limit: usize| match item.get(name) {
        Some(Value::S(text)) if (1..=limit).contains(&text.len()) => Ok(text.clone()),
        Some(Value::S(_)) => Err(Refusal::validation(format!(
            "One or more parameter values were invalid: Size of the key {name} is not between 1 and {limit} bytes"
        ))),
        Some(_) => Err(Refusal::validation(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: S"
        ))),
        None => {
            Err(Refusal::validation(format!("One or more parameter values were invalid: Missing the key {name} in the item")))
        }
    };
    Ok((part("pk", 2048)?, part("sk", 1024)?))
}

/// Where a query goes on, if the request says so.
fn start_key(body: &Json, names: &[&str]) -> Result<Option<Item>, Refusal> {
    if body["ExclusiveStartKey"].is_null() {
        return Ok(None);
    }
    let start = item_from_wire(&body["ExclusiveStartKey"])?;
    if start.keys().any(|name| !names.contains(&name.as_str())) || names.iter().any(|name| !start.contains_key(*name)) {
        return Err(Refusal::validation("The provided starting key is invalid"));
    }
    Ok(Some(start))
}

fn shown(item: &Item, wanted: Option<&[Path]>) -> Json {
    wanted.map_or_else(|| item_to_wire(item), |wanted| item_to_wire(&project(item, wanted)))
}

/// The answer to a write. DynamoDB leaves `Attributes` out when there are none.
fn attributes(item: &Item) -> Json {
    if item.is_empty() { json!({}) } else { json!({ "Attributes": item_to_wire(item) }) }
}

//! Several writes that are made together or not at all.
//!
//! A repeated transaction is carried out again: the table forgets the token of a request, so that whoever leans on it is found out.

use super::{Refusal, Table, key};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What an item's own operation is called in a transaction.
const UPDATE: &str = "Update";

impl Table {
    /// Makes all updates of a request, or none. What DynamoDB calls `ValidationError` in a reason refuses the request here.
    pub(super) fn transact(&mut self, body: &Json) -> Result<Json, Refusal> {
        let known = ["TransactItems", "ClientRequestToken"];
        let given = body.as_object().ok_or_else(|| Refusal::validation("A request is a JSON object"))?;
        if let Some(unknown) = given.keys().find(|field| !known.contains(&field.as_str())) {
            return Err(Refusal::validation(format!("This table does not know the parameter {unknown} here")));
        }
        let parts = body["TransactItems"].as_array().filter(|parts| (1..=100).contains(&parts.len()));
        let parts = parts.ok_or_else(|| Refusal::validation("A transaction has 1 to 100 parts"))?;
        let (mut after, mut keys, mut reasons) = (self.clone(), BTreeSet::new(), Vec::new());
        for part in parts {
            let (update, is_shown) = update(part)?;
            let (key, _) = key(&update)?;
            if !keys.insert(key.clone()) {
                return Err(Refusal::validation("Transaction request cannot include multiple operations on one item"));
            }
            reasons.push(match after.update(&update) {
                Ok(_) => json!({ "Code": "None" }),
                Err(refusal) if refusal.code == "ConditionalCheckFailedException" => {
                    let mut reason = json!({ "Code": "ConditionalCheckFailed", "Message": refusal.message });
                    if let Some(item) = self.items.get(&key).filter(|_| is_shown) {
                        reason["Item"] = super::item_to_wire(item);
                    }
                    reason
                }
                Err(refusal) => return Err(refusal),
            });
        }
        let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
        if codes.iter().any(|code| *code != "None") {
            let codes = codes.join(", ");
            let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]");
            return Err(Refusal { reasons, ..Refusal::new("TransactionCanceledException", message) });
        }
        *self = after;
        Ok(json!({}))
    }
}

/// An update as `UpdateItem` takes it, and whether the item is shown when its condition is not met.
fn update(part: &Json) -> Result<(Json, bool), Refusal> {
    let only = part.as_object().filter(|part| part.len() == 1).and_then(|part| part.get(UPDATE));
    let mut update = only.cloned().ok_or_else(|| Refusal::validation("This table knows no part of a transaction but Update"))?;
    let fields = update.as_object_mut().ok_or_else(|| Refusal::validation("An Update is a JSON object"))?;
    let shown = fields.remove("ReturnValuesOnConditionCheckFailure");
    if fields.contains_key("ReturnValues") || !fields.contains_key("UpdateExpression") {
        return Err(Refusal::validation("An Update in a transaction has an UpdateExpression and no ReturnValues"));
    }
    match shown.as_ref().map(Json::as_str) {
        None | Some(Some("NONE")) => Ok((update, false)),
        Some(Some("ALL_OLD")) => Ok((update, true)),
        Some(_) => Err(Refusal::validation("ReturnValuesOnConditionCheckFailure set to invalid value")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{REFUSED, code, table};
    use super::*;

    fn write(sk: &str, condition: &str) -> Json {
        json!({ "Update": {
            "TableName": "ledger", "Key": { "pk": { "S": "p" }, "sk": { "S": sk } }, "UpdateExpression": "ADD n :one",
            "ConditionExpression": condition, "ExpressionAttributeValues": { ":one": { "N": "1" } },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
        } })
    }

    fn transact(table: &mut Table, parts: &[Json]) -> Result<Json, Refusal> {
        table.call("TransactWriteItems", &json!({ "TransactItems": parts, "ClientRequestToken": "t" }))
    }

    #[test]
    fn all_parts_are_written_or_none() {
        let mut table = table(json!({ "n": { "N": "1" } }));
        let before = table.clone();
        let both = [write("other", "attribute_not_exists(n)"), write("s", "n = :one")];
        assert_eq!(transact(&mut table, &both), Ok(json!({})));
        let n = |table: &Table, sk: &str| super::super::item_to_wire(table.item("p", sk).expect(sk))["n"]["N"].clone();
        assert_eq!((n(&table, "other"), n(&table, "s")), (json!("1"), json!("2")));

        let mut table = before.clone();
        let one_fails = [write("other", "attribute_not_exists(n)"), write("s", "attribute_not_exists(n)")];
        let refusal = transact(&mut table, &one_fails).expect_err("cancelled");
        assert_eq!((refusal.code.as_str(), table), ("TransactionCanceledException", before), "nothing is written");
        let item = json!({ "n": { "N": "1" }, "pk": { "S": "p" }, "sk": { "S": "s" } });
        let failed = json!({ "Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": item });
        assert_eq!(refusal.reasons, [json!({ "Code": "None" }), failed]);
        assert_eq!(refusal.body()["CancellationReasons"], json!(refusal.reasons));
    }

    #[test]
    fn a_condition_that_fails_shows_nothing_unless_asked_and_nothing_where_nothing_is() {
        let mut quiet = write("s", "attribute_not_exists(n)");
        quiet["Update"]["ReturnValuesOnConditionCheckFailure"] = json!("NONE");
        let absent = write("other", "n = :one");
        let refusal = transact(&mut table(json!({ "n": { "N": "1" } })), &[quiet, absent]).expect_err("cancelled");
        assert!(refusal.reasons.iter().all(|reason| reason.get("Item").is_none()), "{refusal:?}");
    }

    #[test]
    fn what_is_no_transaction_is_refused() {
        let odd = |field: &str, value: Json| {
            let mut part = write("s", "n = :one");
            part["Update"][field] = value;
            part
        };
        let twice = [write("s", "n = :one"), write("s", "n = :one")];
        let delete = json!({ "Delete": { "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } } } });
        let no_expression = json!({ "Update": { "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } } } });
        for parts in [
            &twice[..],
            &[],
            &[delete],
            &[no_expression],
            &[odd("ReturnValues", json!("ALL_NEW"))],
            &[odd("ReturnValuesOnConditionCheckFailure", json!("all"))],
            &[odd("Key", json!({ "pk": { "S": "p" } }))],
        ] {
            let mut table = table(json!({ "n": { "N": "1" } }));
            assert_eq!(code(transact(&mut table, parts)), REFUSED, "{parts:?}");
        }
    }
}

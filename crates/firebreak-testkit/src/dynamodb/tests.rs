//! What of DynamoDB's behaviour the ledger leans on, rule by rule.

use super::*;

pub(super) const REFUSED: &str = "ValidationException";
const LOST: &str = "ConditionalCheckFailedException";

fn put(table: &mut Table, pk: &str, sk: &str, mut item: Json) {
    item["pk"] = json!({ "S": pk });
    item["sk"] = json!({ "S": sk });
    table.call("PutItem", &json!({ "TableName": "ledger", "Item": item })).expect("a plain put");
}

/// A table with one item, `p` and `s`.
pub(super) fn table(item: Json) -> Table {
    let mut table = Table::default();
    put(&mut table, "p", "s", item);
    table
}

/// Updates the item `p` and `s`. `more` are further fields of the request.
pub(super) fn update(table: &mut Table, expression: &str, values: Json, more: Json) -> Result<Json, Refusal> {
    let mut body = json!({ "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } }, "UpdateExpression": expression });
    body["ExpressionAttributeValues"] = values;
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field.as_str()] = value.clone();
    }
    table.call("UpdateItem", &body)
}

pub(super) fn code(answer: Result<Json, Refusal>) -> String {
    answer.map_or_else(|refusal| refusal.code, |answer| format!("no refusal: {answer}"))
}

/// Whether a condition holds for an item.
fn is_met(item: &Json, condition: &str, values: &Json) -> bool {
    let body = json!({ "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } }, "ConditionExpression": condition,
                       "ExpressionAttributeValues": values });
    match table(item.clone()).call("DeleteItem", &body) {
        Ok(_) => true,
        Err(refusal) if refusal.code == LOST => false,
        Err(refusal) => panic!("{condition}: {refusal}"),
    }
}

fn met(item: &Json, values: &Json, conditions: &[&str]) {
    conditions.iter().for_each(|condition| assert!(is_met(item, condition, values), "{condition}"));
}

fn unmet(item: &Json, values: &Json, conditions: &[&str]) {
    conditions.iter().for_each(|condition| assert!(!is_met(item, condition, values), "{condition}"));
}

#[test]
fn a_missing_attribute_is_unequal_to_everything_and_in_no_order() {
    let (item, v) = (json!({}), json!({ ":v": { "N": "1" } }));
    met(&item, &v, &["x <> :v", ":v <> x"]);
    unmet(&item, &v, &["x = :v", "x < :v", "x <= :v", "x > :v", "x >= :v", "x IN (:v)", "x BETWEEN :v AND :v"]);
    met(&item, &Json::Null, &["x <> y"]);
    unmet(&item, &Json::Null, &["x = y", "x < y", "begins_with(x, y)", "contains(x, y)"]);
}

#[test]
fn values_are_ordered_within_their_type_only() {
    let item = json!({ "n": { "N": "10" }, "s": { "S": "10" }, "l": { "L": [] } });
    met(&item, &json!({ ":v": { "N": "9" } }), &["n > :v", "n <> :v", "s <> :v"]);
    unmet(&item, &json!({ ":v": { "N": "9" } }), &["s > :v", "s < :v", "s = :v", "l > :v"]);
    met(&item, &json!({ ":v": { "S": "9" } }), &["s < :v", ":v > s"]);
    met(&item, &json!({ ":v": { "N": "10.0" } }), &["n = :v", "n >= :v", "n <= :v", "n IN (s, :v)"]);
    unmet(&item, &json!({ ":v": { "N": "10.0" } }), &["n < :v", "n > :v", "n <> :v"]);
}

#[test]
fn functions_look_at_texts_sets_and_lists() {
    let item = json!({ "word": { "S": "hello" }, "holders": { "SS": ["ab", "cd"] }, "slots": { "L": [{ "S": "ab" }] },
                       "n": { "N": "1" } });
    met(&item, &json!({ ":v": { "S": "ell" } }), &["contains(word, :v)", "NOT begins_with(word, :v)"]);
    met(&item, &json!({ ":v": { "S": "ab" } }), &["contains(holders, :v)", "contains(slots, :v)", "NOT contains(word, :v)"]);
    // A part of a member is no member.
    unmet(&item, &json!({ ":v": { "S": "a" } }), &["contains(holders, :v)", "contains(slots, :v)", "contains(n, :v)"]);
    met(&item, &json!({ ":v": { "S": "he" } }), &["begins_with(word, :v)"]);
    met(&item, &json!({ ":v": { "N": "2" } }), &["size(holders) = :v", "size(slots) < :v", "size(word) > :v"]);
    // Nothing has no size, and a number has none.
    unmet(&item, &json!({ ":v": { "N": "0" } }), &["size(x) = :v", "size(x) <> :v", "size(x) < :v", "size(n) >= :v"]);
    met(&item, &Json::Null, &["attribute_exists(n)", "attribute_not_exists(x)"]);
    unmet(&item, &Json::Null, &["attribute_exists(x)", "attribute_not_exists(n)"]);
}

#[test]
fn not_binds_before_and_and_before_or() {
    let (item, none) = (json!({ "a": { "N": "1" }, "b": { "N": "2" }, "c": { "N": "3" } }), Json::Null);
    met(&item, &none, &["a < b OR c < b AND b < a", "NOT b < a", "NOT NOT a < b", "b BETWEEN a AND c AND a < b", "a<b aNd b<c"]);
    unmet(&item, &none, &["(a < b OR c < b) AND b < a", "NOT a < b AND c < b", "NOT (a < b AND b < c)", "b between c and a"]);
    met(&item, &none, &["(a < b OR b < a) AND (b < c AND (a < b OR c < b))"]);
}

#[test]
fn paths_lead_into_maps_and_lists() {
    let item = json!({ "m": { "M": { "k": { "L": [{ "S": "x" }, { "S": "y" }] } } } });
    met(&item, &json!({ ":v": { "S": "y" } }), &["m.k[1] = :v", "m.k[0] <> :v", "m.k[2] <> :v"]);
    unmet(&item, &json!({ ":v": { "S": "y" } }), &["m.k[0] = :v", "m.k[2] = :v", "m[1] = :v", "m.k.x = :v"]);
}

#[test]
fn a_condition_sees_no_item_and_the_update_makes_one() {
    let mut table = Table::default();
    let condition = |text: &str| json!({ "ConditionExpression": text, "ReturnValues": "ALL_NEW" });
    let values = json!({ ":v": { "N": "1" } });
    let exists = update(&mut table, "ADD n :v", values.clone(), condition("attribute_exists(pk)"));
    assert_eq!(code(exists), LOST);
    assert_eq!(table, Table::default());
    let made = update(&mut table, "ADD n :v", values.clone(), condition("attribute_not_exists(pk)")).expect("no item yet");
    let item = json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "n": { "N": "1" } });
    assert_eq!(made, json!({ "Attributes": item }));
    assert_eq!(code(update(&mut table, "ADD n :v", values, condition("attribute_not_exists(pk)"))), LOST);
    assert_eq!(item_to_wire(table.item("p", "s").expect("the item")), item, "a lost update changes nothing");
}

#[test]
fn a_put_replaces_the_whole_item_and_a_lost_one_nothing() {
    let mut table = table(json!({ "a": { "S": "a" } }));
    let item = json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "b": { "S": "b" } });
    let lost = table.call("PutItem", &json!({ "Item": item, "ConditionExpression": "attribute_not_exists(pk)" }));
    assert_eq!(code(lost), LOST);
    assert!(table.item("p", "s").is_some_and(|item| item.contains_key("a")));
    table.call("PutItem", &json!({ "Item": item, "ConditionExpression": "attribute_not_exists(b)" })).expect("it has no b");
    assert_eq!(table.item("p", "s").map(item_to_wire), Some(item));
    let key = json!({ "Key": { "pk": { "S": "p" }, "sk": { "S": "s" } } });
    assert!(table.call("GetItem", &key).expect("a read")["Item"]["b"].is_object());
    table.call("DeleteItem", &key).expect("a delete");
    assert_eq!(table.call("GetItem", &key), Ok(json!({})));
}

/// The values `:v` and `:w`, where the expression uses them: DynamoDB refuses the others.
pub(super) fn used(expression: &str) -> Json {
    let values = [(":v", json!({ "N": "1" })), (":w", json!({ "S": "w" }))];
    values.into_iter().filter(|(key, _)| expression.contains(key)).map(|(key, value)| (key.to_owned(), value)).collect()
}

#[test]
fn a_malformed_condition_is_refused_even_where_it_could_not_hold() {
    let malformed = "| a | a = | = a | a = :v AND | a == :v | a != :v | (a = :v | a = :v) | ((a = :v)) | a IN () | a BETWEEN :v \
        | size(a) | size(a) size(b) | dog(a) | attribute_exists(:v) | attribute_exists(a, b) | attribute_exists(a) = :v \
        | CONTAINS(a, :v) | a = a | contains(a, a) | begins_with(a, :v) | a BETWEEN :w AND :v | if_not_exists(a, :v) = :v | a.b. \
        | a[x] = :v | a = 1 | a = \"b\" | a = b c";
    for condition in malformed.split('|').map(str::trim) {
        let more = json!({ "ConditionExpression": condition });
        assert_eq!(code(update(&mut Table::default(), "REMOVE z", used(condition), more)), REFUSED, "{condition}");
    }
}

#[test]
fn every_placeholder_is_defined_and_used() {
    let refusal = |expression: &str, values: Json, names: Json| {
        update(&mut table(json!({})), expression, values, json!({ "ExpressionAttributeNames": names })).expect_err(expression)
    };
    let v = json!({ ":v": { "N": "1" } });
    let unused = refusal("SET a = :v", json!({ ":v": { "N": "1" }, ":x": { "N": "2" } }), Json::Null);
    assert_eq!(
        unused.to_string(),
        format!("{REFUSED}: Value provided in ExpressionAttributeValues unused in expressions: keys: {{:x}}")
    );
    let unused = refusal("SET a = :v", v.clone(), json!({ "#n": "status" }));
    assert_eq!(unused.message, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}");
    assert!(refusal("SET a = :w", Json::Null, Json::Null).message.ends_with("is not defined; attribute value: :w"));
    assert!(refusal("SET #n = :v", v.clone(), Json::Null).message.ends_with("is not defined; attribute name: #n"));
    // Two names for one attribute are one attribute.
    assert!(refusal("SET #n = :v REMOVE #m", v, json!({ "#n": "a", "#m": "a" })).message.contains("overlap"));
}

#[test]
fn reserved_words_need_a_placeholder() {
    for word in
        ["status", "at", "name", "identity", "by", "key", "count", "state", "role", "data", "time", "Order", "GROUP", "a.values"]
    {
        let refusal = update(&mut table(json!({})), &format!("SET {word} = :v"), used(":v"), Json::Null).expect_err(word);
        assert!(refusal.message.contains("reserved keyword"), "{word}: {refusal}");
    }
    let free =
        "SET holders = :v, target = :v, version = :v, band = :v, decision = :v, round = :v, what = :v, doc = :v, incident = :v";
    update(&mut table(json!({})), free, used(":v"), Json::Null).expect("none of them is reserved");
    let more = json!({ "ExpressionAttributeNames": { "#status": "status" } });
    update(&mut table(json!({})), "SET #status = :v", used(":v"), more).expect("a placeholder");
}

#[test]
fn items_and_keys_have_a_largest_size() {
    let put = |sk: usize, letters: usize| {
        let item = json!({ "pk": { "S": "p" }, "sk": { "S": "s".repeat(sk) }, "letters": { "S": "x".repeat(letters) } });
        Table::default().call("PutItem", &json!({ "Item": item }))
    };
    // Names count: `pk`, `sk`, `letters` and the keys themselves.
    let most = 409_600 - 2 - 1 - 2 - 1 - 7;
    assert_eq!(put(1, most), Ok(json!({})));
    assert_eq!(put(1, most + 1).expect_err("too large").message, "Item size has exceeded the maximum allowed size");
    let grown = update(&mut table(json!({})), "SET letters = :v", json!({ ":v": { "S": "x".repeat(most + 1) } }), Json::Null);
    assert_eq!(code(grown), REFUSED);
    assert_eq!(put(1024, 0), Ok(json!({})));
    assert_eq!((code(put(1025, 0)), code(put(0, 0))), (REFUSED.to_owned(), REFUSED.to_owned()));
}

fn query(table: &mut Table, more: Json) -> Result<Json, Refusal> {
    let mut body = json!({ "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": { ":pk": { "S": "p" } } });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field.as_str()] = value.clone();
    }
    table.call("Query", &body)
}

/// The sort keys of all pages, and how many pages there were.
fn pages(table: &mut Table, mut more: Json) -> (String, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = query(table, more.clone()).expect("a page");
        pages += 1;
        let items = page["Items"].as_array().expect("items");
        assert_eq!(page["Count"], items.len());
        found.extend(items.iter().map(|item| item["sk"]["S"].as_str().expect("a sort key").to_owned()));
        if page["LastEvaluatedKey"].is_null() {
            return (found.join(" "), pages);
        }
        more["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
    }
}

/// `a1` to `a3` and `b1` under `p`, something under `q`; `a1` and `b1` are in the index.
fn filled() -> Table {
    let mut table = Table::default();
    put(&mut table, "q", "a1", json!({ "feed": { "S": "x" }, "opened_at": { "S": "3" } }));
    put(&mut table, "p", "b1", json!({ "feed": { "S": "f" }, "opened_at": { "S": "1" }, "n": { "N": "1" } }));
    put(&mut table, "p", "a3", json!({ "feed": { "S": "f" } }));
    put(&mut table, "p", "a2", json!({ "opened_at": { "S": "2" }, "n": { "N": "1" } }));
    put(&mut table, "p", "a1", json!({ "feed": { "S": "f" }, "opened_at": { "S": "2" } }));
    table
}

#[test]
fn a_query_reads_a_partition_in_order() {
    let mut table = filled();
    assert_eq!(pages(&mut table, json!({})), ("a1 a2 a3 b1".to_owned(), 1));
    assert_eq!(pages(&mut table, json!({ "ScanIndexForward": false })), ("b1 a3 a2 a1".to_owned(), 1));
    for (range, found) in [
        ("begins_with(sk, :v)", "a2"),
        ("sk = :v", "a2"),
        ("sk > :v", "a3 b1"),
        (":v > sk", "a1"),
        ("sk BETWEEN :v AND :v", "a2"),
    ] {
        let values = json!({ ":pk": { "S": "p" }, ":v": { "S": "a2" } });
        let more = json!({ "KeyConditionExpression": format!("pk = :pk AND {range}"), "ExpressionAttributeValues": values });
        assert_eq!(pages(&mut table, more).0, found, "{range}");
    }
    let unfit = "sk = :pk|pk > :pk|pk = :pk OR sk = :pk|pk = :pk AND n = :pk|pk = :pk AND sk <> :pk|NOT pk = :pk|pk = sk\
                 |pk = :pk AND pk = :pk|pk = :pk AND sk > :pk AND sk < :pk|pk.a = :pk|contains(pk, :pk)";
    for keys in unfit.split('|') {
        assert_eq!(code(query(&mut table, json!({ "KeyConditionExpression": keys }))), REFUSED, "{keys}");
    }
}

#[test]
fn an_index_has_the_items_with_both_of_its_keys() {
    let mut table = filled();
    let feed = json!({ "IndexName": "feed", "KeyConditionExpression": "feed = :pk",
                       "ExpressionAttributeValues": { ":pk": { "S": "f" } } });
    assert_eq!(pages(&mut table, feed.clone()).0, "b1 a1");
    let shown = query(&mut table, feed.clone()).expect("a page")["Items"][0].clone();
    let names: Vec<String> = shown.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["feed", "opened_at", "pk", "sk"], "an index shows its keys and what it includes");
    let mut newest = feed.clone();
    newest["ScanIndexForward"] = json!(false);
    newest["Limit"] = json!(1);
    assert_eq!(query(&mut table, newest).expect("the newest")["Items"][0]["sk"], json!({ "S": "a1" }));
    let (mut elsewhere, mut consistent) = (feed.clone(), feed);
    elsewhere["IndexName"] = json!("other");
    consistent["ConsistentRead"] = json!(true);
    assert_eq!(
        (code(query(&mut table, elsewhere)), code(query(&mut table, consistent))),
        (REFUSED.to_owned(), REFUSED.to_owned())
    );
}

#[test]
fn a_full_page_says_where_the_next_one_begins() {
    let mut table = filled().with_page_size(2);
    // The second page is full too: DynamoDB cannot know that nothing follows.
    assert_eq!(pages(&mut table, json!({})), ("a1 a2 a3 b1".to_owned(), 3));
    assert_eq!(pages(&mut table, json!({ "Limit": 3 })), ("a1 a2 a3 b1".to_owned(), 3));
    assert_eq!(pages(&mut table, json!({ "Limit": 1, "ScanIndexForward": false })), ("b1 a3 a2 a1".to_owned(), 5));
    let feed = json!({ "IndexName": "feed", "KeyConditionExpression": "feed = :pk", "Limit": 1,
                       "ExpressionAttributeValues": { ":pk": { "S": "f" } } });
    assert_eq!(pages(&mut table, feed), ("b1 a1".to_owned(), 3));
    // The item that ended a page may be gone before the next one is read.
    let first = query(&mut table, json!({})).expect("a page");
    table.call("DeleteItem", &json!({ "Key": { "pk": { "S": "p" }, "sk": { "S": "a2" } } })).expect("a delete");
    let rest = query(&mut table, json!({ "ExclusiveStartKey": first["LastEvaluatedKey"] })).expect("a page");
    assert_eq!(rest["Items"][0]["sk"], json!({ "S": "a3" }));
    assert_eq!(code(query(&mut table, json!({ "Limit": 0 }))), REFUSED);
}

#[test]
fn a_limit_counts_before_the_filter() {
    let values = json!({ ":pk": { "S": "p" }, ":v": { "N": "1" } });
    let more = json!({ "FilterExpression": "n = :v", "ExpressionAttributeValues": values, "Limit": 3 });
    let page = query(&mut filled(), more.clone()).expect("a page");
    assert_eq!((&page["Count"], &page["ScannedCount"]), (&json!(1), &json!(3)));
    assert_eq!(pages(&mut filled(), more), ("a2 b1".to_owned(), 2));
}

#[test]
fn a_projection_shows_what_was_asked_for() {
    let mut table = table(
        json!({ "status": { "S": "open" }, "secret": { "S": "x" }, "l": { "L": [{ "S": "0" }, { "S": "1" }, { "S": "2" }] },
                                  "m": { "M": { "a": { "S": "a" }, "b": { "S": "b" } } } }),
    );
    let asked = json!({ "ProjectionExpression": "sk, #status, m.b, l[2], l[0], x",
                        "ExpressionAttributeNames": { "#status": "status" } });
    let item = json!({ "sk": { "S": "s" }, "status": { "S": "open" }, "m": { "M": { "b": { "S": "b" } } },
                       "l": { "L": [{ "S": "0" }, { "S": "2" }] } });
    assert_eq!(query(&mut table, asked.clone()).expect("a page")["Items"], json!([item]));
    let mut get = asked;
    get["Key"] = json!({ "pk": { "S": "p" }, "sk": { "S": "s" } });
    assert_eq!(table.call("GetItem", &get), Ok(json!({ "Item": item })));
    for malformed in ["", "sk,", "sk sk", "sk, sk", "m, m.a", "m.a, m[0]", "status", ":v"] {
        assert_eq!(code(query(&mut table, json!({ "ProjectionExpression": malformed }))), REFUSED, "{malformed}");
    }
}

#[test]
fn what_the_table_does_not_know_is_refused() {
    let mut table = table(json!({}));
    assert_eq!(code(query(&mut table, json!({ "Select": "COUNT" }))), REFUSED);
    let legacy = json!({ "Expected": { "a": { "Exists": false } } });
    assert_eq!(code(update(&mut table, "REMOVE a", Json::Null, legacy)), REFUSED);
    assert_eq!(code(table.call("Scan", &json!({}))), "UnknownOperationException");
    for key in [json!({}), json!({ "pk": { "S": "p" } }), json!({ "pk": { "S": "p" }, "sk": { "N": "1" } })] {
        assert_eq!(code(table.call("GetItem", &json!({ "Key": key }))), REFUSED, "{key}");
    }
}

#[test]
fn tables_with_the_same_items_are_equal_and_hash_alike() {
    use std::hash::{BuildHasher as _, RandomState};
    let state = RandomState::new();
    let (one, two) = (table(json!({ "n": { "N": "1.0" } })), table(json!({ "n": { "N": "1" } })));
    assert_eq!((&one, state.hash_one(&one)), (&two, state.hash_one(&two)));
    assert_ne!(one, table(json!({ "n": { "N": "2" } })));
}

/// One of the ledger's conditional writes, with the values and names that it uses. `by` is who writes, `id` the resource.
fn write(table: &mut Table, expression: &str, condition: &str, by: &str, id: &str) -> Result<Item, Refusal> {
    let text = |text: &str| json!({ "S": text });
    let all = [
        (":now", text("2")),
        (":until", text("3")),
        (":by", text(by)),
        (":id", text(id)),
        (":me", json!({ "SS": [by] })),
        (":doc", text(by)),
        (":name", text(by)),
        (":one", json!({ "N": "1" })),
    ];
    let is_used = |key: &str| expression.contains(key) || condition.contains(key);
    let values: Json = all.into_iter().filter(|(key, _)| is_used(key)).map(|(key, value)| (key.to_owned(), value)).collect();
    let names = if is_used("#id") { json!({ "#id": "identity" }) } else { Json::Null };
    let more = json!({ "ConditionExpression": condition, "ExpressionAttributeNames": names, "ReturnValues": "ALL_NEW" });
    update(table, expression, values, more).map(|answer| item_from_wire(&answer["Attributes"]).expect("an item"))
}

#[test]
fn a_target_is_held_shared_released_and_held_again() {
    const JOIN: &str = "SET doc = if_not_exists(doc, :doc), captured_by = if_not_exists(captured_by, :by), #id = :id \
                        ADD holders :me DELETE released_by :me REMOVE release_begun";
    const FREE: &str =
        "(attribute_not_exists(releasing_until) OR releasing_until < :now) AND (attribute_not_exists(#id) OR #id = :id)";
    const LAST: &str = "contains(holders, :name) AND size(holders) = :one";
    const BEGIN: &str = "SET releasing_until = :until, release_begun = :until";
    let set = |names: &[&str]| Some(Value::Ss(names.iter().map(|name| (*name).to_owned()).collect()));
    let mut table = Table::default();
    write(&mut table, JOIN, FREE, "one", "i1").expect("nobody holds it");
    let shared = write(&mut table, JOIN, FREE, "two", "i1").expect("it is held, not released");
    assert_eq!((shared.get("doc"), shared.get("holders").cloned()), (Some(&Value::S("one".to_owned())), set(&["one", "two"])));
    assert_eq!(write(&mut table, BEGIN, LAST, "one", "").expect_err("not the last").code, LOST);
    let leave = "DELETE holders :me ADD released_by :me";
    let left =
        write(&mut table, leave, "contains(holders, :name) AND size(holders) > :one", "one", "").expect("another one holds it");
    assert_eq!((left.get("holders").cloned(), left.get("released_by").cloned()), (set(&["two"]), set(&["one"])));
    write(&mut table, BEGIN, LAST, "two", "").expect("the last");
    assert_eq!(write(&mut table, JOIN, FREE, "three", "i1").expect_err("it is being released").code, LOST);
    let end = "DELETE holders :me ADD released_by :me \
               REMOVE doc, #id, captured_by, captured_at, releasing_until, release_begun, exposed";
    let ended = write(&mut table, end, LAST, "two", "").expect("the last");
    assert_eq!(ended.keys().collect::<Vec<_>>(), ["pk", "released_by", "sk"]);
    write(&mut table, JOIN, FREE, "three", "i1").expect("it was released");
    assert_eq!(write(&mut table, JOIN, FREE, "four", "i2").expect_err("a namesake").code, LOST);
    let replace = "SET doc = :doc, captured_by = :by, #id = :id, released_by = if_not_exists(holders, :me), holders = :me";
    let replaced = write(&mut table, replace, "attribute_exists(#id) AND #id <> :id", "four", "i2").expect("another resource");
    assert_eq!((replaced.get("holders").cloned(), replaced.get("released_by").cloned()), (set(&["four"]), set(&["three"])));
}

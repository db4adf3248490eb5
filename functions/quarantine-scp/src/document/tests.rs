use super::*;
use crate::entry::tests::{person, user};
use serde_json::json;

fn aws() -> Partition {
    Partition::parse("aws").expect("a partition")
}

/// The policy as it is deployed: nobody is denied.
pub(crate) fn empty() -> Document {
    parse(&shipped().to_string()).expect("the template")
}

fn shipped() -> Value {
    serde_json::from_str(&TEMPLATE.replace("${Partition}", "aws")).expect("JSON")
}

fn parse(text: &str) -> Result<Document, Fault> {
    Document::parse(text, &aws())
}

fn entry(name: &str) -> Entry {
    Entry::of(&user(name)).expect("an entry")
}

fn values(entry: &Entry) -> BTreeSet<String> {
    entry.values.iter().cloned().collect()
}

/// The refusal of the shipped policy after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut policy = shipped();
    change(&mut policy);
    parse(&policy.to_string()).expect_err("to be refused").message
}

#[test]
fn the_shipped_policy_passes_in_every_partition() {
    for partition in ["aws", "aws-us-gov", "aws-cn"] {
        let text = TEMPLATE.replace("${Partition}", partition);
        let partition = Partition::parse(partition).expect("a partition");
        let document = Document::parse(&text, &partition).expect("the template");
        assert_eq!(document.entries().expect("a count"), 0);
    }
    assert!(Document::parse(&TEMPLATE.replace("${Partition}", "aws-cn"), &aws()).is_err(), "another partition's policy");
}

#[test]
fn an_entry_is_added_at_the_end_and_only_once() {
    let once = empty().with(&entry("alice")).expect("room");
    assert!(once.denies(&entry("alice")) && !empty().denies(&entry("alice")));
    assert_eq!(once.with(&entry("alice")).expect("room"), once);
    let twice = once.with(&entry("bob")).expect("room");
    let list = &twice.lists[List::Principals as usize];
    assert_eq!(list[list.len() - 4..], [entry("alice").values, entry("bob").values].concat());
    assert_eq!(list[0], empty().lists[List::Principals as usize][0], "the placeholder stays first");
}

#[test]
fn half_an_entry_is_not_an_entry() {
    let half = Entry { values: entry("alice").values[..1].to_vec(), ..entry("alice") };
    let document = empty().with(&half).expect("room");
    assert!(!document.denies(&entry("alice")));
    let whole = document.with(&entry("alice")).expect("room");
    assert!(whole.denies(&entry("alice")));
    assert_eq!(whole.lists[List::Principals as usize].len(), 3);
}

#[test]
fn taking_out_what_was_added_gives_the_same_policy_again() {
    let one = empty().with(&entry("alice")).expect("room");
    let both = one.with(&Entry::of(&person("bob@example.com")).expect("an entry")).expect("room");
    let left = both.without(&values(&entry("alice"))).expect("a policy");
    assert!(!left.denies(&entry("alice")) && left.has("*:bob@example.com"));
    let none = left.without(&BTreeSet::from(["*:bob@example.com".to_owned()])).expect("a policy");
    assert_eq!(none, empty());
    assert_eq!(none.without(&values(&entry("nobody"))).expect("a policy"), empty(), "what is not there is no error");
}

#[test]
fn no_list_ever_becomes_empty() {
    // Somebody took the placeholders out.
    let mut policy = shipped();
    policy["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"] = json!(entry("alice").values);
    let document = parse(&policy.to_string()).expect("a policy");
    let left = document.without(&values(&entry("alice"))).expect("a policy");
    assert_eq!(left, empty());
    for statement in 0..3 {
        let message = refusal(|policy| {
            let condition = policy["Statement"][statement]["Condition"].as_object_mut().expect("a condition");
            let slot = condition.values_mut().next().expect("an operator").as_object_mut().expect("keys");
            *slot.values_mut().next().expect("values") = json!([]);
        });
        assert!(message.contains("no values"), "{message}");
    }
}

#[test]
fn a_wildcard_never_passes_whatever_wrote_it() {
    for value in ["*", "arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:root"] {
        let message = refusal(|policy| policy["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"] = json!([value]));
        assert!(message.contains("never write"), "{message}");
    }
    for value in ["*", "*:*", "AROA*:x", "*:alice"] {
        let message = refusal(|policy| policy["Statement"][1]["Condition"]["StringLike"]["aws:userid"] = json!(value));
        assert!(message.contains("never write"), "{message}");
    }
    for value in ["*", "*:*", "*:a*", "AROAEXAMPLEEXAMPLE12:alice"] {
        let message = refusal(|policy| policy["Statement"][2]["Condition"]["StringLike"]["aws:userid"] = json!([value]));
        assert!(message.contains("never write"), "{message}");
    }
    // An entry that was not checked before does not get through either.
    for value in ["*", "arn:aws:iam::111122223333:user/*"] {
        let hostile = Entry { list: List::Principals, values: vec![value.to_owned()] };
        assert!(empty().with(&hostile).is_err(), "{value}");
    }
    let everybody = Entry { list: List::IdentityCenterUsers, values: vec!["*".to_owned()] };
    assert!(empty().with(&everybody).is_err());
    let misplaced = Entry { list: List::Sessions, values: entry("alice").values };
    assert!(empty().with(&misplaced).is_err());
}

#[test]
fn an_escaped_wildcard_is_a_wildcard() {
    let text = shipped().to_string().replace("role/firebreak-none", r"role/\u002a");
    assert!(parse(&text).is_err());
}

#[test]
fn foreign_statements_are_named_and_nothing_is_written() {
    let message = refusal(|policy| {
        let statements = policy["Statement"].as_array_mut().expect("statements");
        statements.push(json!({ "Sid": "OurRegions", "Effect": "Deny", "Action": "*", "Resource": "*" }));
        statements.push(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    });
    assert!(message.contains("OurRegions, (no Sid)"), "{message}");
}

#[test]
fn a_missing_or_doubled_statement_is_refused() {
    let message = refusal(|policy| drop(policy["Statement"].as_array_mut().expect("statements").remove(1)));
    assert!(message.contains("QuarantinedSessions"), "{message}");
    let message = refusal(|policy| {
        let again = policy["Statement"][2].clone();
        policy["Statement"].as_array_mut().expect("statements").push(again);
    });
    assert!(message.contains("QuarantinedIdentityCenterUsers"), "{message}");
}

#[test]
fn a_statement_that_is_not_as_shipped_is_refused() {
    let changes: [fn(&mut Value); 9] = [
        |policy| policy["Statement"][0]["Effect"] = json!("Allow"),
        |policy| policy["Statement"][0]["Action"] = json!("s3:*"),
        |policy| policy["Statement"][1]["Resource"] = json!("arn:aws:s3:::x"),
        |policy| policy["Statement"][1]["Condition"]["StringNotLike"] = json!({ "aws:userid": ["x"] }),
        |policy| policy["Statement"][1]["Condition"]["StringLike"]["aws:PrincipalTag/x"] = json!(["y"]),
        |policy| policy["Statement"][0]["Condition"]["Bool"] = json!({ "aws:SecureTransport": "true" }),
        // The fixed pattern: without it a session name is denied in every role.
        |policy| policy["Statement"][2]["Condition"]["ArnLike"]["aws:PrincipalArn"] = json!("arn:aws:iam::*:role/*"),
        |policy| drop(policy["Statement"][2]["Condition"].as_object_mut().expect("a condition").shift_remove("ArnLike")),
        |policy| policy["Statement"][2]["NotResource"] = json!("*"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let message = refusal(change);
        assert!(message.contains("not as Firebreak ships it"), "{number}: {message}");
    }
}

#[test]
fn an_unknown_operator_in_place_of_a_list_is_refused() {
    let message = refusal(|policy| {
        policy["Statement"][0]["Condition"] =
            json!({ "StringEquals": { "aws:PrincipalArn": ["arn:aws:iam::111122223333:user/a"] } });
    });
    assert!(message.contains("QuarantinedPrincipals"), "{message}");
    let message = refusal(|policy| policy["Statement"][1]["Condition"]["StringLike"]["aws:userid"] = json!([1]));
    assert!(message.contains("QuarantinedSessions"), "{message}");
}

#[test]
fn a_frame_that_is_not_as_shipped_is_refused() {
    let message = refusal(|policy| policy["Version"] = json!("2008-10-17"));
    assert!(message.contains("version"), "{message}");
    let message = refusal(|policy| policy["Id"] = json!("x"));
    assert!(message.contains("version"), "{message}");
    for text in
        ["", "[]", "null", "{}", "{", "\"Deny\"", r#"{"Statement":null}"#, r#"{"Statement":{"Sid":"QuarantinedPrincipals"}}"#]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_means_the_same_passes_and_keeps_its_order() {
    let mut policy = shipped();
    policy["Statement"].as_array_mut().expect("statements").reverse();
    // As Terraform and the console write a list of one.
    policy["Statement"][0]["Action"] = json!(["*"]);
    policy["Statement"][1]["Condition"]["StringLike"]["aws:userid"] = json!("AROAEXAMPLEEXAMPLE12:alice");
    // Patterns that are compared with "or" have no order.
    policy["Statement"][2]["Condition"]["ArnNotLike"]["aws:PrincipalArn"].as_array_mut().expect("patterns").reverse();
    let document = parse(&policy.to_string()).expect("the same policy");
    let text = document.with(&entry("alice")).expect("room").to_text().expect("text");
    let written: Value = serde_json::from_str(&text).expect("JSON");
    let sids: Vec<&Value> = written["Statement"].as_array().expect("statements").iter().map(|s| &s["Sid"]).collect();
    assert_eq!(sids, ["QuarantinedIdentityCenterUsers", "QuarantinedSessions", "QuarantinedPrincipals"]);
    assert_eq!(written["Statement"][0]["Action"], json!(["*"]), "what Firebreak need not change stays as it is");
}

#[test]
fn the_text_has_no_white_space() {
    let pretty = serde_json::to_string_pretty(&shipped()).expect("JSON");
    let text = parse(&pretty).expect("the template").to_text().expect("text");
    assert!(!text.contains(char::is_whitespace), "{text}");
    assert_eq!(text, shipped().to_string());
}

#[test]
fn a_full_policy_says_how_full_and_what_to_do() {
    let mut document = empty();
    let fault = (0..1000)
        .find_map(|number| match document.with(&entry(&format!("{number:064}"))) {
            Ok(longer) => {
                document = longer;
                None
            }
            Err(fault) => Some(fault),
        })
        .expect("to be full at last");
    let entries = document.entries().expect("a count");
    assert!(entries >= 35, "{entries}");
    assert!(fault.message.contains(&format!("has {entries} entries")), "{fault}");
    assert!(fault.message.contains("Release incidents"), "{fault}");
    assert!(document.to_text().expect("text").len() <= MOST_CHARACTERS);
    // Whatever is in it can be taken out again.
    assert!(document.without(&values(&entry(&format!("{:064}", 0)))).is_ok());
}

use super::super::LIMIT;
use super::*;
use firebreak::fault::FaultKind;
use serde_json::json;

/// A policy as somebody writes it: spaces, escapes, one object in place of a list, members and numbers that nobody expects.
const ODD: &str = r#"{
  "Id" : "Policy \u0041 \/ 日本",  "Version":"2008-10-17", "X-New": [1e3,  {"a":1, "a":2}],
  "Statement" : { "Effect":"Allow", "Sid" : "CDN \"edge\"", "Principal":{"AWS": 111122223333},
     "Action":"s3:GetObject", "Resource":"arn:aws:s3:::acme-exports/\u00e9 b/*", "Future": 123456789012345678901234567890 }
}
"#;

fn parsed(text: &str) -> Document {
    Document::parse(Some(text)).expect("a policy")
}

fn policy(statements: &Value) -> Document {
    parsed(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

fn ours(sid: &str) -> Value {
    json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" })
}

fn sids(document: &Document) -> Vec<&str> {
    document.statements().iter().filter_map(sid_of).collect()
}

#[test]
fn a_policy_that_nobody_changed_is_written_byte_for_byte() {
    for text in [ODD, r#"{"Statement":[]}"#, r#" {"Statement" : [ {"Effect":"Deny"} ]} "#] {
        assert_eq!(parsed(text).render().as_deref(), Some(text));
    }
    assert_eq!(Document::parse(None).expect("no policy").render(), None);
}

#[test]
fn what_is_added_and_taken_out_again_leaves_every_byte_as_it_was_in_any_order() {
    let before = parsed(ODD);
    let both =
        before.with(&[ours("FirebreakDenySuspects"), ours("FirebreakDenySuspectsSessions2")]).with(&[ours("FirebreakSeal")]);
    assert_eq!(both.statements().len(), 4);
    for order in [["FirebreakSeal", "FirebreakDenySuspects"], ["FirebreakDenySuspects", "FirebreakSeal"]] {
        let first = both.without(&[order[0]]);
        assert!(first.sid(order[1]).is_some() && first.sid(order[0]).is_none(), "{order:?}");
        assert_eq!(first.without(&[order[1]]).render().as_deref(), Some(ODD), "{order:?}");
    }
    assert_eq!(both.text(), Some(ODD), "the text that was read");
}

#[test]
fn a_statement_of_somebody_else_keeps_its_bytes_beside_firebreaks() {
    let text = parsed(ODD).with(&[ours("FirebreakSeal")]).render().expect("a policy");
    for kept in [
        r#""Id":"Policy \u0041 \/ 日本""#,
        r#""Version":"2008-10-17""#,
        r#""X-New":[1e3,{"a":1,"a":2}]"#,
        r#""Sid":"CDN \"edge\"""#,
        r#""AWS":111122223333"#,
        r#""arn:aws:s3:::acme-exports/\u00e9 b/*""#,
        r#""Future":123456789012345678901234567890"#,
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    let again = parsed(&text);
    assert_eq!(again.statements().len(), 2);
    assert_eq!(again.statements().last(), Some(&ours("FirebreakSeal")), "Firebreak's stands at the end");
}

#[test]
fn a_bucket_without_a_policy_gets_one_and_loses_it_again() {
    let none = Document::parse(None).expect("no policy");
    let one = none.with(&[ours("FirebreakSeal")]);
    let text = one.render().expect("a policy");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["Version"], "2012-10-17");
    assert_eq!((one.text(), one.without(&["FirebreakSeal"]).render()), (None, None));
    let read = parsed(&text);
    assert_eq!(read.without(&["FirebreakSeal"]).render(), None, "S3 takes no policy without a statement");
    assert_eq!(read.without(&["FirebreakSeal"]).bytes(), 0);
    assert!(read.without(&["FirebreakSeal"]).is_same(&none));
}

#[test]
fn a_statement_with_the_same_sid_is_replaced_and_those_of_others_are_not() {
    let before = policy(&json!([
        { "Sid": "Twice", "Effect": "Deny" },
        ours("FirebreakDenySuspects"),
        { "Sid": "Twice", "Effect": "Allow" },
        { "Sid": "FirebreakSeal", "Effect": "Allow", "Principal": "*" },
        { "Effect": "Allow" },
    ]));
    let suspects = json!({ "Sid": "FirebreakDenySuspects", "Effect": "Deny", "Principal": "*", "Action": "s3:Get*" });
    let after = before.with(&[suspects.clone(), ours("FirebreakSeal")]);
    assert_eq!(sids(&after), ["Twice", "Twice", "FirebreakDenySuspects", "FirebreakSeal"]);
    assert_eq!(after.statements().len(), 5);
    assert_eq!((after.sid("FirebreakDenySuspects"), after.sid("FirebreakSeal")), (Some(&suspects), Some(&ours("FirebreakSeal"))));
    assert_eq!(after.sid("Twice"), None, "somebody else's");
    let back = before.with(&[json!({ "Sid": "Twice", "Effect": "Allow", "Principal": "*" })]);
    assert_eq!(back.statements().len(), 6, "a statement that is put back replaces nothing of the customer's");
}

#[test]
fn an_allow_that_is_named_like_firebreaks_is_somebody_elses() {
    let backdoor = json!({ "Sid": "FirebreakBackdoor", "Effect": "Allow", "Principal": "*" });
    let document = policy(&json!([backdoor, ours("FirebreakSeal")]));
    assert_eq!(document.foreign().collect::<Vec<_>>(), [&backdoor]);
    assert_eq!(document.sid("FirebreakBackdoor"), None);
    assert_eq!(sids(&document.without(&["Firebreak"])), ["FirebreakBackdoor"]);
}

#[test]
fn only_the_one_statement_is_left_out() {
    let document = policy(&json!([{ "Sid": "A" }, { "Sid": "B" }, { "Sid": "C" }]));
    assert_eq!(sids(&document.leaving_out(1)), ["A", "C"]);
    assert_eq!(sids(&document.leaving_out(3)), ["A", "B", "C"]);
}

#[test]
fn what_is_no_policy_is_refused() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for text in [
        "",
        "no JSON",
        "\u{feff}{}",
        "[]",
        r#""text""#,
        "{}",
        r#"{"statement":[]}"#,
        r#"{"Statement":"x"}"#,
        r#"{"Statement":[1]}"#,
        r#"{"Statement":null}"#,
        r#"{"Statement":[[]]}"#,
        r#"{"Statement":[]} x"#,
        r#"{"Statement":[],"Statement":[{"Effect":"Allow"}]}"#,
        r#"{"Statement":[{"Effect":"Allow"}"#,
        format!(r#"{{"Statement":[{{"Effect":{}}}]}}"#, deep(100_000)).as_str(),
        format!(r#"{{"Statement":{}}}"#, deep(100_000)).as_str(),
    ] {
        let fault = Document::parse(Some(text)).expect_err(text);
        assert_eq!(fault.kind, FaultKind::Malformed, "{fault}");
    }
    // What is deep in a member that nobody reads is kept.
    let text = format!(r#"{{"X":{},"Statement":[]}}"#, deep(100_000));
    assert_eq!(parsed(&text).render(), Some(text));
}

#[test]
fn a_name_that_only_begins_like_firebreaks_is_somebody_elses() {
    let both = parsed(ODD).with(&[ours("FirebreakSeal"), ours("FirebreakSealedReplicas")]);
    assert_eq!(sids(&both.without_exactly("FirebreakSeal")), ["CDN \"edge\"", "FirebreakSealedReplicas"]);
    assert_eq!(sids(&both.without(&["FirebreakSeal"])), ["CDN \"edge\""]);
    let mut allow = ours("FirebreakSeal");
    allow["Effect"] = json!("Allow");
    assert_eq!(policy(&json!([allow])).without_exactly("FirebreakSeal").statements().len(), 1, "Firebreak's own only deny");
}

#[test]
fn the_limit_counts_bytes_and_no_whitespace_between_tokens() {
    let statement = |name: &str| json!({ "Sid": name, "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" });
    let many: Vec<Value> = (0..300).map(|n| statement(&format!("S{n}"))).collect();
    let many = policy(&Value::from(many));
    assert_eq!(many.statements().len(), 300);
    assert!(many.bytes() > LIMIT, "{}", many.bytes());
    let one = policy(&json!([statement("日")]));
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&one.render().expect("text")).expect("JSON"));
    let pretty = parsed(&pretty.expect("JSON"));
    assert_eq!(pretty.bytes(), one.bytes());
    assert_eq!(one.bytes(), policy(&json!([statement("xyz")])).bytes(), "three bytes in UTF-8");
}

#[test]
fn a_statement_has_the_bytes_that_it_is_written_with() {
    let two = parsed(r#"{ "Statement": [ { "Sid": "A" }, { "Sid": "\u0042",  "Effect": "Allow" } ] }"#);
    assert_eq!(two.bytes_of(1), r#"{"Sid":"\u0042","Effect":"Allow"}"#.len());
    assert_eq!(two.bytes() - two.leaving_out(1).bytes(), two.bytes_of(1) + ",".len());
    assert_eq!(two.bytes_of(2), 0);
}

#[test]
fn a_deny_loses_who_was_deleted_and_every_other_statement_keeps_its_bytes() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/R";
    let deny = json!({ "Sid": "Cut", "Effect": "Deny", "Principal": { "AWS": ["AIDAEXAMPLEEXAMPLE01", ROLE] } });
    let planted = parsed(ODD).with(&[deny, ours("FirebreakSeal")]);
    let (living, cut) = planted.living();
    assert_eq!((cut, living.statements()[1]["Principal"].clone()), (BTreeSet::from([1]), json!({ "AWS": [ROLE] })));
    assert!(living.is_same(&planted), "it denies as many");
    let text = living.render().expect("a policy");
    assert!(text.contains(r#""Sid":"CDN \"edge\"""#) && !text.contains("AIDA"), "{text}");
    assert_eq!(parsed(ODD).living().1, BTreeSet::new());
}

#[test]
fn the_same_policy_in_another_spelling_is_the_same_and_another_policy_is_not() {
    let one = policy(&json!([{ "Sid": "A", "Effect": "Allow", "Action": "s3:GetObject" }, ours("FirebreakSeal")]));
    let other = policy(&json!([ours("FirebreakSeal"), { "Effect": "Allow", "Action": ["s3:GetObject"], "Sid": "A" }]));
    assert!(one.is_same(&other) && other.is_same(&one));
    assert!(!one.is_same(&one.leaving_out(0)));
    assert!(!one.is_same(&one.with(&[ours("FirebreakDenySuspects")])));
    let old = parsed(&one.render().expect("text").replace("2012-10-17", "2008-10-17"));
    assert!(!one.is_same(&old), "policy variables are text in one of them");
    let unsaid = parsed(&old.render().expect("text").replace(r#""Version":"2008-10-17","#, ""));
    assert!(old.is_same(&unsaid));
}

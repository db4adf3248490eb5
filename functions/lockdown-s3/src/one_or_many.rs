//! A value of a policy that is one text, or a list of texts.

use serde_json::Value;

/// The texts, in their order. Nothing where the value has another form.
pub(crate) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_text_is_a_list_of_one_and_another_form_is_none() {
        assert_eq!(texts(Some(&json!("a"))), ["a"]);
        assert_eq!(texts(Some(&json!(["a", 7, "b"]))), ["a", "b"]);
        for other in [json!(null), json!(7), json!({ "a": "b" })] {
            assert_eq!(texts(Some(&other)), [""; 0]);
        }
        assert_eq!(texts(None), [""; 0]);
    }
}

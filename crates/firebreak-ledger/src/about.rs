//! The one place through which everything about an incident is written.
//!
//! A row about an incident has the key `incident#<id>`. A proof of the order in which things happened needs a number in each of
//! these rows: it is added here, and nowhere else. The state machine itself writes an incident's last status, without a number.

use super::{Ledger, incident_pk, number, text};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::ids::IncidentId;

/// The attribute that holds a row's running number.
const NUMBER: &str = "running_number";

impl Ledger {
    /// The same ledger, whose writes about an incident carry this running number.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Self {
        Self { number: Some(number), ..self.clone() }
    }

    /// Writes a row about an incident.
    pub(crate) fn put_about(&self, incident: &IncidentId, sk: impl Into<String>) -> PutItemFluentBuilder {
        let put = self.dynamodb.put_item().table_name(&self.table).item("pk", incident_pk(incident)).item("sk", text(sk));
        match self.number {
            Some(n) => put.item(NUMBER, number(n)),
            None => put,
        }
    }

    /// Changes a row about an incident as `expression` says.
    pub(crate) fn update_about(&self, incident: &IncidentId, sk: &str, expression: impl AsRef<str>) -> UpdateItemFluentBuilder {
        let expression = expression.as_ref();
        let update = self.update(incident_pk(incident), text(sk));
        match self.number {
            Some(n) => update.update_expression(numbered(expression)).expression_attribute_values(":running_number", number(n)),
            None => update.update_expression(expression),
        }
    }

    /// Changes a row.
    pub(crate) fn update(&self, pk: AttributeValue, sk: AttributeValue) -> UpdateItemFluentBuilder {
        self.dynamodb.update_item().table_name(&self.table).key("pk", pk).key("sk", sk)
    }

    /// Reads a row as it is now, whoever has just written it.
    pub(crate) fn get(&self, pk: impl Into<String>, sk: impl Into<String>) -> GetItemFluentBuilder {
        self.dynamodb.get_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk)).consistent_read(true)
    }
}

/// The expression, with the running number among what it sets. An expression has one `SET` at most.
fn numbered(expression: &str) -> String {
    let set = format!("{NUMBER} = :running_number");
    match expression.strip_prefix("SET ") {
        Some(rest) => format!("SET {set}, {rest}"),
        None => format!("SET {set} {expression}"),
    }
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn a_number_joins_what_is_set_anyway() {
        assert_eq!(numbered("SET a = :a ADD b :b"), "SET running_number = :running_number, a = :a ADD b :b");
        assert_eq!(numbered("ADD b :b"), "SET running_number = :running_number ADD b :b");
    }
}

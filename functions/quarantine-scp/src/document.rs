//! The text of the quarantine policy, and the only changes Firebreak makes to it.
//!
//! The policy must be the one Firebreak ships, but for the values in its three lists. Whatever else somebody wrote into it is theirs:
//! Firebreak then writes nothing, and says so.

use crate::entry::Entry;
use crate::list::List;
use firebreak::fault::Fault;
use firebreak::ids::Partition;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the management account deploys. Its values are placeholders that match nobody.
const TEMPLATE: &str = include_str!("../../../policies/scp-quarantine.template.json");
/// AWS takes no longer one (since 2026-05-15; half of that before). White space counts when the text comes from an SDK, so there is
/// none in it.
const MOST_CHARACTERS: usize = 10_240;

/// The policy, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// Everything but the values, in the order it came in.
    shape: Value,
    /// The values, in the order of [`List::ALL`].
    lists: [Vec<String>; 3],
    partition: Partition,
}

impl Document {
    /// Reads the text of the policy and checks all of it.
    ///
    /// # Errors
    /// `Malformed` when it is not the policy Firebreak ships, or has a value Firebreak would not write.
    pub(crate) fn parse(text: &str, partition: &Partition) -> Result<Self, Fault> {
        let read = Self::take_apart(text, partition)?;
        let shipped = Self::shipped(partition)?;
        for list in List::ALL {
            let statement = |of: &Self| statement(&of.shape, list).map(comparable);
            if statement(&read) != statement(&shipped) {
                return Err(Fault::malformed(format!(
                    "statement {} of the quarantine policy is not as Firebreak ships it; somebody changed it",
                    list.sid()
                )));
            }
        }
        if frame(&read.shape) != frame(&shipped.shape) {
            return Err(Fault::malformed("the quarantine policy has more than its version and its statements"));
        }
        read.check_values()?;
        Ok(read)
    }

    /// Whether `value` is in one of the lists. No value could be in two.
    pub(crate) fn has(&self, value: &str) -> bool {
        self.lists.iter().flatten().any(|known| known == value)
    }

    /// Whether all of `entry` is in its list.
    pub(crate) fn denies(&self, entry: &Entry) -> bool {
        entry.values.iter().all(|value| self.lists[entry.list as usize].contains(value))
    }

    /// The policy with `entry` at the end of its list.
    ///
    /// # Errors
    /// `Malformed` when it would be longer than AWS takes.
    pub(crate) fn with(&self, entry: &Entry) -> Result<Self, Fault> {
        let mut longer = self.clone();
        let list = &mut longer.lists[entry.list as usize];
        for value in &entry.values {
            if !list.contains(value) {
                list.push(value.clone());
            }
        }
        let characters = longer.to_text()?.chars().count();
        if characters > MOST_CHARACTERS {
            return Err(Fault::malformed(format!(
                "the quarantine policy is full: it would have {characters} characters and AWS takes {MOST_CHARACTERS}; it has {} \
                 entries. Release incidents that are settled, or deny old cases in another policy and take their values out of this one",
                self.entries()?
            )));
        }
        Ok(longer)
    }

    /// The policy without `values`. A list that would be empty gets its placeholder back: AWS refuses an empty one.
    ///
    /// # Errors
    /// `Bug` when the result does not pass the check.
    pub(crate) fn without(&self, values: &BTreeSet<String>) -> Result<Self, Fault> {
        let mut shorter = self.clone();
        let placeholders = Self::shipped(&self.partition)?.lists;
        for (list, placeholder) in shorter.lists.iter_mut().zip(placeholders) {
            list.retain(|value| !values.contains(value));
            if list.is_empty() {
                *list = placeholder;
            }
        }
        shorter.to_text()?;
        Ok(shorter)
    }

    /// The text, without white space. It was read again and passed every check.
    ///
    /// # Errors
    /// `Malformed` when it does not pass: nothing that fails here may be written.
    pub(crate) fn to_text(&self) -> Result<String, Fault> {
        let mut whole = self.shape.clone();
        for (list, values) in List::ALL.into_iter().zip(&self.lists) {
            *place(&mut whole, list)? = values.iter().cloned().map(Value::String).collect();
        }
        let text = whole.to_string();
        if Self::parse(&text, &self.partition)? == *self {
            Ok(text)
        } else {
            Err(Fault::bug("the quarantine policy does not read as it was written"))
        }
    }

    /// Whether both have the same values in the same order.
    pub(crate) fn same_values(&self, other: &Self) -> bool {
        self.lists == other.lists
    }

    /// How many principals, sessions and people are denied. A user or role may have two values, with and without a path.
    fn entries(&self) -> Result<usize, Fault> {
        let placeholders = Self::shipped(&self.partition)?.lists.concat();
        let real = self.lists.iter().flatten().filter(|value| !placeholders.contains(value));
        Ok(real.map(|value| value.replace("/*/", "/")).collect::<BTreeSet<_>>().len())
    }

    fn shipped(partition: &Partition) -> Result<Self, Fault> {
        Self::take_apart(&TEMPLATE.replace("${Partition}", partition.as_str()), partition)
    }

    fn take_apart(text: &str, partition: &Partition) -> Result<Self, Fault> {
        let mut shape: Value =
            serde_json::from_str(text).map_err(|_| Fault::malformed("the text of the quarantine policy is no JSON"))?;
        check_statements(&shape)?;
        let mut lists = [const { Vec::new() }; 3];
        for (list, values) in List::ALL.into_iter().zip(&mut lists) {
            *values = strings(place(&mut shape, list)?.take()).ok_or_else(|| no_values(list))?;
        }
        Ok(Self { shape, lists, partition: partition.clone() })
    }

    /// The check that matters most: what does not fit the grammar of its list could deny everything to everybody.
    fn check_values(&self) -> Result<(), Fault> {
        for (list, values) in List::ALL.into_iter().zip(&self.lists) {
            if values.is_empty() {
                return Err(no_values(list));
            }
            if let Some(value) = values.iter().find(|value| !list.takes(value, &self.partition)) {
                return Err(Fault::malformed(format!(
                    "{} has a value that Firebreak would never write: {}",
                    list.sid(),
                    firebreak::text::inert(value, 128)
                )));
            }
        }
        Ok(())
    }
}

/// The three statements, each once, and nobody else's.
fn check_statements(policy: &Value) -> Result<(), Fault> {
    let sids: Vec<&str> = statements(policy).iter().map(|statement| statement["Sid"].as_str().unwrap_or("(no Sid)")).collect();
    let foreign: Vec<&str> = sids.iter().copied().filter(|sid| List::ALL.iter().all(|list| list.sid() != *sid)).collect();
    if !foreign.is_empty() {
        return Err(Fault::malformed(format!(
            "the quarantine policy has statements Firebreak does not know: {}. Move them to a policy of their own",
            foreign.join(", ")
        )));
    }
    match List::ALL.iter().find(|list| sids.iter().filter(|sid| **sid == list.sid()).count() != 1) {
        Some(list) => Err(Fault::malformed(format!("the quarantine policy does not have statement {} once", list.sid()))),
        None => Ok(()),
    }
}

fn statements(policy: &Value) -> &[Value] {
    match &policy["Statement"] {
        Value::Array(statements) => statements,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn statement(policy: &Value, list: List) -> Option<&Value> {
    statements(policy).iter().find(|statement| statement["Sid"] == list.sid())
}

/// Where the values of `list` stand.
fn place(policy: &mut Value, list: List) -> Result<&mut Value, Fault> {
    let statements = policy.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten();
    let mut found = statements.filter(|statement| statement["Sid"] == list.sid());
    found.next().and_then(|statement| statement.pointer_mut(list.place())).ok_or_else(|| no_values(list))
}

fn no_values(list: List) -> Fault {
    Fault::malformed(format!("statement {} of the quarantine policy has no values where Firebreak puts them", list.sid()))
}

/// One string is the same as a list of it.
fn strings(values: Value) -> Option<Vec<String>> {
    match values {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.into_iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// What is not a statement.
fn frame(policy: &Value) -> Value {
    let mut frame = policy.clone();
    if let Some(fields) = frame.as_object_mut() {
        fields.shift_remove("Statement");
    }
    frame
}

/// The same for documents that mean the same: a string is a list of one, and a list has no order.
fn comparable(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::Array(vec![value.clone()]),
        Value::Array(items) => {
            let mut items = items.clone();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), comparable(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests;

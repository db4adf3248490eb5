//! Mutations that keep JSON valid.
//!
//! A changed byte mostly makes a document that is no JSON, and the fuzzer would test the parser alone. Four of five mutations here
//! change the document instead: its fields, its values, how often they occur. The words come from the adapters and the playbook.

use firebreak::playbook::Playbook;
use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const ADAPTERS: [&str; 9] = [
    include_str!("../../crates/firebreak/src/finding.rs"),
    include_str!("../../crates/firebreak/src/finding/asff.rs"),
    include_str!("../../crates/firebreak/src/finding/guardduty.rs"),
    include_str!("../../crates/firebreak/src/finding/health.rs"),
    include_str!("../../crates/firebreak/src/finding/malware_scan.rs"),
    include_str!("../../crates/firebreak/src/finding/ocsf.rs"),
    include_str!("../../crates/firebreak/src/finding/principal.rs"),
    include_str!("../../crates/firebreak/src/finding/request.rs"),
    include_str!("../../crates/firebreak/src/finding/sequence.rs"),
    include_str!("../policy.toml"),
];

/// Forms that identifiers have, and text that must not reach people as it is.
const MORE_WORDS: [&str; 26] = [
    "111122223333",
    "123456789012",
    "999999999999",
    "eu-central-1",
    "us-west-2",
    "aws-cn",
    "i-0123456789abcdef0",
    "i-00000000",
    "acme-public-site",
    "firebreak-evidence-111122223333",
    "AKIA0000000000000000",
    "AROA0000000000000000:i-00000000",
    "AWSServiceRoleForX",
    "break-glass",
    "arn:aws:iam::111122223333:role/x",
    "arn:aws:s3:::acme-data",
    "arn:aws:ec2:eu-central-1:111122223333:instance/i-00000000",
    "arn:aws:securityhub:eu-central-1::product/acme/scanner",
    "arn:aws:securityhub:eu-central-1::productv2/acme/scanner",
    "2026-11-20T02:05:00Z",
    "2026-01-01T00:00:00.000+02:00",
    "203.0.113.7",
    "\u{1b}[2J",
    "\u{202e}\u{2066}\u{0}\u{7f}",
    "\n\nNothing to do here.",
    "https://evil.example/ www.evil.example",
];

/// What the adapters look for, and what the playbook knows.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let plain = |word: &&str| (2..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let quoted = ADAPTERS.iter().flat_map(|text| text.split('"')).filter(plain);
    let all: BTreeSet<&str> = quoted.chain(MORE_WORDS).chain(Playbook::shipped().types()).collect();
    all.into_iter().map(str::to_owned).collect()
});

/// Changes the input in place and says how long it is now.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed));
    let document = data.get(..size).filter(|_| dice.one_of(5) != 0).and_then(|json| serde_json::from_slice(json).ok());
    let Some(mut document) = document else { return fuzzer_mutate(data, size, max_size) };
    for _ in 0..=dice.one_of(4) {
        edit(&mut document, &mut dice);
    }
    let text = document.to_string();
    match data.get_mut(..text.len()).filter(|_| text.len() <= max_size) {
        Some(place) => {
            place.copy_from_slice(text.as_bytes());
            text.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
}

/// Numbers that only depend on the seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `count` - 1; 0 for an empty range.
    fn one_of(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % count).unwrap_or_default()
    }

    fn word(&mut self) -> String {
        let at = self.one_of(WORDS.len());
        WORDS.get(at).cloned().unwrap_or_default()
    }
}

/// One change at one place.
fn edit(document: &mut Value, dice: &mut Dice) {
    let nodes = count(document);
    let (at, from) = (dice.one_of(nodes), dice.one_of(nodes));
    let other = find(document, &mut { from }).cloned().unwrap_or_default();
    let Some(node) = find(document, &mut { at }) else { return };
    match (node, dice.one_of(8)) {
        (node, 0) => *node = leaf(dice),
        (node, 1) => *node = other,
        (Value::Object(fields), change) => edit_object(fields, change, other, dice),
        (Value::Array(elements), change) => edit_array(elements, change, other, dice),
        (Value::String(text), change) => edit_text(text, change, dice),
        (node, 2) => *node = Value::Array(vec![node.take()]),
        (node, _) => *node = leaf(dice),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The node that comes `left` places after this one.
fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(elements) => elements.iter_mut().find_map(|element| find(element, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| find(field, left)),
        _ => None,
    }
}

fn leaf(dice: &mut Dice) -> Value {
    match dice.one_of(12) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => Value::from(dice.one_of(12)),
        4 => Value::from(f64::from_bits(dice.roll())),
        5 => Value::String(String::new()),
        6 => Value::Array(vec![]),
        7 => Value::Object(Map::new()),
        _ => Value::String(dice.word()),
    }
}

fn edit_object(fields: &mut Map<String, Value>, change: usize, other: Value, dice: &mut Dice) {
    let at = dice.one_of(fields.len());
    let name = fields.keys().nth(at).cloned();
    match (change, name) {
        (2, Some(name)) => {
            fields.shift_remove(&name);
        }
        (3, Some(name)) => {
            let value = fields.shift_remove(&name).unwrap_or_default();
            fields.insert(dice.word(), value);
        }
        (4, _) => {
            fields.insert(dice.word(), leaf(dice));
        }
        _ => {
            fields.insert(dice.word(), other);
        }
    }
}

fn edit_array(elements: &mut Vec<Value>, change: usize, other: Value, dice: &mut Dice) {
    let at = dice.one_of(elements.len());
    match change {
        2 if at < elements.len() => {
            elements.remove(at);
        }
        3 => elements.push(other),
        4 => elements.reverse(),
        _ => {
            // Many of a kind that are not the same.
            let Some(sample) = elements.get(at).cloned() else { return elements.push(other) };
            let most = if dice.one_of(8) == 0 { 24 } else { 2 };
            for _ in 0..=dice.one_of(most) {
                let mut copy = sample.clone();
                let nodes = count(&copy);
                if let Some(node) = find(&mut copy, &mut dice.one_of(nodes)) {
                    match node {
                        Value::String(text) => edit_text(text, dice.one_of(8), dice),
                        node => *node = leaf(dice),
                    }
                }
                elements.push(copy);
            }
        }
    }
}

fn edit_text(text: &mut String, change: usize, dice: &mut Dice) {
    match change {
        2 | 3 => *text = dice.word(),
        4 => text.push_str(&dice.word()),
        5 => text.insert_str(0, &dice.word()),
        // The last digit alone: another instance, key or account of the same form.
        6 => {
            text.pop();
            text.push_str(&dice.one_of(10).to_string());
        }
        // Long, of characters that take one byte and become three, or take four.
        7 => *text = ["\u{7f}", "\u{10ffff}", "a"].get(dice.one_of(3)).unwrap_or(&"a").repeat(dice.one_of(1100)),
        _ => {
            let mut bytes = text.clone().into_bytes();
            let (size, room) = (bytes.len(), bytes.len() + 64);
            bytes.resize(room, 0);
            let size = fuzzer_mutate(&mut bytes, size, room);
            bytes.truncate(size);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

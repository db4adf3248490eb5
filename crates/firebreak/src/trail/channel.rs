//! Ways back in, and ways out, that denying a principal does not close. People close them.
//!
//! The advice is reversible: it names what can be switched on again, and never asks for a deletion. The tables are one file for what
//! an attacker is after; `fixtures/techniques` has a record of each call, and says where its form is from.

mod compute;
mod data;
mod identity;
mod keys;
mod traces;

use super::record::{Part, Record};
use crate::containment::Containment;
use crate::ids::{AccountId, Arn, BucketName, InstanceId, Region};
use crate::target::TargetKind;
use crate::text::inert;
use Part::{Request, Response};
use jiff::civil::Date;
use keys::own_key;
use std::borrow::Cow;

/// What a call opened.
pub(super) struct Channel<'a> {
    pub(super) kind: TargetKind,
    /// Checked where Firebreak contains the kind; else inert text for people. Empty: the record does not name it.
    pub(super) ids: Vec<String>,
    /// What to do about anything that such calls open: one text for all targets.
    pub(super) general: &'static str,
    /// When what the call was about is gone for good, if the record says so.
    pub(super) ends: Option<Date>,
    row: &'static Row,
    record: &'a Record,
}

/// Calls that open the same way. Of two calls about one target only the first makes a decision: all of them have one advice.
struct Row {
    source: &'static str,
    /// Without the API's date, which Lambda appends.
    events: &'static [&'static str],
    kind: TargetKind,
    /// Where the record names it: the first that is there.
    named: &'static [(Part, &'static str)],
    /// Lists that name several: the list, and where in each element.
    several: &'static [(Part, &'static str, &'static str)],
    /// Other calls of the name change something else.
    only_with: Option<&'static str>,
    /// How people call it, where a Region of an account has only one.
    itself: Option<&'static str>,
    advice: &'static str,
    /// The same with the command that undoes it. `<id>`, the `<last>` part of the id, `<region>`, `<account>`, by what a security
    /// `<group>` is found, and until `<when>` a key is there are filled in.
    exact: Option<&'static str>,
    /// What undoes the call as soon as a person agrees, where the record names what it was about so that a call can.
    undo: Option<Containment>,
}

/// A row without anything that only some rows have.
const PLAIN: Row = Row {
    source: "",
    events: &[],
    kind: TargetKind::Other,
    named: &[],
    several: &[],
    only_with: None,
    itself: None,
    advice: "",
    exact: None,
    undo: None,
};

const KMS: &str = "kms.amazonaws.com";

fn rows() -> impl Iterator<Item = &'static Row> {
    [identity::ROWS, traces::ROWS, data::ROWS, compute::ROWS].into_iter().flatten()
}

/// The channel that a call opened, if it is one of those that matter.
pub(super) fn of(record: &Record) -> Option<Channel<'_>> {
    let event = record.name.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
    let row = rows().find(|row| row.source == record.source && row.events.contains(&event))?;
    let is_something_else = row.only_with.is_some_and(|parameter| !record.has(parameter));
    // Services make grants for volumes and functions with the caller's rights: nobody came in through them.
    if is_something_else || event == "CreateGrant" && record.forwarded || takes_sharing_away(record) {
        return None;
    }
    let ends = keys::deleted_on(record).filter(|_| row.source == KMS);
    Some(Channel { kind: row.kind, ids: ids(row, record), general: row.advice, ends, row, record })
}

impl Channel<'_> {
    /// What to do about one of [`ids`](Self::ids): the command that undoes the call, where one exists and the id may stand in it.
    pub(super) fn advice(&self, id: &str) -> Cow<'static, str> {
        self.exact(id).map_or(Cow::Borrowed(self.general), Cow::Owned)
    }

    /// What undoes the call about one of [`ids`](Self::ids) as soon as a person agrees. Nothing where the id has no documented form, or is
    /// not of the account and the Region in whose trail the call stands: then a person looks.
    pub(super) fn undo(&self, id: &str) -> Option<Containment> {
        let is_placed = self.record.account.is_some() && self.record.region.is_some();
        self.row.undo.filter(|_| is_placed && own_key(id, self.record).is_some())
    }

    fn exact(&self, id: &str) -> Option<String> {
        let template = self.row.exact?;
        let names_it = template.contains("<id>") || template.contains("<last>");
        let is_safe = if self.row.source == KMS { own_key(id, self.record).is_some() } else { is_word(id) };
        let last = id.rsplit('/').next().filter(|last| !last.is_empty())?;
        let region = self.record.region.as_ref().map_or("<", Region::as_str);
        let account = self.record.account.as_ref().map_or("<", AccountId::as_str);
        // No group may have a name that begins so (EC2 API reference, `CreateSecurityGroup`, `GroupName`).
        let group = if id.starts_with("sg-") { "group-id" } else { "group-name" };
        let when = self.ends.map_or_else(|| "fails if none is scheduled".to_owned(), |day| format!("before {day}"));
        let values = [
            ("<id>", id),
            ("<last>", last),
            ("<region>", region),
            ("<account>", account),
            ("<group>", group),
            ("<when>", when.as_str()),
        ];
        let text = values.into_iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value));
        (!text.contains('<') && text.chars().count() <= MAX_ADVICE && (is_safe || !names_it)).then_some(text)
    }
}

/// What an advice says to do about anything that such calls open: of a filled-in command its row's general text, else the advice.
pub(crate) fn general(advice: &str) -> &str {
    let is_of = |row: &&Row| row.exact.is_some_and(|template| is_filled(template, advice));
    rows().find(is_of).map_or(advice, |row| row.advice)
}

/// Whether a text is a template with something in its places.
fn is_filled(template: &str, text: &str) -> bool {
    // What follows the first place begins with the name of the place.
    let mut parts = template
        .split('<')
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('>').map_or(part, |(_, rest)| rest) });
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(*part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(*last)
}

/// Characters of an advice that are shown (`Wanted::found_by_hand`). A command must not be cut off.
const MAX_ADVICE: usize = 300;

/// What the record says that the call was about.
fn ids(row: &Row, record: &Record) -> Vec<String> {
    let valid: fn(&str) -> bool = match row.kind {
        TargetKind::Ec2Instance => |id| InstanceId::parse(id).is_ok(),
        TargetKind::S3Bucket => |name| BucketName::parse(name).is_ok(),
        _ => |_| true,
    };
    let single = row.named.iter().find_map(|(part, path)| match part {
        Request => record.asked(path),
        Response => record.answered(path),
    });
    if let Some(key) = single.filter(|_| row.source == KMS).and_then(|named| own_key(named, record)) {
        return vec![key.to_owned()];
    }
    let several = row.several.iter().flat_map(|(part, list, path)| record.each(*part, list, path)).take(MAX_NAMED);
    let named = single.into_iter().chain(several).filter(|id| valid(id)).map(|id| function_name(row, id, record).unwrap_or(id));
    let mut ids: Vec<String> = named.map(|id| inert(id, 256)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        ids.extend(row.itself.map(str::to_owned));
    }
    ids
}

/// The name in the ARN of a function of the trail's own account: some callers give one and some the other.
fn function_name<'a>(row: &Row, id: &'a str, record: &Record) -> Option<&'a str> {
    let arn = Arn::parse(id).filter(|_| row.kind == TargetKind::LambdaFunction)?;
    let is_ours = arn.service == "lambda" && arn.account == record.account && arn.region == record.region;
    arn.resource.strip_prefix("function:").filter(|_| is_ours)?.split(':').next()
}

/// One word for any shell, and no link for any mail client.
fn is_word(id: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_/:+=".contains(&b);
    id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.bytes().all(is_plain) && !id.contains("//")
}

/// More than this in one call is for people to read.
pub(super) const MAX_NAMED: usize = 20;

/// Snapshots and images: permissions were only removed.
fn takes_sharing_away(record: &Record) -> bool {
    let only = |taken: &str, given: &str| record.has(taken) && !record.has(given);
    only("/createVolumePermission/remove", "/createVolumePermission/add")
        || only("/launchPermission/remove", "/launchPermission/add")
        || only("/valuesToRemove", "/valuesToAdd")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    /// A record of every call: its form, and where that is from.
    fn calls() -> Vec<Value> {
        serde_json::from_str(include_str!("../../../../fixtures/techniques/calls.json")).expect("JSON")
    }

    fn record(call: &Value) -> Record {
        let record = json!({"eventName": call["name"], "eventSource": format!("{}.amazonaws.com", call["source"].as_str().expect("text")),
            "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
            "requestParameters": call["request"], "responseElements": call["response"]});
        Record::parse(&record.to_string()).expect("a record")
    }

    #[test]
    fn advice_fits_and_destroys_nothing() {
        for row in rows() {
            assert!(!row.advice.is_empty() && row.advice.len() <= 160, "{} {}", row.advice.len(), row.advice);
            for text in [Some(row.advice), row.exact].into_iter().flatten() {
                let words = text.to_ascii_lowercase();
                let destroys = ["delete ", "delete-", "terminate", "remove ", "remove-"].iter().any(|word| words.contains(word));
                assert!(!destroys || row.source == "s3.amazonaws.com", "{text}");
            }
        }
    }

    #[test]
    fn each_call_of_a_row_has_a_record_that_names_what_it_is_about() {
        let calls: Vec<Record> = calls().iter().map(record).collect();
        for row in rows() {
            for event in row.events {
                let named = |call: &Record| call.source == row.source && call.name.trim_end_matches(is_date) == *event;
                let call = calls.iter().find(|call| named(call)).unwrap_or_else(|| panic!("no record of {} {event}", row.source));
                let channel = of(call).unwrap_or_else(|| panic!("{} {event} opens nothing", row.source));
                assert!(!channel.ids.is_empty(), "{} {event} names nothing", row.source);
                let exact = channel.ids.iter().all(|id| channel.advice(id) != channel.general);
                assert_eq!(exact, row.exact.is_some(), "{} {event}: the command is filled in", row.source);
            }
        }
    }

    /// Of `CreateFunction20150331v2`.
    fn is_date(c: char) -> bool {
        c.is_ascii_digit() || c == 'v'
    }

    #[test]
    fn each_call_is_in_one_row() {
        let all: Vec<(&str, &str)> = rows().flat_map(|row| row.events.iter().map(|event| (row.source, *event))).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn only_a_plain_word_is_in_a_command() {
        let stopped = |name: &str| record(&json!({"source": "cloudtrail", "name": "StopLogging", "request": {"name": name}}));
        let advice = |name: &str| of(&stopped(name)).expect("a channel").advice(name).into_owned();
        assert!(advice("org-trail").starts_with("aws cloudtrail start-logging --name org-trail --region us-east-1 "));
        for odd in ["$(reboot)", "--profile", "a b", "evil.example", "http://evil", "a;b", "a`b", "<region>", &"a".repeat(300)] {
            assert_eq!(advice(odd), of(&stopped(odd)).expect("a channel").general, "{odd}");
        }
    }

    #[test]
    fn a_filled_in_command_is_known_by_its_row() {
        let mut filled = 0;
        for call in &calls() {
            let record = record(call);
            for (channel, id) in of(&record).iter().flat_map(|channel| channel.ids.iter().map(move |id| (channel, id))) {
                let advice = channel.advice(id);
                assert_eq!(general(&advice), channel.general, "{advice}");
                filled += usize::from(advice != channel.general);
            }
        }
        assert!(filled > 10, "{filled}");
        for other in ["", "look at it", "aws ec2 describe-instances --filters Name=key-name,Values=x"] {
            assert_eq!(general(other), other);
        }
    }

    #[test]
    fn a_security_group_is_found_by_its_id_or_by_its_name() {
        for (group, found) in [("groupId", "Name=group-id,Values=sg-1 "), ("groupName", "Name=group-name,Values=web ")] {
            let id = if group == "groupId" { "sg-1" } else { "web" };
            let opened = record(&json!({"source": "ec2", "name": "AuthorizeSecurityGroupIngress", "request": {group: id}}));
            let advice = of(&opened).expect("a channel").advice(id).into_owned();
            assert!(advice.contains(found), "{advice}");
        }
    }

    #[test]
    fn what_is_shared_no_more_opens_nothing() {
        let snapshot = |change: Value| {
            let mut request = json!({"dBSnapshotIdentifier": "exfiltration", "attributeName": "restore"});
            request.as_object_mut().expect("an object").extend(change.as_object().cloned().unwrap_or_default());
            record(&json!({"source": "rds", "name": "ModifyDBSnapshotAttribute", "request": request}))
        };
        assert!(of(&snapshot(json!({"valuesToRemove": ["193672423079"]}))).is_none());
        assert!(of(&snapshot(json!({"valuesToRemove": ["193672423079"], "valuesToAdd": ["all"]}))).is_some());
    }
}

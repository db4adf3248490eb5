//! The IAM and the CloudTrail of a member account, as triage asks them.

use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who there is: names with ids, roles with paths besides, keys with the names of their owners.
#[derive(Default, Clone)]
pub(crate) struct Directory {
    pub(crate) users: Vec<(&'static str, &'static str)>,
    pub(crate) roles: Vec<(&'static str, &'static str, &'static str)>,
    pub(crate) keys: BTreeMap<&'static str, &'static str>,
    /// Users, by name and id, with the administrator's policy; whether there are more.
    pub(crate) administrators: Vec<(&'static str, &'static str)>,
    pub(crate) more_administrators: bool,
}

impl Directory {
    /// It answers from now on. Users are listed one at a page.
    pub(crate) fn answers(self, aws: &ScriptedAws) {
        aws.on("iam:*", move |call| self.serve(call));
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        match call.operation.as_str() {
            "GetUser" => {
                let mut users = self.users.iter();
                let found = users.find(|(name, _)| name.eq_ignore_ascii_case(call.param("UserName")));
                Some(found.map_or_else(nobody, |(name, id)| ok(format!("<User>{}</User>", user(name, id)))))
            }
            "GetRole" => {
                let mut roles = self.roles.iter();
                let found = roles.find(|(name, ..)| name.eq_ignore_ascii_case(call.param("RoleName")));
                Some(found.map_or_else(nobody, |(name, id, path)| ok(format!("<Role>{}</Role>", role(name, id, path)))))
            }
            "GetAccessKeyLastUsed" => {
                let used = "<AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>";
                let owner = self.keys.get(call.param("AccessKeyId"));
                Some(owner.map_or_else(nobody, |name| ok(format!("<UserName>{name}</UserName>{used}"))))
            }
            "ListUsers" => {
                let at: usize = call.param("Marker").parse().unwrap_or_default();
                let members: String =
                    self.users.iter().skip(at).take(1).map(|(name, id)| format!("<member>{}</member>", user(name, id))).collect();
                let more = at + 1 < self.users.len();
                let marker = if more { format!("<Marker>{}</Marker>", at + 1) } else { String::new() };
                Some(ok(format!("<Users>{members}</Users><IsTruncated>{more}</IsTruncated>{marker}")))
            }
            "ListEntitiesForPolicy" => {
                let member =
                    |(name, id): &(&str, &str)| format!("<member><UserName>{name}</UserName><UserId>{id}</UserId></member>");
                let users: String = self.administrators.iter().map(member).collect();
                let others = "<PolicyRoles></PolicyRoles><PolicyGroups></PolicyGroups>";
                let truncated = self.more_administrators;
                Some(ok(format!("<PolicyUsers>{users}</PolicyUsers>{others}<IsTruncated>{truncated}</IsTruncated>")))
            }
            _ => None,
        }
    }
}

fn nobody() -> Answer {
    error(404, "NoSuchEntity")
}

fn user(name: &str, id: &str) -> String {
    let arn = format!("arn:aws:iam::{}:user/{name}", room::ACCOUNT);
    format!(
        "<Path>/</Path><UserName>{name}</UserName><UserId>{id}</UserId><Arn>{arn}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate>"
    )
}

fn role(name: &str, id: &str, path: &str) -> String {
    let arn = format!("arn:aws:iam::{}:role{path}{name}", room::ACCOUNT);
    format!(
        "<Path>{path}</Path><RoleName>{name}</RoleName><RoleId>{id}</RoleId><Arn>{arn}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate>"
    )
}

/// A record by its principal, key and address.
pub(crate) type Record = (&'static str, &'static str, &'static str);

/// CloudTrail has these records; with a token there are more, however often it is asked.
pub(crate) fn trail(aws: &ScriptedAws, records: &[Record], token: Option<&str>) {
    let record = |(principal, key, address): &Record| {
        let identity = json!({ "type": "AssumedRole", "principalId": principal, "accessKeyId": key });
        json!({ "CloudTrailEvent": json!({ "userIdentity": identity, "sourceIPAddress": address }).to_string() })
    };
    let events: Vec<Value> = records.iter().map(record).collect();
    aws.answer("cloudtrail:LookupEvents", ok(json!({ "Events": events, "NextToken": token }).to_string()));
}

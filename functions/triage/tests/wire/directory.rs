//! The IAM and the CloudTrail of a member account, as triage asks them.

use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Users by name and id.
pub(crate) type Users = Vec<(&'static str, &'static str)>;

/// Who there is: names with ids, roles with paths besides, keys with the names of their owners.
#[derive(Default, Clone)]
pub(crate) struct Directory {
    pub(crate) users: Users,
    pub(crate) roles: Vec<(&'static str, &'static str, &'static str)>,
    /// Instance profiles, and the name of the role in each.
    pub(crate) profiles: Vec<(&'static str, Option<&'static str>)>,
    pub(crate) keys: BTreeMap<&'static str, &'static str>,
    /// Users, by name and id, with the administrator's policy; whether there are more.
    pub(crate) administrators: Vec<(&'static str, &'static str)>,
    pub(crate) more_administrators: bool,
    /// Groups with that policy, and who is in them.
    pub(crate) groups: Vec<(&'static str, Users)>,
}

impl Directory {
    /// It answers from now on. Users, also those of a group, are listed one at a page.
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
            "GetInstanceProfile" => {
                let mut profiles = self.profiles.iter();
                let found = profiles.find(|(name, _)| *name == call.param("InstanceProfileName"));
                Some(found.map_or_else(nobody, |(name, role)| {
                    ok(format!("<InstanceProfile>{}</InstanceProfile>", self.profile(name, *role)))
                }))
            }
            "GetAccessKeyLastUsed" => {
                let used = "<AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>";
                let owner = self.keys.get(call.param("AccessKeyId"));
                Some(owner.map_or_else(nobody, |name| ok(format!("<UserName>{name}</UserName>{used}"))))
            }
            "ListUsers" => Some(ok(page(&self.users, call))),
            "GetGroup" => {
                let found = self.groups.iter().find(|(name, _)| *name == call.param("GroupName"));
                Some(
                    found.map_or_else(nobody, |(name, users)| ok(format!("<Group>{}</Group>{}", group(name), page(users, call)))),
                )
            }
            "ListEntitiesForPolicy" => {
                let member =
                    |(name, id): &(&str, &str)| format!("<member><UserName>{name}</UserName><UserId>{id}</UserId></member>");
                let users: String = self.administrators.iter().map(member).collect();
                let of_group = |name: &&str| format!("<member><GroupName>{name}</GroupName></member>");
                let groups: String = self.groups.iter().map(|(name, _)| of_group(name)).collect();
                let others = format!("<PolicyRoles></PolicyRoles><PolicyGroups>{groups}</PolicyGroups>");
                let truncated = self.more_administrators;
                Some(ok(format!("<PolicyUsers>{users}</PolicyUsers>{others}<IsTruncated>{truncated}</IsTruncated>")))
            }
            _ => None,
        }
    }

    fn profile(&self, name: &str, of: Option<&str>) -> String {
        let roles = self.roles.iter().filter(|(name, ..)| Some(*name) == of);
        let members: String = roles.map(|(name, id, path)| format!("<member>{}</member>", role(name, id, path))).collect();
        let arn = format!("arn:aws:iam::{}:instance-profile/{name}", room::ACCOUNT);
        format!(
            "<Path>/</Path><InstanceProfileName>{name}</InstanceProfileName><InstanceProfileId>AIPAEXAMPLE0000000001</InstanceProfileId>\
             <Arn>{arn}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><Roles>{members}</Roles>"
        )
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

/// One user of a list.
fn page(users: &[(&str, &str)], call: &Call) -> String {
    let at: usize = call.param("Marker").parse().unwrap_or_default();
    let members: String =
        users.iter().skip(at).take(1).map(|(name, id)| format!("<member>{}</member>", user(name, id))).collect();
    let more = at + 1 < users.len();
    let marker = if more { format!("<Marker>{}</Marker>", at + 1) } else { String::new() };
    format!("<Users>{members}</Users><IsTruncated>{more}</IsTruncated>{marker}")
}

fn group(name: &str) -> String {
    let arn = format!("arn:aws:iam::{}:group/{name}", room::ACCOUNT);
    format!(
        "<Path>/</Path><GroupName>{name}</GroupName><GroupId>AGPAEXAMPLEGROUP00001</GroupId><Arn>{arn}</Arn>\
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

/// CloudTrail has these records in each Region; with a token there are more, however often it is asked.
pub(crate) fn trail(aws: &ScriptedAws, records: &[Record], token: Option<&str>) {
    aws.answer("cloudtrail:LookupEvents", events(records, token));
}

/// CloudTrail's answer with these records.
pub(crate) fn events(records: &[Record], token: Option<&str>) -> Answer {
    let record = |(principal, key, address): &Record| {
        let identity = json!({ "type": "AssumedRole", "principalId": principal, "accessKeyId": key });
        json!({ "CloudTrailEvent": json!({ "userIdentity": identity, "sourceIPAddress": address }).to_string() })
    };
    let events: Vec<Value> = records.iter().map(record).collect();
    ok(json!({ "Events": events, "NextToken": token }).to_string())
}

//! Users as IAM keeps them, as far as their quarantine and its release look.

use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that changes of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) id: String,
    /// ARNs of managed policies.
    pub(crate) attached: BTreeSet<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Access keys, and whether each works.
    pub(crate) keys: BTreeMap<String, bool>,
}

impl User {
    /// Nobody has done anything to it.
    pub(crate) fn new(name: &str, id: &str, key: &str) -> Self {
        let keys = BTreeMap::from([(key.to_owned(), true)]);
        Self { name: name.to_owned(), id: id.to_owned(), attached: BTreeSet::new(), tags: BTreeMap::new(), keys }
    }

    pub(crate) fn is_denied(&self) -> bool {
        !self.attached.is_empty() && self.keys.values().all(|works| !works)
    }
}

#[derive(Clone)]
pub(crate) struct Users(Arc<Mutex<Vec<User>>>);

impl Users {
    pub(crate) fn start(aws: &ScriptedAws, user: User) -> Self {
        let users = Self(Arc::new(Mutex::new(vec![user])));
        let served = users.clone();
        aws.on("iam:*", move |call| served.serve(call));
        users
    }

    fn users(&self) -> MutexGuard<'_, Vec<User>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody, in the order in which they came.
    pub(crate) fn now(&self) -> Vec<User> {
        self.users().clone()
    }

    /// Whoever has the name of `user` gets another one, and `user` is there.
    pub(crate) fn replace(&self, renamed: &str, user: User) {
        let mut users = self.users();
        users.iter_mut().filter(|known| known.name == user.name).for_each(|known| renamed.clone_into(&mut known.name));
        users.push(user);
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        let mut users = self.users();
        match call.operation.as_str() {
            "ListUsers" => return Some(list("Users", users.iter().map(about))),
            "GetAccessKeyLastUsed" => {
                let owner = users.iter().find(|user| user.keys.contains_key(call.param("AccessKeyId")));
                let never = "<AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>";
                let found = owner.map(|user| ok(format!("<UserName>{}</UserName>{never}", user.name)));
                return Some(found.unwrap_or_else(|| error(404, "NoSuchEntity")));
            }
            _ => {}
        }
        match users.iter_mut().find(|user| user.name == call.param("UserName")) {
            Some(user) => read(user, call).or_else(|| write(user, call)),
            None => Some(error(404, "NoSuchEntity")),
        }
    }
}

fn read(user: &User, call: &Call) -> Option<Answer> {
    let status = |works: bool| if works { "Active" } else { "Inactive" };
    Some(match call.operation.as_str() {
        "GetUser" => ok(format!("<User>{}</User>", about(user))),
        "GetLoginProfile" => error(404, "NoSuchEntity"),
        "ListAccessKeys" => {
            let each = user.keys.iter();
            let each = each.map(|(id, works)| format!("<AccessKeyId>{id}</AccessKeyId><Status>{}</Status>", status(*works)));
            list("AccessKeyMetadata", each)
        }
        "ListAttachedUserPolicies" => {
            list("AttachedPolicies", user.attached.iter().map(|arn| format!("<PolicyArn>{arn}</PolicyArn>")))
        }
        "ListUserTags" => list("Tags", user.tags.iter().map(|(key, value)| format!("<Key>{key}</Key><Value>{value}</Value>"))),
        "ListUserPolicies" => nothing("PolicyNames"),
        "ListGroupsForUser" => nothing("Groups"),
        "ListMFADevices" => nothing("MFADevices"),
        "ListServiceSpecificCredentials" => nothing("ServiceSpecificCredentials"),
        "ListSSHPublicKeys" => nothing("SSHPublicKeys"),
        "ListSigningCertificates" => nothing("Certificates"),
        _ => return None,
    })
}

fn write(user: &mut User, call: &Call) -> Option<Answer> {
    let policy = call.param("PolicyArn");
    let found = match call.operation.as_str() {
        "AttachUserPolicy" => {
            user.attached.insert(policy.to_owned());
            true
        }
        "DetachUserPolicy" => user.attached.remove(policy),
        "TagUser" => {
            let written = members(call, "Tags", ".Key").zip(members(call, "Tags", ".Value"));
            user.tags.extend(written.map(|(key, value)| (key.to_owned(), value.to_owned())));
            true
        }
        "UntagUser" => {
            members(call, "TagKeys", "").for_each(|key| {
                user.tags.remove(key);
            });
            true
        }
        "UpdateAccessKey" => match user.keys.get_mut(call.param("AccessKeyId")) {
            Some(works) => {
                *works = call.param("Status") == "Active";
                true
            }
            None => false,
        },
        _ => return None,
    };
    Some(if found { ok("") } else { error(404, "NoSuchEntity") })
}

fn about(user: &User) -> String {
    let User { name, id, .. } = user;
    let arn = format!("arn:aws:iam::{}:user/{name}", room::ACCOUNT);
    let named = format!("<Path>/</Path><UserName>{name}</UserName><UserId>{id}</UserId><Arn>{arn}</Arn>");
    format!("{named}<CreateDate>2026-01-01T00:00:00Z</CreateDate>")
}

fn list(name: &str, members: impl Iterator<Item = String>) -> Answer {
    let members: String = members.map(|member| format!("<member>{member}</member>")).collect();
    ok(format!("<{name}>{members}</{name}><IsTruncated>false</IsTruncated>"))
}

fn nothing(name: &str) -> Answer {
    list(name, std::iter::empty())
}

/// The members of a list in a request, or one part of each.
fn members<'a>(call: &'a Call, list: &'a str, part: &'a str) -> impl Iterator<Item = &'a str> {
    let member = move |at: usize| call.param(&format!("{list}.member.{at}{part}"));
    (1..).map(member).take_while(|value| !value.is_empty())
}

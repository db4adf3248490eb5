//! A role whose sessions are denied, as IAM shows it.

use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One role, with what Firebreak wrote on it.
#[derive(Clone)]
pub(crate) struct Role(Arc<Mutex<Written>>);

struct Written {
    policies: BTreeSet<String>,
    tags: BTreeMap<String, String>,
}

impl Role {
    pub(crate) const NAME: &'static str = "deploy";

    /// The sessions are denied by the policy, and by one tag each.
    pub(crate) fn with_denied_sessions(aws: &ScriptedAws, sessions: &[&str]) -> Self {
        let deny = format!("arn:aws:iam::{}:policy/{}", room::ACCOUNT, quarantine_iam::DENY_TAGGED_SESSION);
        let labels = ["firebreak-state", "firebreak-incident", "firebreak-at"].map(|key| (key.to_owned(), "x".to_owned()));
        let named = sessions.iter().enumerate().map(|(at, name)| (format!("firebreak-session-{}", at + 1), (*name).to_owned()));
        let tags = named.chain(labels).collect();
        let role = Self(Arc::new(Mutex::new(Written { policies: BTreeSet::from([deny]), tags })));
        let served = role.clone();
        aws.on("iam:*", move |call| served.serve(call));
        role
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The managed policies that are attached.
    pub(crate) fn policies(&self) -> Vec<String> {
        self.written().policies.iter().cloned().collect()
    }

    /// The keys of its tags.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.written().tags.keys().cloned().collect()
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        if call.param("RoleName") != Self::NAME {
            return Some(error(404, "NoSuchEntity"));
        }
        let mut written = self.written();
        Some(match call.operation.as_str() {
            "GetRole" => ok(format!(
                "<Role><Path>/</Path><RoleName>{0}</RoleName><RoleId>AROAEXAMPLEDEPLOY0001</RoleId>\
                 <Arn>arn:aws:iam::{1}:role/{0}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>",
                Self::NAME,
                room::ACCOUNT
            )),
            "ListAttachedRolePolicies" => {
                let each = written.policies.iter();
                let each = each.map(|arn| format!("<member><PolicyName>deny</PolicyName><PolicyArn>{arn}</PolicyArn></member>"));
                ok(format!("<AttachedPolicies>{}</AttachedPolicies><IsTruncated>false</IsTruncated>", each.collect::<String>()))
            }
            "ListRolePolicies" => ok("<PolicyNames/><IsTruncated>false</IsTruncated>"),
            "ListRoleTags" => {
                let each = written.tags.iter();
                let each = each.map(|(key, value)| format!("<member><Key>{key}</Key><Value>{value}</Value></member>"));
                ok(format!("<Tags>{}</Tags><IsTruncated>false</IsTruncated>", each.collect::<String>()))
            }
            "UntagRole" => {
                written.tags.retain(|key, _| !(1..=50).any(|at| call.param(&format!("TagKeys.member.{at}")) == key.as_str()));
                ok("")
            }
            "DetachRolePolicy" => {
                if written.policies.remove(call.param("PolicyArn")) {
                    ok("")
                } else {
                    error(404, "NoSuchEntity")
                }
            }
            _ => return None,
        })
    }
}

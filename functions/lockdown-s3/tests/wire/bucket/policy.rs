//! What S3 takes as a bucket policy (Amazon S3 user guide, "Policies and permissions in Amazon S3", "Blocking public access to your
//! Amazon S3 storage"; AWS re:Post, "Invalid principal in policy").

use super::state::State;
use crate::NAME;
use firebreak_testkit::scripted::{Answer, error, ok};
use serde_json::Value;
use std::collections::BTreeSet;

/// In bytes, without the space between its parts.
const LIMIT: usize = 20_480;

/// Condition keys that keep a policy from being public where they have fixed values.
const FIXED: [&str; 8] = [
    "aws:SourceArn",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceAccount",
    "aws:SourceIp",
    "aws:PrincipalOrgID",
    "aws:userid",
    "s3:DataAccessPointArn",
];

/// Takes a policy, or says why not.
pub(super) fn put(state: &mut State, text: &str) -> Answer {
    match refusal(state, text) {
        Some(refusal) => refusal,
        None => {
            state.policy = Some(text.to_owned());
            ok("")
        }
    }
}

fn refusal(state: &State, text: &str) -> Option<Answer> {
    let malformed = |why: &str| Some(error(400, "MalformedPolicy").saying(why));
    let Some(policy) = serde_json::from_str::<Value>(text).ok().filter(Value::is_object) else {
        return malformed("Policies must be valid JSON and the first byte must be '{'");
    };
    if policy.to_string().len() > LIMIT {
        return malformed("Policy exceeds the maximum allowed document size.");
    }
    let statements = listed(&policy["Statement"]);
    if statements.is_empty() {
        return malformed("Missing required field Statement");
    }
    let sids: Vec<&str> = statements.iter().filter_map(|statement| statement["Sid"].as_str()).collect();
    if sids.iter().collect::<BTreeSet<_>>().len() < sids.len() {
        return malformed("Duplicate Sid");
    }
    for statement in &statements {
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return malformed("Invalid effect");
        }
        let principals = principals(statement);
        if principals.is_empty() {
            return malformed("Missing required field Principal");
        }
        if principals.iter().any(|principal| is_orphaned(state, principal)) {
            return malformed("Invalid principal in policy");
        }
        let names_some = statement.get("Resource").or_else(|| statement.get("NotResource")).is_some();
        if !names_some || !listed(&statement["Resource"]).iter().all(is_ours) {
            return malformed("Policy has invalid resource");
        }
    }
    let is_kept_private = state.block.is_some_and(|[_, _, policy, _]| policy);
    let why = "because public policies are blocked by the BlockPublicPolicy block public access setting.";
    (is_kept_private && statements.iter().any(is_public)).then(|| error(403, "AccessDenied").saying(why))
}

/// One value, or a list of them.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![],
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}

/// Everybody whom a statement names, of whatever kind.
fn principals(statement: &Value) -> Vec<String> {
    let named = statement.get("Principal").or_else(|| statement.get("NotPrincipal")).cloned().unwrap_or_default();
    let of_kinds = named.as_object().map(|kinds| kinds.values().flat_map(listed).collect::<Vec<Value>>());
    of_kinds.unwrap_or_else(|| listed(&named)).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Of a principal that was deleted S3 shows the id, and does not take it back.
fn is_orphaned(state: &State, principal: &str) -> bool {
    let is_id = |front: &str| principal.starts_with(front) && principal.chars().all(|c| c.is_ascii_alphanumeric());
    is_id("AIDA") || is_id("AROA") || state.orphans.contains(principal)
}

fn is_ours(resource: &Value) -> bool {
    let path = resource.as_str().and_then(|arn| arn.splitn(6, ':').nth(5)).unwrap_or_default();
    path == NAME || path.starts_with(&format!("{NAME}/")) || path == format!("{NAME}*")
}

fn is_public(statement: &Value) -> bool {
    let is_everybody = principals(statement).iter().any(|principal| principal == "*");
    let keys = statement["Condition"].as_object().into_iter().flat_map(|operators| operators.values());
    let keys: Vec<&String> = keys.filter_map(Value::as_object).flat_map(|keys| keys.keys()).collect();
    let is_bound = keys.iter().any(|key| FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(key)));
    statement["Effect"] == "Allow" && is_everybody && !is_bound
}

//! Denies in the bucket policy that only call themselves Firebreak's. No release takes them out, so people must know of them.

use crate::base::BaseState;
use crate::claimed::Claims;
use crate::deleted::is_same;
use crate::lineage;
use firebreak::fault::Fault;
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document};
use serde_json::Value;

/// One line for each such Deny of `now` that was not there before the containment. Without a record nobody knows what was.
pub(super) async fn planted(call: &Call, bucket: &Bucket, base: Option<&BaseState>, now: &Document) -> Vec<String> {
    let Some(Ok(before)) = base.map(|base| Document::parse(base.policy.as_deref())) else { return vec![] };
    match Box::pin(impostors(call, bucket, (&before, now))).await {
        Ok(lines) => lines,
        Err(fault) => vec![format!("whose the statements of the bucket policy are is not known: {}", fault.message)],
    }
}

/// Whoever contains a level records that first, and whoever releases one takes its statements out before the record ends. So the record is read
/// after the policy, and then the policy once more.
async fn impostors(call: &Call, bucket: &Bucket, (before, now): (&Document, &Document)) -> Result<Vec<String>, Fault> {
    let level = call.target.scope;
    if told(&Claims::of([level]), before, now).is_empty() {
        return Ok(vec![]);
    }
    let claims = Box::pin(lineage::others(call)).await?.claims(level);
    if told(&claims, before, now).is_empty() {
        return Ok(vec![]);
    }
    Ok(told(&claims, before, &Box::pin(policy::get(bucket)).await?))
}

fn told(claims: &Claims, before: &Document, now: &Document) -> Vec<String> {
    let is_new = |one: &&Value| !claims.impostors(before).any(|known| is_same(known, one));
    let line = |one: &Value| {
        let sid = one.get("Sid").and_then(Value::as_str).unwrap_or_default();
        let name = inert(sid, 60);
        format!("statement {name} of the bucket policy denies in Firebreak's name and is not Firebreak's: somebody made it since")
    };
    claims.impostors(now).filter(is_new).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::target::Scope;
    use serde_json::json;

    fn policy(sids: &[&str]) -> Document {
        let deny = |sid: &&str| json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" });
        Document::parse(None).expect("no policy").with(&sids.iter().map(deny).collect::<Vec<Value>>())
    }

    #[test]
    fn a_deny_in_firebreaks_name_is_told_where_no_level_has_it_and_it_is_new() {
        let before = policy(&["FirebreakOld"]);
        let now = policy(&["TlsOnly", "FirebreakOld", "FirebreakDenyOutsiders", "FirebreakSeal", "FirebreakX"]);
        let lines = told(&Claims::of([Scope::Freeze]), &before, &now);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("FirebreakSeal") && lines[1].contains("FirebreakX"), "{lines:?}");
        assert_eq!(told(&Claims::of([Scope::Freeze, Scope::Seal]), &before, &now).len(), 1);
    }
}

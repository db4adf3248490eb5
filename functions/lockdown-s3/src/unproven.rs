//! Exceptions from the outsiders' deny of which nobody knows whether a suspect wrote them down.
//!
//! Whoever makes enough noise hides his write of the bucket policy from the pages that Firebreak reads of CloudTrail, and an accomplice whom he
//! named there keeps access. Nobody is shut out on a guess; but the freeze does not count as whole.

use crate::changed::{Changed, Kind, Trust};
use crate::statements::{Around, excepted};
use firebreak::fault::Fault;
use firebreak::step::{StepKind, StepName};
use firebreak_s3::policy::Document;

/// So many are named in a line.
const NAMED: usize = 3;

/// The step that fails where nobody knows. The statement itself has its own step.
pub(crate) fn name() -> StepName {
    StepName::about(StepKind::DenyOutsiders, "policy")
}

/// Why the names that `believed` excepts are not proven, and what a person does. Nothing: CloudTrail shows who wrote the policy, or the policy
/// names nobody outside.
pub(crate) fn unproven(around: &Around<'_>, believed: &Document, (changed, trust): (Option<&Changed>, &Trust)) -> Option<Fault> {
    around.organization?;
    let why = changed?.why_hidden(Kind::Policy).filter(|_| !trust.policy_by_suspect)?;
    let names = excepted(around, believed);
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let who = match names.len() {
        0 => return None,
        count if count <= NAMED => first,
        count => format!("{count} names, among them {first}"),
    };
    let bucket = &around.bucket.name;
    Some(Fault::malformed(format!(
        "whom the bucket policy names keeps access, and CloudTrail does not show whether a suspect wrote it: {who}. If one of them is an \
         accomplice, take that statement out, or seal the bucket with --only \"every access to S3 bucket {bucket}\". Looks ask again \
         ({why})"
    )))
}

//! Reads back whether the lockdown holds.

use crate::base::{self, PublicAccessBlock};
use crate::bucket;
use firebreak::fault::Fault;
use firebreak_aws::containment::Call;

pub(crate) async fn verify(call: &Call) -> Result<Vec<String>, Fault> {
    let bucket = bucket::open(call).await?;
    Ok(match base::public_access_block(&bucket).await? {
        Some(PublicAccessBlock::ALL) => vec![],
        _ => vec!["the public access block is not fully on".to_owned()],
    })
}

//! Reads back whether the lockdown holds.

use crate::base::{self, PublicAccessBlock};
use firebreak::fault::Fault;
use firebreak_function::containment::{Call, Checked};

pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let bucket = firebreak_s3::open(&call.config, &call.target).await?;
    let problems = match base::public_access_block(&bucket).await? {
        Some(PublicAccessBlock::ALL) => vec![],
        _ => vec!["the public access block is not fully on".to_owned()],
    };
    Ok(problems.into())
}

//! A bucket policy that S3 has taken, and may not show yet.

use crate::open::Bucket;
use crate::policy::{self, Document};
use firebreak::fault::Fault;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often S3 is asked for a policy that it has taken.
const LOOKS: usize = 3;
/// No longer than this: others wait for their turn.
const LONGEST: Duration = Duration::from_secs(8);

/// Waits until S3 shows a policy for which `is_new` holds, as long as what it shows can be old (Amazon S3 user guide, "Amazon S3 data
/// consistency model"). Whoever has the next turn reads the policy, and writes all of it. `settle`: how long a read may be behind a write.
pub async fn until_shown(bucket: &Bucket, settle: Duration, is_new: impl Fn(&Document) -> bool) {
    let looks = async {
        for look in 0..LOOKS {
            if look > 0 {
                sleep(settle).await;
            }
            if is_new(&Box::pin(policy::get(bucket)).await?) {
                return Ok(true);
            }
        }
        Ok::<_, Fault>(false)
    };
    match timeout(LONGEST, looks).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) | Err(_) => tracing::warn!("S3 does not show the bucket policy that it took"),
        Ok(Err(fault)) => tracing::warn!(fault.message = %fault.message, "whether S3 shows the new bucket policy is not known"),
    }
}

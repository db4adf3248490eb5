//! The turn of one level. Two levels of one incident are carried out at the same time.

use firebreak::fault::Fault;
use firebreak_function::containment::Call;
use firebreak_s3::policy::{self, Document};
use firebreak_s3::{Bucket, Turn, Unanswered};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often S3 is asked for a policy that it has taken.
const LOOKS: usize = 3;
/// No longer than this: others wait for their turn.
const LONGEST: Duration = Duration::from_secs(8);

/// Does `work` while no other function of Firebreak changes the bucket of `call`.
///
/// The owner of the lock is the level in the name of its holder: a run after one that was killed finds its own lock again. Without an answer
/// about the lock nothing is done: another level may be writing, and one of the two would take out what the other one put in.
///
/// # Errors
/// Those of `work`; `Transient` when it is not this one's turn in time; whatever kept the ledger from answering. `work` was not begun then.
pub(crate) async fn alone<T>(call: &Call, work: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let owner = format!("{}#{}#{}", call.incident, call.holder.id(), call.target.scope.name());
    Turn { bucket: call.target.whole(), owner, unanswered: Unanswered::Leave }.alone(&call.ledger, work).await
}

/// Waits until S3 shows a policy for which `is_new` holds, as long as what it shows can be old (Amazon S3 user guide, "Amazon S3 data
/// consistency model"). Whoever has the next turn reads the policy, and writes all of it.
pub(crate) async fn until_shown(call: &Call, bucket: &Bucket, is_new: impl Fn(&Document) -> bool) {
    let looks = async {
        for look in 0..LOOKS {
            if look > 0 {
                sleep(call.settle).await;
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

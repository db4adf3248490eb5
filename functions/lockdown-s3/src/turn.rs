//! The turn of one level. Two levels of one incident are carried out at the same time.

use firebreak::fault::Fault;
use firebreak_function::containment::Call;
use firebreak_s3::Turn;

/// What takes a turn at a level. Two of one incident can run at the same time, and each writes what it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// A containment, or the release of all of the level.
    Level,
    /// A look that writes again.
    Look,
    /// The release of some suspects, where the level stays.
    Free,
}

/// Does `work` while no other function of Firebreak changes the bucket of `call`.
///
/// The owner of the lock is the level in the name of its holder, and what runs: a run after one that was killed finds its own lock again.
///
/// # Errors
/// Those of `work`; `Transient` when it is not this one's turn in time; whatever kept the ledger from answering. `work` was not begun then.
pub(crate) async fn alone<T>(call: &Call, run: Run, work: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let run = match run {
        Run::Level => "",
        Run::Look => "#look",
        Run::Free => "#free",
    };
    let owner = format!("{}#{}#{}{run}", call.incident, call.holder.id(), call.target.scope.name());
    Turn { bucket: call.target.whole(), owner }.alone(&call.ledger, work).await
}

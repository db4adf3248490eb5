//! What keeps a local AWS from starting, or from answering.

/// The local AWS could not be started or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LocalAwsError {
    /// `.venv` is missing.
    #[error("the local AWS is not installed: run `make install`")]
    NotInstalled,
    /// The process ended or said something unexpected.
    #[error("the local AWS did not start; its last words: {0:?}")]
    NotReady(String),
    /// The process could not be run.
    #[error("the local AWS could not be run: {0}")]
    Io(#[from] std::io::Error),
    /// STS gave no credentials for a member account.
    #[error("the local AWS gave no credentials for a member account")]
    NoCredentials,
    /// The control interface refused.
    #[error("the local AWS did not take a command: {0}")]
    Control(#[from] Box<ureq::Error>),
}

//! SDK errors become faults, by error code and never by message.

use aws_runtime::retries::classifiers::{AwsErrorCodeClassifier, THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::{Fault, FaultKind};

/// The result of an SDK call.
pub type SdkResult<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// Turns an SDK error into a fault that says which operation failed and what AWS answered.
pub fn fault<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Fault {
    let kind = kind(error);
    let text = match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no error code");
            match service.err().message() {
                Some(message) => format!("{operation}: {code}: {message}"),
                None => format!("{operation}: {code}"),
            }
        }
        SdkError::TimeoutError(_) => format!("{operation}: no answer in time"),
        SdkError::DispatchFailure(_) => format!("{operation}: the connection failed"),
        SdkError::ResponseError(_) => format!("{operation}: the answer could not be read"),
        _ => format!("{operation}: the request could not be built"),
    };
    Fault::new(kind, text)
}

/// Extension for SDK results.
pub trait OrFault<T> {
    /// Names the operation in the fault.
    ///
    /// # Errors
    /// The classified error.
    fn or_fault(self, operation: &str) -> Result<T, Fault>;
}

impl<T, E: ProvideErrorMetadata> OrFault<T> for SdkResult<T, E> {
    fn or_fault(self, operation: &str) -> Result<T, Fault> {
        self.map_err(|error| fault(operation, &error))
    }
}

/// The error code AWS gave, if any.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What a service answers to one of two changes of the same object that arrive together.
const CHANGED_TOGETHER: &[&str] = &["ConcurrentModification", "ConcurrentModificationException"];

/// Lets the SDK repeat a call that met another change of the same object, as it repeats a throttled one. `E`: the operation's error.
#[must_use]
pub fn repeats_when_changed_together<E>() -> AwsErrorCodeClassifier<E> {
    AwsErrorCodeClassifier::builder().transient_errors(CHANGED_TOGETHER).build()
}

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> FaultKind {
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            service.err().code().map_or_else(|| kind_of_status(status), |code| kind_of_code(code, status))
        }
        SdkError::ConstructionFailure(_) => FaultKind::Bug,
        _ => FaultKind::Transient,
    }
}

fn kind_of_code(code: &str, status: u16) -> FaultKind {
    match code {
        // What the SDK itself tries again.
        code if THROTTLING_ERRORS.contains(&code) || TRANSIENT_ERRORS.contains(&code) => FaultKind::Transient,
        "KMSThrottling"
        | "KMSThrottlingException"
        | "KmsThrottlingException"
        | "SnapshotCreationPerVolumeRateExceeded"
        | "ConcurrentSnapshotLimitExceeded"
        | "PolicyChangesInProgressException"
        | "OperationAborted"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "ServiceFailure"
        | "ServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ConditionalRequestConflict"
        | "TransactionConflictException"
        | "Unavailable"
        | "EntityTemporarilyUnmodifiable" => FaultKind::Transient,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthFailure"
        | "NotAuthorized"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch"
        | "OptInRequired"
        | "AllAccessDisabled"
        | "AuthorizationError"
        | "AuthorizationErrorException" => FaultKind::Denied,
        "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "InvalidInstanceID.NotFound"
        | "InvalidNetworkInterfaceID.NotFound"
        | "InvalidGroup.NotFound"
        | "InvalidVpcID.NotFound"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "StateMachineDoesNotExist"
        | "PolicyNotFoundException"
        | "ExecutionDoesNotExist" => FaultKind::Gone,
        "UnmodifiableEntity" => FaultKind::Protected,
        _ => kind_of_status(status),
    }
}

fn kind_of_status(status: u16) -> FaultKind {
    match status {
        401 | 403 => FaultKind::Denied,
        404 => FaultKind::Gone,
        408 | 429 | 500..=599 => FaultKind::Transient,
        _ => FaultKind::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_tries_again_is_a_passing_fault_here_too() {
        for code in THROTTLING_ERRORS.iter().chain(TRANSIENT_ERRORS).chain(&["KMSThrottlingException", "OperationAborted"]) {
            assert_eq!(kind_of_code(code, 400), FaultKind::Transient, "{code}");
        }
        assert_eq!(kind_of_code("LimitExceeded", 409), kind_of_status(409), "a quota of IAM does not pass");
        assert_eq!((kind_of_code("AccessDenied", 400), kind_of_code("NoSuchEntity", 400)), (FaultKind::Denied, FaultKind::Gone));
        assert_eq!(kind_of_code("NotFoundException", 400), FaultKind::Gone, "as KMS says it");
    }
}

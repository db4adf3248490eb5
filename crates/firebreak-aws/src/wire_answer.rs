//! An answer of AWS as it came over the wire: a typed SDK shows what its version knows.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes the last answer of the operation whose interceptor it is.
#[derive(Debug, Clone, Default)]
pub struct WireAnswer(Arc<Mutex<Option<Exchange>>>);

/// The HTTP status and the body of an answer.
type Exchange = (u16, Vec<u8>);

impl WireAnswer {
    /// The HTTP status and the body, errors included. Nothing: AWS gave no answer, or it was taken before.
    #[must_use]
    pub fn take(&self) -> Option<(u16, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for WireAnswer {
    fn name(&self) -> &'static str {
        "WireAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let body = answer.body().bytes().unwrap_or_default().to_vec();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer.status().as_u16(), body));
        Ok(())
    }
}

//! What the server answers, in the protocol of the service that was asked.

use super::Call;
use super::call::is_s3_control;
use std::time::Duration;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) kind: Kind,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    /// Waits this long in the middle of the body.
    pub(super) pause: Duration,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// The operation's result: what stands inside the envelope.
    Ok(String),
    /// An error of the service.
    Error { status: u16, code: String, message: String },
    /// A body as it is.
    Raw { status: u16, body: String },
    /// The connection is closed without an answer.
    Reset,
}

/// A result: XML without its envelope, or JSON.
#[must_use]
pub fn ok(inner: impl Into<String>) -> Answer {
    Answer::of(Kind::Ok(inner.into()))
}

/// An error, with the HTTP status and the code that the service gives.
#[must_use]
pub fn error(status: u16, code: &str) -> Answer {
    Answer::of(Kind::Error { status, code: code.to_owned(), message: format!("scripted: {code}") })
}

impl Answer {
    fn of(kind: Kind) -> Self {
        Self { kind, headers: vec![], delay: Duration::ZERO, pause: Duration::ZERO }
    }

    /// An answer as it is, for what no service says on purpose.
    #[must_use]
    pub fn raw(status: u16, body: impl Into<String>) -> Self {
        Self::of(Kind::Raw { status, body: body.into() })
    }

    /// A connection that is closed instead of answered.
    #[must_use]
    pub fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// An error with this message.
    #[must_use]
    pub fn saying(mut self, text: &str) -> Self {
        if let Kind::Error { message, .. } = &mut self.kind {
            text.clone_into(message);
        }
        self
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only after this time. A client waits 400 ms for one attempt.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// With a body that stops in the middle for this time.
    #[must_use]
    pub fn slowly(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Status and body on the wire.
    pub(super) fn on_the_wire(&self, call: &Call) -> Option<(u16, String)> {
        match &self.kind {
            Kind::Ok(inner) => Some((200, envelope(call, inner))),
            Kind::Error { status, code, message } => Some((*status, refusal(call, code, message))),
            Kind::Raw { status, body } => Some((*status, body.clone())),
            Kind::Reset => None,
        }
    }

    pub(super) fn error_code(&self) -> Option<&str> {
        match &self.kind {
            Kind::Error { code, .. } => Some(code),
            _ => None,
        }
    }
}

fn envelope(call: &Call, inner: &str) -> String {
    let operation = &call.operation;
    match call.service.as_str() {
        "iam" | "sts" | "sns" | "autoscaling" | "elasticloadbalancing" => {
            let result = format!("<{operation}Result>{inner}</{operation}Result>");
            format!(
                "<{operation}Response>{result}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
            )
        }
        "ec2" => format!("<{operation}Response><requestId>r</requestId>{inner}</{operation}Response>"),
        _ => inner.to_owned(),
    }
}

fn refusal(call: &Call, code: &str, message: &str) -> String {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    match call.service.as_str() {
        "iam" | "sts" | "sns" | "autoscaling" | "elasticloadbalancing" => {
            format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")
        }
        "ec2" => format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"),
        "s3" if is_s3_control(&call.path) => format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"),
        "s3" => error,
        _ => serde_json::json!({ "__type": code, "message": message }).to_string(),
    }
}

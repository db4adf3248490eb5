//! One call, as the server saw it.

use serde_json::{Map, Value};
use std::time::Instant;

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// For example `iam`, from the signature.
    pub service: String,
    /// For example `AttachUserPolicy`.
    pub operation: String,
    /// The Region of the endpoint, from the signature.
    pub region: String,
    /// The path, for example `/bucket/key`.
    pub path: String,
    /// Parameters of the query string or of the form, or the JSON body.
    pub params: Value,
    /// The body as text.
    pub body: String,
    /// Headers whose names begin with `x-amz-`.
    pub headers: Map<String, Value>,
    /// When it arrived.
    pub arrived_at: Instant,
    /// When its answer left; nothing while it is under way.
    pub answered_at: Option<Instant>,
}

impl Call {
    /// For example `iam:AttachUserPolicy`.
    #[must_use]
    pub fn action(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    /// A parameter as text; empty when there is none.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it changes something that a customer owns.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        let theirs = matches!(
            self.service.as_str(),
            "iam" | "ec2" | "s3" | "kms" | "ssm" | "organizations" | "autoscaling" | "elasticloadbalancing"
        );
        let reads = ["Get", "List", "Describe", "Head", "Lookup", "GenerateServiceLast"];
        theirs && !reads.iter().any(|read| self.operation.starts_with(read))
    }

    /// Reads a request. The service and the Region are in its signature (Signature Version 4: `Credential=<key>/<date>/<Region>/<service>`).
    pub(super) fn of(method: &str, uri: &http::Uri, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scope: Vec<&str> =
            text("authorization").split_once("Credential=").map_or(vec![], |(_, rest)| rest.split('/').collect());
        let part = |at: usize| scope.get(at).map_or_else(String::new, |part| (*part).to_owned());
        let (region, service) = (part(2), part(3));
        let body = String::from_utf8_lossy(body).into_owned();
        let query: Map<String, Value> = pairs(uri.query().unwrap_or_default());
        let (operation, params) = match text("x-amz-target").rsplit_once('.') {
            Some((_, operation)) => (operation.to_owned(), serde_json::from_str(&body).unwrap_or(Value::Null)),
            None if body.starts_with("Action=") => {
                let form = pairs(&body);
                (form.get("Action").and_then(Value::as_str).unwrap_or_default().to_owned(), Value::Object(form))
            }
            None => (rest(&service, method, uri.path(), &query), Value::Object(query)),
        };
        let amazon = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amz-"));
        let headers = amazon.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into())).collect();
        let (path, arrived_at, answered_at) = (uri.path().to_owned(), Instant::now(), None);
        Self { service, operation, region, path, params, body, headers, arrived_at, answered_at }
    }
}

/// How many calls had to be answered, one after the other, before each of these could be, itself included.
///
/// A call waits for another one if it arrived after the other's answer had left: with the same delay at every call, that is what shows.
pub(super) fn depths(calls: &[Call]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(calls.len());
    for (at, call) in calls.iter().enumerate() {
        let before = calls[..at].iter().zip(&depths);
        let waited = before.filter(|(other, _)| other.answered_at.is_some_and(|answered| answered <= call.arrived_at));
        depths.push(1 + waited.map(|(_, depth)| *depth).max().unwrap_or(0));
    }
    depths
}

/// The operation of a REST service. What is about the tags of an object has that in its query.
fn rest(service: &str, method: &str, path: &str, query: &Map<String, Value>) -> String {
    let operation = rest_operation(service, method, path, query);
    let is_about_tags = service == "s3" && operation.ends_with("Object") && query.contains_key("tagging");
    if is_about_tags { format!("{operation}Tagging") } else { operation }
}

/// The operations of REST services have no name on the wire: method, path and sub-resource tell them apart.
fn rest_operation(service: &str, method: &str, path: &str, query: &Map<String, Value>) -> String {
    let depth = path.split('/').filter(|part| !part.is_empty()).count();
    let verb = match method {
        "GET" => "Get",
        "PUT" => "Put",
        "DELETE" => "Delete",
        "HEAD" => "Head",
        other => other,
    };
    match service {
        "s3" if is_s3_control(path) => control_operation(method, path),
        "s3" if depth > 1 => format!("{verb}Object"),
        "s3" => match query.keys().find(|name| *name != "x-id").map(String::as_str) {
            Some("publicAccessBlock") => format!("{verb}PublicAccessBlock"),
            Some(sub) => format!("{verb}Bucket{}{}", sub[..1].to_uppercase(), &sub[1..]),
            None => format!("{verb}Bucket"),
        },
        "guardduty" if path.ends_with("/findings/get") => "GetFindings".to_owned(),
        "guardduty" if path == "/detector" => "ListDetectors".to_owned(),
        _ => format!("{method} {path}"),
    }
}

/// Whether a call of S3 is one of S3 Control, which signs as S3 (S3 API reference, "Amazon S3 Control").
pub(super) fn is_s3_control(path: &str) -> bool {
    path.starts_with("/v20180820/")
}

/// What Firebreak asks S3 Control for.
fn control_operation(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    match (method, parts.as_slice()) {
        ("GET", ["accesspoint"]) => "ListAccessPoints".to_owned(),
        ("GET", ["accesspoint", _, "policy"]) => "GetAccessPointPolicy".to_owned(),
        ("GET", ["jobs"]) => "ListJobs".to_owned(),
        ("GET", ["jobs", _]) => "DescribeJob".to_owned(),
        ("GET", ["mrap", "instances"]) => "ListMultiRegionAccessPoints".to_owned(),
        _ => format!("{method} {path}"),
    }
}

fn pairs(encoded: &str) -> Map<String, Value> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), Value::String(decoded(value)))
    };
    encoded.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

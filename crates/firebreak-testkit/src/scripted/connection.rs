//! HTTP: one connection after the other, each request to the script.

use super::answer::{Answer, error, ok};
use super::{Call, Script};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;

type Body = BoxBody<Bytes, Infallible>;

/// The connection is closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

pub(super) async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>, stop: watch::Sender<bool>) {
    let stop = Arc::new(stop);
    while let Ok((stream, _)) = listener.accept().await {
        let (script, stop) = (script.clone(), stop.clone());
        let service = service_fn(move |request| respond(request, script.clone(), stop.clone()));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    script: Arc<Mutex<Script>>,
    stop: Arc<watch::Sender<bool>>,
) -> Result<Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let call = Call::of(head.method.as_str(), &head.uri, &head.headers, &body);
    let (answer, killed) = script.lock().unwrap_or_else(PoisonError::into_inner).take(&call);
    let under_way = UnderWay { script, call: call.clone() };
    if killed {
        // The client is told nothing more: its process is gone.
        drop(under_way);
        stop.send_replace(true);
        return std::future::pending().await;
    }
    tokio::time::sleep(answer.delay).await;
    drop(under_way);
    let Some((status, body)) = answer.on_the_wire(&call) else { return Err(Closed) };
    let mut response = Response::builder().status(status).header("x-amzn-requestid", "r");
    if let Some(code) = answer.error_code() {
        response = response.header("x-amzn-errortype", code);
    }
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(stream(body, answer.pause)).map_err(|_| Closed)
}

/// A call is under way until its answer leaves, or its client has gone.
struct UnderWay {
    script: Arc<Mutex<Script>>,
    call: Call,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).answered(&self.call);
    }
}

/// The body in two parts, with a pause between them.
fn stream(body: String, pause: std::time::Duration) -> Body {
    let bytes = Bytes::from(body);
    let middle = bytes.len() / 2;
    let parts = [bytes.slice(..middle), bytes.slice(middle..)];
    let frames = futures::stream::iter(parts.into_iter().enumerate()).then(move |(at, part)| async move {
        if at == 1 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok::<_, Infallible>(Frame::data(part))
    });
    BoxBody::new(StreamBody::new(frames))
}

impl Script {
    /// The answer to a call, and whether its caller is killed at it.
    fn take(&mut self, call: &Call) -> (Answer, bool) {
        let action = call.action();
        let count = self.counts.entry(action.clone()).or_default();
        *count += 1;
        let nth = *count;
        let meets_another = self.meets_another(call);
        self.calls.push(call.clone());
        let stopping = self.stop.clone().filter(|stop| stop.action == action && stop.nth == nth);
        if stopping.as_ref().is_some_and(|stop| !stop.after) {
            return (Answer::reset(), true);
        }
        let answer = self.broken(&action, nth).or(meets_another).unwrap_or_else(|| self.served(call, &action));
        let late = self.late.iter().find(|(late, at, _)| *late == action && *at == nth).map(|(.., delay)| *delay);
        let delay = late.unwrap_or(answer.delay).max(self.pace);
        (answer.after(delay), stopping.is_some())
    }

    /// The refusal of a call that comes while another one is under way which the service takes before.
    fn meets_another(&self, call: &Call) -> Option<Answer> {
        let is_under_way = |is: &super::Exclusive| self.calls.iter().any(|other| other.answered_at.is_none() && is(other));
        self.exclusive.iter().find(|(is, _)| is(call) && is_under_way(is)).map(|(_, refusal)| refusal.clone())
    }

    /// Its answer leaves.
    fn answered(&mut self, call: &Call) {
        let is_it = |known: &&mut Call| known.arrived_at == call.arrived_at && known.action() == call.action();
        if let Some(known) = self.calls.iter_mut().find(is_it) {
            known.answered_at = Some(Instant::now());
        }
    }

    fn broken(&mut self, action: &str, nth: usize) -> Option<Answer> {
        let is_meant = |fault: &&mut super::Fault| {
            fault.action == action && fault.nth.is_none_or(|from| nth >= from) && fault.times != Some(0)
        };
        let fault = self.faults.iter_mut().find(is_meant)?;
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.answer.clone())
    }

    fn served(&mut self, call: &Call, action: &str) -> Answer {
        if let Some(answer) = self.queued.get_mut(action).and_then(std::collections::VecDeque::pop_front) {
            return answer;
        }
        let whole = format!("{}:*", call.service);
        let handlers = self.handlers.iter_mut().rev().filter(|(of, _)| of == action || *of == whole);
        if let Some(answer) = handlers.into_iter().find_map(|(_, handler)| handler(call)) {
            return answer;
        }
        if call.service == "dynamodb" {
            return match self.table.call(&call.operation, &call.params) {
                Ok(body) => ok(body.to_string()),
                Err(refusal) => Answer::raw(400, refusal.body().to_string()).with_header("x-amzn-errortype", &refusal.code),
            };
        }
        self.unknown.push(action.to_owned());
        error(400, "NotScripted").saying(action)
    }
}

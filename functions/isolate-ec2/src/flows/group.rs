//! Flow logs in CloudWatch Logs: one stream for each interface.

use super::record::Seen;
use super::source::Source;
use super::{LATE, Read, Span};
use aws_sdk_cloudwatchlogs::Client;
use firebreak::fault::Fault;
use firebreak_aws::classify::{code, fault};
use firebreak_function::containment::Call;
use futures::future::join_all;
use std::collections::BTreeMap;
use tokio::time::{Instant, timeout_at};

/// Pages of one stream.
const PAGES: usize = 10;

/// Reads the streams of the interfaces, side by side.
pub(super) async fn read(call: &Call, source: &Source, name: &str, covered: &[&str], (span, deadline): (Span, Instant)) -> Read {
    let logs = &Client::new(&call.config);
    let each = covered.iter().map(|interface| async move {
        let mut seen = BTreeMap::from([((*interface).to_owned(), Seen::default())]);
        let read = timeout_at(deadline, stream(logs, source, name, interface, span, &mut seen)).await;
        let gap = match read {
            Ok(Ok(gap)) => gap,
            Ok(Err(fault)) => Some(fault.message),
            Err(_) => Some(LATE.to_owned()),
        };
        (seen, gap)
    });
    let (seen, gaps): (Vec<_>, Vec<_>) = join_all(each).await.into_iter().unzip();
    Read { seen: seen.into_iter().flatten().collect(), gap: gaps.into_iter().flatten().next() }
}

/// Reads one stream, and says what was left out. The stream is made with the first record (VPC user guide, "Publish flow logs to
/// CloudWatch Logs"): without it nothing was delivered.
async fn stream(
    logs: &Client,
    source: &Source,
    name: &str,
    interface: &str,
    span: Span,
    seen: &mut BTreeMap<String, Seen>,
) -> Result<Option<String>, Fault> {
    let Some(format) = &source.format else { return Ok(None) };
    let kind = if source.accepted_only { "accept" } else { "all" };
    let mut token = None;
    for _ in 0..PAGES {
        let page = logs
            .filter_log_events()
            .log_group_name(name)
            .log_stream_names(format!("{interface}-{kind}"))
            .start_time(span.since.as_millisecond())
            .set_next_token(token)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(fault("logs:FilterLogEvents", &error)),
        };
        for message in page.events().iter().filter_map(|event| event.message()) {
            format.count(message, Some(interface), span, seen);
        }
        token = page.next_token;
        if token.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(format!("the log stream of {interface} has more than was read")))
}

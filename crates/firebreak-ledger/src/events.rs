//! Raw events: small ones beside their incident, large ones in parts, written before any execution refers to them.

use super::{Ledger, from_doc, string, text};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::stored_event::StoredEvent;
use firebreak_aws::classify::OrFault;
use futures::future::try_join_all;

/// Bytes of text in one item: DynamoDB allows 400 KB, names and keys included.
const PART_BYTES: usize = 350_000;

/// 1 MiB is 3 parts, 4 where characters are long.
const MAX_PARTS: usize = 8;

/// A raw event, as triage received it.
#[derive(Debug, Clone, Copy)]
pub enum RawEvent<'a> {
    /// The text itself.
    Inline(&'a str),
    /// It is in the ledger already.
    Stored(&'a StoredEvent),
    /// The incident has its event, and keeps it: another finding's delivery works on it.
    Kept,
}

impl Ledger {
    /// Stores a large event. Storing it again writes the same parts.
    ///
    /// # Errors
    /// The ledger could not be written; `Malformed` when the event is larger than EventBridge delivers.
    pub async fn store_event(&self, event: &str) -> Result<StoredEvent, Fault> {
        let parts = split(event);
        if parts.len() > MAX_PARTS {
            return Err(Fault::malformed(format!("an event of {} bytes: EventBridge sends at most 1 MiB", event.len())));
        }
        let stored = StoredEvent::of(event, u32::try_from(parts.len()).unwrap_or(u32::MAX));
        let writes = parts.into_iter().enumerate().map(|(at, part)| {
            self.dynamodb
                .put_item()
                .table_name(&self.table)
                .item("pk", text(format!("event#{}", stored.sha256)))
                .item("sk", text(part_key(at)))
                .item("text", text(part))
                .send()
        });
        try_join_all(writes).await.or_fault("ledger: store event")?;
        Ok(stored)
    }

    /// A stored event, checked against its digest.
    ///
    /// # Errors
    /// The ledger could not be read, `Gone` when a part is missing, `Malformed` when it is not what was stored.
    pub async fn stored_event(&self, stored: &StoredEvent) -> Result<String, Fault> {
        let mut event = String::new();
        // A forged reference must not make this read for ever.
        for at in 0..usize::try_from(stored.parts).unwrap_or(usize::MAX).min(MAX_PARTS) {
            let answer = self
                .get(format!("event#{}", firebreak::text::inert(&stored.sha256, 64)), part_key(at))
                .send()
                .await
                .or_fault("ledger: read event")?;
            let part = answer.item.as_ref().and_then(|item| string(item, "text"));
            event.push_str(part.ok_or_else(|| Fault::gone("ledger: a part of the stored event is missing"))?);
        }
        if stored.is(&event) { Ok(event) } else { Err(Fault::malformed("ledger: the stored event is not the one referred to")) }
    }

    /// Keeps the event of a finding beside the incident that it opens, or would have opened.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_raw(&self, incident: &IncidentId, raw: &RawEvent<'_>) -> Result<(), Fault> {
        let item = self.put_about(incident, "event");
        let item = match raw {
            RawEvent::Inline(event) => item.item("raw", text(*event)),
            RawEvent::Stored(stored) => item.item("doc", super::to_doc(stored)?),
            RawEvent::Kept => return Ok(()),
        };
        item.send().await.or_fault("ledger: keep the event")?;
        Ok(())
    }

    /// The raw event of an incident, as it arrived.
    ///
    /// # Errors
    /// The ledger could not be read, or has no such event.
    pub async fn raw_event(&self, incident: &IncidentId) -> Result<String, Fault> {
        let item = self.item(incident, "event").await?;
        let item = item.ok_or_else(|| Fault::gone(format!("ledger: no event is kept for {incident}")))?;
        match string(&item, "raw") {
            Some(event) => Ok(event.to_owned()),
            None => self.stored_event(&from_doc(&item)?).await,
        }
    }
}

fn part_key(at: usize) -> String {
    format!("part#{at:04}")
}

/// Pieces of at most [`PART_BYTES`], cut between characters.
fn split(event: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), event);
    while rest.len() > PART_BYTES {
        let end = (0..=PART_BYTES).rev().find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_characters_and_lose_nothing() {
        let event = "日".repeat(PART_BYTES);
        let parts = split(&event);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.len() <= PART_BYTES));
        assert_eq!(parts.concat(), event);
        assert_eq!(split("{}"), ["{}"]);
    }
}

//! What a look into CloudTrail leaves to the next one, beside what people read of it.
//!
//! Lines of earlier looks are in the report, which another execution, or a second try of the same look, can carry as it was before. So
//! each report names the look whose lines it has (`mark`), and a look goes on only from what that one left.

use super::{Ledger, string, text};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::trail::Looked;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const ROW: &str = "looked";

/// What one look left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// Which look.
    pub mark: Option<Timestamp>,
    /// What it left.
    pub looked: Looked,
}

/// The row: the newest look, and the one from which it went on, for whoever tries it again.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    now: Left,
    before: Left,
}

impl Ledger {
    /// What the look of this mark left. Nothing: it is none of the last two.
    ///
    /// # Errors
    /// The ledger could not be read, or has it in a form that is not known.
    pub async fn left_by(&self, incident: &IncidentId, mark: Timestamp) -> Result<Option<Looked>, Fault> {
        let Some(item) = self.item(incident, ROW).await? else { return Ok(None) };
        let json = string(&item, ROW).unwrap_or_default();
        let Kept { now, before } = serde_json::from_str(json)
            .map_err(|error| Fault::bug(format!("ledger: a look's row has an unknown form: {error}")))?;
        Ok([now, before].into_iter().find(|left| left.mark == Some(mark)).map(|left| left.looked))
    }

    /// Keeps what a look leaves, and what it went on from. In an attribute of its own: whoever reads the incident does not read it.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_left(&self, incident: &IncidentId, now: Left, before: Left) -> Result<(), Fault> {
        let json = serde_json::to_string(&Kept { now, before })
            .map_err(|error| Fault::bug(format!("ledger: cannot serialise: {error}")))?;
        let put = self.put_about(incident, ROW).item(ROW, text(json));
        put.send().await.or_fault("ledger: keep what a look leaves")?;
        Ok(())
    }
}

//! What people read of an execution that ended, in the form of the state machine's own last resort.

use crate::Change;
use crate::whose::Whose;
use firebreak::fault::FaultKind;
use firebreak::names::RESTORE_STATE_MACHINE;
use firebreak::text::inert;
use serde_json::{Value, json};

pub(crate) fn subject(status: &str) -> &'static str {
    match status {
        "ABORTED" => "Firebreak: somebody stopped an incident's execution",
        "TIMED_OUT" => "Firebreak: an incident's execution ran out of time",
        _ => "Firebreak: an incident's execution ended without a word",
    }
}

pub(crate) fn message(change: &Change, whose: &Whose) -> Value {
    json!({
        "incident": incident(whose),
        "status": inert(&change.status, 20),
        "error": inert(change.error.as_deref().unwrap_or("none named"), 100),
        "cause": inert(change.cause.as_deref().unwrap_or("none given"), 300),
        "execution": inert(&change.execution_arn, 300),
        "what_now": what_now(whose),
    })
}

fn incident(whose: &Whose) -> String {
    let id = match whose {
        Whose::Incident(id, _) | Whose::JoinedBy(id) => Some(id),
        Whose::Summary { incident, .. } => incident.as_ref().map(|(id, _)| id),
        Whose::Beside { incident, .. } => incident.as_ref(),
        Whose::Nobodys(_) => None,
    };
    id.map_or_else(|| "untriaged".to_owned(), ToString::to_string)
}

fn what_now(whose: &Whose) -> String {
    match whose {
        Whose::Incident(id, _) => format!(
            "Everything that was contained stays contained, and nobody is asked any more. What stands: firebreak incidents show {id}. \
             Once the cause is mended, send the finding again with firebreak replay: a new execution takes over"
        ),
        Whose::JoinedBy(id) => format!(
            "A finding had joined the incident, and its execution is gone. The incident goes on. What it covers: firebreak incidents \
             show {id}. A later delivery of the finding goes on with it"
        ),
        Whose::Summary { account, .. } => format!(
            "Findings of account {account} were only counted, and nobody was told how many. All of them are in Security Hub: look \
             there. Nothing was to be contained, so firebreak replay is not needed. The next finding that is counted asks for this \
             notice again, or, where its count was closed already, for the next one"
        ),
        Whose::Beside { machine, .. } if machine == RESTORE_STATE_MACHINE => restore(&incident(whose)),
        Whose::Beside { machine, .. } => format!(
            "The incident goes on, and so does its review. {machine} does not: docs/runbooks.md, firebreak-watch-failed, says what is \
             missing now and how to start it again"
        ),
        Whose::Nobodys(None) => UNTRIAGED.to_owned(),
        Whose::Nobodys(Some(kind)) => nobody_knows(*kind),
    }
}

const UNTRIAGED: &str = "No incident is known of this execution: its finding may not have been looked at. The execution's input has \
                         it; send it again with firebreak replay";

/// The release records how it ended as its last step: as long as it did not come to that, the incident is closed.
fn restore(id: &str) -> String {
    format!(
        "The restore did not come to its end. What is back, and whether the incident is still closed: firebreak incidents show {id}. A \
         closed one can be asked for again once the cause is mended: firebreak restore {id}"
    )
}

/// An incident that goes on may be the execution's: nobody could look.
fn nobody_knows(kind: FaultKind) -> String {
    format!(
        "Which incident this execution worked on could not be found out ({}; the log of firebreak-execution-ended has the call), and \
         none was recorded as failed. Everything that was contained stays contained. Look for the execution in firebreak incidents; \
         the execution's input has the finding: send it again with firebreak replay",
        kind.error_type()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_of_counted_findings_is_sent_to_security_hub() {
        let now = what_now(&Whose::Summary { account: "111122223333".to_owned(), incident: None });
        assert!(now.contains("account 111122223333") && now.contains("nobody was told"), "{now}");
        assert!(now.contains("Security Hub") && now.contains("replay is not needed"), "{now}");
    }

    #[test]
    fn what_could_not_be_found_out_is_said_by_its_kind() {
        for kind in FaultKind::ALL {
            assert!(what_now(&Whose::Nobodys(Some(kind))).contains(kind.error_type()));
        }
    }
}

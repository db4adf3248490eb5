//! The review gate's state: the newest task token, and the first answer.
//!
//! An answer is recorded first and handed to the execution second. If the hand-over finds the gate just closed, the next gate is
//! answered from the record, so an analyst's word is never lost and never asked for twice.

use super::tickets::{Ticket, integer};
use super::{Item, Ledger, lost, number, sortable, string, text, to_doc};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::answer::Decided;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::review::{GateMessage, Takes};
use firebreak_aws::classify::{OrFault, SdkResult, code, fault};
use jiff::Timestamp;
use serde::Serialize;

/// A gate that has no answer yet.
const UNANSWERED: &str = "attribute_exists(task_token) AND attribute_not_exists(decision)";

/// A gate as the functions that answer it see it. Holds the token: no `Debug`.
#[derive(Clone)]
pub struct Gate {
    /// Answers the waiting state. Secret.
    pub task_token: String,
    /// The execution that waits, or waited.
    pub execution_arn: String,
    /// The first answer.
    pub decision: Option<Decided>,
    /// Whether the execution took the answer.
    pub delivered: bool,
    /// What the newest ticket showed.
    pub ticket: Ticket,
    /// When it went out. Nothing: there is none, or an earlier version of Firebreak wrote it.
    pub ticket_at: Option<Timestamp>,
    /// Whether people know of this gate: the ticket of its own message is out.
    pub announced: bool,
    /// 1 for the first gate.
    pub round: u32,
    /// Which answers its execution knows.
    pub takes: Takes,
}

/// What became of a gate's message.
pub enum OpenedGate {
    /// The gate is open and waits for an analyst.
    Waiting,
    /// An answer was recorded while the last gate timed out: answer this one with it.
    Answered(Box<Decided>),
    /// A copy of a message that was handled, or of an older gate.
    Stale,
}

/// A gate as people see it: without the token.
#[derive(Debug, Clone, Serialize)]
pub struct ReviewState {
    /// 1 for the first gate.
    pub round: u32,
    /// When it was opened.
    pub opened_at: String,
    /// The first answer.
    pub decision: Option<Decided>,
    /// Whether the execution took the answer.
    pub delivered: bool,
    /// Every answer to this incident so far, the first one first: each gate can have one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Decided>,
    /// The digest of what the newest ticket showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// The revision of the incident that it showed: an answer covers no later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_revision: Option<u32>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<String>,
}

impl ReviewState {
    pub(super) fn of(item: &Item) -> Result<Self, Fault> {
        Ok(Self {
            round: integer(item, "round").unwrap_or(1),
            opened_at: string(item, "entered_at").unwrap_or_default().to_owned(),
            decision: decision(item)?,
            delivered: is_delivered(item),
            answers: answers(item)?,
            shown: string(item, "shown").map(str::to_owned),
            shown_revision: integer(item, "shown_revision"),
            announced_at: string(item, "announced_at").map(str::to_owned),
        })
    }
}

impl Ledger {
    /// Takes a gate's message: keeps the newest token, whatever order and however often messages arrive.
    ///
    /// The same message is taken again until [`gate_announced`](Self::gate_announced): a run that died in between loses no ticket.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn open_gate(&self, message: &GateMessage) -> Result<OpenedGate, Fault> {
        let id = &message.incident.id;
        let known = self.item(id, "review").await?.unwrap_or_default();
        let same_execution = string(&known, "execution_arn") == Some(message.execution_arn.as_str());
        let same_gate = string(&known, "task_token") == Some(message.task_token.as_str());
        // An answer to an earlier execution, or one that could not be carried out, does not count for this gate.
        let fresh = !same_gate && (message.after_answer || is_delivered(&known) || !same_execution);
        let order = format!("{}#{:04}", sortable(message.entered_at), message.retry);
        let set = "SET task_token = :token, execution_arn = :execution, entered_at = :entered, gate_order = :order, \
                   round = :round, delivered = :false, takes = :takes";
        let spent = if fresh { ", decision" } else { "" };
        // What the tickets of an earlier execution showed is counted anew since.
        let shown = if same_execution { "" } else { ", shown, shown_revision, announced_at" };
        let written = self
            .update_about(id, "review", format!("{set} REMOVE announced{spent}{shown}"))
            .condition_expression(
                "attribute_not_exists(gate_order) OR gate_order < :order \
                 OR (task_token = :token AND attribute_not_exists(announced))",
            )
            .expression_attribute_values(":token", text(&message.task_token))
            .expression_attribute_values(":execution", text(&message.execution_arn))
            .expression_attribute_values(":entered", text(sortable(message.entered_at)))
            .expression_attribute_values(":order", text(order))
            .expression_attribute_values(":round", number(message.round))
            .expression_attribute_values(":takes", to_doc(&message.takes)?)
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        if lost(&written) {
            return Ok(OpenedGate::Stale);
        }
        // Read from the same write: an answer recorded before it is seen here, one recorded after it finds the new token.
        let now = written.or_fault("ledger: open gate")?.attributes.unwrap_or_default();
        Ok(decision(&now)?.map_or(OpenedGate::Waiting, |decided| OpenedGate::Answered(Box::new(decided))))
    }

    /// Notes that people know of the gate: from here on copies of its message are stale.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn gate_announced(&self, message: &GateMessage) -> Result<(), Fault> {
        let noted = self
            .update_about(&message.incident.id, "review", "SET announced = :true")
            .condition_expression("task_token = :token")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":token", text(&message.task_token))
            .send()
            .await;
        if lost(&noted) {
            // Answered or reopened meanwhile.
            return Ok(());
        }
        noted.or_fault("ledger: note the announced gate")?;
        Ok(())
    }

    /// The gate of an incident.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn gate(&self, incident: &IncidentId) -> Result<Option<Gate>, Fault> {
        let Some(item) = self.item(incident, "review").await? else { return Ok(None) };
        let token = string(&item, "task_token").ok_or_else(|| Fault::bug("ledger: a gate has no token"))?;
        Ok(Some(Gate {
            task_token: token.to_owned(),
            execution_arn: string(&item, "execution_arn").unwrap_or_default().to_owned(),
            decision: decision(&item)?,
            delivered: is_delivered(&item),
            ticket: Ticket::of(&item),
            ticket_at: string(&item, "announced_at").and_then(|at| at.parse().ok()),
            announced: item.contains_key("announced"),
            round: integer(&item, "round").unwrap_or(1),
            takes: takes(&item)?,
        }))
    }

    /// Every answer to an incident so far, the first one first. An earlier version kept the newest one alone.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn answers(&self, incident: &IncidentId) -> Result<Vec<Decided>, Fault> {
        let Some(item) = self.item(incident, "review").await? else { return Ok(vec![]) };
        let mut all = answers(&item)?;
        let newest = decision(&item)?.filter(|newest| !all.contains(newest));
        all.extend(newest);
        Ok(all)
    }

    /// Records the answer if there is none yet, whichever gate is open: for who judges nothing. False when somebody was first.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn decide(&self, incident: &IncidentId, decided: &Decided) -> Result<bool, Fault> {
        let answer = self.answering(incident, decided)?.condition_expression(UNANSWERED);
        recorded(&answer.send().await)
    }

    /// Records the answer for the gate that was judged. False when somebody was first, and when another gate is open by now.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn decide_at(&self, incident: &IncidentId, judged: &Gate, decided: &Decided) -> Result<bool, Fault> {
        let answer = self
            .answering(incident, decided)?
            .condition_expression(format!("{UNANSWERED} AND task_token = :judged"))
            .expression_attribute_values(":judged", text(&judged.task_token));
        recorded(&answer.send().await)
    }

    fn answering(&self, incident: &IncidentId, decided: &Decided) -> Result<UpdateItemFluentBuilder, Fault> {
        let set = "SET decision = :decision, answers = list_append(if_not_exists(answers, :none), :one)";
        let answer = self.update_about(incident, "review", set);
        Ok(answer
            .expression_attribute_values(":decision", to_doc(decided)?)
            .expression_attribute_values(":none", AttributeValue::L(vec![]))
            .expression_attribute_values(":one", AttributeValue::L(vec![to_doc(decided)?])))
    }

    /// Notes that the execution took the answer. From here on the token is spent and is dropped.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn answer_delivered(&self, incident: &IncidentId, token: &str) -> Result<(), Fault> {
        let noted = self
            .update_about(incident, "review", "SET delivered = :true, announced = :true, task_token = :spent")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":spent", text("spent"))
            // The execution may have opened its next gate already; that token is not spent.
            .condition_expression("task_token = :token")
            .expression_attribute_values(":token", text(token))
            .send()
            .await;
        if lost(&noted) {
            return Ok(());
        }
        noted.or_fault("ledger: note the delivered answer")?;
        Ok(())
    }
}

/// Whether an answer was recorded. The request has a token: the fault says what code AWS gave, and no word of its message.
fn recorded<T, E: ProvideErrorMetadata>(written: &SdkResult<T, E>) -> Result<bool, Fault> {
    let Err(error) = written else { return Ok(true) };
    if lost(written) {
        return Ok(false);
    }
    let why = code(error).unwrap_or("no answer");
    Err(Fault::new(fault("dynamodb:UpdateItem", error).kind, format!("ledger: record the answer: {why}")))
}

fn decision(item: &Item) -> Result<Option<Decided>, Fault> {
    string(item, "decision")
        .map(|json| serde_json::from_str(json).map_err(|_| Fault::bug("ledger: an answer has an unknown form")))
        .transpose()
}

/// A gate of an earlier version has no such word.
fn takes(item: &Item) -> Result<Takes, Fault> {
    let known = string(item, "takes").map(serde_json::from_str).transpose();
    Ok(known.map_err(|_| Fault::bug("ledger: a gate takes answers of an unknown form"))?.unwrap_or_default())
}

fn answers(item: &Item) -> Result<Vec<Decided>, Fault> {
    let all = item.get("answers").and_then(|all| all.as_l().ok()).into_iter().flatten().filter_map(|one| one.as_s().ok());
    all.map(|json| serde_json::from_str(json).map_err(|_| Fault::bug("ledger: an answer has an unknown form"))).collect()
}

fn is_delivered(item: &Item) -> bool {
    item.get("delivered").and_then(|value| value.as_bool().ok()).copied().unwrap_or(false)
}

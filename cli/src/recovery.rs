//! `firebreak s3 recovery-plan`: the commands that bring back what buckets of an incident lost.
//!
//! `lockdown-s3` lists the versions, asked under an alias that takes such questions and no task. The plan is a script that people read and
//! run with credentials of the bucket's account: neither this command nor any function has a right to bring an object back.

mod plan;
mod quoting;
mod script;
mod summary;

use crate::arguments::RecoveryPlanArguments;
use crate::doctor::invoke;
use crate::incidents::incident_id;
use crate::screen::Screen;
use crate::{CommandError, Connection, print_json};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::names;
use firebreak::recovery::{Losses, Marker, RecoveryQuestion, Wanted};
use firebreak::target::TargetKind;
use firebreak::text::inert;
use firebreak_ledger::Ledger;
use plan::{Plan, Unread};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

/// The function that lists.
const FUNCTION: &str = "lockdown-s3";
/// Questions about one bucket, one after the other: each lists up to 20,000 versions. A script with more commands is no plan.
const MOST_QUESTIONS: usize = 50;

pub(crate) async fn run(arguments: &RecoveryPlanArguments) -> Result<(), CommandError> {
    let id = incident_id(&arguments.id)?;
    let after = arguments.after.as_deref().map(marker).transpose()?;
    if let Some(file) = arguments.out.as_deref().filter(|file| file.exists()) {
        return Err(CommandError::Input(format!("{} is there already: name another file", file.display())));
    }
    let connection = Connection::open().await?;
    let incident = incident(&connection.ledger, &id).await?;
    let buckets = buckets(&incident, arguments.bucket.as_deref())?;
    let screen = if arguments.json { Screen::silent() } else { Screen::new() };
    let mut plan = Plan { incident: incident.id.clone(), buckets: vec![], unread: vec![] };
    for bucket in buckets {
        let _activity = screen.begin(&inert(&bucket, 80));
        let (incident, prefixes) = (incident.id.clone(), arguments.prefix.clone());
        let wanted = Wanted { incident, bucket, prefixes, after: after.clone() };
        plan.add(Box::pin(lost(&connection, wanted)).await);
    }
    if let Some(file) = &arguments.out {
        write(file, &script::script(&plan))?;
    }
    match (&arguments.out, arguments.json) {
        (_, true) => print_json(&plan)?,
        (Some(file), false) => print!("{}{}", summary::shown(&plan), summary::next(&plan, file)),
        (None, false) => {
            print!("{}", script::script(&plan));
            eprint!("{}", summary::shown(&plan));
        }
    }
    match plan.lacks() {
        None => Ok(()),
        Some(what) => Err(CommandError::Bad(format!("the plan is not whole: {what}"))),
    }
}

/// The incident of this id, or the one that the finding of this id joined.
async fn incident(ledger: &Ledger, id: &IncidentId) -> Result<Incident, CommandError> {
    let mut record = ledger.record(id).await?;
    if record.is_none()
        && let Some(joined) = ledger.joined(id).await?
    {
        record = ledger.record(&joined.incident).await?;
    }
    let none = || CommandError::Bad(format!("there is no incident {id}"));
    record.map(|record| record.incident).ok_or_else(none)
}

/// The buckets that the incident is about, or the one of them that is asked for.
fn buckets(incident: &Incident, wanted: Option<&str>) -> Result<BTreeSet<String>, CommandError> {
    let targets = incident.decisions.iter().map(|decision| &decision.target);
    let all: BTreeSet<String> =
        targets.filter(|target| target.kind == TargetKind::S3Bucket).map(|target| target.id.clone()).collect();
    if all.is_empty() {
        return Err(CommandError::Input(format!("{} is about no bucket", incident.id)));
    }
    match wanted {
        None => Ok(all),
        Some(name) if all.contains(name) => Ok(BTreeSet::from([name.to_owned()])),
        Some(name) => {
            let known: Vec<String> = all.iter().map(|name| inert(name, 80)).collect();
            let (id, name, known) = (&incident.id, inert(name, 80), known.join(", "));
            Err(CommandError::Input(format!("{id} is not about the bucket {name}, but about {known}")))
        }
    }
}

fn marker(text: &str) -> Result<Marker, CommandError> {
    serde_json::from_str(text).map_err(|_| CommandError::Input("--after: give the text that the earlier plan printed".to_owned()))
}

/// Asks about one bucket until all of it was listed. What was listed before a question failed is kept.
async fn lost(connection: &Connection, mut wanted: Wanted) -> (Option<Losses>, Option<Unread>) {
    let mut known: Option<Losses> = None;
    for _ in 0..MOST_QUESTIONS {
        let more = match ask(connection, &wanted).await {
            Ok(more) => more,
            Err(fault) => return (known, Some(Unread { bucket: wanted.bucket, why: fault.message })),
        };
        wanted.after.clone_from(&more.next);
        known = Some(match known {
            None => more,
            Some(known) => known.and(more),
        });
        if wanted.after.is_none() {
            break;
        }
    }
    (known, None)
}

async fn ask(connection: &Connection, wanted: &Wanted) -> Result<Losses, Fault> {
    let question = RecoveryQuestion { recover: wanted.clone() };
    invoke(&connection.config, (FUNCTION, names::RECOVERY_ALIAS), &question).await
}

/// Writes a new file: somebody may still need the plan of before.
fn write(file: &Path, script: &str) -> Result<(), CommandError> {
    let written = std::fs::File::create_new(file).and_then(|mut file| file.write_all(script.as_bytes()));
    written.map_err(|error| CommandError::Bad(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::recovery::{Keeps, Loss, Lost, Seen};
    use firebreak_testkit::room;
    use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn connection(aws: &ScriptedAws) -> Connection {
        Connection { ledger: room::ledger(aws), state_machine_arn: String::new(), caller: String::new(), config: aws.config() }
    }

    fn wanted() -> Wanted {
        Wanted { incident: room::incident("one"), bucket: "acme".to_owned(), prefixes: vec![], after: None }
    }

    fn answer(key: &str, next: Option<&str>) -> Answer {
        let lost = Lost {
            key: key.to_owned(),
            version: "v".to_owned(),
            bytes: 3,
            storage_class: None,
            written_at: None,
            may_be_older: false,
            changed_at: Timestamp::UNIX_EPOCH,
            newer: 1,
            loss: Loss::Overwritten,
        };
        let losses = Losses {
            bucket: "acme".to_owned(),
            account: firebreak::ids::AccountId::parse(room::ACCOUNT).expect("an account"),
            region: room::REGION.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            keeps: Keeps::Versions,
            prefixes: vec![],
            lost: vec![lost],
            by_hand: vec![],
            seen: Seen { keys: 1, ..Seen::default() },
            next: next.map(|key| Marker { prefix: String::new(), key: key.to_owned() }),
        };
        ok(serde_json::to_string(&losses).expect("JSON"))
    }

    async fn asked(answers: Vec<Answer>) -> (ScriptedAws, (Option<Losses>, Option<Unread>)) {
        let aws = ScriptedAws::start().await.expect("a port");
        let mut answers = answers.into_iter();
        aws.on("lambda:*", move |_| answers.next());
        let lost = Box::pin(lost(&connection(&aws), wanted())).await;
        (aws, lost)
    }

    #[tokio::test]
    async fn a_bucket_is_asked_about_to_its_end_under_the_alias_that_takes_no_task() {
        let (aws, (losses, unread)) = asked(vec![answer("a", Some("a")), answer("b", None)]).await;
        let losses = losses.expect("an answer");
        let keys: Vec<&str> = losses.lost.iter().map(|lost| lost.key.as_str()).collect();
        assert_eq!((keys, losses.seen.keys, unread), (vec!["a", "b"], 2, None));
        let calls = aws.calls();
        assert!(calls.iter().all(|call| call.operation.contains("firebreak-lockdown-s3") && call.operation.contains("recovery")));
        let bodies: Vec<Value> = calls.iter().map(|call| serde_json::from_str(&call.body).expect("JSON")).collect();
        let question = json!({ "incident": room::incident("one"), "bucket": "acme", "prefixes": [] });
        let mut later = question.clone();
        later["after"] = json!({ "prefix": "", "key": "a" });
        assert_eq!(bodies, [json!({ "recover": question }), json!({ "recover": later })]);
    }

    #[tokio::test]
    async fn what_was_listed_before_a_failure_is_kept_with_the_place_where_it_ended() {
        let (_, (losses, unread)) = asked(vec![answer("a", Some("a")), error(403, "AccessDeniedException")]).await;
        assert_eq!(losses.and_then(|losses| losses.next).map(|marker| marker.key).as_deref(), Some("a"));
        assert!(unread.is_some_and(|unread| unread.bucket == "acme" && unread.why.contains("lambda:Invoke")));
        let (_, (losses, unread)) = asked(vec![error(404, "ResourceNotFoundException")]).await;
        assert!(losses.is_none() && unread.is_some_and(|unread| unread.why.contains("deploy this version")));
    }

    #[test]
    fn only_buckets_of_the_incident_are_asked_about() {
        use firebreak::decision::{Decision, Mode};
        let decision = |kind, id: &str| Decision::new(room::target(kind, id), None, Mode::Notify, "why");
        let mut incident = room::opened("one");
        incident.decisions = vec![decision(TargetKind::IamUser, "mallory")];
        assert!(matches!(buckets(&incident, None), Err(CommandError::Input(_))));
        incident.decisions.extend(["b", "a", "b"].map(|id| decision(TargetKind::S3Bucket, id)));
        let all = buckets(&incident, None).expect("buckets");
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(buckets(&incident, Some("b")).expect("one").len(), 1);
        assert!(matches!(buckets(&incident, Some("c\u{1b}[2J")), Err(CommandError::Input(words)) if !words.contains('\u{1b}')));
    }

    #[test]
    fn a_plan_is_written_over_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plan.sh");
        write(&file, "first").expect("written");
        assert!(matches!(write(&file, "second"), Err(CommandError::Bad(_))));
        assert_eq!(std::fs::read_to_string(&file).expect("readable"), "first");
    }
}

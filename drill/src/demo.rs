//! `make demo`: three findings in, three resources contained, evidence kept, the review answered.

use console::style;
use firebreak::answer::Answer;
use firebreak::digest::sha256_hex;
use firebreak::evidence::{Manifest, manifest_key};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak::review::DecideOutcome;
use firebreak_aws::clock;
use firebreak_cli::follow::{End, Follower};
use firebreak_cli::screen::Screen;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedUser, Result, Stage, State};
use firebreak_testkit::{Options, SECURITY_ACCOUNT, fixture};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "\
demo: three findings on a local AWS, contained, evidenced and answered. No AWS account needed.

    demo                  asks for your answer in a terminal; without one, approve
    ANSWER=approve demo   what is contained stays contained
    ANSWER=release demo   everything is restored, except the exposed access key

Exit code 1: something was not as it must be. make demo installs and builds what it needs.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        println!("{HELP}");
        let asked = std::env::args().nth(1).is_some_and(|argument| matches!(argument.as_str(), "-h" | "--help"));
        return ExitCode::from(if asked { 0 } else { 2 });
    }
    let Ok(preset) = preset_answer() else {
        eprintln!("demo: ANSWER must be approve or release");
        return ExitCode::from(2);
    };
    match demo(preset).await {
        Ok(problems) if problems.is_empty() => {
            println!("\n{} three findings contained, evidenced and answered.", style("Done:").green().bold());
            println!("Next: give the other answer (ANSWER=approve or ANSWER=release make demo); README.md shows the commands.");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            println!("\n{}", style("NOT everything worked:").red().bold());
            problems.iter().for_each(|problem| println!("  - {problem}"));
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::from(1)
        }
    }
}

/// `ANSWER`, if it is set; approve without a terminal to ask at.
fn preset_answer() -> std::result::Result<Option<Answer>, ()> {
    match std::env::var("ANSWER").as_deref() {
        Ok("approve") => Ok(Some(Answer::Approve)),
        Ok("release") => Ok(Some(Answer::Release)),
        Ok("") | Err(_) => Ok((!std::io::stdin().is_terminal()).then_some(Answer::Approve)),
        Ok(_) => Err(()),
    }
}

/// The three resources.
struct Cast {
    user: PlantedUser,
    instance: PlantedInstance,
    bucket: PlantedBucket,
}

impl Cast {
    async fn plant(stage: &Stage) -> Result<Self> {
        Ok(Self {
            user: PlantedUser::plant(stage.config(), "svc-payments").await?,
            instance: PlantedInstance::plant(stage.config(), "web-1").await?,
            bucket: PlantedBucket::plant(stage.config(), "acme-customer-exports").await?,
        })
    }

    fn names(&self) -> [String; 3] {
        [
            format!("IAM user {}", self.user.name),
            format!("EC2 instance {}", self.instance.id),
            format!("S3 bucket {}", self.bucket.name),
        ]
    }

    async fn observe(&self) -> Result<[State; 3]> {
        Ok([self.user.observe().await?, self.instance.observe().await?, self.bucket.observe().await?])
    }

    /// Their findings, in GuardDuty's own form.
    fn findings(&self) -> Result<[Value; 3]> {
        let mut user = fixture::load("guardduty/exfiltration-iam-user")?;
        self.user.name_in(&mut user);
        let mut instance = fixture::load("guardduty/bitcoin-tool")?;
        self.instance.name_in(&mut instance);
        let mut bucket = fixture::load("guardduty/bucket-anonymous-access")?;
        self.bucket.name_in(&mut bucket);
        let mut findings = [user, instance, bucket];
        for (event, serial) in findings.iter_mut().zip(["demo-user", "demo-instance", "demo-bucket"]) {
            fixture::personalise(event, SECURITY_ACCOUNT, serial, clock::now());
        }
        Ok(findings)
    }
}

async fn demo(preset: Option<Answer>) -> Result<Vec<String>> {
    let screen = Screen::new();
    println!("{}", style("Firebreak demo: three findings on a local AWS, no AWS account needed").bold());
    let began = Instant::now();
    let starting = screen.begin("starting the local AWS and deploying Firebreak");
    let stage = Stage::set(&Options::default()).await?;
    drop(starting);
    screen.line(&format!("  local AWS at {} {}", stage.aws.endpoint(), dim_ms(began.elapsed().as_millis())));

    heading("1. Three resources");
    let cast = Cast::plant(&stage).await?;
    let names = cast.names();
    names.iter().for_each(|name| println!("  {name}"));
    let before = cast.observe().await?;

    heading("2. Their findings, through EventBridge");
    let mut sent: Vec<(Timestamp, String)> = Vec::new();
    for event in cast.findings()? {
        println!("  {} (severity {})", event["detail"]["type"].as_str().unwrap_or_default(), event["detail"]["severity"]);
        let at = clock::now();
        let started = stage.send(&event).await?;
        sent.push((at, started.into_iter().next().ok_or("no event rule matched the finding")?));
    }

    heading("3. The response");
    let labels = ["user     ", "instance ", "bucket   "];
    let followers =
        sent.iter().zip(labels).map(|((_, arn), label)| Follower::new(&stage.sfn, &screen, arn.clone(), label.to_owned()));
    let mut followers: Vec<Follower<'_>> = followers.collect();
    let ends = join_all(followers.iter_mut().map(Follower::to_gate)).await;
    let mut problems = Vec::new();
    for (name, end) in names.iter().zip(ends) {
        if end.map_err(|error| error.to_string())? != End::AtGate {
            problems.push(format!("{name}: the execution did not reach the review gate"));
        }
    }

    heading("4. Time from event to contained");
    for ((name, follower), (at, _)) in names.iter().zip(&followers).zip(&sent) {
        let contained =
            follower.receipts.iter().zip(&follower.contained_at).find(|(receipt, _)| receipt.status == Status::Contained);
        match contained {
            Some((_, when)) => println!("  {name}: {}", style(format!("{} ms", when.duration_since(*at).as_millis())).bold()),
            None => problems.push(format!("{name}: not contained")),
        }
    }

    heading("5. What changed");
    let contained = cast.observe().await?;
    for ((name, before), after) in names.iter().zip(&before).zip(&contained) {
        print_changes(name, before, after);
        if before == after {
            problems.push(format!("{name}: nothing changed"));
        }
    }

    heading("6. Evidence");
    for (name, follower) in names.iter().zip(&followers) {
        match evidence(&stage, follower).await {
            Ok(line) => println!("  {name}: {line}"),
            Err(error) => problems.push(format!("{name}: evidence: {error}")),
        }
    }

    heading("7. The review");
    let answer = preset.map_or_else(ask, Ok)?;
    for (name, follower) in names.iter().zip(&followers) {
        match decide(&stage, follower, answer).await {
            Ok(()) => println!("  {name}: {}", answer.word()),
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    for (name, end) in names.iter().zip(join_all(followers.iter_mut().map(Follower::to_end)).await) {
        if end.map_err(|error| error.to_string())? != End::Succeeded {
            problems.push(format!("{name}: the execution failed after the answer"));
        }
    }
    problems.extend(after_the_answer(&cast, &names, answer, &before, &contained).await?);
    problems.extend(closed(&stage, &followers, answer).await);
    Ok(problems)
}

/// Checks the manifest and the digest of every object it names.
async fn evidence(stage: &Stage, follower: &Follower<'_>) -> Result<String> {
    let incident = follower.incident.as_ref().ok_or("no incident")?;
    stage.sealed(&incident.id, 2).await?;
    let manifest: Manifest = serde_json::from_slice(&stage.evidence_object(&manifest_key(&incident.id)).await?)?;
    let (mut objects, mut snapshots) = (0, 0);
    for entry in &manifest.entries {
        match &entry.sha256 {
            Some(digest) if *digest == sha256_hex(&stage.evidence_object(&entry.key).await?) => objects += 1,
            Some(_) => return Err(format!("{} does not have the digest in the manifest", entry.key).into()),
            None => snapshots += 1,
        }
    }
    if !manifest.missing.is_empty() {
        return Err(manifest.missing.join("; ").into());
    }
    let snapshots = if snapshots > 0 { format!(", {snapshots} snapshot(s)") } else { String::new() };
    Ok(format!("{objects} objects with matching SHA-256{snapshots}, list with hash: {}", manifest_key(&incident.id)))
}

fn ask() -> Result<Answer> {
    println!("  Everything stays contained until somebody answers.");
    println!(
        "  {} it was right, keep it contained   {} it was wrong, put it back (an exposed key stays inactive)",
        style("approve:").bold(),
        style("release:").bold()
    );
    let mut line = String::new();
    loop {
        eprint!("  Your answer [approve]: ");
        line.clear();
        std::io::stdin().read_line(&mut line)?;
        match line.trim() {
            "" | "a" | "approve" => return Ok(Answer::Approve),
            "r" | "release" => return Ok(Answer::Release),
            _ => eprintln!("  Please type approve or release."),
        }
    }
}

async fn decide(stage: &Stage, follower: &Follower<'_>, answer: Answer) -> Result<()> {
    let incident = follower.incident.as_ref().ok_or("no incident")?;
    // The ticket is opened by a function of its own, a moment after the state machine reached the gate.
    stage.reaches(&incident.id, IncidentStatus::AwaitingReview).await?;
    match stage.answer(&incident.id, answer).await? {
        DecideOutcome::Accepted { .. } | DecideOutcome::Queued { .. } => Ok(()),
        other => Err(format!("the answer was not taken: {other:?}").into()),
    }
}

/// After approve everything must be as it was contained, after release as it was planted.
async fn after_the_answer(
    cast: &Cast,
    names: &[String; 3],
    answer: Answer,
    before: &[State; 3],
    contained: &[State; 3],
) -> Result<Vec<String>> {
    let now = cast.observe().await?;
    let mut problems = Vec::new();
    println!();
    for (i, name) in names.iter().enumerate() {
        let (expected, words) = match answer {
            Answer::Keep | Answer::Approve => (&contained[i], "still contained"),
            // The access key that the finding exposed must never work again.
            Answer::Release if i == 0 => (&cast.user.released(&before[i]), "as before, the exposed key stays inactive"),
            Answer::Release => (&before[i], "exactly as before"),
        };
        let differences = expected.differences(&now[i]);
        if differences.is_empty() {
            println!("  {name}: {} ({} fields compared)", style(words).green(), expected.len());
        } else {
            print_changes(&format!("{name}, expected against found"), expected, &now[i]);
            problems.push(format!("{name}: not {words}: {} field(s) differ", differences.len()));
        }
    }
    Ok(problems)
}

async fn closed(stage: &Stage, followers: &[Follower<'_>], answer: Answer) -> Vec<String> {
    let expected = match answer {
        Answer::Keep | Answer::Approve => IncidentStatus::Closed,
        Answer::Release => IncidentStatus::Released,
    };
    let checks = followers
        .iter()
        .filter_map(|f| f.incident.as_ref())
        .map(async |incident| stage.reaches(&incident.id, expected).await.err().map(|error| format!("{}: {error}", incident.id)));
    join_all(checks).await.into_iter().flatten().collect()
}

fn print_changes(name: &str, before: &State, after: &State) {
    println!("  {name}");
    for change in before.differences(after) {
        let shown = |value: &str| if value.is_empty() { "(none)".to_owned() } else { value.to_owned() };
        println!(
            "    {}: {} {} {}",
            change.field,
            style(shown(&change.before)).dim(),
            style("→").dim(),
            style(shown(&change.after)).bold()
        );
    }
}

fn heading(text: &str) {
    println!("\n{}", style(text).bold().underlined());
}

fn dim_ms(ms: u128) -> String {
    style(format!("{ms} ms")).dim().to_string()
}

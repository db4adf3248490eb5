//! The command line.

use clap::{Args, Parser, Subcommand};
use firebreak::comment::{NoReason, is_reason};
use firebreak::revision::CODE_DIGITS;
use firebreak_rehearsal::Resource;
use std::path::PathBuf;

/// Contain a finding, see what was done, answer the review.
#[derive(Debug, Parser)]
#[command(name = "firebreak", version, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what triage would decide about an event. Offline, changes nothing.
    Plan(PlanArguments),
    /// Start the real state machine with an event and show its progress.
    Replay(ReplayArguments),
    /// List incidents, or show everything about one.
    Incidents(IncidentsArguments),
    /// List the denied sessions of roles, and until when each keeps one of its role's five slots.
    Slots(SlotsArguments),
    /// Say what mode auto would do where accounts only observe or rehearse.
    Report(ReportArguments),
    /// Check a deployment: would a finding that comes in now be contained?
    Doctor(DoctorArguments),
    /// Make the security groups of isolations in every VPC of an account, before an incident needs them.
    Prepare(PrepareArguments),
    /// What S3 buckets of an incident lost.
    S3(S3Arguments),
    /// Answer the review gate: approve keeps the containment, release undoes it.
    Review(ReviewArguments),
    /// Put a closed incident back as a release would: exposed credentials stay inactive.
    Restore(RestoreArguments),
    /// Let everything automatic wait for a person, for at most 24 hours.
    Pause(PauseArguments),
    /// End a pause before its time.
    Resume(ResumeArguments),
    /// What only a local AWS can do.
    Local(LocalArguments),
}

/// `firebreak plan`
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// An event as EventBridge delivers it; `-` reads standard input.
    #[arg(required_unless_present = "batch")]
    pub event: Option<PathBuf>,
    /// Every *.json file of a folder: one JSON line per file.
    #[arg(long, value_name = "DIR", conflicts_with = "event")]
    pub batch: Option<PathBuf>,
    /// The response policy; without it, the shipped playbook at full strength.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Also say what decided: which row, which field of the event, which line of the policy.
    #[arg(long, conflicts_with = "batch")]
    pub explain: bool,
    /// With --batch: write a table of finding types and decisions to this file, as Markdown, instead of the lines.
    #[arg(long, value_name = "FILE", requires = "batch")]
    pub report: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak replay`
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Events as EventBridge delivers them.
    #[arg(required_unless_present = "sample")]
    pub events: Vec<PathBuf>,
    /// Instead of a file: a finding of this type that GuardDuty makes as a sample.
    #[arg(long, value_name = "TYPE", conflicts_with = "events")]
    pub sample: Option<String>,
    /// Let the finding name this throw-away resource: user=NAME, role=NAME/SESSION, instance=ID or bucket=NAME. Its account must be
    /// marked for tests in the response policy. Again for each resource that the finding is about.
    #[arg(long = "as", value_name = "RESOURCE")]
    pub as_resource: Vec<Resource>,
    /// The AWS profile of the account in which the resources are; without it, the credentials of the environment.
    #[arg(long, value_name = "PROFILE", requires = "as_resource")]
    pub resource_profile: Option<String>,
    /// Show the execution until it ends or waits for an analyst.
    #[arg(long)]
    pub follow: bool,
    /// Compare the resources with what they must be once the finding waits for an analyst; exit 1 on any difference.
    #[arg(long, requires = "as_resource")]
    pub assert: bool,
    /// After that, answer release, and compare again: all as before, but for exposed keys.
    #[arg(long, requires = "assert")]
    pub release: bool,
    /// Print JSON, one line per event.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak local`
#[derive(Debug, Args)]
pub struct LocalArguments {
    /// What to do there.
    #[command(subcommand)]
    pub command: LocalCommand,
}

/// What only a local AWS can do.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Create a user, a role, an instance and a bucket, and print the commands that contain and release them.
    Plant,
}

/// `firebreak incidents`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct IncidentsArguments {
    /// Show one incident.
    #[command(subcommand)]
    pub show: Option<ShowIncident>,
    /// How many of the newest. What is not contained and most severe stands first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub limit: i32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak incidents show`
#[derive(Debug, Subcommand)]
pub enum ShowIncident {
    /// Everything about one incident: decisions, receipts, evidence, timeline.
    Show {
        /// The incident, `fb-…`.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `firebreak slots`
#[derive(Debug, Args)]
pub struct SlotsArguments {
    /// Only roles of this account.
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// Only this role; with --account, however long ago its sessions were denied.
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak report`
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// What to report on.
    #[command(subcommand)]
    pub about: ReportAbout,
}

/// What there is a report on.
#[derive(Debug, Subcommand)]
pub enum ReportAbout {
    /// What would have been contained, asked and told in mode auto, and how dry runs were answered.
    Observe(ObserveArguments),
}

/// `firebreak report observe`
#[derive(Debug, Args)]
pub struct ObserveArguments {
    /// How far back, in days (30d) or hours (12h).
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub since: String,
    /// Only targets of this account.
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak doctor`
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Also look into this member account; those that the response policy names are looked into anyway.
    #[arg(long, value_name = "NUMBER")]
    pub account: Vec<String>,
    /// Also look for isolation groups in this Region.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Show what is sound, too.
    #[arg(long)]
    pub all: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak prepare`
#[derive(Debug, Args)]
pub struct PrepareArguments {
    /// A member account. Can be repeated.
    #[arg(long, value_name = "NUMBER", required = true)]
    pub account: Vec<String>,
    /// A Region; without it, the one Firebreak runs in. Can be repeated.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak s3`
#[derive(Debug, Args)]
pub struct S3Arguments {
    /// What to say about them.
    #[command(subcommand)]
    pub command: S3Command,
}

/// What there is to say about buckets.
#[derive(Debug, Subcommand)]
pub enum S3Command {
    /// Write a script of the commands that bring back what was deleted or overwritten. It changes nothing: people run the script.
    RecoveryPlan(RecoveryPlanArguments),
}

/// `firebreak s3 recovery-plan`
#[derive(Debug, Args)]
pub struct RecoveryPlanArguments {
    /// The incident, `fb-…`. Only what happened since it began is in the plan.
    pub id: String,
    /// Only this bucket of the incident.
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// Only keys that begin so. Can be repeated.
    #[arg(long, value_name = "PREFIX", requires = "bucket", allow_hyphen_values = true)]
    pub prefix: Vec<String>,
    /// Go on where an earlier plan ended, as that plan says it.
    #[arg(long, value_name = "MARKER", requires = "bucket")]
    pub after: Option<String>,
    /// Write the script to this file, which must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON instead of the script.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak review`
#[derive(Debug, Args)]
pub struct ReviewArguments {
    /// List, keep, approve or release.
    #[command(subcommand)]
    pub command: ReviewCommand,
}

/// The analyst's side of the gate.
#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// List the incidents that wait for an answer.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// It was right: everything stays as it is, nothing more is done, close.
    Keep(AnswerArguments),
    /// It was an attack: stay contained, contain what waits or failed, close. `firebreak restore` undoes it later.
    Approve(ApproveArguments),
    /// It was wrong: put everything back as it was, close.
    Release(AnswerArguments),
}

/// An approval.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// What every answer has.
    #[command(flatten)]
    pub answer: AnswerArguments,
    /// Close the incident although this target is NOT contained; its id as `incidents show` prints it.
    #[arg(long, value_name = "TARGET")]
    pub accept_open: Vec<String>,
}

/// One answer.
#[derive(Debug, Args)]
pub struct AnswerArguments {
    /// The incident, `fb-…`.
    pub id: String,
    /// Why, in 10 characters or more; kept with the incident.
    #[arg(long, value_parser = comment)]
    pub comment: String,
    /// The code that the ticket prints: refused when the incident is no longer what that ticket showed. Without it the answer is
    /// about the newest ticket.
    #[arg(long, value_name = "CODE", value_parser = code)]
    pub shown: Option<String>,
    /// Do not ask before the answer is given. Without a terminal nobody is asked.
    #[arg(long)]
    pub yes: bool,
    /// Answer for this target only, its id as `incidents show` prints it; the incident asks again about the rest. Can be repeated.
    #[arg(long, value_name = "TARGET", conflicts_with = "except")]
    pub only: Vec<String>,
    /// Answer for all targets but this one; the incident asks again about it. Can be repeated.
    #[arg(long, value_name = "TARGET")]
    pub except: Vec<String>,
    /// Do not wait until the answer is carried out.
    #[arg(long)]
    pub no_wait: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak restore`
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The incident, `fb-…`.
    pub id: String,
    /// Why, in 10 characters or more; kept with the incident.
    #[arg(long, value_parser = comment)]
    pub comment: String,
    /// Do not ask before. Without a terminal nobody is asked.
    #[arg(long)]
    pub yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak pause`
#[derive(Debug, Args)]
pub struct PauseArguments {
    /// Only in this account; without it, in all.
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// For how long from now: 90m, 2h, 1d. At most 24 hours; a second pause sets a new end.
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: String,
    /// Why. People read it in every notice meanwhile.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `firebreak resume`
#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// The pause of this account; without it, the one of all accounts.
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a ticket prints are the first digits of a SHA-256.
fn code(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_lowercase();
    if code.len() < CODE_DIGITS || code.len() > 64 || !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("give the code as the ticket prints it: {CODE_DIGITS} hexadecimal digits"));
    }
    Ok(code)
}

/// An answer is read by others later: the text of the mail's example, or nothing, is no reason.
fn comment(text: &str) -> Result<String, NoReason> {
    is_reason(text).map(|()| text.trim().to_owned())
}

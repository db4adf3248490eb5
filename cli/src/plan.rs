//! `firebreak plan`: what triage would decide, offline, about events and about findings as an export has them.

mod batch;
mod show;
mod table;

use crate::arguments::PlanArguments;
use crate::{CommandError, print_json};
use firebreak::arrival;
use firebreak::plan::{Circumstances, Plan, plan_file};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak_aws::clock;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How a file begins that gzip packed (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes.
const UNPACKED_AT_MOST: u64 = 1 << 30;

/// The policy that plans are made under, and where it came from.
struct PolicySource {
    policy: Policy,
    /// The file and its text; nothing when the shipped playbook decides alone.
    file: Option<(PathBuf, String)>,
}

pub(crate) fn run(arguments: &PlanArguments) -> Result<(), CommandError> {
    let source = policy(arguments.policy.as_deref())?;
    if let Some(folder) = &arguments.batch {
        return match &arguments.report {
            Some(report) => table::write(folder, report, &source.policy),
            None => batch::lines(folder, &source.policy),
        };
    }
    let path = arguments.event.as_deref().unwrap_or(Path::new("-"));
    let plan = decide(path, &source.policy, arguments.explain)?;
    if arguments.json {
        return print_json(&plan);
    }
    show::plan(&plan);
    show::arrival(&plan, &source.policy);
    if arguments.explain {
        show::explanation(&plan, &source);
    }
    Ok(())
}

fn policy(file: Option<&Path>) -> Result<PolicySource, CommandError> {
    let Some(file) = file else { return Ok(PolicySource { policy: Policy::unrestricted(), file: None }) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandError::Input(format!("cannot read the policy {}: {error}", file.display())))?;
    let policy = Policy::parse(&text).map_err(|error| CommandError::Input(format!("{}: {error}", file.display())))?;
    for doubt in policy.doubtful(Playbook::shipped()) {
        eprintln!("firebreak: {}: {doubt}; is it spelled right?", file.display());
    }
    for asked in arrival::out_of_reach(&policy, Playbook::shipped()) {
        eprintln!("firebreak: {}: {asked}", file.display());
    }
    Ok(PolicySource { policy, file: Some((file.to_owned(), text)) })
}

fn decide(path: &Path, policy: &Policy, explain: bool) -> Result<Plan, CommandError> {
    let circumstances = Circumstances { explain, ..Circumstances::new(policy, clock::now()) };
    plan_file(&read(path)?, &circumstances).map_err(|error| CommandError::Input(format!("{} is {error}", path.display())))
}

/// Reads an event file, or standard input for `-`. A file that gzip packed, as GuardDuty's export to S3 is, is unpacked.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else if path.is_dir() {
        return Err(CommandError::Input(format!("{} is a folder: firebreak plan --batch {0}", path.display())));
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    let cannot = |error: std::io::Error| CommandError::Input(format!("cannot read {}: {error}", path.display()));
    read.map_err(cannot)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    // A small file can unpack to more than the machine holds.
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(UNPACKED_AT_MOST).read_to_end(&mut unpacked).map_err(cannot)?;
    if unpacked.len() as u64 == UNPACKED_AT_MOST {
        return Err(CommandError::Input(format!("{} unpacks to more than {UNPACKED_AT_MOST} bytes; split it", path.display())));
    }
    Ok(unpacked)
}

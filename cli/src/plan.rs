//! `firebreak plan`: what triage would decide, offline.

mod batch;
mod show;

use crate::arguments::PlanArguments;
use crate::{CommandError, print_json};
use firebreak::arrival;
use firebreak::plan::{Circumstances, Plan, plan_json};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak_aws::clock;
use std::io::Read as _;
use std::path::{Path, PathBuf};

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
            Some(report) => batch::report(folder, report, &source.policy),
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
    plan_json(&read(path)?, &circumstances).map_err(|error| CommandError::Input(format!("{} is {error}", path.display())))
}

/// Reads an event file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else if path.is_dir() {
        return Err(CommandError::Input(format!("{} is a folder: firebreak plan --batch {0}", path.display())));
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    read.map_err(|error| CommandError::Input(format!("cannot read {}: {error}", path.display())))?;
    Ok(bytes)
}

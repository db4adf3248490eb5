//! `firebreak doctor`: would a finding that comes in now be contained, evidenced and reviewed?
//!
//! It only reads. What an operator may read is read with the operator's credentials; what only a function's role can see (whether a
//! member account lets it in) is asked of the function.

mod alarms;
mod deployment;
mod detection;
mod event_rules;
mod guard;
mod lambda;
mod ledger;
mod members;
mod pauses;
mod regions;
mod review_gate;
mod shipped;
mod show;
mod state_machine;
mod topics;

pub(crate) use lambda::{ask, invoke};

use crate::arguments::DoctorArguments;
use crate::screen::Screen;
use crate::{CommandError, Connection, print_json};
use deployment::Deployment;
use firebreak::diagnosis::{Condition, Observation};
use firebreak::ids::{AccountId, Region};
use std::collections::BTreeSet;

pub(crate) async fn run(arguments: &DoctorArguments) -> Result<(), CommandError> {
    let deployment = Deployment::of(Connection::open().await?)?;
    let accounts = arguments.account.iter().map(|text| id(text, AccountId::parse)).collect::<Result<BTreeSet<_>, _>>()?;
    let mut regions = vec![deployment.region.clone()];
    for region in &arguments.region {
        let region = id(region, Region::parse)?;
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    let screen = if arguments.json { Screen::silent() } else { Screen::new() };
    let observations = look(&deployment, accounts, regions, &screen).await;
    if arguments.json {
        print_json(&observations)?;
    } else {
        show::print(&deployment, &observations, arguments.all);
    }
    let count = |condition| observations.iter().filter(|seen| seen.condition == condition).count();
    match count(Condition::Broken) + count(Condition::Unknown) {
        0 => Ok(()),
        bad => Err(CommandError::Bad(format!("{bad} of {} checks need attention", observations.len()))),
    }
}

/// Every check, in the order in which a finding passes what they look at.
async fn look(deployment: &Deployment, accounts: BTreeSet<AccountId>, regions: Vec<Region>, screen: &Screen) -> Vec<Observation> {
    let mut seen = Vec::new();
    {
        let _activity = screen.begin("the security account");
        let (detection, rules, machine, functions, ledger, pauses, gate, topics, alarms, guard) = futures::join!(
            detection::look(deployment),
            event_rules::look(deployment),
            state_machine::look(deployment),
            lambda::look(deployment),
            ledger::look(deployment),
            pauses::look(deployment),
            review_gate::look(deployment),
            topics::look(deployment),
            alarms::look(deployment),
            guard::look(deployment),
        );
        for part in [detection, rules, machine, functions, ledger, pauses, gate, topics, alarms, guard] {
            seen.extend(part);
        }
    }
    seen.extend(members::look(deployment, accounts, regions, screen).await);
    seen
}

fn id<T, E: std::fmt::Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, CommandError> {
    parse(text).map_err(|error| CommandError::Input(format!("{}: {error}", firebreak::text::inert(text, 40))))
}

//! Whether each member account lets each function in, and what the functions see there.

use super::deployment::{DEPLOY, Deployment};
use super::event_rules;
use super::lambda::{FUNCTION, ask, has_second_tier};
use crate::screen::Screen;
use firebreak::diagnosis::{Diagnosis, Observation, Places};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, Region};
use firebreak::names;
use firebreak::policy::ResponseMode;
use firebreak_aws::classify::OrFault;
use firebreak_functions::FUNCTIONS;
use futures::future::join_all;
use std::collections::BTreeSet;

/// The function that has the response policy: it is asked first, for the accounts that the others are asked about.
const FIRST: &str = "triage";

pub(super) async fn look(
    deployment: &Deployment,
    mut accounts: BTreeSet<AccountId>,
    regions: Vec<Region>,
    screen: &Screen,
) -> Vec<Observation> {
    let nowhere = Places { partition: deployment.partition.clone(), accounts: vec![], regions };
    let mut seen = Vec::new();
    match ask(&deployment.config, FIRST, &nowhere).await {
        Ok(Diagnosis { accounts: configured, default_mode, own_types, listed_products, .. }) => {
            seen.extend(event_rules::own(deployment, &own_types, &listed_products).await);
            accounts.extend(configured.into_iter().map(|one| one.account));
            if default_mode.is_some_and(|mode| mode != ResponseMode::Observe) {
                match every_account(deployment).await {
                    Ok(all) => accounts.extend(all),
                    Err(fault) => seen.push(unlisted(&fault)),
                }
            }
        }
        Err(fault) => seen.push(silent(FIRST, &fault)),
    }
    if accounts.is_empty() {
        let fix = "firebreak doctor --account <number>, or name accounts in the response policy";
        seen.push(Observation::advice("member-role", "none", "the response policy names no account", fix));
    }
    let accounts: Vec<_> = accounts.into_iter().collect();
    for (done, some) in accounts.chunks(Places::MOST_ACCOUNTS).enumerate() {
        let _activity = screen.begin(&format!("member accounts, {} of {} done", done * Places::MOST_ACCOUNTS, accounts.len()));
        let places = &Places { accounts: some.to_vec(), ..nowhere.clone() };
        let asked = FUNCTIONS.iter().filter(|one| one.is_in_members()).map(|one| answer(deployment, one.name, places));
        seen.extend(join_all(asked).await.concat());
    }
    let at_home = FUNCTIONS.iter().filter(|one| one.member_roles.is_empty());
    let elsewhere = at_home.map(|one| answers(deployment, one.name, &nowhere));
    seen.extend(join_all(elsewhere).await);
    // The organization has one policy, whatever the number of accounts.
    seen.extend(second_tier(deployment, &nowhere).await);
    // What does not depend on the account comes with every batch.
    let mut said = BTreeSet::new();
    seen.retain(|one| said.insert((one.check.clone(), one.subject.clone(), one.found.clone())));
    seen
}

async fn answer(deployment: &Deployment, folder: &str, places: &Places) -> Vec<Observation> {
    match ask(&deployment.config, folder, places).await {
        Ok(diagnosis) => diagnosis.observations,
        Err(fault) => vec![silent(folder, &fault)],
    }
}

/// Whether a function that looks at nothing starts at all.
async fn answers(deployment: &Deployment, folder: &str, nowhere: &Places) -> Observation {
    match ask(&deployment.config, folder, nowhere).await {
        Ok(_) => Observation::sound(FUNCTION, format!("{} answers", names::function(folder)), "yes"),
        Err(fault) => silent(folder, &fault),
    }
}

async fn second_tier(deployment: &Deployment, nowhere: &Places) -> Vec<Observation> {
    if has_second_tier(deployment).await == Some(false) {
        let fix = "docs/install.md, if you want it; the policy's [organization] must not ask for it until then";
        return vec![Observation::advice("quarantine-scp", "second tier", "not configured", fix)];
    }
    answer(deployment, "quarantine-scp", nowhere).await
}

/// Accounts that nobody named respond, too, when that is the default.
async fn every_account(deployment: &Deployment) -> Result<Vec<AccountId>, Fault> {
    let client = aws_sdk_organizations::Client::new(&deployment.config);
    let pages = client.list_accounts().into_paginator().send().try_collect().await.or_fault("organizations:ListAccounts")?;
    let all = pages.into_iter().flat_map(|page| page.accounts.unwrap_or_default());
    Ok(all.filter_map(|account| AccountId::parse(&account.id?).ok()).collect())
}

fn unlisted(fault: &Fault) -> Observation {
    let fix = "firebreak doctor --account <number> for each, or run it where organizations:ListAccounts is allowed";
    Observation::unknown("member-role", "accounts that nobody named", fault.message.clone(), fix)
}

fn silent(folder: &str, fault: &Fault) -> Observation {
    let (subject, found) = (format!("{} answers", names::function(folder)), fault.message.clone());
    match fault.kind {
        FaultKind::Transient => Observation::unknown(FUNCTION, subject, found, "run `firebreak doctor` again"),
        FaultKind::Denied => {
            Observation::unknown(FUNCTION, subject, found, "allow the caller lambda:InvokeFunction on firebreak-*:doctor")
        }
        _ => Observation::broken(FUNCTION, subject, found, DEPLOY),
    }
}

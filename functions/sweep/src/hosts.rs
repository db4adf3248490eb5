//! Which role an instance has whose isolation is decided: its session is denied, too. Asked at each look.

use crate::Function;
use crate::suspects::homes;
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IamName, IncidentId, InstanceProfileName, PrincipalId};
use firebreak::incident::Incident;
use firebreak::plan::Known;
use firebreak::plan::derived::{Host, unresolved, without_role};
use firebreak::receipt::Receipt;
use firebreak::report::Report;
use firebreak::target::Target;
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::clients::MemberRole;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// People wait for a first look, and the search takes as long.
const PATIENCE: Duration = Duration::from_secs(8);

const LATE: &str = "the time for it ran out";

/// An instance and its profile.
type Asked = (Target, InstanceProfileName);

/// What the accounts say of the roles of instances.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Those with a role.
    pub(crate) known: Vec<Host>,
    /// A line for each question without an answer: the next look asks again.
    pub(crate) unknown: Vec<String>,
    /// A line for each instance whose role nobody can find any more: a person must.
    pub(crate) without_role: Vec<String>,
}

impl Function {
    /// Asks the account of each instance.
    pub(crate) async fn hosts(&self, incident: &Incident, report: &Report) -> Hosts {
        let receipts: Vec<Receipt> = report.receipts().cloned().collect();
        let homes = homes(incident);
        let mut accounts: BTreeMap<AccountId, Vec<Asked>> = BTreeMap::new();
        for asked in unresolved(incident, &receipts, &report.release.receipts) {
            let account = &asked.0.account;
            if homes.contains(account) || self.policy.names(account) {
                accounts.entry(account.clone()).or_default().push(asked);
            }
        }
        let deadline = Instant::now() + PATIENCE;
        let each = accounts.into_values().map(|asked| self.roles_in_account(&incident.id, asked, deadline));
        let (mut hosts, mut empty) = (Hosts::default(), Vec::new());
        for ((instance, profile), answer) in join_all(each).await.into_iter().flatten() {
            match answer {
                Ok(Some(role)) => hosts.known.push(Host::new(instance, role, incident)),
                Ok(None) => empty.push((instance, profile)),
                Err(why) => hosts.unknown.push(format!("which role {instance} has now, whose session may not be denied: {why}")),
            }
        }
        let lines = empty.iter().filter_map(|(instance, profile)| without_role(incident, instance, profile, &hosts.known));
        hosts.without_role = lines.collect();
        hosts
    }

    /// One role is assumed for the instances of an account.
    async fn roles_in_account(
        &self,
        incident: &IncidentId,
        asked: Vec<Asked>,
        deadline: Instant,
    ) -> Vec<(Asked, Result<Option<Known>, String>)> {
        let Some((first, _)) = asked.first() else { return vec![] };
        let assumed = timeout_at(deadline, self.aws.member(first, MemberRole::Sweep, incident)).await;
        let iam = match assumed {
            Ok(Ok(config)) => Ok(Client::new(&config)),
            Ok(Err(fault)) => Err(fault.message),
            Err(_) => Err(LATE.to_owned()),
        };
        let iam = &iam;
        let each = asked.into_iter().map(|(instance, profile)| async move {
            let role = match iam {
                Ok(iam) => match timeout_at(deadline, role_of(iam, &profile)).await {
                    Ok(read) => read.map_err(|fault| fault.message),
                    Err(_) => Err(LATE.to_owned()),
                },
                Err(why) => Err(why.clone()),
            };
            ((instance, profile), role)
        });
        join_all(each).await
    }
}

/// The role in a profile. None when the profile has none, or is gone.
async fn role_of(iam: &Client, profile: &InstanceProfileName) -> Result<Option<Known>, Fault> {
    let answer = iam.get_instance_profile().instance_profile_name(profile.as_str()).send().await;
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(None);
    }
    let answer = answer.or_fault("iam:GetInstanceProfile")?;
    let profile = answer.instance_profile().ok_or_else(|| Fault::bug("iam:GetInstanceProfile answered without a profile"))?;
    let Some(role) = profile.roles().first() else { return Ok(None) };
    let id = PrincipalId::parse(role.role_id());
    let known = IamName::parse(role.role_name()).and_then(|name| Ok(Known { name, id: id?, path: role.path().to_owned() }));
    known.map(Some).map_err(|error| Fault::malformed(format!("IAM's answer: {error}")))
}

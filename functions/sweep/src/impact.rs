//! What an approval would stop: of each whole role or user that waits, who else works with it, of each instance, what isolating it hits,
//! and of each level of a bucket, whom it hits. Read before people are asked, kept with the decision, and read again at the next look
//! where it failed.

mod asked;
mod buckets;
mod instances;

use crate::Function;
use crate::suspects::homes;
use aws_sdk_iam::Client;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{JobStatusType, ServiceLastAccessed};
use firebreak::coverage::decision_key;
use firebreak::decision::Decision;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, IncidentId};
use firebreak::impact::{Impact, RECENT, Use};
use firebreak::incident::Incident;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Principals of one look.
const PRINCIPALS: usize = 10;
/// Instances of one look.
const INSTANCES: usize = 10;
/// Levels of buckets of one look: a bucket has three.
const BUCKETS: usize = 12;
/// A look has other work, and people wait for it.
const PATIENCE: Duration = Duration::from_secs(8);
/// IAM writes its report in a few seconds, or later than anybody waits for.
const REPORT: Duration = Duration::from_secs(5);
/// Between two questions for the report.
const PAUSE: Duration = Duration::from_millis(300);
/// Services of a report's first page: the most that IAM gives, and more than there are.
const PAGE: i32 = 1000;

const LATE: &str = "the time for it ran out";

/// What was read about one decision.
pub(crate) struct Weighed {
    key: String,
    target: Target,
    impact: Result<Impact, String>,
}

/// What IAM says of a principal itself.
struct Known {
    arn: String,
    id: String,
    trusted: Vec<String>,
    last_used: Option<Timestamp>,
}

impl Function {
    /// Reads about what waits already. It can run beside the search: both only read.
    pub(crate) async fn weigh(&self, incident: &Incident) -> Vec<Weighed> {
        self.weigh_all(incident, self.lacking(incident, &[])).await
    }

    /// Reads about what was decided since, and keeps all of it with the decisions. `uses` are sessions that the search came across.
    /// Returns what is not known, one line each.
    pub(crate) async fn keep_impact(&self, incident: &mut Incident, mut weighed: Vec<Weighed>, uses: &[Use]) -> Vec<String> {
        let new = self.lacking(incident, &weighed);
        weighed.extend(self.weigh_all(incident, new).await);
        let now = clock::now();
        let (mut impacts, mut unknown) = (BTreeMap::new(), Vec::new());
        for Weighed { key, target, impact } in weighed {
            match impact {
                Ok(impact) if !is_principal(&target) => {
                    impacts.insert(key, impact);
                }
                Ok(impact) => {
                    impacts.insert(key, impact.seen(&target, uses, now));
                }
                Err(why) if is_host(&target) => unknown.push(format!("what isolating {target} would hit: {why}")),
                Err(why) if is_bucket(&target) => unknown.push(format!("whom a lockdown would hit, {target}: {why}")),
                Err(why) => unknown.push(format!("who else uses {target}: {why}")),
            }
        }
        if impacts.is_empty() {
            return unknown;
        }
        let keep = |known: &mut Incident| {
            for decision in known.decisions.iter_mut().filter(|decision| decision.is_weighed()) {
                if let Some(impact) = impacts.get(&decision_key(decision)) {
                    decision.impact = Some(impact.clone());
                }
            }
        };
        // People read it in the ledger. Without it a decision is as it was, and the next look reads again.
        match self.ledger.amend(&incident.id, keep).await {
            Ok(_) => keep(incident),
            Err(fault) => unknown.push(format!("whom what waits would hit: {}", fault.message)),
        }
        unknown
    }

    async fn weigh_all(&self, incident: &Incident, decisions: Vec<&Decision>) -> Vec<Weighed> {
        let deadline = Instant::now() + PATIENCE;
        let (principals, others): (Vec<&Decision>, Vec<&Decision>) = decisions.into_iter().partition(|d| is_principal(&d.target));
        let (buckets, hosts): (Vec<&Decision>, Vec<&Decision>) = others.into_iter().partition(|d| is_bucket(&d.target));
        let mut accounts: BTreeMap<AccountId, Vec<&Decision>> = BTreeMap::new();
        for decision in principals {
            accounts.entry(decision.target.account.clone()).or_default().push(decision);
        }
        let each = accounts.into_values().map(|decisions| self.weigh_in_account(&incident.id, decisions, deadline));
        let (principals, hosts, buckets) = futures::join!(
            join_all(each),
            Box::pin(self.weigh_instances(incident, hosts, deadline)),
            Box::pin(self.weigh_buckets(incident, buckets, deadline)),
        );
        principals.into_iter().flatten().chain(hosts).chain(buckets).collect()
    }

    /// Decisions whose impact matters and is not known, in accounts that a finding came from or that policy names. What this look has
    /// `read` counts.
    fn lacking<'a>(&self, incident: &'a Incident, read: &[Weighed]) -> Vec<&'a Decision> {
        let homes = homes(incident);
        let may_ask = |account: &AccountId| homes.contains(account) || self.policy.names(account);
        let is_read = |decision: &Decision| read.iter().any(|one| one.key == decision_key(decision));
        let is_lacking = |d: &&Decision| d.is_weighed() && d.impact.is_none() && may_ask(&d.target.account) && !is_read(d);
        let lacking: Vec<&Decision> = incident.decisions.iter().filter(is_lacking).collect();
        let next = |is: fn(&Target) -> bool, most: usize| {
            let room = most.saturating_sub(read.iter().filter(|one| is(&one.target)).count());
            lacking.iter().copied().filter(move |decision| is(&decision.target)).take(room)
        };
        next(is_principal, PRINCIPALS).chain(next(is_host, INSTANCES)).chain(next(is_bucket, BUCKETS)).collect()
    }

    /// One role is assumed for the principals of an account.
    async fn weigh_in_account(&self, incident: &IncidentId, decisions: Vec<&Decision>, deadline: Instant) -> Vec<Weighed> {
        let Some(first) = decisions.first() else { return vec![] };
        let assumed = timeout_at(deadline, self.aws.member(&first.target, MemberRole::Sweep, incident)).await;
        let iam = match assumed {
            Ok(Ok(config)) => Ok(Client::new(&config)),
            Ok(Err(fault)) => Err(fault.message),
            Err(_) => Err(LATE.to_owned()),
        };
        let iam = &iam;
        let each = decisions.into_iter().map(|decision| async move {
            let impact = match iam {
                Ok(iam) => match timeout_at(deadline, impact(iam, &decision.target)).await {
                    Ok(read) => read.map_err(|fault| fault.message),
                    Err(_) => Err(LATE.to_owned()),
                },
                Err(why) => Err(why.clone()),
            };
            Weighed { key: decision_key(decision), target: decision.target.clone(), impact }
        });
        join_all(each).await
    }
}

fn is_host(target: &Target) -> bool {
    target.kind == TargetKind::Ec2Instance
}

fn is_bucket(target: &Target) -> bool {
    target.kind == TargetKind::S3Bucket
}

fn is_principal(target: &Target) -> bool {
    !is_host(target) && !is_bucket(target)
}

async fn impact(iam: &Client, target: &Target) -> Result<Impact, Fault> {
    let known = if target.kind == TargetKind::IamRole { role(iam, target).await? } else { user(iam, target).await? };
    if target.principal_id.as_ref().is_some_and(|id| id.as_str() != known.id) {
        return Err(Fault::new(FaultKind::Gone, "somebody else has its name now"));
    }
    let services = services(iam, &known.arn).await?;
    let impact = Impact::of(services.iter().map(String::as_str), known.trusted.iter().map(String::as_str));
    Ok(Impact { last_used: known.last_used, ..impact })
}

async fn role(iam: &Client, target: &Target) -> Result<Known, Fault> {
    let answer = iam.get_role().role_name(&target.id).send().await.or_fault("iam:GetRole")?;
    let role = answer.role.ok_or_else(|| Fault::bug("iam:GetRole answered without a role"))?;
    let last_used = role.role_last_used.and_then(|used| used.last_used_date).as_ref().and_then(time);
    let trusted = role.assume_role_policy_document.as_deref().map(trusted).unwrap_or_default();
    Ok(Known { arn: role.arn, id: role.role_id, trusted, last_used })
}

async fn user(iam: &Client, target: &Target) -> Result<Known, Fault> {
    let answer = iam.get_user().user_name(&target.id).send().await.or_fault("iam:GetUser")?;
    let user = answer.user.ok_or_else(|| Fault::bug("iam:GetUser answered without a user"))?;
    let last_used = user.password_last_used.as_ref().and_then(time);
    Ok(Known { arn: user.arn, id: user.user_id, trusted: vec![], last_used })
}

/// The services that it called in the last day, the last one first. IAM's report can be hours behind.
async fn services(iam: &Client, arn: &str) -> Result<Vec<String>, Fault> {
    let asked = iam.generate_service_last_accessed_details().arn(arn).send().await;
    let job = asked.or_fault("iam:GenerateServiceLastAccessedDetails")?.job_id;
    let job = job.ok_or_else(|| Fault::bug("iam:GenerateServiceLastAccessedDetails answered without a job"))?;
    let until = Instant::now() + REPORT;
    loop {
        let answer = iam.get_service_last_accessed_details().job_id(&job).max_items(PAGE).send().await;
        let answer = answer.or_fault("iam:GetServiceLastAccessedDetails")?;
        if answer.job_status == JobStatusType::Completed {
            return Ok(of_today(&answer.services_last_accessed, clock::now()));
        }
        if answer.job_status == JobStatusType::Failed {
            return Err(Fault::new(FaultKind::Transient, "IAM could not write its report"));
        }
        if Instant::now() >= until {
            return Err(Fault::new(FaultKind::Transient, "IAM's report is not ready yet"));
        }
        sleep(PAUSE).await;
    }
}

fn of_today(services: &[ServiceLastAccessed], now: Timestamp) -> Vec<String> {
    let called = services.iter().filter_map(|service| Some((time(service.last_authenticated.as_ref()?)?, service)));
    let mut recent: Vec<(Timestamp, &str)> = called
        .filter(|(at, _)| now.duration_since(*at) <= RECENT)
        .map(|(at, service)| (at, service.service_namespace.as_str()))
        .collect();
    recent.sort_unstable();
    recent.into_iter().rev().map(|(_, namespace)| namespace.to_owned()).collect()
}

fn time(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(at.secs()).ok()
}

/// The services that a trust policy names in an Allow. The document is URL-encoded (RFC 3986), and whoever's may write it.
fn trusted(document: &str) -> Vec<String> {
    let decoded = percent_encoding::percent_decode_str(document).decode_utf8();
    let parsed = decoded.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default();
    let allows = one_or_more(&parsed["Statement"]).filter(|statement| statement["Effect"] == "Allow");
    let services = allows.flat_map(|statement| one_or_more(&statement["Principal"]["Service"]));
    services.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn one_or_more(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_assume_a_role_is_read_and_nothing_breaks_it() {
        let trust = r#"{"Statement": [
            {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", 7]}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}},
            {"Effect": "Allow", "Principal": "*"}, {"Effect": "Deny", "Principal": {"Service": "s3.amazonaws.com"}}]}"#;
        assert_eq!(trusted(trust), ["ec2.amazonaws.com", "lambda.amazonaws.com"]);
        assert_eq!(
            trusted("%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22a%22%7D%7D%7D"),
            ["a"]
        );
        for odd in ["", "null", "[]", "%ff", r#"{"Statement": 7}"#] {
            assert_eq!(trusted(odd), [""; 0], "{odd}");
        }
    }

    #[test]
    fn what_was_not_called_in_the_last_day_does_not_count() {
        let now = Timestamp::constant(1_795_000_000, 0);
        let service = |namespace: &str, hours: Option<i64>| {
            let at = hours.map(|hours| DateTime::from_secs(now.as_second() - hours * 3600));
            let service = ServiceLastAccessed::builder().service_name(namespace).service_namespace(namespace);
            service.set_last_authenticated(at).build().expect("all it needs")
        };
        let services = [service("s3", Some(2)), service("ec2", Some(1)), service("sqs", Some(25)), service("sns", None)];
        assert_eq!(of_today(&services, now), ["ec2", "s3"]);
    }
}

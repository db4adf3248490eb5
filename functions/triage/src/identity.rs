//! Asks the account of a finding who its principals are now: names change hands, and a key's owner may be somebody else.
//!
//! The questions go out beside the one to GuardDuty, so that they cost no round trip of their own. Whoever can break them must not be
//! able to stop the response: what is not answered in time is not known.

mod iam;
mod owner;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudtrail::Client as Trail;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::ids::SessionName;
use firebreak::plan::{Ask, Identities, Plan, Question, Uses};
use firebreak::target::Place;
use firebreak_aws::Aws;
use firebreak_aws::classify::OrFault;
use futures::future::join_all;
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pages of CloudTrail's event history that are read for one session's name.
const MAX_PAGES: usize = 4;
/// A session lives 12 hours at most; whoever takes turns under a name shows within twice that.
const HOURS: i64 = 24;

/// What was found out so far. A question that is cut off leaves what the others learnt.
#[derive(Default)]
struct Found(Mutex<Identities>);

impl Found {
    fn learn(&self, answer: impl FnOnce(&mut Identities)) {
        answer(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What the account says within `patience`. Nothing when it was not asked.
pub(crate) async fn ask(aws: &Aws, plan: &Plan, now: Timestamp, patience: Duration) -> Option<Identities> {
    // Of an event with several findings, only the leading one's account.
    let is_its = |ask: &&Ask| plan.finding.account.as_ref() == Some(&ask.place.account);
    let asks: Vec<&Ask> = plan.asks.iter().filter(is_its).collect();
    let place = &asks.first()?.place;
    let found = Found::default();
    if tokio::time::timeout(patience, all(aws, place, asks.clone(), now, &found)).await.is_err() {
        tracing::warn!("the account did not answer every question about the principals in time");
    }
    Some(found.0.into_inner().unwrap_or_else(PoisonError::into_inner))
}

async fn all(aws: &Aws, place: &Place, mut asks: Vec<&Ask>, now: Timestamp, found: &Found) {
    loop {
        let kept = match aws.triage(place).await {
            Ok(kept) => kept,
            Err(fault) => {
                tracing::warn!(fault.message = %fault.message, "the account could not be asked about the principals");
                return;
            }
        };
        asks = wave(&kept.config, asks, now, found).await;
        if asks.is_empty() || !kept.reused {
            return;
        }
        // Somebody may have ended the session that was kept. A new one is asked once.
        aws.forget_triage(place);
    }
}

/// Asks all questions at once. Returns those that failed.
async fn wave<'a>(config: &SdkConfig, asks: Vec<&'a Ask>, now: Timestamp, found: &Found) -> Vec<&'a Ask> {
    let answers = join_all(asks.iter().map(|ask| one(config, ask, now, found))).await;
    let mut failed = Vec::new();
    for (ask, answer) in asks.into_iter().zip(answers) {
        if let Err(fault) = answer {
            tracing::warn!(fault.message = %fault.message, "a question about a principal was not answered");
            failed.push(ask);
        }
    }
    failed
}

async fn one(config: &SdkConfig, ask: &Ask, now: Timestamp, found: &Found) -> Result<(), Fault> {
    let Place { account, region, partition } = &ask.place;
    let client = Client::new(config);
    let trail = || Trail::new(&config.to_builder().region(Region::new(region.to_string())).build());
    match &ask.question {
        Question::Key { key, temporary: true } => owner::from_trail(&trail(), region, key, found).await,
        Question::Key { key, temporary: false } => owner::from_iam(&client, key, found).await.map(drop),
        Question::User { name, id, keys } => {
            let user = iam::User { account, name, id: id.as_ref(), keys };
            user.ask(&client, &trail(), region, found).await
        }
        Question::Role(name) => iam::role(&client, account, name, found).await,
        Question::Session(name) => {
            let uses = uses(&trail(), name, now).await?;
            found.learn(|known| known.learn_uses(account, region, name.clone(), uses));
            Ok(())
        }
        Question::Administrators => iam::administrators(&client, account, partition, found).await,
    }
}

/// Who called something under a session's name, in one Region.
async fn uses(trail: &Trail, name: &SessionName, now: Timestamp) -> Result<Uses, Fault> {
    let since = now.as_second() - HOURS * 60 * 60;
    let mut uses = Uses::default();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let answer = trail
            .lookup_events()
            .lookup_attributes(attribute(LookupAttributeKey::Username, name.as_str())?)
            .start_time(DateTime::from_secs(since))
            .max_results(50)
            .set_next_token(token)
            .send()
            .await
            .or_fault("cloudtrail:LookupEvents")?;
        for event in answer.events() {
            uses.count(event.cloud_trail_event().unwrap_or_default());
        }
        token = answer.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(uses.all());
        }
    }
    Ok(uses)
}

fn attribute(key: LookupAttributeKey, value: &str) -> Result<LookupAttribute, Fault> {
    let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value).build();
    attribute.map_err(|error| Fault::bug(format!("a lookup could not be built: {error}")))
}

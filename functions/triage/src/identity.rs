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
use aws_sdk_iam::error::ProvideErrorMetadata;
use firebreak::diagnosis::Observation;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, SessionName};
use firebreak::plan::{Ask, Identities, Plan, Question, Uses};
use firebreak::target::Place;
use firebreak_aws::Aws;
use firebreak_aws::classify::{OrFault, SdkResult, code};
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::MEMBER_ROLE;
use futures::future::join_all;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pages of CloudTrail's event history that are read for one session's name.
const MAX_PAGES: usize = 4;
/// A session lives 12 hours at most; whoever takes turns under a name shows within twice that.
const HOURS: i64 = 24;

/// What AWS answers when a session is over, or somebody ended it.
const ENDED: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"];

/// What was found out so far. A question that is cut off leaves what the others learnt.
#[derive(Default)]
struct Found {
    identities: Mutex<Identities>,
    /// AWS said that the session is over.
    ended: AtomicBool,
}

impl Found {
    fn learn(&self, answer: impl FnOnce(&mut Identities)) {
        answer(&mut self.identities.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Remembers an answer that says that the session is over.
    fn hear<T, E: ProvideErrorMetadata>(&self, answer: &SdkResult<T, E>) {
        if answer.as_ref().err().and_then(code).is_some_and(|code| ENDED.contains(&code)) {
            self.ended.store(true, Ordering::Relaxed);
        }
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
    Some(found.identities.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// For `firebreak doctor`: whether the member role may read what the newest version of it may. A session without that read finds no user
/// who was renamed.
pub(crate) async fn sees(account: &AccountId, session: SdkConfig) -> Vec<Observation> {
    let subject = format!("{} in {account}: list of users", MemberRole::Triage.name());
    let fix = "make deploy ENV=<env> STACK=member-account: the role is of an earlier version";
    let seen = Client::new(&session).list_users().max_items(1).send().await.or_fault("iam:ListUsers");
    vec![match seen {
        Ok(_) => Observation::sound(MEMBER_ROLE, subject, "read"),
        Err(fault) if fault.kind == FaultKind::Denied => Observation::broken(MEMBER_ROLE, subject, fault.message, fix),
        Err(fault) => Observation::unknown(MEMBER_ROLE, subject, fault.message, "run `firebreak doctor` again"),
    }]
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
        let asked = asks.len();
        asks = wave(&kept.config, asks, now, found).await;
        // Somebody may have ended the session that was kept: AWS says so, or refuses everything. One question alone fails for another
        // reason. A new session is asked once.
        let is_over = !asks.is_empty() && (asks.len() == asked || found.ended.swap(false, Ordering::Relaxed));
        if !is_over || !kept.reused {
            return;
        }
        aws.forget_triage(place);
    }
}

/// Asks all questions at once, and about sessions one after the other: CloudTrail answers twice a second. Returns those that failed.
async fn wave<'a>(config: &SdkConfig, asks: Vec<&'a Ask>, now: Timestamp, found: &Found) -> Vec<&'a Ask> {
    let is_session = |ask: &&'a Ask| matches!(ask.question, Question::Session { .. });
    let (sessions, others): (Vec<&Ask>, Vec<&Ask>) = asks.into_iter().partition(is_session);
    let in_turn = async {
        let mut failed = Vec::new();
        for ask in sessions {
            failed.extend(unanswered(config, ask, now, found).await);
        }
        failed
    };
    let at_once = join_all(others.into_iter().map(|ask| unanswered(config, ask, now, found)));
    let (mut failed, of_others) = futures::join!(in_turn, at_once);
    failed.extend(of_others.into_iter().flatten());
    failed
}

/// The question, if it got no answer.
async fn unanswered<'a>(config: &SdkConfig, ask: &'a Ask, now: Timestamp, found: &Found) -> Option<&'a Ask> {
    let fault = Box::pin(one(config, ask, now, found)).await.err()?;
    tracing::warn!(fault.message = %fault.message, "a question about a principal was not answered");
    Some(ask)
}

async fn one(config: &SdkConfig, ask: &Ask, now: Timestamp, found: &Found) -> Result<(), Fault> {
    let Place { account, region, partition } = &ask.place;
    let client = Client::new(config);
    let trail = || Trail::new(&config.to_builder().region(Region::new(region.to_string())).build());
    match &ask.question {
        Question::Key { key, temporary: true } => owner::from_trail(&trail(), region, key, found).await,
        Question::Key { key, temporary: false } => owner::from_iam(&client, key, found).await.map(drop),
        Question::User { name, id, keys } => {
            let user = iam::Named { account, name, id: id.as_ref(), keys };
            user.ask(&client, &trail(), region, found).await
        }
        Question::Role(name) => iam::role(&client, account, name, found).await,
        Question::InstanceProfile(name) => iam::role_of_profile(&client, account, name, found).await,
        Question::Session { name, regions } => {
            let answers = join_all(regions.iter().map(|region| used_in(config, account, region, name, now, found))).await;
            answers.into_iter().collect()
        }
        Question::Administrators => iam::administrators(&client, account, partition, found).await,
    }
}

/// Learns who called something under a session's name, in one Region. What another Region says counts without it.
async fn used_in(
    config: &SdkConfig,
    account: &AccountId,
    region: &firebreak::ids::Region,
    name: &SessionName,
    now: Timestamp,
    found: &Found,
) -> Result<(), Fault> {
    let trail = Trail::new(&config.to_builder().region(Region::new(region.to_string())).build());
    let uses = uses(&trail, name, now, found).await?;
    found.learn(|known| known.learn_uses(account, region, name.clone(), uses));
    Ok(())
}

/// Who called something under a session's name, in one Region.
async fn uses(trail: &Trail, name: &SessionName, now: Timestamp, found: &Found) -> Result<Uses, Fault> {
    let since = now.as_second() - HOURS * 60 * 60;
    let mut uses = Uses::default();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = trail
            .lookup_events()
            .lookup_attributes(attribute(LookupAttributeKey::Username, name.as_str())?)
            .start_time(DateTime::from_secs(since))
            .max_results(50)
            .set_next_token(token)
            .send()
            .await;
        found.hear(&page);
        let answer = page.or_fault("cloudtrail:LookupEvents")?;
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

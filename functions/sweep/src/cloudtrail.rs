//! Pages of `LookupEvents`, in the accounts of the suspects, not faster than CloudTrail answers.

use crate::turns::Turns;
use aws_config::{Region as AwsRegion, SdkConfig};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, IncidentId};
use firebreak::trail::{Attribute, Lookup, Window};
use firebreak_aws::Aws;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use futures::lock::Mutex;
use std::collections::HashMap;
use tokio::time::sleep_until;

/// Events of a page: the most there are.
const PAGE: i32 = 50;

/// The trails of the accounts that suspects are in.
pub(crate) struct Trails<'a> {
    pub(crate) aws: &'a Aws,
    pub(crate) incident: &'a IncidentId,
    /// The first and the last moment that is asked about.
    pub(crate) window: Window,
    pub(crate) turns: Turns<'a>,
    /// One role is assumed per account, once; an account that refuses is not asked again, one that is busy is.
    pub(crate) accounts: Mutex<HashMap<AccountId, Result<SdkConfig, Fault>>>,
}

/// What one call answered.
pub(crate) struct Page {
    pub(crate) events: Vec<String>,
    pub(crate) next: Option<String>,
}

/// Why there is no page.
pub(crate) enum NoPage {
    /// The account refused, or CloudTrail did.
    Refused(Fault),
    /// The trail is others' until this look is over.
    NoTurn,
}

impl From<Fault> for NoPage {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl Trails<'_> {
    /// Fetches one page; `waiting` more are to be fetched from the same trail. Says what was asked: several questions are under way.
    pub(crate) async fn ask(&self, lookup: Lookup, waiting: usize) -> (Lookup, Result<Page, NoPage>) {
        let answer = self.page(&lookup, waiting).await;
        (lookup, answer)
    }

    async fn page(&self, lookup: &Lookup, waiting: usize) -> Result<Page, NoPage> {
        let client = self.client(lookup).await?;
        let place = lookup.place();
        sleep_until(self.turns.next(&place, waiting).await.ok_or(NoPage::NoTurn)?).await;
        let key = match lookup.attribute {
            Attribute::Username => LookupAttributeKey::Username,
            Attribute::AccessKeyId => LookupAttributeKey::AccessKeyId,
            Attribute::ResourceName => LookupAttributeKey::ResourceName,
            Attribute::EventName => LookupAttributeKey::EventName,
        };
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(&lookup.value).build();
        let Window { from, until } = lookup.window.unwrap_or(self.window);
        let answer = client
            .lookup_events()
            .lookup_attributes(attribute.map_err(|_| Fault::bug("a lookup attribute without key or value"))?)
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(until.as_second()))
            .max_results(PAGE)
            .set_next_token(lookup.token.clone())
            .send()
            .await
            .or_fault("cloudtrail:LookupEvents");
        if answer.as_ref().is_err_and(|fault| fault.kind == FaultKind::Transient) {
            self.turns.rest(&place);
        }
        let answer = answer?;
        let events = answer.events.unwrap_or_default().into_iter().filter_map(|event| event.cloud_trail_event).collect();
        Ok(Page { events, next: answer.next_token })
    }

    async fn client(&self, lookup: &Lookup) -> Result<Client, Fault> {
        let target = &lookup.suspect.target;
        let mut accounts = self.accounts.lock().await;
        if !accounts.contains_key(&target.account) {
            let assumed = self.aws.member(target, MemberRole::Sweep, self.incident).await;
            if let Some(busy) = assumed.as_ref().err().filter(|fault| fault.kind == FaultKind::Transient) {
                return Err(busy.clone());
            }
            accounts.insert(target.account.clone(), assumed);
        }
        match accounts.get(&target.account) {
            Some(Ok(config)) => {
                let config = config.to_builder().region(AwsRegion::new(lookup.region.to_string()));
                // A page that CloudTrail had no time for is asked again in its turn: the SDK would not wait for one.
                Ok(Client::new(&config.retry_config(RetryConfig::disabled()).build()))
            }
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(Fault::bug("an account's answer was not kept")),
        }
    }
}

//! Pages of `LookupEvents`, in the accounts of the suspects, not faster than CloudTrail answers.

use aws_config::{Region as AwsRegion, SdkConfig};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, IncidentId, Region};
use firebreak::trail::{Attribute, Lookup};
use firebreak_aws::Aws;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// CloudTrail answers twice a second, per account and Region (CloudTrail API reference, `LookupEvents`).
const PACE: Duration = Duration::from_millis(520);
/// Events of a page: the most there are.
const PAGE: i32 = 50;

/// The trails of the accounts that suspects are in.
pub(crate) struct Trails<'a> {
    aws: &'a Aws,
    incident: &'a IncidentId,
    from: Timestamp,
    until: Timestamp,
    /// One role is assumed per account, once; an account that refuses is not asked again, one that is busy is.
    accounts: HashMap<AccountId, Result<SdkConfig, Fault>>,
    /// When each trail may be asked again.
    free: HashMap<(AccountId, Region), Instant>,
}

/// What one call answered.
pub(crate) struct Page {
    pub(crate) events: Vec<String>,
    pub(crate) next: Option<String>,
}

impl<'a> Trails<'a> {
    pub(crate) fn new(aws: &'a Aws, incident: &'a IncidentId, from: Timestamp, until: Timestamp) -> Self {
        Self { aws, incident, from, until, accounts: HashMap::new(), free: HashMap::new() }
    }

    /// Fetches one page.
    ///
    /// # Errors
    /// The account refused, or CloudTrail did.
    pub(crate) async fn page(&mut self, lookup: &Lookup) -> Result<Page, Fault> {
        let client = self.client(lookup).await?;
        let place = (lookup.suspect.target.account.clone(), lookup.region.clone());
        if let Some(free) = self.free.get(&place) {
            sleep_until(*free).await;
        }
        self.free.insert(place, Instant::now() + PACE);
        let key = match lookup.attribute {
            Attribute::Username => LookupAttributeKey::Username,
            Attribute::AccessKeyId => LookupAttributeKey::AccessKeyId,
            Attribute::ResourceName => LookupAttributeKey::ResourceName,
        };
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(&lookup.value).build();
        let answer = client
            .lookup_events()
            .lookup_attributes(attribute.map_err(|_| Fault::bug("a lookup attribute without key or value"))?)
            .start_time(DateTime::from_secs(self.from.as_second()))
            .end_time(DateTime::from_secs(self.until.as_second()))
            .max_results(PAGE)
            .set_next_token(lookup.token.clone())
            .send()
            .await
            .or_fault("cloudtrail:LookupEvents")?;
        let events = answer.events.unwrap_or_default().into_iter().filter_map(|event| event.cloud_trail_event).collect();
        Ok(Page { events, next: answer.next_token })
    }

    async fn client(&mut self, lookup: &Lookup) -> Result<Client, Fault> {
        let target = &lookup.suspect.target;
        if !self.accounts.contains_key(&target.account) {
            let assumed = self.aws.member(target, MemberRole::Sweep, self.incident).await;
            if let Some(busy) = assumed.as_ref().err().filter(|fault| fault.kind == FaultKind::Transient) {
                return Err(busy.clone());
            }
            self.accounts.insert(target.account.clone(), assumed);
        }
        match self.accounts.get(&target.account) {
            Some(Ok(config)) => {
                let config = config.to_builder().region(AwsRegion::new(lookup.region.to_string())).build();
                Ok(Client::new(&config))
            }
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(Fault::bug("an account's answer was not kept")),
        }
    }
}

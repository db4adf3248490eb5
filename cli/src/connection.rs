//! The deployment a command talks to, found by the usual AWS environment.

use crate::CommandError;
use aws_config::SdkConfig;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use firebreak::names;
use firebreak_aws::clients;
use firebreak_ledger::Ledger;

/// Clients of the security account.
pub struct Connection {
    /// The SDK's configuration.
    pub config: SdkConfig,
    /// The ledger.
    pub ledger: Ledger,
    /// The state machine.
    pub state_machine_arn: String,
    /// Who is calling, as STS says.
    pub caller: String,
}

/// The SDK's configuration of the environment, with a Region.
///
/// # Errors
/// One line that says what is missing.
async fn sdk_config() -> Result<SdkConfig, CommandError> {
    with_region(clients::configure(aws_config::defaults(clients::behavior_version())).load().await)
}

/// That of an AWS profile, also where the environment has credentials or a Region of its own.
///
/// # Errors
/// One line that says what is missing.
pub(crate) async fn profile_config(profile: &str) -> Result<SdkConfig, CommandError> {
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
    let region = ProfileFileRegionProvider::builder().profile_name(profile).build();
    let region = region.region().await;
    let loader = clients::configure(aws_config::defaults(clients::behavior_version())).profile_name(profile);
    let loader = loader.credentials_provider(credentials);
    with_region(match region {
        Some(region) => loader.region(region).load().await,
        None => loader.load().await,
    })
}

fn with_region(config: SdkConfig) -> Result<SdkConfig, CommandError> {
    let missing = || "no AWS Region: set AWS_REGION, or AWS_PROFILE to a profile with a Region".to_owned();
    if config.region().is_some() { Ok(config) } else { Err(CommandError::Input(missing())) }
}

impl Connection {
    /// The Region, as AWS writes it.
    pub(crate) fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }

    /// `aws`, `aws-us-gov` or `aws-cn`.
    pub(crate) fn partition(&self) -> &str {
        self.caller.split(':').nth(1).unwrap_or("aws")
    }

    /// Connects with the credentials, Region and endpoint of the environment. One call, to learn the account.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub async fn open() -> Result<Self, CommandError> {
        let config = sdk_config().await?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.map_err(|error| {
            let why = firebreak_aws::classify::fault("sts:GetCallerIdentity", &error).message;
            CommandError::Bad(format!("cannot reach AWS ({why}): check AWS_PROFILE, AWS_ENDPOINT_URL and the credentials"))
        })?;
        let (account, caller) = (identity.account.unwrap_or_default(), identity.arn.unwrap_or_default());
        let partition = caller.split(':').nth(1).unwrap_or("aws").to_owned();
        Ok(Self {
            ledger: Ledger::new(&config, names::LEDGER_TABLE.to_owned()),
            state_machine_arn: format!("arn:{partition}:states:{region}:{account}:stateMachine:{}", names::STATE_MACHINE),
            caller,
            config,
        })
    }
}

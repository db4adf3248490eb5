#![doc = include_str!("../README.md")]

use firebreak::fault::Fault;
use firebreak::ids::AccountId;
use firebreak::notice::{self, Message};
use firebreak::pause::{ConsoleRequest, PauseOutcome, PauseRequest, Pauses, UNSIGNED, Wish};
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::environment;
use firebreak_ledger::Ledger;

/// The function and what it needs.
pub struct Function {
    sns: aws_sdk_sns::Client,
    ledger: Ledger,
    topic: String,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(&aws, ledger, environment::required(environment::NOTICES_TOPIC_ARN)?))
    }

    /// Publishes to `topic`, an ARN.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, topic: String) -> Self {
        Self { sns: aws_sdk_sns::Client::new(aws.own()), ledger, topic }
    }

    /// Pauses, resumes, or says what is paused. `by`: the ARN that IAM has checked.
    ///
    /// # Errors
    /// `Malformed` when the pause lasts too long or has no reason; when the ledger does not take it; when people could not be told,
    /// although it is in force. To ask again leads to the same end.
    pub async fn handle(&self, by: &str, request: PauseRequest) -> Result<PauseOutcome, Fault> {
        match request {
            PauseRequest::Pause(wish) => self.pause(by, &wish).await,
            PauseRequest::Resume(ending) => self.resume(by, ending.account.as_ref()).await,
            PauseRequest::Show {} => Ok(PauseOutcome::Shown { in_force: self.ledger.pauses_everywhere(clock::now()).await? }),
        }
    }

    /// The same for a test event of the Lambda console, which nobody signed: the ledger and people are told so.
    ///
    /// # Errors
    /// Those of [`handle`](Self::handle).
    pub async fn handle_console(&self, request: ConsoleRequest) -> Result<PauseOutcome, Fault> {
        self.handle(UNSIGNED, request.request).await
    }

    async fn pause(&self, by: &str, wish: &Wish) -> Result<PauseOutcome, Fault> {
        let pause = wish.begin(by, clock::now()).map_err(|refused| Fault::malformed(refused.to_string()))?;
        self.ledger.pause(&pause).await?;
        tracing::warn!(pause.by = %pause.by, pause.until = %pause.until, pause.place = %pause.place(), "paused");
        self.tell(notice::paused(&pause), pause.account.as_ref(), "it is PAUSED").await?;
        let in_force = self.in_force().await.unwrap_or_else(|| [pause.clone()].into_iter().collect());
        Ok(PauseOutcome::Paused { pause, in_force })
    }

    async fn resume(&self, by: &str, account: Option<&AccountId>) -> Result<PauseOutcome, Fault> {
        let Some(resumed) = self.ledger.resume(account, by, clock::now()).await? else {
            return Ok(PauseOutcome::NotPaused { in_force: self.ledger.pauses_everywhere(clock::now()).await? });
        };
        tracing::warn!(pause.by = %resumed.by, pause.place = %resumed.pause.place(), "resumed");
        let in_force = self.in_force().await.unwrap_or_default();
        self.tell(notice::resumed(&resumed, &in_force), account, "it is RESUMED").await?;
        Ok(PauseOutcome::Resumed { resumed, in_force })
    }

    /// What is paused now. It is done already: a read that fails must not look as if it were not.
    async fn in_force(&self) -> Option<Pauses> {
        match self.ledger.pauses_everywhere(clock::now()).await {
            Ok(pauses) => Some(pauses),
            Err(fault) => {
                tracing::error!(fault.message = %fault.message, "what else is paused is not known");
                None
            }
        }
    }

    /// Tells people. Without that nobody would know why nothing is contained: it is a fault, which says that the ledger has it.
    async fn tell(&self, message: Message, account: Option<&AccountId>, done: &str) -> Result<(), Fault> {
        let publish = self.sns.publish().topic_arn(&self.topic).subject(message.subject).message(message.body);
        publish.send().await.or_fault("sns:Publish").map_err(|fault| {
            Fault::new(fault.kind, format!("{done}, and people could NOT be told: ask again ({})", fault.message))
        })?;
        // The message is out: a mark that is missing only makes it come twice.
        if let Err(fault) = self.ledger.pause_is_told(account, clock::now()).await {
            tracing::warn!(fault.message = %fault.message, "that people were told is not written");
        }
        Ok(())
    }
}

//! What people were told: the local AWS subscribes a queue to each topic.

use crate::Result;
use aws_sdk_sqs::Client;
use serde_json::Value;

/// One message to people.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// Takes all messages that have arrived in a topic's inbox.
pub(crate) async fn take(sqs: &Client, queue: &str) -> Result<Vec<Notice>> {
    let url = sqs.get_queue_url().queue_name(queue).send().await?.queue_url.ok_or("no queue")?;
    let mut notices = Vec::new();
    loop {
        let answer = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await?;
        if answer.messages().is_empty() {
            return Ok(notices);
        }
        for message in answer.messages() {
            let envelope: Value = serde_json::from_str(message.body().unwrap_or("null"))?;
            let text = |field: &str| envelope[field].as_str().unwrap_or_default().to_owned();
            notices.push(Notice { subject: text("Subject"), body: text("Message") });
            #[expect(clippy::disallowed_methods, reason = "a reader of the queue takes what it has read")]
            sqs.delete_message().queue_url(&url).set_receipt_handle(message.receipt_handle.clone()).send().await?;
        }
    }
}

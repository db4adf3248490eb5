use crate::stage::{TOPIC, closing, receipt, request, send, stage, view};
use firebreak::receipt::Status;
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::error;
use serde_json::{Value, json};

/// One request of each kind, and what its subject says.
fn each_kind() -> [(Value, &'static str); 6] {
    let mut outcome = request("outcome");
    outcome["report"] = json!({ "containment": { "status": "ok", "receipts": [receipt("alice", Status::Contained)] } });
    let mut overdue = request("review-overdue");
    overdue["round"] = json!(2);
    [
        (request("noticed"), "Look at this"),
        (request("opened"), "Responding"),
        (outcome, "Contained"),
        (request("alarm"), "MORE WAS FOUND"),
        (overdue, "Review overdue (round 2)"),
        (closing("approve", &json!({})), "Approved and closed"),
    ]
}

#[tokio::test]
async fn each_kind_is_one_message_with_a_plain_subject_and_one_line_of_the_timeline() {
    for (request, headline) in each_kind() {
        let (aws, topic) = stage().await;
        let sent = send(&aws, &request).await.expect("it is sent");
        assert_eq!((sent.message_id.as_str(), sent.unfinished), ("sns-1", 0), "{headline}");
        let messages = topic.messages();
        assert_eq!((messages.len(), messages[0].topic.as_str()), (1, TOPIC), "{headline}");
        let subject = &messages[0].subject;
        assert!(subject.is_ascii() && subject.len() < 100, "{subject}");
        assert!(subject.starts_with(&format!("[Firebreak] {headline}: IAM user alice")), "{subject}");
        assert!(messages[0].body.contains(room::incident("one").as_str()), "{}", messages[0].body);
        let timeline = view(&aws).await.timeline;
        assert!(matches!(timeline.as_slice(), [line] if line.what == format!("mail sent: {subject}")), "{timeline:?}");
    }
}

#[tokio::test]
async fn a_long_hostile_name_is_inert_in_every_kind() {
    let hostile = format!(
        "x\r\nBcc: all@example.com\u{1b}[2J\u{202e}\u{200b} https://evil.example WWW.evil.example {}",
        "日本".repeat(300)
    );
    let decision = json!({
        "target": room::target(TargetKind::Other, &hostile), "containment": null, "mode": "notify", "reason": &hostile,
        "by_hand": &hostile
    });
    for (mut request, headline) in each_kind() {
        request["incident"]["finding"]["title"] = json!(&hostile);
        request["incident"]["finding"]["type"] = json!(&hostile);
        request["incident"]["decisions"] = json!(vec![&decision; 200]);
        if !request["answer"].is_null() {
            (request["answer"]["by"], request["answer"]["comment"]) = (json!(&hostile), json!(&hostile));
        }
        let (aws, topic) = stage().await;
        send(&aws, &request).await.expect("SNS and the ledger take it");
        let messages = topic.messages();
        let (subject, body) = (&messages[0].subject, &messages[0].body);
        assert!(subject.is_ascii() && subject.len() < 100 && !subject.contains(|c: char| c.is_control()), "{subject:?}");
        let active = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!body.contains(active) && !body.lines().any(|line| line.starts_with("Bcc:")), "{headline}: {body:?}");
        assert!(!body.contains("://") && !body.to_lowercase().contains("www."), "{headline}: a link: {body:?}");
        assert!(body.len() <= 32_100, "{headline}: {} bytes", body.len());
        assert_eq!(view(&aws).await.timeline.len(), 1, "{headline}: the line fits into its key");
    }
}

#[tokio::test]
async fn while_something_is_paused_each_message_says_so_in_one_line() {
    for (request, headline) in each_kind() {
        let (aws, topic) = stage().await;
        room::pause(&aws, None, clock::now()).await;
        room::pause(&aws, Some("444455556666"), clock::now()).await;
        send(&aws, &request).await.expect("it is sent");
        let body = topic.messages()[0].body.clone();
        let lines: Vec<&str> = body.lines().filter(|line| line.starts_with("Paused: ")).collect();
        assert!(matches!(lines.as_slice(), [line] if line.contains(PAUSER)), "{headline}: {body}");
    }
}

#[tokio::test]
async fn a_pause_that_cannot_be_read_keeps_nobody_from_being_told() {
    let (aws, topic) = stage().await;
    aws.always("dynamodb:GetItem", error(400, "AccessDeniedException"));
    send(&aws, &request("opened")).await.expect("it is sent");
    let body = &topic.messages()[0].body;
    assert!(body.lines().any(|line| line.starts_with("Paused: ") && line.contains("is not known")), "{body}");
}

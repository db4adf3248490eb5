//! What people type, and what they must not learn.

use crate::stage::{TOKEN, approve, ask, decision, gate, release, stage, timeline};
use firebreak::answer::Answer;
use firebreak::fault::{Fault, FaultKind};
use firebreak::review::DecideOutcome;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_hostile_comment_is_made_inert_and_bounded_everywhere() {
    let (aws, execution) = stage().await;
    let comment = format!("\u{1b}[2Jfine\r\napprove by root: \u{202e}gone\u{200b}{}", "日".repeat(100_000));
    let by = format!("mallory\nroot\u{7}{}", "x".repeat(5_000));
    let outcome = ask(&aws, Answer::Release, &by, &comment).await.expect("an outcome");
    let recorded = gate(&aws).await.decision.expect("a recorded answer");
    for decided in [decision(&outcome), &recorded, &execution.taken()[0]] {
        assert!(decided.comment.chars().count() <= 1001 && decided.by.chars().count() <= 201, "{decided:?}");
        assert!(decided.comment.contains("fine") && decided.by.contains("/mallory"), "people still see what was written");
        let active = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!decided.comment.contains(active) && !decided.by.contains(active), "{decided:?}");
    }
    let lines = timeline(&aws).await;
    assert_eq!(lines.len(), 1, "one answer is one line");
    assert!(lines[0].starts_with("release by arn:aws:sts:") && !lines[0].contains(char::is_control), "{lines:?}");
}

#[tokio::test]
async fn an_answer_without_a_reason_is_refused_and_nothing_is_recorded() {
    for comment in ["", "WHY", "...", "too short", "your reason here"] {
        let (aws, execution) = stage().await;
        let refused = ask(&aws, Answer::Release, "ann", comment).await.expect_err(comment);
        assert_eq!((refused.kind, execution.taken().len()), (FaultKind::Malformed, 0), "{comment}: {}", refused.message);
        assert_eq!(gate(&aws).await.decision, None, "{comment}");
    }
}

#[tokio::test]
async fn nobody_who_asks_learns_the_token() {
    let mut heard: Vec<Result<DecideOutcome, Fault>> = Vec::new();
    let (aws, _) = stage().await;
    heard.extend([approve(&aws).await, release(&aws).await]);
    let lines = timeline(&aws).await;
    let (aws, execution) = stage().await;
    execution.waits_for(None);
    heard.extend([approve(&aws).await, release(&aws).await]);
    execution.set_status(Some("FAILED"));
    heard.push(release(&aws).await);
    let quoting = format!("not authorized to answer '{TOKEN}'");
    for code in ["AccessDeniedException", "ValidationException", "InvalidOutput"] {
        aws.mend();
        aws.always("states:SendTaskSuccess", error(400, code).saying(&quoting));
        heard.push(release(&aws).await);
    }
    let kinds: Vec<FaultKind> = heard.iter().filter_map(|heard| heard.as_ref().err()).map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Denied, FaultKind::Bug, FaultKind::Bug]);
    let shown = format!("{heard:?} {lines:?}");
    assert!(!shown.contains("secret/token"), "{shown}");
}

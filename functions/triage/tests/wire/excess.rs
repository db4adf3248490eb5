//! An execution that tells of findings that were only counted.

use crate::{ONE, Stage, deliver};
use firebreak::plan::Verdict;
use firebreak_testkit::room;
use serde_json::json;

const POLICY: &str = "default_mode = \"auto\"\n[flood]\nsummary_after_seconds = 7\n";

#[tokio::test]
async fn what_was_only_counted_is_an_incident_of_which_people_are_told_after_the_wait() {
    let stage = Stage::start().await;
    let reference = json!({ "firebreak_excess": { "account": "111122223333", "window": "1763604605000" } });
    let opened = deliver(&stage.aws, POLICY, &reference, ONE).await.expect("an incident");
    assert_eq!((opened.verdict, opened.decisions.len()), (Verdict::Notify, 0));
    let summary = opened.excess.clone().expect("it stands for counted findings");
    assert_eq!((summary.wait_seconds, summary.of.account.as_str()), (7, "111122223333"));
    assert_eq!(opened.finding.account.as_ref().map(|account| account.as_str()), Some("111122223333"));
    let known = room::ledger(&stage.aws).record(&opened.id).await.expect("read").expect("known").incident;
    assert_eq!(known, opened);
    let again = deliver(&stage.aws, POLICY, &reference, ONE).await.expect("an incident");
    assert_eq!(again, opened, "twice is once");
    assert_eq!(stage.aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn a_reference_of_another_form_is_an_event_that_nobody_can_read() {
    let stage = Stage::start().await;
    for account in ["../x", "", "1111#2222"] {
        let odd = json!({ "firebreak_excess": { "account": account, "window": "1" } });
        let opened = deliver(&stage.aws, POLICY, &odd, ONE).await.expect("an incident");
        assert_eq!((opened.verdict, opened.excess), (Verdict::Notify, None), "{account}");
    }
}

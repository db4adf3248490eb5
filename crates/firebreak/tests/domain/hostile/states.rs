//! Events about what is settled, made up, gone, or long past.

use super::events::{event, set, with};
use super::plans::{INSTANCE, USER, never, of, of_bytes, only_told, policy, raw, responds, under};
use firebreak::plan::{AtSource, Verdict};
use serde_json::json;

#[test]
fn state_what_people_or_guardduty_settled_is_left_alone() {
    let hub = |path: &str, value: &str| of(&with("H20", &format!("/detail/findings/0/{path}"), json!(value)));
    let archived = with("H70", "/detail/service/archived", json!(true));
    for plan in [
        raw("H22"),
        hub("Workflow/Status", "SUPPRESSED"),
        hub("Workflow/Status", "RESOLVED"),
        hub("Workflow/Status", "NOTIFIED"),
        hub("RecordState", "ARCHIVED"),
        of(&archived),
    ] {
        assert_eq!((plan.verdict, plan.decisions.len()), (Verdict::Ignore, 0), "H22");
    }
    let samples = policy("samples = \"respond\"");
    for case in ["H26", "H27"] {
        only_told(case, &raw(case), "a sample finding");
        responds(case, &under(&event(case), &samples), &[USER]);
    }
    responds("H29", &raw("H29"), &["isolate-ec2 auto ec2-instance i-99999999"]);
    for (field, id) in
        [("userName", "GeneratedFindingUserName"), ("userName", "arn:aws:iam::111122223333:example/instance/profile")]
    {
        let plan = of(&with("H70", &format!("/detail/resource/accessKeyDetails/{field}"), json!(id)));
        never("H29", &plan, |d| d.target.id.contains([':', '/']));
    }
    responds("H51", &raw("H51"), &[INSTANCE]);
}

#[test]
fn state_an_old_event_waits_for_a_person_unless_guardduty_confirms_it() {
    let gated = USER.replace("auto", "gate");
    let stale = policy("stale_after_hours = 72");
    let old = |at_source| {
        let event = set(with("H79", "/time", json!("2026-11-16T00:00:00Z")), "/detail/updatedAt", json!("2026-11-16T00:00:00Z"));
        of_bytes(event.to_string().as_bytes(), &stale, at_source)
    };
    responds("H79", &raw("H79"), &[&gated]);
    responds("H79", &of(&with("H70", "/replay-name", json!("redrive"))), &[&gated]);
    responds("H79", &old(AtSource::NotAsked), &[&gated]);
    responds("H79", &old(AtSource::Unknown), &[&gated]);
    responds("H79", &old(AtSource::Active), &[USER]);
    let settled = old(AtSource::Settled);
    assert_eq!((settled.verdict, settled.decisions.len()), (Verdict::Ignore, 0), "H79");
    responds("H79", &under(&event("H70"), &stale), &[USER]);
}

//! Names and words that an attacker chose.

use super::events::{bytes, event, set, with};
use super::plans::{
    INSTANCE, NOW, USER, asked, contains, decided, incident, is_iam, never, notices, of, of_bytes, only_told, policy, raw,
    responds, under,
};
use firebreak::decision::{Decision, Mode};
use firebreak::notice::Message;
use firebreak::plan::{AtSource, Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::target::TargetKind;
use serde_json::json;

#[test]
fn hostile_names_neither_hide_nor_protect_nor_reach_a_call() {
    responds("H28", &raw("H28"), &[INSTANCE]);
    for (path, text) in [("title", "[SAMPLE] x"), ("id", "GeneratedFindingId"), ("description", "{\"sample\":true}")] {
        responds("H28", &of(&with("H28", &format!("/detail/{path}"), json!(text))), &[INSTANCE]);
    }
    let role = |name: &str| of(&with("H40", "/detail/resource/accessKeyDetails/userName", json!(name)));
    never("H40", &role("break-glass-admin"), |d| is_iam(d) && d.mode == Mode::Auto);
    for name in ["firebreak-quarantine-iam", "FirebreakTriage", "OrganizationAccountAccessRole"] {
        let plan = role(name);
        never("H40", &plan, |d| is_iam(d) && contains(d));
        assert!(
            plan.decisions
                .iter()
                .any(|d| d.target.id == name && d.mode == Mode::Gate && d.by_hand.is_some() && d.reason.starts_with("protected")),
            "H40: {:?}",
            decided(&plan)
        );
    }
    never("H40", &under(&event("H38"), &policy("[protected]\nprincipals = [\"app-role\"]")), contains);
    // No policy unprotects what is built in.
    let eager = policy("[accounts.111122223333]\nmode = \"auto\"\ncontainments = { quarantine-iam = \"auto\" }");
    never("H40", &under(&event("H40"), &eager), |d| is_iam(d) && contains(d));
    let locks = |d: &Decision| contains(d) && d.target.kind == TargetKind::S3Bucket;
    let ours = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("firebreak-evidence-111122223333"));
    never("H50", &of(&ours), locks);
    let archive = policy("[protected]\nbuckets = [\"security-forensics-111122223333\"]");
    never("H50", &under(&event("H50"), &archive), locks);
    assert!(raw("H50").decisions.iter().any(locks), "H50: only the list protects a name of the deployment's own");
    let borrowed = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("firebreak-evidence-444455556666"));
    assert!(of(&borrowed).decisions.iter().any(locks), "H50: an attacker's bucket must not borrow the protection");

    let long = "x".repeat(129);
    let names =
        ["../../x", "a b", "bob\",\"Effect\":\"Allow", "a/b", "", &long, "b\u{f6}b", "x\u{202e}", "arn:aws:iam::1:user/x"];
    for (case, name) in names.iter().map(|name| ("H69", *name)).chain(TEMPLATES.iter().map(|name| ("H68", *name))) {
        for kind in ["IAMUser", "AssumedRole"] {
            let event = with(case, "/detail/resource/accessKeyDetails/userType", json!(kind));
            let plan = of(&set(event, "/detail/resource/accessKeyDetails/userName", json!(name)));
            // `role:session` is a form of AWS's own: what stands before the colon is a name like any other.
            never(case, &plan, |d| !d.target.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)));
            never(case, &plan, |d| d.target.id.len() > 64 || d.target.id.is_empty() || d.target.id == *name);
        }
    }
    for case in ["H68", "H69"] {
        asked(case, &raw(case));
    }
    let owned = raw("H70");
    responds("H70", &owned, &[USER]);
    let not_asked = owned.decisions[0].target.principal_id.as_ref().map(|id| id.as_str());
    assert_eq!(not_asked, Some("AIDAA5E9285DC9025F327"), "H70: the function compares the user's immutable id");
}

/// What a state machine would act on if it were ever taken for more than text.
const TEMPLATES: [&str; 5] =
    ["$.TaskToken", "$$.Task.Token", "$$.Execution.Id", "States.Format('{}', $.x)", "{% $states.input %}"];

#[test]
fn hostile_text_is_inert_wherever_people_read_it() {
    let markup = event("H63")["detail"]["title"].as_str().expect("a title").to_owned();
    let control = event("H64").pointer("/detail/resource/instanceDetails/tags/0/value").cloned().expect("a tag");
    let unicode = event("H65").pointer("/detail/resource/instanceDetails/tags/0/value").cloned().expect("a tag");
    let texts = [markup, control.as_str().expect("text").to_owned(), unicode.as_str().expect("text").to_owned()];
    for case in ["H63", "H64", "H65"] {
        responds(case, &raw(case), &[INSTANCE]);
    }
    for text in texts.iter().map(String::as_str).chain(TEMPLATES).chain(["e\u{301}\u{5e9}\u{dc}\r\nBcc: x\u{2028}\u{2066}"]) {
        // `of` holds the incident and all notices to be inert.
        let titled = of(&with("H63", "/detail/title", json!(text)));
        responds("H63", &titled, &[INSTANCE]);
        assert!(titled.finding.title.is_some_and(|title| title.chars().count() <= 201), "H65: cut, on a character");
        for (case, path) in [
            ("H70", "/detail/type"),
            ("H70", "/detail/arn"),
            ("H70", "/detail/associatedAttackSequenceArn"),
            ("H70", "/detail/accountId"),
            ("H70", "/detail/updatedAt"),
            ("H39", "/detail/resource/accessKeyDetails/principalId"),
            ("H42", "/detail/resource/accessKeyDetails/userName"),
            ("H56", "/detail/resource/instanceDetails/instanceId"),
            ("H49", "/detail/resource/s3BucketDetails/0/name"),
            ("H57", "/detail/resource/rdsDbInstanceDetails/dbInstanceArn"),
            ("H58", "/detail/resource/kubernetesDetails/kubernetesWorkloadDetails/name"),
            ("H59", "/detail/resource/ecsClusterDetails/taskDetails/arn"),
            ("H17", "/detail/findings/0/Title"),
            ("H17", "/detail/findings/0/Id"),
            ("H62", "/detail/findings/0/finding_info/uid"),
        ] {
            let plan = of(&with(case, path, json!(text)));
            assert!(plan.decisions.iter().all(|d| d.target.id.chars().count() <= 257), "{case}: {path}");
        }
    }
}

#[test]
fn hostile_text_becomes_no_link_in_a_subject_a_receipt_or_a_reason() {
    let in_subject =
        with("H58", "/detail/resource/kubernetesDetails/kubernetesWorkloadDetails/name", json!("https://evil.example"));
    let in_subject = set(in_subject, "/detail/resource/eksClusterDetails/name", json!("x"));
    let in_receipt = with("H46", "/detail/resource/s3BucketDetails/0/name", json!("www.evil.example"));
    let product = "arn:aws:securityhub:eu-central-1::product/x/https://evil.example";
    let in_reason = with("H17", "/detail/findings/0/ProductArn", json!(product));
    let policy = Policy::unrestricted();
    for event in [in_subject, in_receipt, in_reason] {
        let plan = plan_json(event.to_string().as_bytes(), &Circumstances::new(&policy, NOW)).expect("JSON");
        for Message { subject, body } in notices(&incident(&plan)) {
            for link in ["://", "www."] {
                assert!(!subject.contains(link) && !body.contains(link), "H63: {subject} {body}");
            }
        }
    }
}

#[test]
fn hostile_bytes_are_handled_errors() {
    only_told("H66", &raw("H66"), "values no program can hold");
    let other = String::from_utf8(bytes("H66")).expect("UTF-8").replace("finding/3da3", "finding/0000");
    let other = of_bytes(other.as_bytes(), &Policy::unrestricted(), AtSource::NotAsked);
    assert_ne!(other.dedupe_key, raw("H66").dedupe_key, "H66: two events that cannot be read are two incidents");
    let policy = Policy::unrestricted();
    let error = plan_json(&bytes("H67"), &Circumstances::new(&policy, NOW)).expect_err("no UTF-8, no JSON").to_string();
    assert!(error.starts_with("not JSON: line ") && error.len() < 60, "H67: the place, never the text: {error}");
}

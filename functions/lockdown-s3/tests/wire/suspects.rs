//! Whom a freeze denies, whom it lets go again, and who cannot make it wait.

use crate::bucket::Bucket;
use crate::changed::{WIPE, asked, freeze, recorded, wipe, wrote_lifecycle};
use crate::shared::let_go;
use crate::trust::{FOREIGN as OUTSIDER, PARTNER, by_alice, excepted, reads, wrote_policy};
use crate::verify::change_statement;
use crate::{MALLORY, base_at, contain_at, function, incident, outcome, receipt, request, responder, run, stage, target};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, Whom};
use firebreak::holders::Holders;
use firebreak::incident::Incident;
use firebreak::receipt::{Outcome, Receipt, Status, Verification};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws};
use jiff::SignedDuration;
use lockdown_s3::{BaseState, Function};
use serde_json::{Value, json};

/// Somebody whom nobody accuses.
const PROD: &str = "arn:aws:iam::111122223333:role/prod-app";
/// An account of somebody outside the organization.
const FOREIGN: &str = "999900001111";
/// A session of a role of another account.
const SESSION: &str = "AROAEXAMPLEPARTNER001:etl";

fn accused(name: &str) -> Decision {
    Decision::new(room::target(TargetKind::IamUser, name), Some(Containment::QuarantineIam), Mode::Gate, "a finding")
}

/// Freezes the bucket for an incident that decided this about principals.
async fn freeze_for(aws: &ScriptedAws, name: &str, decisions: Vec<Decision>) -> Receipt {
    let mut request = request(Phase::Contain, name, Scope::Freeze);
    request.incident.decisions = decisions;
    receipt(Box::pin(run(aws, request)).await.expect("an answer")).expect("a receipt")
}

async fn look(aws: &ScriptedAws, incident: Incident) -> Verification {
    match run(aws, TaskInput { incident, ..request(Phase::Verify, "one", Scope::Freeze) }).await.expect("an answer") {
        TaskOutput::Verification(check) => check,
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

/// An incident that accused two users, of whom a person has released one.
fn with_bob_released(name: &str) -> Incident {
    let mut incident = Incident { decisions: vec![accused(MALLORY), accused("bob")], ..incident(name) };
    let targets = Targets { only: vec!["bob".to_owned()], ..Targets::default() };
    let answer = Decided { targets, ..Decided::new(Answer::Release, "ann", "it was bob", clock::now()) };
    incident.settle(&answer, |_| true);
    incident
}

/// The statement about users and roles; empty where there is none.
fn denied(bucket: &Bucket) -> String {
    bucket.statement("FirebreakDenySuspects").map(|statement| statement.to_string()).unwrap_or_default()
}

fn policy(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn allow(sid: &str, principal: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*" })
}

#[tokio::test]
async fn what_the_suspect_grants_or_demands_makes_no_freeze_wait() {
    for grantee in ["79a59df900b949e5", "http://acs.amazonaws.com/groups/global/AllUsers"] {
        let (aws, bucket) = stage().await;
        bucket.with_grant(grantee, "READ").with_event(recorded("PutBucketAcl", 10, &json!({ "acl": "" })));
        let done = freeze(&aws).await;
        assert_eq!(done.status, Status::Contained, "{grantee}: {done:?}");
    }
    let (aws, bucket) = stage().await;
    let mut own_keys = allow("Own", &json!("arn:aws:iam::111122223333:user/mallory"));
    own_keys["Condition"] = json!({ "StringLike": { "s3:x-amz-server-side-encryption-customer-algorithm": "*" } });
    let written = policy(&json!([own_keys]));
    let document: Value = serde_json::from_str(&written).expect("JSON");
    bucket.with_policy(&written).with_event(recorded("PutBucketPolicy", 10, &json!({ "bucketPolicy": document, "policy": "" })));
    let done = freeze(&aws).await;
    assert_eq!(done.status, Status::Contained, "{done:?}");
}

#[tokio::test]
async fn nobody_counts_as_contained_whom_no_bucket_policy_denies() {
    for unnamed in [
        accused("svc-breakglass"),
        Decision { whom: Whom::InDoubt, ..accused(MALLORY) },
        Decision::new(
            room::target(TargetKind::AccessKey, "AKIANOBODYNOBODY1234"),
            None,
            Mode::Gate,
            "whose key it is nobody knows",
        ),
    ] {
        let (aws, bucket) = stage().await;
        let done = freeze_for(&aws, "one", vec![unnamed]).await;
        assert_eq!((done.status, outcome(&done.steps, "deny-suspects")), (Status::Partial, Outcome::Failed), "{done:?}");
        assert_eq!(outcome(&done.steps, "deny-outsiders"), Outcome::Applied, "everything else is done");
        assert_eq!(denied(&bucket), "");
    }
}

/// Everything that a suspect can write, by a session of which no finding knows the key.
fn written_by(identity: &Value) -> [Value; 3] {
    let by = |mut record: Value| {
        record["userIdentity"] = identity.clone();
        record
    };
    let mut policy = reads(&[PARTNER, OUTSIDER]);
    policy["Statement"].as_array_mut().expect("a list").push(allow("Open", &json!("*")));
    [by(wrote_policy(10, &policy)), by(wrote_lifecycle(10, &wipe())), policy]
}

#[tokio::test]
async fn what_somebody_wrote_whom_no_bucket_policy_denies_holds_no_freeze_up_and_lets_nobody_in() {
    let root = Decision::new(room::target(TargetKind::AccountRoot, "111122223333"), None, Mode::Gate, "a finding");
    let user = |name: &str| {
        json!({ "type": "IAMUser", "principalId": "AIDAEXAMPLEUNNAMED001", "userName": name,
        "accessKeyId": "ASIAEXAMPLESESSION01", "arn": format!("arn:aws:iam::111122223333:user/{name}") })
    };
    for (undenied, identity) in [
        (accused("svc-breakglass"), user("svc-breakglass")),
        (Decision { whom: Whom::InDoubt, ..accused(MALLORY) }, user(MALLORY)),
        (
            root,
            json!({ "type": "Root", "principalId": "111122223333", "accessKeyId": "ASIAEXAMPLESESSION01",
            "arn": "arn:aws:iam::111122223333:root" }),
        ),
    ] {
        let (aws, bucket) = stage().await;
        let [policy_event, rules_event, policy] = written_by(&identity);
        let bucket =
            bucket.with_policy(&policy.to_string()).with_lifecycle(WIPE).with_event(policy_event).with_event(rules_event);
        let bucket = bucket.with_event(by_alice(wrote_policy(24 * 60, &reads(&[PARTNER]))));
        let mut request = asked(Phase::Contain);
        request.incident.decisions = vec![undenied];
        let done = receipt(Box::pin(run(&aws, request)).await.expect("an answer")).expect("a receipt");
        // Nobody is denied, so this is no whole freeze; but nothing waits.
        assert_eq!((done.status, outcome(&done.steps, "deny-suspects")), (Status::Partial, Outcome::Failed), "{done:?}");
        assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned()]), "{identity}");
        assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"), "{identity}");
        let steps = let_go(&aws, "one", Scope::Freeze).await;
        assert_eq!(outcome(&steps, "enable-lifecycle-rule wipe"), Outcome::Skipped, "{identity}: {steps:?}");
        assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"), "{identity}");
    }
}

#[tokio::test]
async fn without_the_organization_a_freeze_that_lets_outsiders_in_does_not_count_as_contained() {
    let (aws, _) = stage().await;
    let nowhere = Function::new(responder(&aws), None);
    let done = receipt(Box::pin(nowhere.handle(request(Phase::Contain, "one", Scope::Freeze))).await.expect("an answer"));
    let done = done.expect("a receipt");
    assert_eq!((done.status, outcome(&done.steps, "deny-outsiders")), (Status::Partial, Outcome::Failed), "{done:?}");
    assert_eq!(outcome(&done.steps, "deny-suspects"), Outcome::Applied);
}

#[tokio::test]
async fn whom_a_person_approved_by_a_break_glass_name_is_denied() {
    let (aws, bucket) = stage().await;
    let mut request = request(Phase::Contain, "one", Scope::Freeze);
    request.incident.decisions = vec![accused("svc-breakglass")];
    request.incident.settle(&Decided::new(Answer::Approve, "ann", "it is no break-glass", clock::now()), |_| true);
    let done = receipt(Box::pin(function(&aws).handle(request)).await.expect("an answer")).expect("a receipt");
    assert_eq!(done.status, Status::Contained, "{done:?}");
    assert!(denied(&bucket).contains("user/svc-breakglass"));
}

#[tokio::test]
async fn a_caller_from_another_account_is_denied_although_the_policy_names_the_account() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(&policy(&json!([allow("Partner", &json!("555566667777"))])));
    let mut request = request(Phase::Contain, "one", Scope::Freeze);
    request.incident.decisions = vec![];
    request.incident.finding.outsiders = [SESSION.to_owned()].into();
    let done = receipt(Box::pin(run(&aws, request)).await.expect("an answer")).expect("a receipt");
    assert_eq!(done.status, Status::Contained, "{done:?}");
    let sessions = bucket.statement("FirebreakDenySuspectsSessions").expect("a statement").to_string();
    assert!(sessions.contains(SESSION), "{sessions}");
}

#[tokio::test]
async fn whom_somebody_let_in_of_whom_people_are_only_told_is_no_exception() {
    let (aws, bucket) = stage().await;
    let before = policy(&json!([allow("App", &json!("111122223333"))]));
    let after = policy(&json!([allow("App", &json!("111122223333")), allow("Transfer", &json!(FOREIGN))]));
    let wrote = |minutes: i64, text: &str| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        recorded("PutBucketPolicy", minutes, &json!({ "bucketPolicy": document, "policy": "" }))
    };
    let bucket = bucket.with_policy(&after).with_event(wrote(90, &before)).with_event(wrote(10, &after));
    let mut request = request(Phase::Contain, "one", Scope::Freeze);
    request.incident.finding.first_seen = Some(clock::now() - SignedDuration::from_mins(60));
    request.incident.decisions = vec![Decision { containment: None, mode: Mode::Notify, ..accused(MALLORY) }];
    let done = receipt(Box::pin(run(&aws, request)).await.expect("an answer")).expect("a receipt");
    assert_eq!((done.status, outcome(&done.steps, "deny-outsiders")), (Status::Contained, Outcome::Applied), "{done:?}");
    let outsiders = bucket.statement("FirebreakDenyOutsiders").expect("a statement").to_string();
    assert!(!outsiders.contains(FOREIGN), "{outsiders}");
    assert_eq!(denied(&bucket), "", "nobody accuses the one who wrote it");
}

#[tokio::test]
async fn whom_somebody_puts_into_firebreak_s_statement_is_not_denied_by_firebreak() {
    let (aws, bucket) = stage().await;
    let planted = |sid: &str, condition: Value| {
        json!({ "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectTorrent", "Resource": "arn:aws:s3:::acme-exports/none",
            "Condition": condition })
    };
    let bucket = bucket.with_policy(&policy(&json!([
        planted("FirebreakDenySuspects", json!({ "ArnLike": { "aws:PrincipalArn": PROD } })),
        planted(
            "FirebreakDenySuspectsSessions7",
            json!({ "ArnLike": { "aws:PrincipalArn": PROD }, "StringLike": { "aws:userid": "*:ci" } })
        ),
    ])));
    let done = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(done.status, Status::Contained, "{done:?}");
    let text = bucket.policy().expect("a policy");
    assert!(denied(&bucket).contains("user/mallory") && !text.contains("prod-app"), "{text}");

    change_statement(&bucket, "FirebreakDenySuspects", |mut statement| {
        let arns = &mut statement["Condition"]["ArnLike"]["aws:PrincipalArn"];
        arns.as_array_mut().expect("a list").push(json!(PROD));
        Some(statement)
    });
    let check = look(&aws, incident("one")).await;
    assert!(check.holds && check.reverted.len() == 1, "somebody hears of it: {check:?}");
    assert!(!bucket.policy().expect("a policy").contains("prod-app"));
}

#[tokio::test]
async fn whom_a_person_released_the_next_look_takes_out_of_the_statement() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", vec![accused(MALLORY), accused("bob")]).await;
    assert!(denied(&bucket).contains("user/bob"));
    let check = look(&aws, with_bob_released("one")).await;
    assert!(check.holds && check.reverted.is_empty() && check.notes.len() == 1, "{check:?}");
    assert!(!denied(&bucket).contains("user/bob") && denied(&bucket).contains("user/mallory"), "{}", denied(&bucket));
    aws.forget();
    let again = look(&aws, with_bob_released("one")).await;
    assert!(again.holds && again.notes.is_empty() && aws.changes().is_empty(), "{again:?}");
}

#[tokio::test]
async fn the_last_suspect_whom_a_person_released_leaves_no_statement_behind_and_a_new_one_gets_it_again() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", vec![accused(MALLORY)]).await;
    let mut released = Incident { decisions: vec![accused(MALLORY)], ..incident("one") };
    released.settle(&Decided::new(Answer::Release, "ann", "it was her", clock::now()), |_| true);
    let check = look(&aws, released.clone()).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(denied(&bucket), "");
    released.decisions.push(accused("trent"));
    let check = look(&aws, released).await;
    assert!(check.holds && check.reverted.is_empty() && denied(&bucket).contains("user/trent"), "{check:?}");
}

#[tokio::test]
async fn whom_another_incident_accuses_as_well_stays_denied() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", vec![accused(MALLORY), accused("bob")]).await;
    freeze_for(&aws, "two", vec![accused("bob")]).await;
    assert!(look(&aws, with_bob_released("one")).await.holds);
    assert!(denied(&bucket).contains("user/bob"), "{}", denied(&bucket));
    // The first incident lets go of the bucket, and the second one goes on holding it.
    let (frozen, id) = (target(Scope::Freeze), room::incident("one"));
    let held = Held { target: &frozen, containment: Containment::LockdownS3 };
    let claim = room::ledger(&aws).begin_release::<BaseState>(held, &Holders::of(&id), clock::now()).await.expect("a claim");
    assert!(matches!(claim, ReleaseClaim::StillHeld { .. }), "{claim:?}");
    let check = look(&aws, Incident { decisions: vec![accused("bob")], ..incident("two") }).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert!(denied(&bucket).contains("user/bob") && !denied(&bucket).contains("user/mallory"), "{}", denied(&bucket));
}

/// What a look wrote from a record of before, it would take the other incident's suspects out by.
#[tokio::test]
async fn a_look_that_waited_for_another_incident_writes_nothing_from_its_old_record() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", vec![accused(MALLORY)]).await;
    bucket.change(|state| state.policy = None);
    // The lock is the second incident's, while the look waits for it.
    let (ledger, id, now) = (room::ledger(&aws), room::incident("two"), clock::now());
    let (name, owner) = (target(Scope::Principal).ledger_key(), format!("{id}#{id}#freeze"));
    let locked = ledger.lock_for(&name, &owner, now, now + SignedDuration::from_secs(60)).await.expect("the ledger answers");
    let _lock = locked.expect("the lock is free");
    aws.forget();
    let second = async {
        let waits =
            |call: &Call| call.params["ExpressionAttributeValues"][":me"]["S"].as_str().is_some_and(|me| me.ends_with("#look"));
        while !aws.calls_of("dynamodb:UpdateItem").iter().any(waits) {
            tokio::task::yield_now().await;
        }
        freeze_for(&aws, "two", vec![accused("trent")]).await
    };
    let (check, done) = futures::join!(Box::pin(look(&aws, incident("one"))), Box::pin(second));
    assert_eq!(done.status, Status::Contained, "{done:?}");
    assert!(!check.holds, "the next look writes: {check:?}");
    for name in ["user/trent", "user/mallory"] {
        assert!(denied(&bucket).contains(name), "{name}: {}", denied(&bucket));
    }
    assert!(look(&aws, incident("one")).await.holds);
    assert!(denied(&bucket).contains("user/trent"), "{}", denied(&bucket));
}

/// An incident that accused a user and a session of a role, which has a statement of its own. `released`: a person has released the session.
fn with_a_session(released: bool) -> Incident {
    let role = Decision { target: room::target(TargetKind::IamRole, "deploy"), ..accused("deploy") };
    let session = Target { scope: Scope::Session, session: Some("ci".to_owned()), ..role.target.clone() };
    let mut incident = Incident { decisions: vec![accused(MALLORY), Decision { target: session, ..role }], ..incident("one") };
    if released {
        let targets = Targets { except: vec![MALLORY.to_owned()], ..Targets::default() };
        let answer = Decided { targets, ..Decided::new(Answer::Release, "ann", "it was the pipeline", clock::now()) };
        incident.settle(&answer, |_| true);
    }
    incident
}

#[tokio::test]
async fn a_look_that_was_killed_behind_its_write_is_followed_by_looks_that_blame_nobody() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", with_a_session(false).decisions).await;
    assert!(bucket.statement("FirebreakDenySuspectsSessions1").is_some(), "{:?}", bucket.sids());
    let killed = aws.kill_at("s3:PutBucketPolicy", 2, true, Box::pin(look(&aws, with_a_session(true)))).await;
    assert!(killed.is_none() && bucket.statement("FirebreakDenySuspectsSessions1").is_none(), "{:?}", bucket.sids());
    assert!(look(&aws, with_a_session(true)).await.holds);
    let mut later = with_a_session(true);
    later.decisions.push(accused("trent"));
    let check = look(&aws, later).await;
    assert!(check.holds && check.reverted.is_empty() && denied(&bucket).contains("user/trent"), "{check:?}");
}

#[tokio::test]
async fn a_release_takes_its_principal_out_of_the_statement_where_no_look_may_come_any_more() {
    let (aws, bucket) = stage().await;
    freeze_for(&aws, "one", vec![accused(MALLORY), accused("bob")]).await;
    let (frozen, released) = (target(Scope::Freeze), with_bob_released("one"));
    let call =
        responder(&aws).call(&frozen, Containment::LockdownS3, MemberRole::Release, &released.id).await.expect("credentials");
    Box::pin(lockdown_s3::free(&call, &released)).await.expect("written");
    assert!(!denied(&bucket).contains("user/bob") && denied(&bucket).contains("user/mallory"), "{}", denied(&bucket));
    let recorded = base_at(&aws, Scope::Freeze).expect("a base").planned.denied;
    assert!(recorded.values().all(|accused| !accused.arns.iter().any(|arn| arn.ends_with("/bob"))), "{recorded:?}");
    aws.forget();
    Box::pin(lockdown_s3::free(&call, &released)).await.expect("nothing to do");
    assert!(look(&aws, released).await.holds && aws.changes().is_empty(), "{:?}", aws.changes());
}

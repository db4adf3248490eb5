use crate::bucket::{Bucket, CLOSED, State, Xml};
use crate::lived_in::{LEVELS, POLICY, contained_at, is_in_force, is_wiping, lived_in};
use crate::release::{Told, release_at, try_release};
use crate::{approved_at, base_at, outcome, request, run, stage, target, verify_at};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Verification};
use firebreak::target::{Scope, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use lockdown_s3::BaseState;
use serde_json::{Value, json};

const ALLOW: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Partner\",\"Effect\":\"Allow\",\
                     \"Principal\":{\"AWS\":\"arn:aws:iam::999988887777:role/partner\"},\"Action\":\"s3:GetObject\",\
                     \"Resource\":\"arn:aws:s3:::acme-exports/*\"}]}";

/// A rule of the encryption.
const ALLOWS_CUSTOMER_KEYS: &str = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                                    </ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>NONE\
                                    </EncryptionType></BlockedEncryptionTypes>";

async fn look(aws: &ScriptedAws, level: Scope) -> Verification {
    verify_at(aws, "one", level).await.expect("a look")
}

fn any(lines: &[String], what: &str) -> bool {
    lines.iter().any(|line| line.contains(what))
}

/// Somebody changes a statement of Firebreak's, or takes it out.
pub(crate) fn change_statement(bucket: &Bucket, sid: &str, how: impl Fn(Value) -> Option<Value>) {
    bucket.change(|state| {
        let each = state.statements().into_iter();
        let each: Vec<Value> = each.filter_map(|one| if one["Sid"] == sid { how(one) } else { Some(one) }).collect();
        state.policy = Some(json!({ "Version": "2012-10-17", "Statement": each }).to_string());
    });
}

/// Somebody switches a rule of the lifecycle on.
fn switch_on(state: &mut State) {
    let text = state.lifecycle.as_ref().expect("a lifecycle").text().replace("Disabled", "Enabled");
    state.lifecycle = Xml::read(&text);
}

/// The lease ends of the lock of a run that was killed: what runs next has another owner.
async fn lease_ends(aws: &ScriptedAws, run: &str) {
    let (ledger, id, now) = (room::ledger(aws), room::incident("one"), clock::now());
    let (name, owner) = (target(Scope::Principal).ledger_key(), format!("{id}#{id}#{run}"));
    let lock = ledger.lock_for(&name, &owner, now, now).await.expect("the ledger answers").expect("its own lock");
    ledger.unlock(lock).await.expect("the ledger takes it");
}

/// What somebody does to a bucket, and what people then read.
type Revert = (fn(&mut State), &'static str);

#[tokio::test]
async fn a_level_that_holds_is_only_looked_at() {
    for level in LEVELS {
        let (aws, _, _) = contained_at(level).await;
        aws.forget();
        let check = look(&aws, level).await;
        assert!(check.holds && check.reverted.is_empty(), "{level:?}: {check:?}");
        assert_eq!(aws.changes(), [""; 0], "{level:?}");
    }
}

#[tokio::test]
async fn whatever_of_a_freeze_somebody_takes_away_is_written_again_and_told() {
    let reverts: [Revert; 6] = [
        (|state| state.policy = Some(POLICY.to_owned()), "FirebreakDenyOutsiders"),
        (|state| state.policy = None, "FirebreakDenyCustomerKeys"),
        (|state| state.block = Some([true, true, false, true]), "the public access block is not fully on"),
        (|state| state.versioning = Some("Suspended".to_owned()), "versioning is off"),
        (switch_on, "lifecycle rule wipe is on"),
        (|state| state.encrypt(&Xml::of("Rule", ALLOWS_CUSTOMER_KEYS).root()), "SSE-C"),
    ];
    for (revert, line) in reverts {
        let (aws, bucket, _) = contained_at(Scope::Freeze).await;
        bucket.change(revert);
        assert!(!is_in_force(&bucket, Scope::Freeze) || is_wiping(&bucket), "{line}");
        let check = look(&aws, Scope::Freeze).await;
        assert!(check.holds && any(&check.reverted, line), "{line}: {check:?}");
        assert!(is_in_force(&bucket, Scope::Freeze) && !is_wiping(&bucket), "{line}");
        let told = check.reverted.len();
        assert_eq!(look(&aws, Scope::Freeze).await.reverted.len(), told, "{line}: told once");
    }
}

#[tokio::test]
async fn the_other_levels_are_written_again_as_well() {
    for (level, line) in [
        (Scope::Principal, "the public access block is not fully on"),
        (Scope::Destruction, "FirebreakDenyDestruction"),
        (Scope::Seal, "FirebreakSeal"),
    ] {
        let (aws, bucket, before) = contained_at(level).await;
        bucket.change(|state| *state = before.clone());
        let check = look(&aws, level).await;
        assert!(check.holds && any(&check.reverted, line) && is_in_force(&bucket, level), "{level:?}: {check:?}");
        release_at(&aws, "one", level).await;
        assert_eq!(bucket.now(), before, "{level:?}");
    }
}

#[tokio::test]
async fn an_exception_that_somebody_writes_into_a_statement_does_not_stay() {
    for sid in ["FirebreakDenySuspects", "FirebreakDenyOutsiders"] {
        let (aws, bucket, _) = contained_at(Scope::Freeze).await;
        let as_written = bucket.statement(sid);
        change_statement(&bucket, sid, |mut statement| {
            let excepted = &mut statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
            excepted.as_array_mut().expect("a list").push(json!("arn:aws:iam::111122223333:user/mallory"));
            Some(statement)
        });
        assert_ne!(bucket.statement(sid), as_written);
        let check = look(&aws, Scope::Freeze).await;
        assert!(check.holds && check.reverted.len() == 1, "{sid}: {check:?}");
        assert_eq!(bucket.statement(sid), as_written, "{sid}");
    }
}

#[tokio::test]
async fn whom_the_policy_names_since_the_containment_is_no_exception() {
    let (aws, bucket, _) = contained_at(Scope::Freeze).await;
    let as_written = bucket.statement("FirebreakDenyOutsiders");
    bucket.change(|state| state.policy = Some(ALLOW.to_owned()));
    assert!(look(&aws, Scope::Freeze).await.holds);
    assert_eq!(bucket.statement("FirebreakDenyOutsiders"), as_written);
    assert!(bucket.statement("Partner").is_some(), "a statement of somebody else's is not Firebreak's to take out");
}

#[tokio::test]
async fn a_suspect_whom_the_incident_finds_later_is_denied_and_nobody_reverted_anything() {
    let (aws, bucket, _) = contained_at(Scope::Freeze).await;
    let mut later = request(Phase::Verify, "one", Scope::Freeze);
    let second = room::target(TargetKind::IamUser, "trent");
    later.incident.decisions.push(Decision::new(second, Some(Containment::QuarantineIam), Mode::Auto, "whom mallory made"));
    let TaskOutput::Verification(check) = run(&aws, later).await.expect("a look") else { unreachable!("a look") };
    // The second note: under the block S3 takes the public statement not back.
    assert!(check.holds && check.reverted.is_empty() && check.notes.len() == 2, "{check:?}");
    let denied = bucket.statement("FirebreakDenySuspects").expect("a statement").to_string();
    assert!(denied.contains("user/trent") && denied.contains("user/mallory"), "{denied}");
    // A look that knows one suspect alone takes nobody out.
    assert!(look(&aws, Scope::Freeze).await.holds);
    assert!(bucket.statement("FirebreakDenySuspects").expect("a statement").to_string().contains("user/trent"));
}

const PARTNER: &str = "arn:aws:iam::999988887777:role/partner";

/// A frozen bucket with a statement for a partner and one for an office; the partner's role is deleted then.
async fn frozen_with_an_orphan() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    let mut policy: Value = serde_json::from_str(ALLOW).expect("a policy");
    let office = json!({ "Sid": "Office", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-exports/*", "Condition": { "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } } });
    policy["Statement"].as_array_mut().expect("a list").push(office);
    let bucket = bucket.with_policy(&policy.to_string());
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert!(has(&bucket, "Partner") && has(&bucket, "Office"), "{:?}", bucket.sids());
    let bucket = bucket.with_orphan(PARTNER);
    aws.forget();
    (aws, bucket)
}

fn has(bucket: &Bucket, sid: &str) -> bool {
    bucket.statement(sid).is_some()
}

/// A look for an incident that accuses one user more.
pub(crate) async fn look_beyond(aws: &ScriptedAws) -> Verification {
    let mut later = request(Phase::Verify, "one", Scope::Freeze);
    let second = room::target(TargetKind::IamUser, "trent");
    later.incident.decisions.push(Decision::new(second, Some(Containment::QuarantineIam), Mode::Auto, "whom mallory made"));
    let TaskOutput::Verification(check) = run(aws, later).await.expect("a look") else { unreachable!("a look") };
    check
}

/// Statements of the customer's that the record says are missing, and those that a write is trying.
fn recorded(aws: &ScriptedAws) -> (Vec<Value>, Vec<Value>) {
    let planned = base_at(aws, Scope::Freeze).expect("a base").planned;
    let sids = |all: &[Value]| all.iter().map(|one| one["Sid"].clone()).collect();
    (sids(&planned.left_out), sids(&planned.unsettled))
}

#[tokio::test]
async fn what_a_look_leaves_out_is_a_problem_and_recorded() {
    let (aws, bucket) = frozen_with_an_orphan().await;
    let check = look_beyond(&aws).await;
    assert!(!check.holds && any(&check.problems, "leave-out-statement Partner"), "{check:?}");
    assert!(bucket.statement("FirebreakDenySuspects").expect("a statement").to_string().contains("user/trent"));
    assert!(has(&bucket, "Office") && !has(&bucket, "Partner"), "{:?}", bucket.sids());
    assert_eq!(recorded(&aws), (vec![json!("Partner")], vec![]));
}

#[tokio::test]
async fn a_look_that_was_killed_while_it_tried_what_s3_takes_leaves_nobody_without_access() {
    let (aws, bucket) = frozen_with_an_orphan().await;
    // Refused; both left out; then each is tried.
    let killed = aws.kill_at("s3:PutBucketPolicy", 3, false, Box::pin(look_beyond(&aws))).await;
    assert!(killed.is_none() && !has(&bucket, "Office"), "{:?}", bucket.sids());
    assert_eq!(recorded(&aws).1, [json!("Partner"), json!("Office")]);
    // Whatever Firebreak wrote is there.
    let check = look_beyond(&aws).await;
    assert!(has(&bucket, "Office") && check.reverted.is_empty(), "{check:?}");
    assert!(any(&check.problems, "leave-out-statement Partner"), "{check:?}");
    assert_eq!(recorded(&aws), (vec![json!("Partner")], vec![]));
    aws.forget();
    assert!(look_beyond(&aws).await.holds, "it is tried once");
    assert_eq!(aws.changes(), [""; 0]);
    release_at(&aws, "one", Scope::Freeze).await;
    assert!(has(&bucket, "Office"), "{:?}", bucket.sids());
}

#[tokio::test]
async fn a_release_puts_back_what_a_look_that_was_killed_left_out() {
    let (aws, bucket) = frozen_with_an_orphan().await;
    let before = base_at(&aws, Scope::Freeze).expect("a base").policy;
    aws.kill_at("s3:PutBucketPolicy", 3, false, Box::pin(look_beyond(&aws))).await;
    lease_ends(&aws, "freeze#look").await;
    bucket.change(|state| state.orphans.clear());
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert_eq!((outcome(&steps, "restore-policy"), bucket.policy()), (Outcome::Applied, before), "{steps:?}");
}

#[tokio::test]
async fn a_rule_that_deletes_and_came_since_is_switched_off_and_a_release_leaves_it_off() {
    let (aws, bucket, before) = contained_at(Scope::Destruction).await;
    let bucket = bucket.with_lifecycle(
        "<Rule><ID>wipe</ID><Filter><Prefix></Prefix></Filter><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
         <Rule><ID>again</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
    );
    let check = look(&aws, Scope::Destruction).await;
    assert!(check.holds && any(&check.reverted, "lifecycle rule again"), "{check:?}");
    assert_eq!(bucket.rule_status("lifecycle", "again").as_deref(), Some("Disabled"));
    release_at(&aws, "one", Scope::Destruction).await;
    let rules = ["wipe", "again"].map(|id| bucket.rule_status("lifecycle", id));
    assert_eq!(rules.map(|status| status.expect("a rule")), ["Enabled", "Disabled"]);
    assert_eq!(bucket.policy(), before.policy);
}

#[tokio::test]
async fn one_old_read_is_no_revert() {
    let (aws, _, _) = contained_at(Scope::Freeze).await;
    aws.forget();
    aws.next("s3:GetBucketPolicy", error(404, "NoSuchBucketPolicy"));
    let check = look(&aws, Scope::Freeze).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_and_is_not_written_over() {
    let (aws, _, _) = contained_at(Scope::Freeze).await;
    aws.forget();
    aws.always("s3:GetBucketPolicy", error(403, "AccessDenied"));
    let check = look(&aws, Scope::Freeze).await;
    assert!(!check.holds && any(&check.problems, "s3:GetBucketPolicy") && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_written_again_while_a_release_is_under_way() {
    let (aws, bucket, before) = contained_at(Scope::Seal).await;
    let (ledger, target, id) = (room::ledger(&aws), target(Scope::Seal), room::incident("one"));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&id), clock::now()).await.expect("a claim");
    assert!(matches!(claim, ReleaseClaim::Ours { .. }), "{claim:?}");
    try_release(&aws, ("one", Scope::Seal), Told::default()).await.expect("a release");
    aws.forget();
    assert!(!look(&aws, Scope::Seal).await.holds);
    assert_eq!((aws.changes(), bucket.now()), (vec![], before));
}

#[tokio::test]
async fn a_pause_keeps_a_look_from_writing_and_people_read_that() {
    let (aws, bucket, before) = contained_at(Scope::Seal).await;
    room::pause(&aws, None, clock::now()).await;
    bucket.change(|state| *state = before.clone());
    let unapproved = TaskInput { approved: false, ..request(Phase::Verify, "one", Scope::Seal) };
    let TaskOutput::Verification(check) = run(&aws, unapproved).await.expect("a look") else { unreachable!("a look") };
    assert!(!check.holds && any(&check.reverted, "FirebreakSeal"), "{check:?}");
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn a_look_makes_up_for_a_containment_that_was_killed_and_a_release_puts_all_of_it_back() {
    let (aws, bucket) = stage().await;
    let bucket = lived_in(bucket);
    let before = bucket.now();
    let killed = aws.kill_at("s3:PutBucketPolicy", 1, false, Box::pin(approved_at(&aws, "one", Scope::Freeze))).await;
    assert!(killed.is_none() && base_at(&aws, Scope::Freeze).is_some() && bucket.now() == before);
    lease_ends(&aws, "freeze").await;
    let check = look(&aws, Scope::Freeze).await;
    assert!(is_in_force(&bucket, Scope::Freeze) && check.reverted.is_empty(), "nobody reverted anything: {check:?}");
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert_eq!((outcome(&steps, "restore-policy"), bucket.now()), (Outcome::Applied, before));
}

/// A release goes by the receipt. What S3 refused, and what is there all the same, somebody else made.
#[tokio::test]
async fn what_s3_carried_out_without_an_answer_is_in_the_receipt_after_the_next_look() {
    for (refusal, known) in [(error(500, "InternalError"), Outcome::Applied), (error(403, "AccessDenied"), Outcome::Failed)] {
        let (aws, bucket) = stage().await;
        let bucket = lived_in(bucket);
        aws.always("s3:PutPublicAccessBlock", refusal);
        let receipt = approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert_eq!(outcome(&receipt.steps, "block-public-access"), Outcome::Failed);
        aws.mend();
        bucket.set(Some(CLOSED));
        assert!(look(&aws, Scope::Freeze).await.holds);
        let id = room::incident("one");
        let kept = room::ledger(&aws).receipt(&id, Containment::LockdownS3, &target(Scope::Freeze)).await.expect("read");
        assert_eq!(outcome(&kept.expect("a receipt").steps, "block-public-access"), known);
    }
}

#[tokio::test]
async fn a_level_that_nobody_recorded_is_told_and_not_written() {
    let (aws, bucket) = stage().await;
    bucket.set(Some(CLOSED));
    let check = look(&aws, Scope::Freeze).await;
    assert!(!check.holds && any(&check.problems, "no statement of this level"), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

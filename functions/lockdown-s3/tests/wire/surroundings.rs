//! What else leads to the bucket: it is told, and left as it is.

use crate::bucket::Bucket;
use crate::{NAME, contain, contain_at, request, run, stage};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::receipt::{Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::{Scope, TargetKind};
use firebreak::task::{Phase, TaskOutput};
use firebreak_testkit::room::{self, ACCOUNT};
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// `--key-id …` of the commands about it.
const OF: &str = "--key-id 1234abcd-12ab-34cd-56ef-1234567890ab --region eu-central-1";
const READS: [&str; 3] = ["s3:ListAccessPoints", "s3:ListMultiRegionAccessPoints", "s3:ListJobs"];

/// What people read about one kind of thing.
fn said(receipt: &Receipt, kind: StepKind) -> Vec<String> {
    receipt.steps.iter().filter(|step| step.is(kind)).filter_map(Step::says).collect()
}

fn encrypted(bucket: Bucket) -> Bucket {
    bucket.with_encryption(&format!(
        "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{KEY}</KMSMasterKeyID>\
         </ApplyServerSideEncryptionByDefault>"
    ))
}

fn with_key(aws: &ScriptedAws, more: &Value) {
    let id = KEY.rsplit('/').next();
    let mut key = json!({ "KeyId": id, "Arn": KEY, "AWSAccountId": ACCOUNT, "KeyManager": "CUSTOMER" });
    key.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    aws.answer("kms:DescribeKey", ok(json!({ "KeyMetadata": key }).to_string()));
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:user/mallory" }, "Action": "kms:*", "Resource": "*" },
    ]});
    aws.answer("kms:GetKeyPolicy", ok(json!({ "Policy": policy.to_string(), "PolicyName": "default" }).to_string()));
    let grant = json!({ "GrantId": "g", "GranteePrincipal": "arn:aws:iam::111122223333:role/etl", "Operations": ["Decrypt"], "KeyId": KEY });
    aws.answer("kms:ListGrants", ok(json!({ "Grants": [grant], "Truncated": false }).to_string()));
}

async fn freeze(aws: &ScriptedAws) -> Receipt {
    let receipt = contain_at(aws, "a", Scope::Freeze).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:#?}");
    receipt
}

#[tokio::test]
async fn a_key_that_is_to_be_deleted_is_said_with_its_day_and_both_commands() {
    let (aws, bucket) = stage().await;
    let _bucket = encrypted(bucket);
    with_key(&aws, &json!({ "KeyState": "PendingDeletion", "DeletionDate": 1_795_737_600.0 }));
    let lines = said(&freeze(&aws).await, StepKind::NoteKey);
    let [state, policy, grants] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(state.starts_with("KEY TO BE DELETED on 2026-11-27: "), "{state}");
    let (cancel, enable) = (format!("aws kms cancel-key-deletion {OF}, then"), format!("aws kms enable-key {OF}"));
    assert!(state.contains(&cancel) && state.ends_with(&enable), "{state}");
    assert!(
        policy.contains("user/mallory of 111122223333 (a suspect), account 111122223333") && policy.contains("SHA-256"),
        "{policy}"
    );
    assert!(grants.contains("grants: 1 grant(s) of key/") && grants.ends_with("role/etl of 111122223333"), "{grants}");
    assert!(
        aws.calls().iter().filter(|call| call.service == "kms").all(|call| !call.operation.contains("Deletion")),
        "nobody is asked"
    );
}

#[tokio::test]
async fn a_key_that_works_is_recorded_without_an_alarm_and_awss_own_key_is_not() {
    let (aws, bucket) = stage().await;
    let _bucket = encrypted(bucket);
    with_key(&aws, &json!({ "KeyState": "Enabled" }));
    assert_eq!(said(&freeze(&aws).await, StepKind::NoteKey).len(), 2, "its policy and its grants");
    let (aws, bucket) = stage().await;
    let _bucket = encrypted(bucket);
    with_key(&aws, &json!({ "KeyState": "Enabled", "KeyManager": "AWS" }));
    assert_eq!(said(&freeze(&aws).await, StepKind::NoteKey), [""; 0]);
}

#[tokio::test]
async fn a_key_that_is_gone_and_one_that_nobody_may_read_are_told_apart() {
    for ((status, code), line) in
        [((400, "NotFoundException"), "KEY GONE"), ((400, "AccessDeniedException"), "could not be looked at")]
    {
        let (aws, bucket) = stage().await;
        let _bucket = encrypted(bucket);
        aws.answer("kms:DescribeKey", error(status, code));
        let lines = said(&freeze(&aws).await, StepKind::NoteKey);
        assert!(lines.len() == 1 && lines[0].contains(line), "{code}: {lines:#?}");
    }
}

#[tokio::test]
async fn access_points_are_named_with_whom_their_policies_let_in() {
    let (aws, _bucket) = stage().await;
    let point = |name: &str, origin: &str| {
        format!("<AccessPoint><Name>{name}</Name><NetworkOrigin>{origin}</NetworkOrigin><Bucket>{NAME}</Bucket></AccessPoint>")
    };
    let points = format!("{}{}", point("web", "Internet"), point("etl", "VPC"));
    aws.answer(
        "s3:ListAccessPoints",
        ok(format!("<ListAccessPointsResult><AccessPointList>{points}</AccessPointList></ListAccessPointsResult>")),
    );
    aws.on("s3:GetAccessPointPolicy", |call| {
        if call.path.contains("/etl/") {
            return Some(error(404, "NoSuchAccessPointPolicy"));
        }
        let policy =
            json!({ "Statement": { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:user/mallory" } } });
        Some(ok(format!("<GetAccessPointPolicyResult><Policy>{policy}</Policy></GetAccessPointPolicyResult>")))
    });
    let lines = said(&freeze(&aws).await, StepKind::NoteAccessPoint);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(
        line.contains("2 access point(s)") && line.contains("web (Internet, policy ") && line.contains("(a suspect)"),
        "{line}"
    );
    assert!(line.contains("etl (VPC, no policy)"), "{line}");
    for asked in READS.iter().flat_map(|read| aws.calls_of(read)) {
        assert_eq!(asked.headers["x-amz-account-id"], ACCOUNT, "{}", asked.operation);
    }
}

#[tokio::test]
async fn a_multi_region_access_point_is_named_where_the_bucket_is_one_of_its_buckets() {
    let (aws, _bucket) = stage().await;
    let point = |name: &str, bucket: &str| {
        let regions = format!("<Regions><Region><Bucket>{bucket}</Bucket><Region>eu-central-1</Region></Region></Regions>");
        format!("<AccessPoint><Name>{name}</Name>{regions}</AccessPoint>")
    };
    let points = format!("{}{}", point("global", NAME), point("second", "acme-other"));
    let answer =
        format!("<ListMultiRegionAccessPointsResult><AccessPoints>{points}</AccessPoints></ListMultiRegionAccessPointsResult>");
    aws.answer("s3:ListMultiRegionAccessPoints", ok(answer));
    let lines = said(&freeze(&aws).await, StepKind::NoteAccessPoint);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(line.contains("global") && !line.contains("second"), "{line}");
    let asked = aws.calls_of("s3:ListMultiRegionAccessPoints");
    assert!(asked.iter().all(|call| call.region == "us-west-2"), "no other Region knows them");
}

#[tokio::test]
async fn a_batch_job_of_a_suspect_or_made_since_is_shown_with_the_command_that_ends_it() {
    let (aws, _bucket) = stage().await;
    // The role of each is in no list.
    let jobs = [
        ("11111111-0000-4000-8000-000000000000", "2026-10-01T00:00:00Z", "batch"),
        ("22222222-0000-4000-8000-000000000000", "2026-11-01T00:00:01Z", "nightly"),
        ("33333333-0000-4000-8000-000000000000", "2026-10-01T00:00:00Z", "nightly"),
    ];
    let listed: String = jobs
        .iter()
        .map(|(id, made, _)| {
            let what = "<Operation>S3PutObjectCopy</Operation><Status>Active</Status>";
            format!("<member><JobId>{id}</JobId><CreationTime>{made}</CreationTime>{what}</member>")
        })
        .collect();
    aws.answer("s3:ListJobs", ok(format!("<ListJobsResult><Jobs>{listed}</Jobs></ListJobsResult>")));
    aws.on("s3:DescribeJob", move |call| {
        let (id, _, role) = jobs.iter().find(|(id, ..)| call.path.ends_with(id))?;
        let job = format!("<JobId>{id}</JobId><RoleArn>arn:aws:iam::{ACCOUNT}:role/{role}</RoleArn>");
        Some(ok(format!("<DescribeJobResult><Job>{job}</Job></DescribeJobResult>")))
    });
    let mut request = request(Phase::Contain, "a", Scope::Freeze);
    let role = room::target(TargetKind::IamRole, "batch");
    request.incident.decisions.push(Decision::new(role, Some(Containment::QuarantineIam), Mode::Auto, "a finding"));
    let TaskOutput::Receipt(receipt) = run(&aws, request).await.expect("a receipt") else { panic!("no receipt") };
    let lines = said(&receipt, StepKind::NoteBatchJob);
    let [made_since, of_suspect] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(made_since.contains("22222222") && !made_since.contains("a suspect"), "the newest first: {made_since}");
    assert!(of_suspect.contains("as role/batch, a suspect") && of_suspect.contains("--job-id 11111111"), "{of_suspect}");
    assert!(of_suspect.ends_with("--requested-job-status Cancelled --region eu-central-1"), "{of_suspect}");
    let is_setting = |change: &String| change.starts_with("s3:PutBucket") || change == "s3:PutPublicAccessBlock";
    assert!(aws.changes().iter().all(is_setting), "nobody's job is ended: {:?}", aws.changes());
}

#[tokio::test]
async fn what_could_not_be_read_is_said_and_keeps_the_bucket_from_nothing() {
    let (aws, bucket) = stage().await;
    let _bucket = encrypted(bucket);
    with_key(&aws, &json!({ "KeyState": "Enabled" }));
    for read in READS {
        aws.always(read, error(403, "AccessDenied"));
    }
    for read in ["kms:GetKeyPolicy", "kms:ListGrants"] {
        aws.always(read, error(400, "AccessDeniedException"));
    }
    let receipt = freeze(&aws).await;
    let count = |kind: StepKind| said(&receipt, kind).iter().filter(|line| line.contains("could not be")).count();
    assert_eq!(
        [count(StepKind::NoteAccessPoint), count(StepKind::NoteBatchJob), count(StepKind::NoteKey)],
        [2, 1, 2],
        "{receipt:#?}"
    );
}

#[tokio::test]
async fn ending_public_access_alone_asks_nothing_around_the_bucket() {
    let (aws, bucket) = stage().await;
    let _bucket = encrypted(bucket);
    contain(&aws, "a").await.expect("a receipt");
    assert!(READS.iter().all(|read| aws.calls_of(read).is_empty()));
    assert!(aws.calls().iter().all(|call| call.service != "kms"));
}

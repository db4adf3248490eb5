//! S3 Batch jobs: they go on with a role of their own after whoever made them is denied.
//!
//! A job that is cancelled cannot go on later (S3 user guide, "Managing S3 Batch Operations jobs"), so Firebreak stops none: it names
//! the command.

use super::{control, named, note};
use crate::suspects::Suspects;
use aws_sdk_s3control::Client;
use aws_sdk_s3control::types::{JobDescriptor, JobListDescriptor, JobStatus};
use firebreak::fault::Fault;
use firebreak::ids::Arn;
use firebreak::receipt::Step;
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use firebreak_s3::Bucket;
use futures::future::join_all;
use jiff::Timestamp;

/// Jobs that can still do something. Jobs of other accounts that name the bucket are not listed.
const ACTIVE: [JobStatus; 7] = [
    JobStatus::Active,
    JobStatus::New,
    JobStatus::Paused,
    JobStatus::Pausing,
    JobStatus::Preparing,
    JobStatus::Ready,
    JobStatus::Suspended,
];
/// Jobs that are looked at, the newest first. Their role is in no list.
const MOST: usize = 20;
/// Jobs of one list.
const LISTED: i32 = 100;
/// Jobs with a line of their own.
const TOLD: usize = 5;

/// A job, and what is known of its role.
type Looked<'a> = (&'a JobListDescriptor, Result<Option<JobDescriptor>, Fault>);

/// A line for each job whose role is a suspect's or that was made since the incident began.
pub(super) async fn notes(call: &Call, bucket: &Bucket, suspects: &Suspects, since: Timestamp) -> Vec<Step> {
    let client = control::client(&call.config, &bucket.region);
    let asked = client.list_jobs().account_id(&bucket.owner).set_job_statuses(Some(ACTIVE.to_vec())).max_results(LISTED).send();
    let answer = match Box::pin(asked).await.or_fault("s3:ListJobs") {
        Ok(answer) => answer,
        Err(fault) => {
            return vec![note(StepKind::NoteBatchJob, "unread", &format!("Batch jobs could not be listed: {}", fault.message))];
        }
    };
    let mut jobs: Vec<&JobListDescriptor> = answer.jobs().iter().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(made_at(job)));
    let looked = join_all(jobs.iter().take(MOST).map(|job| Box::pin(look(&client, bucket, job)))).await;
    let looked: Vec<Looked<'_>> = jobs.iter().copied().zip(looked).collect();
    let meant: Vec<&Looked<'_>> = looked.iter().filter(|looked| is_meant(looked, suspects, since)).collect();
    let told = meant.iter().take(TOLD).map(|(job, role)| {
        let line = described(job, role, bucket, suspects);
        note(StepKind::NoteBatchJob, job.job_id().unwrap_or("unnamed"), &line)
    });
    let rest = rest(meant.len().saturating_sub(TOLD), answer.next_token().is_some() || jobs.len() > MOST, bucket);
    told.chain(rest.map(|line| note(StepKind::NoteBatchJob, "more", &line))).collect()
}

async fn look(client: &Client, bucket: &Bucket, job: &JobListDescriptor) -> Result<Option<JobDescriptor>, Fault> {
    let asked = client.describe_job().account_id(&bucket.owner).job_id(job.job_id().unwrap_or_default()).send();
    Ok(asked.await.or_fault("s3:DescribeJob")?.job)
}

fn made_at(job: &JobListDescriptor) -> i64 {
    job.creation_time().map_or(i64::MIN, |at| at.secs())
}

/// A job whose role is not known may be a suspect's; one without a time may be new.
fn is_meant((job, looked): &Looked<'_>, suspects: &Suspects, since: Timestamp) -> bool {
    let is_new = job.creation_time().is_none_or(|at| at.secs() >= since.as_second());
    let role = looked.as_ref().map(|job| job.as_ref().and_then(JobDescriptor::role_arn));
    is_new || role.map_or(true, |role| role.is_some_and(|arn| named::is_suspect(arn, suspects)))
}

fn described(
    job: &JobListDescriptor,
    looked: &Result<Option<JobDescriptor>, Fault>,
    bucket: &Bucket,
    suspects: &Suspects,
) -> String {
    let details = looked.as_ref().ok().and_then(Option::as_ref);
    let role = details.and_then(JobDescriptor::role_arn);
    let name = role.map(|arn| Arn::parse(arn).map_or_else(|| inert(arn, 60), |arn| inert(arn.resource, 60)));
    let theirs = if role.is_some_and(|arn| named::is_suspect(arn, suspects)) { ", a suspect" } else { "" };
    let here = if details.is_some_and(|job| names(job, bucket)) { " on this bucket" } else { "" };
    let made = job.creation_time().and_then(|at| Timestamp::from_second(at.secs()).ok());
    let made = made.map(|at| at.strftime(", made %Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default();
    let doing = job.operation().map_or_else(|| "unknown work".to_owned(), |operation| inert(operation.as_str(), 32));
    let status = job.status().map_or("in an unknown state", JobStatus::as_str);
    let id = inert(job.job_id().unwrap_or("ID"), 40);
    format!(
        "Batch job{here}: {doing}, {status}{made}, as {}{theirs}. The bucket's denies hold for its role. To end it for good: aws s3control \
         update-job-status --account-id {} --job-id {id} --requested-job-status Cancelled --region {}",
        name.as_deref().unwrap_or("a role that could not be read"),
        bucket.owner,
        bucket.region
    )
}

/// Whether a job's list of objects is made from the bucket, or lies in it.
fn names(job: &JobDescriptor, bucket: &Bucket) -> bool {
    let is_it = |arn: &str| {
        let name = arn.rsplit(":::").next().and_then(|rest| rest.split('/').next());
        name == Some(bucket.name.as_str())
    };
    let generator = job.manifest_generator().and_then(|generator| generator.as_s3_job_manifest_generator().ok());
    let manifest = job.manifest().and_then(|manifest| manifest.location());
    generator.is_some_and(|made| is_it(made.source_bucket())) || manifest.is_some_and(|list| is_it(list.object_arn()))
}

/// What is said of jobs without a line of their own.
fn rest(untold: usize, is_cut: bool, bucket: &Bucket) -> Option<String> {
    let all = format!("aws s3control list-jobs --account-id {} --region {}", bucket.owner, bucket.region);
    match (untold, is_cut) {
        (0, false) => None,
        (0, true) => Some(format!("not every active Batch job was looked at: {all}")),
        (untold, _) => Some(format!("{untold} more Batch job(s) like these: {all}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3control::primitives::DateTime;
    use aws_sdk_s3control::types::{JobManifest, JobManifestLocation, OperationName};

    const SINCE: i64 = 1_000;

    fn job(made: i64) -> JobListDescriptor {
        let job =
            JobListDescriptor::builder().job_id("00e123a4-c0d8-41f4-a0eb-b46f9ba5b07c").creation_time(DateTime::from_secs(made));
        job.operation(OperationName::S3PutObjectCopy).status(JobStatus::Active).build()
    }

    fn with_role(arn: &str) -> Result<Option<JobDescriptor>, Fault> {
        Ok(Some(JobDescriptor::builder().role_arn(arn).build()))
    }

    #[test]
    fn a_job_matters_by_its_role_or_its_age_or_because_nobody_knows() {
        let arns = ["arn:aws:iam::111122223333:role/mallory".to_owned()].into();
        let suspects = Suspects { arns, ..Suspects::default() };
        let since = Timestamp::from_second(SINCE).expect("a time");
        let meant = |made: i64, looked| is_meant(&(&job(made), looked), &suspects, since);
        let (theirs, innocent) = ("arn:aws:iam::111122223333:role/mallory", "arn:aws:iam::111122223333:role/nightly");
        assert!(meant(SINCE - 1, with_role(theirs)), "an old job of a suspect's role");
        assert!(meant(SINCE, with_role(innocent)), "made since");
        assert!(meant(SINCE - 1, Err(Fault::bug("x"))), "the role could not be read");
        assert!(!meant(SINCE - 1, with_role(innocent)), "the nightly job of before");
    }

    fn bucket() -> Bucket {
        let config = aws_config::SdkConfig::builder().behavior_version(firebreak_aws::clients::behavior_version()).build();
        Bucket {
            s3: aws_sdk_s3::Client::new(&config),
            name: "acme-exports".to_owned(),
            owner: "111122223333".to_owned(),
            region: "ap-southeast-1".to_owned(),
            partition: firebreak::ids::Partition::parse("aws").expect("a partition"),
        }
    }

    #[test]
    fn what_there_is_besides_is_counted_with_the_command_that_lists_it() {
        assert_eq!(rest(0, false, &bucket()), None);
        assert!(rest(3, false, &bucket()).is_some_and(|line| line.starts_with("3 more")));
        assert!(rest(0, true, &bucket()).is_some_and(|line| line.contains("aws s3control list-jobs --account-id 111122223333")));
    }

    #[test]
    fn the_command_that_ends_a_job_is_never_cut_off() {
        let arn = format!("arn:aws:iam::111122223333:role/{}", "r".repeat(64));
        let suspects = Suspects { arns: [arn.clone()].into(), ..Suspects::default() };
        let list =
            JobManifestLocation::builder().object_arn("arn:aws:s3:::acme-exports/list.csv").e_tag("e").build().expect("a place");
        let manifest = JobManifest::builder().location(list).build();
        let details = JobDescriptor::builder().role_arn(arn).manifest(manifest).build();
        let mut job = job(1_795_737_600);
        job.operation = Some(OperationName::S3ComputeObjectChecksum);
        job.status = Some(JobStatus::Suspended);
        let line = described(&job, &Ok(Some(details)), &bucket(), &suspects);
        assert!(
            line.starts_with("Batch job on this bucket: S3ComputeObjectChecksum, Suspended, made 2026-11-27T00:00Z, as role/r"),
            "{line}"
        );
        assert!(
            line.contains(", a suspect. ") && line.ends_with("--requested-job-status Cancelled --region ap-southeast-1"),
            "{line}"
        );
        assert_eq!(inert(&line, 400), line);
    }
}

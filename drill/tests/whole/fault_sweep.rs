//! Every call of every containment, broken in every way, one at a time, with the real binaries on the local AWS.
//!
//! Each function breaks its own calls in its own tests, against a scripted AWS. Here the processes are real: they are killed, they
//! wait, and their leases end. `make faults` tries all cases. `make test` tries a sample that the commit's hash chooses;
//! `SAMPLE=<hash> make test` tries the same ones again.
//!
//! However it breaks: nothing panics, the other steps are tried, the receipt says what failed, nothing is destroyed, and a clean run
//! after it leads to the same state as a run that never failed.

use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedRole, PlantedUser, Result, Stage, State};
use firebreak_testkit::fault_sweep::{Break, Point, changes, forbidden, points};
use firebreak_testkit::sample::Sample;
use firebreak_testkit::{MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT, eventually, fixture};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a call may be under way that its client has given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// As many local AWS processes work on one sweep: most of the time of a case is spent waiting.
const WORKERS: usize = 4;

/// The numbers of targets that only see whether the way is free.
const SPARE: usize = 10_000;

/// What is swept.
#[derive(Clone, Copy)]
struct Sweep {
    function: &'static str,
    what: What,
    /// Without these nothing else can be tried, or must not be.
    groundwork: &'static [&'static str],
    /// What a failure of which nobody needs to hear: reads that are welcome, and the record of what the answer says anyway.
    quiet: &'static [&'static str],
}

#[derive(Clone, Copy, Debug)]
enum What {
    User,
    Key,
    Session,
    Role,
    OlderSessions,
    Instance,
    Bucket,
    Scp,
    FullQuota,
}

/// One target of one case.
enum Planted {
    User(PlantedUser),
    Role(PlantedRole),
    Instance(PlantedInstance),
    Bucket(PlantedBucket),
    /// A user of another account than the organization's own, and whether the organization denies it.
    Denied(PlantedUser, aws_sdk_organizations::Client),
}

impl Planted {
    async fn plant(stage: &Stage, what: What, case: usize) -> Result<Self> {
        let config = stage.config();
        Ok(match what {
            What::FullQuota => {
                let user = PlantedUser::plant(config, &format!("user-{case}-x")).await?;
                user.fill_policy_quota().await?;
                Self::User(user)
            }
            What::Scp => {
                let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
                let user = PlantedUser::plant(&member, &format!("user-{case}-x")).await?;
                Self::Denied(user, aws_sdk_organizations::Client::new(config))
            }
            What::User | What::Key => Self::User(PlantedUser::plant(config, &format!("user-{case}-x")).await?),
            What::Session | What::Role => Self::Role(PlantedRole::plant(config, &format!("role-{case}-x")).await?),
            What::OlderSessions => {
                let role = PlantedRole::plant(config, &format!("role-{case}-x")).await?;
                // As the containment of the session before it leaves the role: IAM lets nobody end sessions of another one.
                let label = aws_sdk_iam::types::Tag::builder().key("firebreak-state").value("quarantined").build()?;
                role.iam().tag_role().role_name(&role.name).tags(label).send().await?;
                Self::Role(role)
            }
            What::Instance => Self::Instance(PlantedInstance::plant(config, &format!("host-{case}-x")).await?),
            What::Bucket => Self::Bucket(PlantedBucket::plant(config, &format!("bucket-{case}-x")).await?),
        })
    }

    fn target(&self, what: What) -> Value {
        let place = json!({ "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
        let own = match self {
            Self::User(user) => json!({ "kind": "iam-user", "id": user.name,
                "access_key_id": user.access_key_id }),
            Self::Denied(user, _) => json!({ "kind": "iam-user", "id": user.name, "account": MEMBER_ACCOUNT }),
            Self::Role(role) => json!({ "kind": "iam-role", "id": role.name, "principal_id": role.principal_id,
                "session": "i-0123456789abcdef0" }),
            Self::Instance(instance) => json!({ "kind": "ec2-instance", "id": instance.id }),
            Self::Bucket(bucket) => json!({ "kind": "s3-bucket", "id": bucket.name }),
        };
        let scope = match what {
            What::Session => json!({ "scope": "session" }),
            What::OlderSessions => json!({ "scope": "older-sessions" }),
            What::Key => json!({ "scope": "access-key" }),
            _ => json!({}),
        };
        let fields = [place, own, scope].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
        Value::Object(fields.collect())
    }

    async fn observe(&self) -> Result<State> {
        match self {
            Self::User(user) => user.observe().await,
            Self::Denied(user, organization) => {
                let filter = aws_sdk_organizations::types::PolicyType::ServiceControlPolicy;
                let list = organization.list_policies().filter(filter).send().await?;
                let ours =
                    list.policies().iter().find(|policy| policy.name() == Some("FirebreakQuarantine")).ok_or("no policy")?;
                let policy = organization.describe_policy().policy_id(ours.id().unwrap_or_default()).send().await?.policy;
                let content = policy.and_then(|policy| policy.content).ok_or("no content")?;
                let mut state = State::default();
                state.set("denied by the organization", content.matches(&format!("/{}\"", user.name)).count());
                Ok(state)
            }
            Self::Role(role) => role.observe().await,
            Self::Instance(instance) => instance.observe().await,
            Self::Bucket(bucket) => bucket.observe().await,
        }
    }
}

/// A state without what differs from case to case: ids, times, and the case's own number. Values in order.
fn fingerprint(state: &State, case: usize) -> Vec<(String, String)> {
    let stable = |text: &str| text.replace(&format!("-{case}-x"), "-N-x").replace(&format!("{case:016x}"), "N");
    let known = ["access key ", "service credential ", "SSH key ", "security groups of "];
    let field =
        |name: &str| known.iter().find(|front| name.starts_with(**front)).map_or_else(|| stable(name), |f| (*f).to_owned());
    let skip = ["tag firebreak-at", "user id"];
    let all = state.fields().filter(|(name, _)| !skip.contains(name));
    let mut all: Vec<_> = all.map(|(name, value)| (field(name), stable(value))).collect();
    all.sort();
    all
}

fn request(target: &Value, case: usize) -> Value {
    let incident = json!({
        "id": format!("fb-{case:016x}"), "verdict": "respond", "reason": null, "dedupe_key": format!("case-{case}"),
        "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
            "region": null, "title": null },
        "decisions": [], "execution_arn": "arn:aws:states:eu-central-1:123456789012:execution:x:y",
        "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 },
    });
    json!({ "phase": "contain", "incident": incident, "target": target, "approved": true })
}

/// The state and the calls of a run that nothing disturbs.
struct Reference {
    points: Vec<Point>,
    changes: Vec<String>,
    state: Vec<(String, String)>,
}

impl Sweep {
    fn name(&self) -> String {
        format!("firebreak-{}", self.function)
    }

    async fn stage(&self) -> Result<Stage> {
        let name = format!(".local/logs/sweep-{}-{:?}-{}", std::process::id(), self.what, fastrand());
        Stage::set(&Options { policy: None, logs: Some(fixture::repository().join(name)) }).await
    }

    async fn reference(&self, stage: &Stage) -> Result<Reference> {
        let planted = Planted::plant(stage, self.what, 0).await?;
        stage.aws.forget_calls()?;
        let run = stage.invoke(self.function, &request(&planted.target(self.what), 0)).await?;
        assert_eq!(run.error, None, "{:?}: {}", self.what, run.answer);
        assert_eq!(run.answer["status"], "contained", "{:?}: {}", self.what, run.answer);
        let calls = stage.aws.calls()?;
        let state = fingerprint(&planted.observe().await?, 0);
        Ok(Reference { points: points(&calls, &self.name()), changes: changes(&calls, &self.name()), state })
    }

    /// Runs the cases of the sample; returns how many there are altogether.
    async fn run(&self) -> Result<usize> {
        let reference = self.reference(&self.stage().await?).await?;
        let cases = reference.points.iter().flat_map(|point| Break::ALL.map(|how| (point.clone(), how)));
        let all: Vec<(usize, (Point, Break))> = cases.enumerate().map(|(at, case)| (at + 1, case)).collect();
        let sample = Sample::of_this_run();
        let cases: Vec<_> =
            all.iter().filter(|(number, _)| sample.has(&format!("{:?} {number}", self.what), ONE_OF)).cloned().collect();
        let shares = (0..WORKERS).map(|worker| {
            let share = cases.iter().filter(move |(number, _)| number % WORKERS == worker);
            let reference = &reference;
            async move {
                let stage = self.stage().await.map_err(|error| vec![error.to_string()])?;
                let mut wrong = Vec::new();
                for (number, (point, how)) in share {
                    if let Err(error) = self.case(&stage, reference, *number, point, *how).await {
                        wrong.push(format!("{} #{} {how:?}: {error}", point.action, point.nth));
                    }
                }
                if wrong.is_empty() { Ok(()) } else { Err(wrong) }
            }
        });
        let wrong: Vec<String> = join_all(shares).await.into_iter().filter_map(std::result::Result::err).flatten().collect();
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        let (calls, faults) = (reference.points.len(), Break::ALL.len());
        println!(
            "fault sweep: {:?}: {calls} calls x {faults} faults: {} of {} cases, {sample}",
            self.what,
            cases.len(),
            all.len()
        );
        Ok(all.len())
    }

    async fn case(&self, stage: &Stage, reference: &Reference, number: usize, point: &Point, how: Break) -> Result<()> {
        if matches!(self.what, What::Scp) {
            // A call of the case before that its client has given up may still be under way, and take the lock later.
            eventually("the end of late calls", PATIENCE, async || {
                stage.aws.calls().ok()?.iter().all(|call| call.ended_at.is_some()).then_some(())
            })
            .await?;
            // A lock that such a call took for a dead owner ends by itself.
            let spare = request(&Planted::plant(stage, self.what, number + SPARE).await?.target(self.what), number + SPARE);
            self.until_settled(stage, &spare).await?;
        }
        let planted = Planted::plant(stage, self.what, number).await?;
        let request = request(&planted.target(self.what), number);
        stage.aws.forget_calls()?;
        stage.aws.plan_faults(&json!([how.rule(&self.name(), point)]))?;
        let broken = stage.invoke(self.function, &request).await?;
        stage.aws.plan_faults(&json!([]))?;
        let calls = stage.aws.calls()?;
        let mut wrong = Vec::new();
        wrong.extend(forbidden(&calls, &self.name()).into_iter().map(|call| format!("{call} was called")));
        wrong.extend(self.disturbed(reference, point, how, &broken, &changes(&calls, &self.name())));

        let again = self.until_settled(stage, &request).await?;
        if again.error.is_some() || again.answer["status"] != "contained" {
            wrong.push(format!("a clean run after it: {}", again.answer));
        }
        let state = fingerprint(&planted.observe().await?, number);
        if state != reference.state {
            wrong.push(format!("another state: {state:?}\n  instead of {:?}", reference.state));
        }
        wrong.extend(forbidden(&stage.aws.calls()?, &self.name()).into_iter().map(|call| format!("{call} was called")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ").into()) }
    }

    /// Runs until no fault passes by itself any more, as the state machine does: a lock of a killed run, for one, ends.
    async fn until_settled(&self, stage: &Stage, request: &Value) -> Result<firebreak_drill::Invoked> {
        let mut run = stage.invoke(self.function, request).await?;
        for _ in 0..8 {
            if run.error.as_deref() == Some("Firebreak.Transient") {
                run = stage.invoke(self.function, request).await?;
            }
        }
        Ok(run)
    }

    /// What is wrong with the run that was disturbed.
    fn disturbed(
        &self,
        reference: &Reference,
        point: &Point,
        how: Break,
        broken: &firebreak_drill::Invoked,
        made: &[String],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let receipt: Option<Receipt> = serde_json::from_value(broken.answer.clone()).ok();
        match (how, broken.error.as_deref(), &receipt) {
            (Break::Kill, Some(error), _) if error.starts_with("Runtime.") => return wrong,
            (Break::Kill, ..) => wrong.push(format!("it was not killed: {}", broken.answer)),
            (_, Some("Firebreak.Transient" | "Firebreak.Denied"), _) => {
                let message = broken.answer["errorMessage"].as_str().unwrap_or_default();
                if !names(message, point) {
                    wrong.push(format!("the error does not say what failed: {message}"));
                }
            }
            (_, Some(_), _) | (_, None, None) => wrong.push(format!("neither a receipt nor a known fault: {}", broken.answer)),
            (_, None, Some(receipt)) if how.passes() => {
                if receipt.status != Status::Contained {
                    wrong.push(format!("the SDK's retry was not enough: {}", broken.answer));
                }
            }
            (_, None, Some(receipt)) => {
                let quiet = self.quiet.contains(&point.action.as_str());
                let told = receipt.steps.iter().any(|step| {
                    let said = step.error.as_ref().is_some_and(|fault| names(&fault.message, point));
                    said && matches!(step.outcome, Outcome::Failed | Outcome::Skipped)
                });
                if !told && !quiet {
                    wrong.push(format!("the receipt does not name the failed step: {}", broken.answer));
                }
            }
        }
        if !self.groundwork.contains(&point.action.as_str()) {
            wrong.extend(untried(&reference.changes, made).into_iter().map(|action| format!("{action} was not tried")));
        }
        wrong
    }
}

/// Whether a text names the broken call; the ledger's messages name the ledger.
fn names(message: &str, point: &Point) -> bool {
    let ledger = point.action.starts_with("dynamodb:") && message.contains("ledger:");
    ledger || message.contains(&point.action)
}

/// Changes of an undisturbed run that were not tried as often.
fn untried(expected: &[String], made: &[String]) -> Vec<String> {
    let count = |all: &[String]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        all.iter().for_each(|action| *counts.entry(action.clone()).or_default() += 1);
        counts
    };
    let made = count(made);
    count(expected)
        .into_iter()
        .filter(|(action, n)| made.get(action).copied().unwrap_or(0) < *n)
        .map(|(action, _)| action)
        .collect()
}

/// One case of so many is tried, unless all are.
const ONE_OF: u32 = 16;

fn fastrand() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    RandomState::new().build_hasher().finish()
}

const LEDGER: [&str; 3] = ["dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:GetItem"];

#[tokio::test]
async fn quarantine_of_a_user() -> Result<()> {
    let sweep = Sweep {
        function: "quarantine-iam",
        what: What::User,
        groundwork: &[
            "sts:AssumeRole",
            "iam:GetUser",
            "iam:ListAccessKeys",
            LEDGER[0],
            "iam:ListServiceSpecificCredentials",
            "iam:ListSSHPublicKeys",
        ],
        quiet: &[
            LEDGER[0],
            LEDGER[1],
            "iam:ListAttachedUserPolicies",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:ListGroupsForUser",
            "iam:GetLoginProfile",
            "iam:ListMFADevices",
        ],
    };
    assert!(sweep.run().await? >= 100);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_one_access_key() -> Result<()> {
    let sweep = Sweep {
        function: "quarantine-iam",
        what: What::Key,
        groundwork: &["sts:AssumeRole", "iam:GetUser", "iam:ListAccessKeys", LEDGER[0]],
        quiet: &[
            LEDGER[0],
            LEDGER[1],
            "iam:ListAttachedUserPolicies",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:ListGroupsForUser",
            "iam:GetLoginProfile",
            "iam:ListMFADevices",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSSHPublicKeys",
            "iam:ListSigningCertificates",
        ],
    };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

const QUIET_ROLE: &[&str] = &[LEDGER[0], LEDGER[1], "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags"];

#[tokio::test]
async fn quarantine_of_a_session() -> Result<()> {
    // The ledger gives the session its slot: without it nothing names the session.
    let groundwork = &["sts:AssumeRole", "iam:GetRole", LEDGER[0]];
    let sweep = Sweep { function: "quarantine-iam", what: What::Session, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_a_role() -> Result<()> {
    let groundwork = &["sts:AssumeRole", "iam:GetRole", LEDGER[0]];
    let sweep = Sweep { function: "quarantine-iam", what: What::Role, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn revocation_of_older_sessions() -> Result<()> {
    let groundwork = &["sts:AssumeRole", "iam:GetRole", "iam:GetRolePolicy", LEDGER[0]];
    let sweep = Sweep { function: "quarantine-iam", what: What::OlderSessions, groundwork, quiet: QUIET_ROLE };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn isolation_of_an_instance() -> Result<()> {
    let groundwork = &[
        "sts:AssumeRole",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeSecurityGroups",
        "ec2:CreateSecurityGroup",
        "ec2:RevokeSecurityGroupEgress",
        LEDGER[0],
    ];
    let sweep = Sweep { function: "isolate-ec2", what: What::Instance, groundwork, quiet: &LEDGER };
    assert!(sweep.run().await? >= 60);
    Ok(())
}

#[tokio::test]
async fn lockdown_of_a_bucket() -> Result<()> {
    let groundwork =
        &["sts:AssumeRole", "s3:HeadBucket", "s3:GetPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetBucketAcl", LEDGER[0]];
    let quiet = &[LEDGER[0], LEDGER[1], "s3:GetBucketPolicy", "s3:GetBucketAcl"];
    let sweep = Sweep { function: "lockdown-s3", what: What::Bucket, groundwork, quiet };
    assert!(sweep.run().await? >= 40);
    Ok(())
}

#[tokio::test]
async fn quarantine_of_a_user_without_room_for_a_policy() -> Result<()> {
    let groundwork = &[
        "sts:AssumeRole",
        "iam:AttachUserPolicy",
        "iam:GetUser",
        "iam:ListAccessKeys",
        LEDGER[0],
        "iam:ListServiceSpecificCredentials",
        "iam:ListSSHPublicKeys",
    ];
    let quiet = &[
        LEDGER[0],
        LEDGER[1],
        "iam:ListAttachedUserPolicies",
        "iam:ListUserPolicies",
        "iam:ListUserTags",
        "iam:ListGroupsForUser",
        "iam:GetLoginProfile",
        "iam:ListMFADevices",
    ];
    let sweep = Sweep { function: "quarantine-iam", what: What::FullQuota, groundwork, quiet };
    assert!(sweep.run().await? >= 100);
    Ok(())
}

#[tokio::test]
async fn denial_by_the_organization() -> Result<()> {
    let groundwork =
        &["sts:AssumeRole", "organizations:DescribePolicy", "organizations:UpdatePolicy", LEDGER[0], LEDGER[1], LEDGER[2]];
    let quiet = &[LEDGER[0], LEDGER[1], LEDGER[2], "organizations:ListTargetsForPolicy"];
    let sweep = Sweep { function: "quarantine-scp", what: What::Scp, groundwork, quiet };
    assert!(sweep.run().await? >= 50);
    Ok(())
}

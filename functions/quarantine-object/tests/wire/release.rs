use crate::bucket::{Bucket, Object, State, TAG};
use crate::{
    CLEAN, MALWARE, NAME, POLICY, base, contain, etag, held, malware, outcomes, responder, stage, stage_of, target, told, version,
};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::holders::{Holder, Holders};
use firebreak::receipt::{Outcome, Step};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Held, Lease, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use quarantine_object::BaseState;

/// Begins a release in the ledger.
pub(crate) async fn begin(aws: &ScriptedAws, incident: &str, target: &Target) -> Lease {
    let id = room::incident(incident);
    let claim = room::ledger(aws).begin_release::<BaseState>(held(target), &Holders::of(&id), clock::now()).await;
    let ReleaseClaim::Ours { lease, .. } = claim.expect("a claim") else { panic!("somebody else holds it") };
    lease
}

/// Releases from the recorded base, as the function `release` does.
pub(crate) async fn try_release(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Vec<Step>, Fault> {
    let incident = room::incident(incident);
    let call = responder(aws).call(target, Containment::QuarantineObject, MemberRole::Release, &incident).await?;
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(quarantine_object::release(&call, base.as_ref())).await
}

/// The same, where nothing fails.
pub(crate) async fn release(aws: &ScriptedAws, target: &Target) -> Vec<Step> {
    let steps = try_release(aws, "one", target).await.expect("a release");
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    steps
}

/// An object in quarantine, and how everything was before.
pub(crate) async fn quarantined() -> (ScriptedAws, Bucket, State) {
    let (aws, bucket) = stage().await;
    let before = bucket.now();
    contain(&aws, "one", &malware()).await.expect("a receipt");
    assert!(bucket.denies(MALWARE));
    aws.forget();
    (aws, bucket, before)
}

#[tokio::test]
async fn objects_and_policy_are_as_they_were_byte_for_byte_and_a_second_release_finds_nothing_to_do() {
    for policy in [None, Some(POLICY.to_owned())] {
        let (aws, bucket) =
            stage_of(vec![Object::new(MALWARE, "null", "bad1", &["team", "tier"]), Object::new(CLEAN, "null", "bad2", &[])])
                .await;
        bucket.change(|state| state.policy.clone_from(&policy));
        let before = bucket.now();
        let both = target(&[etag(MALWARE, "bad1"), etag(CLEAN, "bad2")]);
        contain(&aws, "one", &both).await.expect("a receipt");
        assert!(bucket.denies(MALWARE) && bucket.denies(CLEAN));
        let steps = release(&aws, &both).await;
        assert_eq!(bucket.now(), before, "{steps:?}");
        aws.forget();
        let again = release(&aws, &both).await;
        assert_eq!((aws.changes(), bucket.now()), (vec![], before), "{again:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_changed_since_stays() {
    let (aws, bucket, _) = quarantined().await;
    bucket.change(|state| {
        state.objects[0].tags.insert("checked-by".to_owned(), "ann".to_owned());
        let more = ",{\"Sid\":\"More\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::acme-uploads\"}]";
        let policy = state.policy.as_deref().expect("a policy");
        let at = policy.rfind(']').expect("a list of statements");
        state.policy = Some(format!("{}{more}{}", &policy[..at], &policy[at + 1..]));
    });
    release(&aws, &malware()).await;
    assert_eq!(bucket.tags(MALWARE).keys().map(String::as_str).collect::<Vec<_>>(), ["checked-by", "team"]);
    assert!(bucket.statement("More").is_some() && bucket.statement("App").is_some() && !bucket.denies(MALWARE));
    assert!(!bucket.now().policy.expect("a policy").contains("FirebreakDenyQuarantined"));
}

#[tokio::test]
async fn an_object_that_is_gone_is_left_out_and_what_took_its_place_is_not_touched() {
    let (aws, bucket, before) = quarantined().await;
    bucket.change(|state| state.objects[0] = Object::new(MALWARE, "v3", "fine", &[TAG]));
    let now = bucket.now();
    let steps = release(&aws, &malware()).await;
    assert_eq!(outcomes(&steps, "restore-object-tags"), [Outcome::Skipped]);
    assert_eq!((bucket.now().objects, bucket.now().policy), (now.objects, before.policy));
}

#[tokio::test]
async fn a_tag_that_was_there_before_stays() {
    let (aws, bucket) = stage_of(vec![Object::new(MALWARE, "v2", "bad1", &[TAG])]).await;
    let before = bucket.now();
    contain(&aws, "one", &malware()).await.expect("a receipt");
    let steps = release(&aws, &malware()).await;
    assert!(told(&steps).contains("before") && bucket.now() == before, "{steps:?}");
}

/// People would be asked for ever otherwise, and could end that only by taking out what the customer allows.
#[tokio::test]
async fn a_statement_that_s3_does_not_let_go_stays_while_it_denies_nobody() {
    for (status, code, words) in [(400, "MalformedPolicy", "was deleted"), (403, "AccessDenied", "BlockPublicPolicy")] {
        let (aws, bucket, before) = quarantined().await;
        aws.always("s3:PutBucketPolicy", error(status, code));
        let steps = release(&aws, &malware()).await;
        assert_eq!(outcomes(&steps, "restore-policy"), [Outcome::Skipped], "{code}");
        assert!(told(&steps).contains("the statement stays") && told(&steps).contains(words), "{code}: {steps:?}");
        assert_eq!(bucket.now().objects, before.objects, "{code}");
        assert!(!told(&steps).contains("narrow that statement"), "no advice that costs the customer a statement: {steps:?}");
        aws.mend();
        release(&aws, &malware()).await;
        assert_eq!(bucket.now(), before, "{code}");
    }
}

#[tokio::test]
async fn a_statement_that_stays_says_for_whom_public_access_is_blocked() {
    let (aws, bucket, before) = quarantined().await;
    let (whole, two) = (room::target(TargetKind::S3Bucket, NAME), room::incident("two"));
    let held = Held { target: &whole, containment: Containment::LockdownS3 };
    let holder = Holder::Own(two.clone());
    room::ledger(&aws).mark_held(held, &holder, clock::now()).await.expect("the ledger takes it");
    aws.always("s3:PutBucketPolicy", error(403, "AccessDenied"));
    let steps = release(&aws, &malware()).await;
    assert!(told(&steps).contains(&format!("{two} blocks public access")), "{steps:?}");
    assert_eq!((outcomes(&steps, "restore-policy"), bucket.now().objects), (vec![Outcome::Skipped], before.objects));
}

#[tokio::test]
async fn a_statement_that_still_denies_an_object_is_no_success() {
    let (aws, bucket, _) = quarantined().await;
    for action in ["s3:PutBucketPolicy", "s3:PutObjectTagging"] {
        aws.always(action, error(403, "AccessDenied"));
    }
    let steps = try_release(&aws, "one", &malware()).await.expect("a release");
    assert_eq!(
        [outcomes(&steps, "restore-object-tags"), outcomes(&steps, "restore-policy")],
        [[Outcome::Failed], [Outcome::Failed]]
    );
    assert!(bucket.denies(MALWARE));
}

#[tokio::test]
async fn a_release_ends_its_turn_when_s3_shows_the_policy_that_it_took() {
    let (aws, bucket, before) = quarantined().await;
    let old = bucket.now().policy.expect("a policy");
    for _ in 0..2 {
        aws.next("s3:GetBucketPolicy", ok(&old));
    }
    release(&aws, &malware()).await;
    assert_eq!((bucket.now(), aws.calls_of("s3:GetBucketPolicy").len()), (before, 3), "read, shown as it was, shown as it is");
}

#[tokio::test]
async fn a_deny_of_the_customers_whose_name_begins_like_firebreaks_stays() {
    let (aws, bucket) = stage().await;
    let theirs = r#"{"Statement":[{"Sid":"FirebreakDenyQuarantinedReplicas","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}"#;
    bucket.change(|state| state.policy = Some(theirs.to_owned()));
    let before = bucket.now();
    contain(&aws, "one", &malware()).await.expect("a receipt");
    let base = base(&aws, &malware()).await.expect("a base");
    assert_eq!(base.policy.as_deref(), Some(theirs));
    release(&aws, &malware()).await;
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn without_a_base_nothing_was_changed() {
    let (aws, bucket) = stage().await;
    let before = bucket.now();
    let another = target(&[version(CLEAN, "v1")]);
    assert_eq!((release(&aws, &another).await, bucket.now()), (vec![], before));
    assert_eq!(aws.changes(), [""; 0]);
}

//! Closes a bucket, as far as its level says.
//!
//! One wave of reads; then the record; then the bucket policy, which stops the most. The public access block comes after it: once that is on,
//! S3 takes no public policy. Everything else follows one after the other, because S3 changes one setting of a bucket at a time.

use crate::access::{Access, assess};
use crate::base::{self, BaseState, Part, PublicAccessBlock, Seen};
use crate::changed::{self, Changed, Trust, Window};
use crate::fit::{Fit, fit};
use crate::left_out::LeftOut;
use crate::lineage::{self, Others, without_levels};
use crate::planned::{planned, rules_by_suspect};
use crate::protected::{Delivered, delivered};
use crate::statements::Around;
use crate::suspects::Suspects;
use crate::switches::{self, Orders};
use crate::turn::{self, Run};
use crate::write::{self, Written};
use crate::{surroundings, unproven};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use firebreak::decision::{ReasonCode, Waits};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_s3::policy::Document;
use firebreak_s3::{Bucket, settled, until_shown};
use futures::future::{Either, LocalBoxFuture, MaybeDone, maybe_done, select};
use jiff::Timestamp;
use serde_json::Value;
use std::pin::{Pin, pin};
use std::rc::Rc;
use tokio::time::sleep;

/// What the function knows of the incident, and of the organization.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The organization's id; nothing: it is not known who belongs to it.
    pub(crate) organization: Option<&'a str>,
    /// Whom the incident accuses.
    pub(crate) suspects: &'a Suspects,
    /// The incident's first activity.
    pub(crate) since: Timestamp,
}

/// What is read beside the work.
type Notes = MaybeDone<LocalBoxFuture<'static, Vec<Step>>>;

/// Contains the bucket of `call`, or waits.
///
/// # Errors
/// The bucket does not exist or is no general purpose bucket, nothing of it could be read, or the ledger could not be read; `Transient` while
/// another level of it is carried out. Nothing was changed then.
pub(crate) async fn contain(call: &Call, known: Known<'_>) -> Result<Attempt, Fault> {
    let (attempt, notes) = Box::pin(turn::alone(call, Run::Level, async || Box::pin(close(call, known)).await)).await?;
    Ok(match (attempt, notes) {
        // No other level waits until these are read.
        (Attempt::Steps(mut steps), Some(mut notes)) => {
            (&mut notes).await;
            steps.extend(Pin::new(&mut notes).take_output().unwrap_or_default());
            steps.into()
        }
        (attempt, _) => attempt,
    })
}

/// What the first wave showed.
struct Ground {
    bucket: Rc<Bucket>,
    seen: Seen,
    others: Others,
    /// What CloudTrail shows of the bucket's settings. Only levels that switch rules ask.
    changed: Option<Changed>,
}

/// Reads everything at once, in the Region that the target names. Where the bucket is in another one it is read again there.
async fn look(call: &Call, known: Known<'_>) -> Result<Ground, Fault> {
    let level = call.target.scope;
    let read = async |bucket: &Bucket| {
        let changed = async {
            if !matches!(level, Scope::Freeze | Scope::Destruction) {
                return None;
            }
            let window = Window { since: known.since, until: None };
            Some(Box::pin(changed::changed(call, bucket, window, known.suspects)).await)
        };
        futures::join!(Box::pin(base::see(bucket, level)), Box::pin(changed))
    };
    let presumed = presumed(call);
    let first = async { Ok::<_, Fault>(Box::pin(read(&presumed)).await) };
    let (bucket, others, first) =
        futures::try_join!(Box::pin(firebreak_s3::open(&call.config, &call.target)), Box::pin(lineage::others(call)), first)?;
    let is_there = bucket.region == presumed.region;
    let (seen, changed) = if is_there { first } else { Box::pin(read(&bucket)).await };
    let (mut seen, free) = (seen?, others.free_sids());
    let is_old = |document: &Document| document.without(&free).statements().len() < document.statements().len();
    if seen.document.as_ref().is_ok_and(is_old) {
        sleep(call.settle).await;
        seen = Box::pin(base::see(&bucket, level)).await?;
    }
    // What is written must not bring back what a release has just taken out.
    seen.document = seen.document.map(|document| document.without(&free));
    Ok(Ground { bucket: Rc::new(bucket), seen, others, changed })
}

/// The bucket, as long as nobody has said that it is elsewhere.
fn presumed(call: &Call) -> Bucket {
    let target = &call.target;
    Bucket {
        s3: aws_sdk_s3::Client::new(&call.config),
        name: target.id.clone(),
        owner: target.account.to_string(),
        region: target.region.to_string(),
        partition: target.partition.clone(),
    }
}

async fn close(call: &Call, known: Known<'_>) -> Result<(Attempt, Option<Notes>), Fault> {
    let level = call.target.scope;
    let Ground { bucket, seen, others, changed } = Box::pin(look(call, known)).await?;
    let none = Document::parse(None)?;
    let document = seen.document.as_ref().unwrap_or(&none);
    let has_begun = others.has_begun(level);
    if !has_begun {
        let trail = async || Box::pin(trail(call, known, &bucket, changed.as_ref())).await;
        match Box::pin(delivered(&bucket, &seen.base, document, known.since, trail)).await {
            // What is protected is left as it is, and the receipt says why.
            Some(Delivered::Proven(why)) => return Ok((vec![skipped(decisive(call), why)].into(), None)),
            Some(Delivered::Doubtful(impact)) if !call.approved => {
                return Ok((Attempt::Waits(Waits { code: ReasonCode::Impact, impact }), None));
            }
            _ => {}
        }
    }
    let trust = &trust(call, &others, changed.as_ref());
    let accusers = others.accusers(call, known.suspects);
    let suspects = &known.suspects.beside(accusers.values());
    let around = Around { bucket: &bucket, organization: known.organization, suspects };
    let believed = believed(&others, document);
    let fit = fit(level, &around, (document, &believed), trust);
    let unproven = unproven::unproven(&around, &believed, (changed.as_ref(), trust));
    let unproven = unproven.filter(|_| seen.document.is_ok() && fit.refused.is_none() && fit.has(StepKind::DenyOutsiders));
    let before = if has_begun { seen.base.clone() } else { others.unblocked(&seen.base) };
    let access = assess(level, &before, document, &around, trust);
    if !call.approved
        && !has_begun
        && let Some(waits) = waits(&seen, &access)
    {
        return Ok((Attempt::Waits(waits), None));
    }
    let mut current = others.original(seen.base.clone());
    current.planned.denied = accusers;
    current.planned = planned(level, &current, changed.as_ref(), (&fit, trust));
    if seen.document.is_err() || fit.refused.is_some() {
        current.planned.sids.clear();
    }
    // Also of rules that are off by now.
    let all = others.own().map_or_else(|| current.clone(), |own| own.joined(&current));
    current.planned.by_suspect = rules_by_suspect(&all, changed.as_ref());
    let mut notes = (!level.is_whole()).then(|| around_it(call, known, &bucket, &seen.base));
    let work = Work { call, bucket: &bucket, seen: &seen, changed: changed.as_ref(), fit: &fit, access: &access, unproven };
    let work = Box::pin(carry_out(&work, current));
    let steps = match &mut notes {
        Some(notes) => Box::pin(beside(work, notes)).await,
        None => work.await,
    };
    Ok((steps.into(), notes))
}

/// What CloudTrail shows of the bucket's settings, for a bucket that may be one for logs. Public access is blocked without asking.
async fn trail(call: &Call, known: Known<'_>, bucket: &Bucket, changed: Option<&Changed>) -> Option<Changed> {
    match changed {
        Some(changed) => Some(changed.clone()),
        None if call.target.scope.is_whole() => None,
        None => {
            let window = Window { since: known.since, until: None };
            Some(Box::pin(changed::changed(call, bucket, window, known.suspects)).await)
        }
    }
}

/// What is shown beside the steps. It owns what it reads, so that it can outlive the lock.
fn around_it(call: &Call, known: Known<'_>, bucket: &Rc<Bucket>, base: &BaseState) -> Notes {
    let (call, bucket, base) = (call.clone(), bucket.clone(), base.clone());
    let (suspects, since) = (known.suspects.clone(), known.since);
    let notes: LocalBoxFuture<'static, _> =
        Box::pin(async move { surroundings::notes(&call, &bucket, &base, &suspects, since).await });
    maybe_done(notes)
}

/// Runs both until `work` ends.
async fn beside<T>(work: impl Future<Output = T>, notes: &mut Notes) -> T {
    match select(pin!(work), notes).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}

/// The step that a person looks for.
fn decisive(call: &Call) -> StepKind {
    call.decisive().first().copied().unwrap_or(StepKind::BlockPublicAccess)
}

/// Whose word it is who belongs to the bucket. What a suspect wrote does not say so. Only a freeze goes by that.
fn trust(call: &Call, others: &Others, changed: Option<&Changed>) -> Trust {
    let shown = changed.filter(|_| call.target.scope == Scope::Freeze).map(Changed::trust).unwrap_or_default();
    let trust = match others.own() {
        Some(own) => shown.and(&own.planned),
        None => shown,
    };
    if call.approved { trust.approved() } else { trust }
}

/// The policy that says who belongs to the bucket: once the bucket is contained, the recorded one, with Firebreak's statements of now. Nobody
/// names himself into it afterwards. Where no run could read the policy yet, it is the one of now.
fn believed(others: &Others, now: &Document) -> Document {
    let Some(own) = others.own().filter(|own| !own.unknown.contains(&Part::Policy)) else { return now.clone() };
    let Ok(recorded) = Document::parse(own.policy.as_deref()) else { return now.clone() };
    let is_foreign = |statement: &&Value| now.foreign().any(|one| one == *statement);
    let ours: Vec<Value> = now.statements().iter().filter(|statement| !is_foreign(statement)).cloned().collect();
    without_levels(&recorded).with(&ours)
}

/// Why a person must agree first. A policy without room is no reason: everything else takes access from nobody, and whoever may write the
/// policy could fill it.
fn waits(seen: &Seen, access: &Access) -> Option<Waits> {
    // Nothing is written into a policy that is not known.
    seen.document.as_ref().ok()?;
    Some(Waits { code: ReasonCode::Impact, impact: access.innocent_losers()? })
}

/// All that the steps go by.
struct Work<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    seen: &'a Seen,
    changed: Option<&'a Changed>,
    fit: &'a Fit,
    access: &'a Access,
    /// Why nobody knows whether the exceptions from the outsiders' deny are a suspect's.
    unproven: Option<Fault>,
}

async fn carry_out(work: &Work<'_>, current: BaseState) -> Vec<Step> {
    let (level, mut base) = (work.call.target.scope, None);
    let recording = async {
        base = Some(Box::pin(record(work.call, &current)).await?);
        Ok::<_, Fault>(Outcome::Applied)
    };
    let mut steps = vec![step(StepKind::RecordBase, recording).await];
    let (held, mut is_new) = (base.is_some(), false);
    let orders = base.as_ref().unwrap_or(&current).planned.clone();
    if !level.is_whole() {
        let record = base.map(|base| LeftOut::of(work.call, base).once(&current.planned));
        let written = Box::pin(policy(work, record)).await;
        is_new = written.is_new;
        steps.extend(written.steps);
    }
    if matches!(level, Scope::Principal | Scope::Freeze) {
        steps.push(Box::pin(step(StepKind::BlockPublicAccess, block(work.bucket, work.seen, held))).await);
    }
    let orders = Orders { level, planned: &orders, changed: work.changed, held };
    steps.extend(Box::pin(switches::change(work.bucket, work.seen, orders)).await);
    steps.extend(switches::unrecorded_rules(&current.planned, orders.planned).await);
    if !level.is_whole() {
        steps.extend(told(work));
    }
    if is_new {
        let is_shown = |now: &Document| write::is_complete(now, &work.fit.statements);
        Box::pin(until_shown(work.bucket, work.call.settle, is_shown)).await;
    }
    steps
}

/// Records the base, and gives the recorded one: the first incident's, with what this one found besides.
async fn record(call: &Call, current: &BaseState) -> Result<BaseState, Fault> {
    let known = call.ledger.hold(call.held(), &call.holder, &call.target.id, current, call.began_at).await?;
    let all = known.joined(current);
    if all != known {
        call.ledger.extend_base(call.held(), &known, &all).await?;
    }
    Ok(all)
}

/// The one write of the policy.
async fn policy(work: &Work<'_>, mut record: Option<LeftOut<'_>>) -> Written {
    let statements = &work.fit.statements;
    let mut written = match &work.seen.document {
        Ok(document) => Box::pin(write::into(work.bucket, document, statements, record.as_mut())).await,
        Err(fault) => Written { steps: write::failed(statements, fault).await, is_new: false },
    };
    for (kind, fault) in &work.fit.lacks {
        written.steps.push(step(*kind, async { Err(fault.clone()) }).await);
    }
    if let Some(why) = &work.unproven {
        written.steps.push(step(unproven::name(), async { Err(why.clone()) }).await);
    }
    written
}

async fn block(bucket: &Bucket, seen: &Seen, held: bool) -> Result<Outcome, Fault> {
    if let Some(fault) = seen.faults.get(&Part::PublicAccessBlock) {
        return Err(fault.clone());
    }
    if seen.base.public_access_block == Some(PublicAccessBlock::ALL) {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    Box::pin(put(bucket, PublicAccessBlock::ALL)).await?;
    Ok(Outcome::Applied)
}

/// What people must know besides: who keeps and who loses access, what CloudTrail shows, and what could not be read.
fn told(work: &Work<'_>) -> Vec<Step> {
    let unread = &work.seen.base.unread;
    let unread = (!unread.is_empty()).then(|| {
        let why = format!("not read, and left as it is: {}", unread.join("; "));
        skipped(StepKind::ReadBase, Fault::malformed(why))
    });
    let trail = work.changed.map(Changed::notes).unwrap_or_default();
    std::iter::once(work.access.note()).chain(trail).chain(unread).collect()
}

/// Writes the bucket's public access block.
pub(crate) async fn put(bucket: &Bucket, block: PublicAccessBlock) -> Result<(), Fault> {
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build();
    settled(async || {
        let put = bucket.s3.put_public_access_block().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        let put = put.public_access_block_configuration(configuration.clone()).send();
        Box::pin(put).await.or_fault("s3:PutPublicAccessBlock").map(|_| ())
    })
    .await
}

//! Takes whom nobody accuses any more out of the statements about suspects.
//!
//! A look does that, too. But whoever releases a principal and keeps the freeze may end the incident with that, and then no look comes.

use crate::accused::Accused;
use crate::accusers;
use crate::base::{BaseState, Planned};
use crate::left_out::LeftOut;
use crate::lineage;
use crate::statements::{Around, about_suspects};
use crate::suspects::Suspects;
use crate::write::{self, Written};
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak::target::Scope;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_s3::{policy, until_shown};
use serde_json::Value;

/// Takes `released`, and whom only a holder accuses who has let go of the bucket, out of its statements about suspects. What is there for
/// others stays. Nothing is done where the bucket is not frozen, is being put back, or denies nobody else.
///
/// # Errors
/// The ledger or the bucket did not answer, or the policy could not be written: the next look does it.
pub(crate) async fn free(call: &Call, released: &Accused) -> Result<(), Fault> {
    if call.target.scope != Scope::Freeze {
        return Ok(());
    }
    let row = call.ledger.row(call.held(), clock::now()).await?;
    let is_held = !row.is_releasing && !row.holders.is_empty();
    let Some(base) = row.base::<BaseState>()?.filter(|base| is_held && !base.planned.sids.is_empty()) else { return Ok(()) };
    let denied = accusers::without(&base.planned.denied, call, &row.holders, released);
    if denied == base.planned.denied {
        return Ok(());
    }
    let bucket = Box::pin(firebreak_s3::open(&call.config, &call.target)).await?;
    let suspects = Suspects::default().beside(denied.values());
    let statements = about_suspects(&Around { bucket: &bucket, organization: None, suspects: &suspects });
    let others = Box::pin(lineage::others(call)).await?;
    let document = Box::pin(policy::get(&bucket)).await?.without(&others.free_sids());
    // A release that did not end has taken them out, or somebody did: that is the next look's to judge.
    if document.without(statements.replaces).is_same(&document) {
        return Ok(());
    }
    let names = statements.all.iter().filter_map(|(_, one)| one.get("Sid").and_then(Value::as_str));
    let now = Planned { sids: names.map(str::to_owned).collect(), denied, ..Planned::default() };
    let mut record = LeftOut::of(call, base).once(&now);
    let ours: Vec<Value> = statements.all.iter().map(|(_, one)| one.clone()).collect();
    let rest = document.without(statements.replaces).with(&record.absent(&document)).with(&ours);
    if rest.statements().is_empty() {
        // S3 takes no policy without a statement. Only a release may delete one.
        Box::pin(policy::delete(&bucket)).await?;
        Box::pin(record.settle(&[])).await;
        Box::pin(until_shown(&bucket, call.settle, |now| now.statements().is_empty())).await;
        return Ok(());
    }
    let Written { steps, is_new } = Box::pin(write::into(&bucket, &document, &statements, Some(&mut record))).await;
    if is_new {
        Box::pin(until_shown(&bucket, call.settle, |now| write::is_complete(now, &statements))).await;
    }
    let failed = steps.into_iter().find(|step| step.outcome == Outcome::Failed).and_then(|step| step.error);
    failed.map_or(Ok(()), Err)
}

//! A whole role: every session, and every workload on it, is denied everything.

use crate::base;
use crate::deny::{self, Attached};
use crate::record::{check_identity, check_path, is_held, record};
use crate::{rows, tags, whom};
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::step;

/// A role is looked at first, although that costs a round trip: stopping the wrong role is an outage, and only the path and the
/// immutable id tell.
pub(crate) async fn contain(call: &Call, iam: &Client) -> Result<Vec<Step>, Fault> {
    let (read, quiet) = futures::join!(base::read(iam, &call.target), rows::is_quiet(call, whom::id(call, None)));
    let (current, _) = read?;
    check_path(call, &current)?;
    check_identity(call, &current)?;
    let recorded = record(call, &current, &[], quiet).await;
    let held = is_held(&recorded);
    let mut no_room = None;
    let attach = step(StepKind::AttachDeny, async {
        if let Attached::NoRoom(fault) = deny::attach(call, iam).await? {
            no_room = Some(fault);
        }
        Ok(Outcome::Applied)
    });
    let (attached, labelled) = futures::join!(attach, tags::label(call, iam, held));
    let mut steps = vec![recorded];
    steps.extend(deny::steps(call, iam, attached, no_room, Some(&current), held).await);
    steps.push(labelled);
    Ok(steps)
}

//! An IAM user: everything is denied, every credential becomes inactive.

use crate::base::{self, BaseState, Credential, CredentialKind, Unread};
use crate::deny::{self, Attached};
use crate::record::{another_principal, is_held, record};
use crate::tried::Tried;
use crate::whom::{self, Read, Whom};
use crate::{credentials, policies, rows, tags, take_off};
use aws_sdk_iam::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IamName;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};

/// What goes out together, and what came of it.
struct Wave {
    attached: Step,
    no_room: Option<Fault>,
    /// The keys that the finding names.
    exposed: Vec<Step>,
    read: Read,
    /// Whether no release of another row is under way.
    quiet: Result<(), Fault>,
}

impl Wave {
    /// The deny does not wait for the reads: its inverse is known without them, and every second counts. Nor do the keys that the finding
    /// names: they stay inactive after a release. The ledger has learned beside `AssumeRole` that something is held.
    async fn of(call: &Call, iam: &Client) -> Self {
        let attach = attach(call, iam);
        let exposed = credentials::deactivate_exposed(call, iam);
        let quiet = rows::is_quiet(call, whom::id(call, None));
        let (mut attached, exposed, read, quiet) = futures::join!(attach, exposed, base::read(iam, &call.present), quiet);
        let is_there = read.is_ok() && !whom::is_other_than(whom::id(call, None), &read);
        if is_there && attached.0.error.as_ref().is_some_and(|fault| fault.kind == FaultKind::Gone) {
            // The user had another name for a moment, or there is no policy to attach: of that, another try says the same.
            attached = Box::pin(self::attach(call, iam)).await;
        }
        let (attached, no_room) = attached;
        Self { attached, no_room, exposed, read, quiet }
    }

    /// The deny is on whoever has the name.
    fn is_attached(&self) -> bool {
        self.attached.outcome == Outcome::Applied && self.no_room.is_none()
    }

    /// Nobody can tell whether the deny is on somebody: the containment is tried again.
    fn is_unsure(&self) -> bool {
        self.attached.error.as_ref().is_some_and(|fault| fault.kind == FaultKind::Transient)
    }
}

/// The deny, and why there was no room for it.
async fn attach(call: &Call, iam: &Client) -> (Step, Option<Fault>) {
    let mut no_room = None;
    let attached = step(StepKind::AttachDeny, async {
        if let Attached::NoRoom(fault) = deny::attach(call, iam).await? {
            no_room = Some(fault);
        }
        Ok(Outcome::Applied)
    })
    .await;
    (attached, no_room)
}

/// Denies everything, and looks beside it who was hit. Credentials that no finding named wait until the base says which were active.
pub(crate) async fn contain(call: &Call, iam: &Client, marked: Result<(), Fault>) -> Tried {
    let mut tried = Tried::default();
    if let Err(fault) = marked {
        tried.steps.push(step(StepKind::MarkHeld, async { Err(fault) }).await);
    }
    let wave = Wave::of(call, iam).await;
    tried.extend(match whom::hit(call, iam, &wave.read).await {
        Whom::Meant => Box::pin(finish(call, iam, wave)).await,
        Whom::Another(id) => Box::pin(another(call, iam, wave, &id)).await,
        Whom::Owners(owners) => Box::pin(owned(call, iam, &wave, &owners)).await.into(),
    });
    tried
}

/// Record, and what waits for it and for a second look at who has the name: a label, or a key of the list, could be somebody else's.
async fn finish(call: &Call, iam: &Client, wave: Wave) -> Tried {
    let Wave { attached, no_room, exposed, read, quiet } = wave;
    let (current, unread) = match read {
        Ok(read) => read,
        Err(fault) => {
            let mut steps = deny::steps(call, iam, attached, no_room, None, false).await;
            steps.extend(exposed);
            steps.push(step(StepKind::ReadBase, async { Err(fault) }).await);
            return steps.into();
        }
    };
    let before = credentials::before(&current, &exposed);
    let recorded = record(call, &before, &before.credentials, quiet);
    let (recorded, confirmed) = futures::join!(recorded, whom::confirm(call, iam, &current.principal_id));
    let (done, left) = credentials::left(&current.credentials, exposed);
    if let Err(fault) = confirmed {
        let mut steps = deny::steps(call, iam, attached, no_room, Some(&current), false).await;
        steps.push(recorded);
        steps.extend(done);
        steps.push(step(StepKind::ReadBase, async { Err(fault) }).await);
        return steps.into();
    }
    let held = is_held(&recorded);
    // A label is a label: nothing is lost where the record fails. Where nothing else is left to do it goes out beside the receipt.
    let is_last = no_room.is_none() && left.iter().all(|credential| !credential.active);
    let label = async { if is_last { None } else { Some(tags::label(call, iam, true).await) } };
    let (mut steps, deactivated, labelled) = futures::join!(
        deny::steps(call, iam, attached, no_room, Some(&current), held),
        credentials::deactivate_all(iam, &call.present.id, &left, &unread, held),
        label
    );
    steps.push(recorded);
    steps.extend(done);
    steps.extend(deactivated);
    steps.extend(signs(call, &current, &unread));
    steps.extend(labelled);
    Tried { steps, late: is_last.then(|| tags::late(call, iam)) }
}

/// The name means somebody else by now, or nobody. Takes the deny off, and contains the user with this id under its present name.
async fn another(call: &Call, iam: &Client, wave: Wave, id: &str) -> Tried {
    let (steps, found) = futures::join!(amends(call, iam, &wave), whom::follow(call, iam, Some(id)));
    let mut tried = Tried::from(steps);
    // A namesake with a key of the finding: it is exposed, whoever has it.
    tried.steps.extend(wave.exposed.into_iter().filter(|step| step.outcome == Outcome::Applied));
    match found {
        Ok(Some(there)) => tried.extend(elsewhere(&there, id).await),
        Ok(None) => {
            let owners = whom::owners(call, iam).await.unwrap_or_default();
            for owner in owners.iter().filter(|owner| !owner.as_str().eq_ignore_ascii_case(&call.present.id)) {
                tried.steps.extend(at_owner(call, owner).await);
            }
            let is_gone = owners.is_empty() && wave.read.is_err();
            let gone = || Fault::gone(format!("{} does not exist any more, under this name or another one", call.target));
            let why = if is_gone { gone() } else { another_principal(call) };
            tried.steps.push(step(StepKind::CheckIdentity, async { Err(why) }).await);
        }
        Err(fault) => {
            let why = format!("{}, and who is was not found out: {}", another_principal(call).message, fault.message);
            tried.steps.push(step(StepKind::ReadBase, async { Err(Fault::new(fault.kind, why)) }).await);
        }
    }
    tried
}

/// Contains the user under its present name. Hold and base go by the id. Those of an earlier version's decision stay under its name, and
/// `record` leaves them to whoever has them.
async fn elsewhere(there: &Call, id: &str) -> Tried {
    let iam = &Client::new(&there.config);
    let wave = Wave::of(there, iam).await;
    if whom::is_other(id, &wave.read) {
        let mut steps = amends(there, iam, &wave).await;
        let again = Fault::new(FaultKind::Transient, format!("{} was renamed once more meanwhile", there.target));
        steps.push(step(StepKind::ReadBase, async { Err(again) }).await);
        return steps.into();
    }
    let mut tried = Tried::from(vec![whom::note(there)]);
    tried.extend(Box::pin(finish(there, iam, wave)).await);
    tried
}

/// The finding has no id, and its keys belong to others: the keys become inactive, and people judge whom they name.
async fn owned(call: &Call, iam: &Client, wave: &Wave, owners: &[IamName]) -> Vec<Step> {
    let mut steps = amends(call, iam, wave).await;
    for owner in owners {
        steps.extend(at_owner(call, owner).await);
    }
    let names: Vec<&str> = owners.iter().map(IamName::as_str).collect();
    let names = names.join(", ");
    let why = format!("the access key of the finding belongs to user {names}, not to {}: judge {names}", call.target);
    steps.push(step(StepKind::CheckIdentity, async { Err(Fault::malformed(why)) }).await);
    steps
}

/// Takes back what hit somebody else. What stays attached by mistake is in the receipt, so that people know.
async fn amends(call: &Call, iam: &Client, wave: &Wave) -> Vec<Step> {
    if !wave.is_attached() {
        return if wave.is_unsure() { vec![wave.attached.clone()] } else { vec![] };
    }
    let Ok((namesake, _)) = &wave.read else {
        // The deny is on somebody whom nobody saw: the next run sees who has the name.
        let why = Fault::new(FaultKind::Transient, format!("{} changed hands while the deny was attached", call.present));
        return vec![Step { outcome: Outcome::Failed, error: Some(why), ..wave.attached.clone() }];
    };
    let theirs = take_off::is_theirs(call, namesake).await;
    let off = take_off::user(call, iam, namesake, theirs).await;
    if off.outcome == Outcome::Failed { vec![wave.attached.clone(), off] } else { vec![off] }
}

/// Makes the finding's keys inactive at a user who has some of them.
async fn at_owner(call: &Call, owner: &IamName) -> Vec<Step> {
    match call.under(owner).await {
        Ok(there) => {
            let steps = credentials::deactivate_exposed(&there, &Client::new(&there.config)).await;
            steps.into_iter().filter(|step| step.outcome != Outcome::Skipped).collect()
        }
        Err(fault) => vec![step(StepKind::DeactivateKey, async { Err(fault) }).await],
    }
}

/// What people should know of the user besides: no change, and no failure.
fn signs(call: &Call, current: &BaseState, unread: &[Unread]) -> Vec<Step> {
    let mut signs = Vec::new();
    let attached = current.attached_policies.iter().flatten();
    if let Some(policy) = attached.into_iter().find(|arn| policies::is_quarantine_of_aws(arn)) {
        let name = policy.rsplit('/').next().unwrap_or_default();
        let why = format!("AWS attached {name}: it has found a key of this user in public");
        signs.push(skipped(StepKind::NoteQuarantineOfAws, Fault::malformed(why)));
    }
    // A key that is not among those of an incomplete list may be the user's all the same.
    let named = credentials::named(&call.target).filter(|_| base::unlisted_keys(unread).is_none());
    for key in named.filter(|key| !current.credentials.iter().any(|known| known.id == key.as_str())) {
        let why = format!("access key {key} of the finding is not among the user's: deleted since, or another user's");
        signs.push(skipped(StepKind::FindExposedKey, Fault::gone(why)));
    }
    signs
}

/// Credentials that work although they should not.
pub(crate) fn working(call: &Call, current: &BaseState) -> Vec<Credential> {
    use firebreak::target::Scope;
    let meant = |credential: &&Credential| match call.target.scope {
        Scope::AccessKey => {
            credential.kind == CredentialKind::AccessKey
                && call.target.access_key_id.as_ref().is_some_and(|key| key.as_str() == credential.id)
        }
        _ => true,
    };
    current.credentials.iter().filter(|credential| credential.active).filter(meant).cloned().collect()
}

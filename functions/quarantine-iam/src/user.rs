//! An IAM user: everything is denied, every credential becomes inactive.

use crate::base::{self, BaseState, Credential, CredentialKind, Unread};
use crate::deny::{self, Attached};
use crate::record::{another_principal, is_held, record};
use crate::whom::{self, Read, Whom};
use crate::{credentials, policies, tags, take_off};
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
}

impl Wave {
    /// The deny does not wait for the reads: its inverse is known without them, and every second counts. Nor do the keys that the finding
    /// names: they stay inactive after a release. The ledger has learned beside `AssumeRole` that something is held.
    async fn of(call: &Call, iam: &Client) -> Self {
        let mut no_room = None;
        let attach = step(StepKind::AttachDeny, async {
            if let Attached::NoRoom(fault) = deny::attach(call, iam).await? {
                no_room = Some(fault);
            }
            Ok(Outcome::Applied)
        });
        let exposed = credentials::deactivate_exposed(call, iam);
        let (attached, exposed, read) = futures::join!(attach, exposed, base::read(iam, &call.present));
        Self { attached, no_room, exposed, read }
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

/// Denies everything, and looks beside it who was hit. Credentials that no finding named wait until the base says which were active.
pub(crate) async fn contain(call: &Call, iam: &Client, marked: Result<(), Fault>) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(fault) = marked {
        steps.push(step(StepKind::MarkHeld, async { Err(fault) }).await);
    }
    let wave = Wave::of(call, iam).await;
    steps.extend(match whom::hit(call, iam, &wave.read).await {
        Whom::Meant => finish(call, iam, wave, None).await,
        Whom::Another(id) => Box::pin(another(call, iam, wave, &id)).await,
        Whom::Owners(owners) => Box::pin(owned(call, iam, &wave, &owners)).await,
    });
    steps
}

/// Record, labels, and what waits for the record. `barred`: the record of this name is another user's and must stay.
async fn finish(call: &Call, iam: &Client, wave: Wave, barred: Option<Fault>) -> Vec<Step> {
    let Wave { attached, no_room, exposed, read } = wave;
    let (current, unread) = match read {
        Ok(read) => read,
        Err(fault) => {
            let mut steps = deny::steps(call, iam, attached, no_room, None, false).await;
            steps.extend(exposed);
            steps.push(step(StepKind::ReadBase, async { Err(fault) }).await);
            return steps;
        }
    };
    let before = credentials::before(&current, &exposed);
    let recorded = async {
        match barred {
            Some(fault) => step(StepKind::RecordBase, async { Err(fault) }).await,
            None => record(call, &before, &before.credentials).await,
        }
    };
    // A label is a label: nothing is lost where the record fails.
    let (recorded, labelled) = futures::join!(recorded, tags::label(call, iam, true));
    let held = is_held(&recorded);
    let (done, left) = credentials::left(&current.credentials, exposed);
    let (mut steps, deactivated) = futures::join!(
        deny::steps(call, iam, attached, no_room, Some(&current), held),
        credentials::deactivate_all(iam, &call.present.id, &left, &unread, held)
    );
    steps.push(recorded);
    steps.extend(done);
    steps.extend(deactivated);
    steps.extend(signs(call, &current, &unread));
    steps.push(labelled);
    steps
}

/// The name means somebody else by now, or nobody. Takes the deny off, and contains the user with this id under its present name.
async fn another(call: &Call, iam: &Client, wave: Wave, id: &str) -> Vec<Step> {
    let ((mut steps, barred), found) = futures::join!(amends(call, iam, &wave), whom::follow(call, iam, Some(id)));
    // A namesake with a key of the finding: it is exposed, whoever has it.
    steps.extend(wave.exposed.into_iter().filter(|step| step.outcome == Outcome::Applied));
    match found {
        Ok(Some(there)) => steps.extend(elsewhere(&there, id, barred).await),
        Ok(None) => {
            let owners = whom::owners(call, iam).await.unwrap_or_default();
            for owner in owners.iter().filter(|owner| !owner.as_str().eq_ignore_ascii_case(&call.present.id)) {
                steps.extend(at_owner(call, owner).await);
            }
            steps.push(step(StepKind::CheckIdentity, async { Err(another_principal(call)) }).await);
        }
        Err(fault) => {
            let why = format!("{}, and who is was not found out: {}", another_principal(call).message, fault.message);
            steps.push(step(StepKind::ReadBase, async { Err(Fault::new(fault.kind, why)) }).await);
        }
    }
    steps
}

/// Contains the user under its present name. Hold, base and receipt stay under the name that the decision says.
async fn elsewhere(there: &Call, id: &str, barred: Option<Fault>) -> Vec<Step> {
    let iam = &Client::new(&there.config);
    let wave = Wave::of(there, iam).await;
    if whom::is_other(id, &wave.read) {
        let (mut steps, _) = amends(there, iam, &wave).await;
        let again = Fault::new(FaultKind::Transient, format!("{} was renamed once more meanwhile", there.target));
        steps.push(step(StepKind::ReadBase, async { Err(again) }).await);
        return steps;
    }
    let mut steps = vec![whom::note(there)];
    steps.extend(finish(there, iam, wave, barred).await);
    steps
}

/// The finding has no id, and its keys belong to others: the keys become inactive, and people judge whom they name.
async fn owned(call: &Call, iam: &Client, wave: &Wave, owners: &[IamName]) -> Vec<Step> {
    let (mut steps, _) = amends(call, iam, wave).await;
    for owner in owners {
        steps.extend(at_owner(call, owner).await);
    }
    let names: Vec<&str> = owners.iter().map(IamName::as_str).collect();
    let names = names.join(", ");
    let why = format!("the access key of the finding belongs to user {names}, not to {}: judge {names}", call.target);
    steps.push(step(StepKind::CheckIdentity, async { Err(Fault::malformed(why)) }).await);
    steps
}

/// Takes back what hit somebody else. What stays attached by mistake is in the receipt, so that a release takes it off. Also says why the
/// record of the name must stay as it is.
async fn amends(call: &Call, iam: &Client, wave: &Wave) -> (Vec<Step>, Option<Fault>) {
    let unsure = || if wave.is_unsure() { vec![wave.attached.clone()] } else { vec![] };
    let Ok((namesake, _)) = &wave.read else { return (unsure(), None) };
    let theirs = take_off::is_theirs(call, namesake).await;
    let barred = match &theirs {
        Ok(false) => None,
        Ok(true) => Some(Fault::malformed(format!("the record of {} is another user's, who is contained", call.present))),
        Err(fault) => Some(fault.clone()),
    };
    if !wave.is_attached() {
        return (unsure(), barred);
    }
    let off = take_off::user(call, iam, namesake, theirs).await;
    let steps = if off.outcome == Outcome::Failed { vec![wave.attached.clone(), off] } else { vec![off] };
    (steps, barred)
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

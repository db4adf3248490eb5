//! Whom a name means. A user can be renamed, and somebody else can take the name; the immutable id and the access keys stay.

use crate::base::{BaseState, Unread, unlisted_keys};
use crate::credentials;
use aws_sdk_iam::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccessKeyId, IamName, PrincipalId};
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::target::TargetKind;
use firebreak_aws::classify::{OrFault, code};
use firebreak_aws::pages;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use futures::future::join_all;

/// Users of a page: the most that IAM gives (IAM API reference, `ListUsers`).
const USERS_PER_PAGE: i32 = 1000;

/// What a read under a name showed.
pub(crate) type Read = Result<(BaseState, Vec<Unread>), Fault>;

/// Whom the first wave hit.
pub(crate) enum Whom {
    /// The user of the finding, as far as anybody can tell.
    Meant,
    /// Another user, or nobody: the user with this id has another name by now, or is gone.
    Another(String),
    /// Another user: the finding has no id, and its keys belong to these.
    Owners(Vec<IamName>),
}

/// The immutable id of the one that is meant: the finding's, else that of the recorded state.
pub(crate) fn id<'a>(call: &'a Call, base: Option<&'a BaseState>) -> Option<&'a str> {
    call.target.principal_id.as_ref().map(PrincipalId::as_str).or(base.map(|base| base.principal_id.as_str()))
}

/// Whether a read shows somebody else than `id`, or nobody.
pub(crate) fn is_other(id: &str, read: &Read) -> bool {
    match read {
        Ok((now, _)) => now.principal_id != id,
        Err(fault) => fault.kind == FaultKind::Gone,
    }
}

/// The same where the id may be unknown: then only nobody is somebody else.
pub(crate) fn is_other_than(id: Option<&str>, read: &Read) -> bool {
    id.map_or_else(|| read.as_ref().is_err_and(|fault| fault.kind == FaultKind::Gone), |id| is_other(id, read))
}

/// Looks once more who has the name. What goes by name and is not undone at once is written only on whom two reads showed.
///
/// # Errors
/// `Transient` when it is somebody else by now, or nobody: the next run begins with a new look. IAM did not answer.
pub(crate) async fn confirm(call: &Call, iam: &Client, id: &str) -> Result<(), Fault> {
    match id_of(call, iam).await? {
        Some(found) if found == id => Ok(()),
        _ => Err(Fault::new(FaultKind::Transient, format!("somebody else has the name of {} since it was read", call.present))),
    }
}

/// Whom the first wave hit. Only a finding without an id costs a call, and only where the user has none of its keys.
pub(crate) async fn hit(call: &Call, iam: &Client, read: &Read) -> Whom {
    if let Some(id) = id(call, None) {
        return if is_other(id, read) { Whom::Another(id.to_owned()) } else { Whom::Meant };
    }
    if !has_none_of_the_keys(call, read) {
        return Whom::Meant;
    }
    // IAM keeps names unique without regard to case.
    let is_present = |name: &IamName| name.as_str().eq_ignore_ascii_case(&call.present.id);
    match Box::pin(owners(call, iam)).await {
        Ok(owners) if !owners.is_empty() && !owners.iter().any(is_present) => Whom::Owners(owners),
        Ok(_) => Whom::Meant,
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "nobody can tell whose the finding's access key is");
            Whom::Meant
        }
    }
}

/// The finding names long-term keys, and the user has none of them. False where nobody can tell.
fn has_none_of_the_keys(call: &Call, read: &Read) -> bool {
    let mut keys = credentials::named(&call.target).peekable();
    keys.peek().is_some()
        && match read {
            Ok((now, unread)) => {
                unlisted_keys(unread).is_none() && keys.all(|key| now.credentials.iter().all(|known| known.id != key.as_str()))
            }
            Err(fault) => fault.kind == FaultKind::Gone,
        }
}

/// Who has the finding's long-term keys. IAM answers by key, whatever the owner is called.
///
/// # Errors
/// Nobody was found, and IAM did not answer for every key.
pub(crate) async fn owners(call: &Call, iam: &Client) -> Result<Vec<IamName>, Fault> {
    let asked = join_all(credentials::named(&call.target).map(|key| owner(iam, key))).await;
    let mut found: Vec<IamName> = asked.iter().flatten().flatten().cloned().collect();
    found.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    found.dedup();
    match asked.into_iter().find_map(Result::err) {
        Some(fault) if found.is_empty() => Err(fault),
        _ => Ok(found),
    }
}

async fn owner(iam: &Client, key: &AccessKeyId) -> Result<Option<IamName>, Fault> {
    let answer = iam.get_access_key_last_used().access_key_id(key.as_str()).send().await;
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(None);
    }
    let name = answer.or_fault("iam:GetAccessKeyLastUsed")?.user_name;
    Ok(name.and_then(|name| IamName::parse(&name).ok()))
}

/// The same call under the user's present name: found by a key, which is one call, or by the id in the list of all users. Without an id
/// whoever has a key is the user. Nothing: neither the id nor a key exists any more, or it is a role, which cannot be renamed.
///
/// # Errors
/// IAM or STS did not answer: nobody can tell.
pub(crate) async fn follow(call: &Call, iam: &Client, id: Option<&str>) -> Result<Option<Call>, Fault> {
    if call.target.kind != TargetKind::IamUser {
        return Ok(None);
    }
    let owners = match owners(call, iam).await {
        Ok(owners) => owners,
        // Nothing else tells who the user is.
        Err(fault) if id.is_none() => return Err(fault),
        // The list decides. A key of another account is refused, too.
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "the user is not found by a key");
            vec![]
        }
    };
    for name in owners.iter().filter(|name| name.as_str() != call.present.id) {
        let there = call.under(name).await?;
        if id_of(&there, &Client::new(&there.config)).await?.is_some_and(|found| id.is_none_or(|id| id == found)) {
            return Ok(Some(there));
        }
    }
    let Some(id) = id else { return Ok(None) };
    match by_id(iam, id).await? {
        Some(name) => call.under(&name).await.map(Some),
        None => Ok(None),
    }
}

/// The id of whoever has the call's present name.
async fn id_of(call: &Call, iam: &Client) -> Result<Option<String>, Fault> {
    let answer = iam.get_user().user_name(&call.present.id).send().await;
    if answer.as_ref().err().and_then(code) == Some("NoSuchEntity") {
        return Ok(None);
    }
    Ok(answer.or_fault("iam:GetUser")?.user.map(|user| user.user_id))
}

async fn by_id(iam: &Client, id: &str) -> Result<Option<IamName>, Fault> {
    let (users, cut) = pages::partly("iam:ListUsers", pages!(iam.list_users().max_items(USERS_PER_PAGE), users).await);
    match (users.iter().find(|user| user.user_id() == id), cut) {
        (Some(user), _) => Ok(IamName::parse(user.user_name()).ok()),
        (None, Some(fault)) => Err(fault),
        (None, None) => Ok(None),
    }
}

/// The step about a user who has another name now.
pub(crate) fn renamed_to(name: &str) -> StepName {
    StepName::about(StepKind::FollowRename, name)
}

/// What people read of it.
pub(crate) fn note(there: &Call) -> Step {
    let why = format!("{} was renamed: its name is {} now, and what was done was done to it", there.target, there.present.id);
    skipped(renamed_to(&there.present.id), Fault::malformed(why))
}

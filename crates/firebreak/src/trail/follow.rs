//! From one call of a suspect to what follows from it.

use super::age::{OF_A_ROLE, OF_A_USER};
use super::channel::{self, Channel, MAX_NAMED};
use super::record::{ActorKind, Part, Record};
use super::renames::Rename;
use super::{Follow, Suspect, Traced, issued};
use crate::containment::Containment;
use crate::decision::Mode;
use crate::ids::{AccountId, IamName, InstanceId, Partition, PrincipalId, SessionName};
use crate::target::{Scope, Target, TargetKind};
use crate::text::inert;
use std::borrow::Cow;

/// What follows from a call that a suspect made. Nothing when it does not matter; a line for people when it cannot be followed.
#[must_use]
pub(super) fn trace(record: &Record, suspect: &Suspect) -> Vec<Traced> {
    let call = Call { record, suspect };
    match (record.source.as_str(), record.name.as_str()) {
        ("iam.amazonaws.com", "CreateUser") => vec![call.created_user()],
        ("iam.amazonaws.com", "CreateAccessKey") => vec![call.created_key()],
        ("iam.amazonaws.com", "CreateRole") => vec![call.created_role()],
        ("iam.amazonaws.com", "UpdateUser") => vec![call.renamed_user()],
        ("iam.amazonaws.com", event) if ON_USERS.contains(&event) => vec![call.changed_user()],
        ("iam.amazonaws.com", event) if ON_ROLES.contains(&event) => vec![call.changed_role()],
        ("iam.amazonaws.com", event) if FOR_PEOPLE.contains(&event) => vec![call.line(&call.about())],
        ("sts.amazonaws.com", "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity") => vec![call.assumed_role()],
        ("sts.amazonaws.com", "GetFederationToken" | "GetSessionToken") => vec![call.got_session()],
        ("sts.amazonaws.com", "AssumeRoot") => vec![call.line(record.asked("/targetPrincipal").unwrap_or("an account"))],
        ("signin.amazonaws.com", "GetSigninToken") => vec![call.opened_console()],
        ("ec2.amazonaws.com", "RunInstances") => call.launched(),
        _ => call.opened(),
    }
}

/// Gives a user access, or more rights. The user may be a bystander's.
const ON_USERS: [&str; 9] = [
    "AddUserToGroup",
    "AttachUserPolicy",
    "CreateLoginProfile",
    "CreateServiceSpecificCredential",
    "EnableMFADevice",
    "PutUserPolicy",
    "UpdateLoginProfile",
    "UploadSSHPublicKey",
    "UploadSigningCertificate",
];

/// Gives a role more rights, or lets others assume it. Workloads may depend on it.
const ON_ROLES: [&str; 3] = ["AttachRolePolicy", "PutRolePolicy", "UpdateAssumeRolePolicy"];

/// Matters, and is about too many principals, or too few, for a containment.
const FOR_PEOPLE: [&str; 14] = [
    "AddRoleToInstanceProfile",
    "AttachGroupPolicy",
    "CreatePolicyVersion",
    "CreateServiceLinkedRole",
    "DeactivateMFADevice",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DeleteUserPermissionsBoundary",
    "DeleteUserPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutGroupPolicy",
    "SetDefaultPolicyVersion",
    "UpdateAccessKey",
];

/// One call of one suspect.
struct Call<'a> {
    record: &'a Record,
    suspect: &'a Suspect,
}

impl Call<'_> {
    fn created_user(&self) -> Traced {
        let name = self.record.answered("/user/userName").or_else(|| self.record.asked("/userName"));
        let Some(user) = self.principal(TargetKind::IamUser, name, self.record.answered("/user/userId")) else {
            return self.unusable("a user", name);
        };
        Traced { next: Suspect::of(&user), ..self.created(user, "created with the suspect's credentials") }
    }

    fn created_key(&self) -> Traced {
        let name =
            self.record.answered("/accessKey/userName").or_else(|| self.record.asked("/userName")).or_else(|| self.own_user());
        let (Some(user), Some(key)) = (self.principal(TargetKind::IamUser, name, None), issued::key(self.record)) else {
            return self.unusable("an access key of a user", name);
        };
        let key = Target { scope: Scope::AccessKey, access_key_id: Some(key), principal_id: self.id_of(&user), ..user };
        if self.is_contained(&key) {
            return self.line(&key.to_string());
        }
        Traced { next: Suspect::of(&key), ..self.created(key, "created with the suspect's credentials") }
    }

    fn created_role(&self) -> Traced {
        let name = self.record.answered("/role/roleName").or_else(|| self.record.asked("/roleName"));
        let role = self.principal(TargetKind::IamRole, name, self.record.answered("/role/roleId"));
        let arn = self.record.answered("/role/arn").and_then(RoleArn::parse);
        // AWS's own names prove nothing outside the paths that AWS keeps for itself.
        let path = self.record.answered("/role/path").or(arn.as_ref().map(|arn| arn.path.as_str()));
        let Some(role) = role.filter(|_| !path.is_some_and(is_reserved)) else { return self.unusable("a role", name) };
        let arn = arn.filter(|arn| arn.name.as_str() == role.id && arn.account == role.account).map(|arn| arn.text);
        let next = Suspect::of(&role).map(|suspect| Suspect { arn, ..suspect });
        Traced { next, ..self.created(role, "created with the suspect's credentials: nobody else needs it") }
    }

    fn changed_user(&self) -> Traced {
        let name = self.record.asked("/userName").or_else(|| self.own_user());
        let Some(user) = self.principal(TargetKind::IamUser, name, None) else { return self.unusable("a user", name) };
        let user = Target { principal_id: self.id_of(&user), ..user };
        if self.is_contained(&user) {
            return self.line(&user.to_string());
        }
        self.contain(user, Mode::Gate, "changed with the suspect's credentials: the user may be a bystander")
    }

    fn changed_role(&self) -> Traced {
        let name = self.record.asked("/roleName");
        // IAM lets nobody change AWS's own roles: one that was changed only has such a name.
        let Some(role) = self.principal(TargetKind::IamRole, name, None) else { return self.unusable("a role", name) };
        let role = Target { principal_id: self.id_of(&role), ..role };
        if self.is_contained(&role) {
            return self.line(&role.to_string());
        }
        self.contain(role, Mode::Gate, "changed with the suspect's credentials: workloads may depend on the role")
    }

    /// A user keeps its id, keys and policies under its new name. Whom else the suspects have, only the search knows.
    fn renamed_user(&self) -> Traced {
        // A path changed, or nothing.
        let Some(Rename { from, to, .. }) = Rename::of(self.record, self.suspect) else { return self.line(&self.about()) };
        let [old, new] = [&from, &to].map(|name| self.target(TargetKind::IamUser, name.as_str()));
        let (own, actor) = (&self.suspect.target, &self.record.actor);
        let about = format!("{old} is called {to} now");
        if !self.is_own(&old) {
            let why = "renamed with the suspect's credentials: the user may be a bystander";
            return self.follow(&about, quarantine(new, Mode::Gate, why, false));
        }
        // The quarantine of a user follows its id, that of a key the key.
        if !own.scope.is_whole() || own.principal_id.is_some() {
            return self.line(&about);
        }
        let principal_id = actor.principal_id.clone().filter(|_| actor.kind == ActorKind::User);
        let new = Target { principal_id, ..new };
        self.follow(&about, quarantine(new, Mode::Auto, "the suspect's new name", false))
    }

    /// One session of a role, under the name the suspect gave it.
    fn assumed_role(&self) -> Traced {
        let Some(arn) = self.record.asked("/roleArn").and_then(RoleArn::parse) else {
            return self.unusable("a role", self.record.asked("/roleArn"));
        };
        let assumed = self.record.answered("/assumedRoleUser/assumedRoleId").and_then(|id| id.split_once(':'));
        let session = assumed.map(|(_, session)| session).or_else(|| self.record.asked("/roleSessionName"));
        if is_reserved(&arn.path) {
            return self.line(&format!("IAM role {}, which nobody can change", arn.name));
        }
        let whole = Target {
            account: arn.account.clone(),
            principal_id: assumed.and_then(|(id, _)| PrincipalId::parse(id).ok()),
            access_key_id: issued::key(self.record),
            session: session.map(|name| inert(name, 64)),
            ..self.target(TargetKind::IamRole, arn.name.as_str())
        };
        let abroad = arn.account != self.suspect.target.account;
        let next = Suspect::of(&Target { scope: Scope::Session, ..whole.clone() });
        let next = next.map(|suspect| Suspect { arn: Some(arn.text), abroad, ..suspect });
        Traced { next, ..self.one_session(whole, session, abroad) }
    }

    /// A console session outlives the credentials that opened it, and signs with a key of its own (IAM user guide, "Enable custom
    /// identity broker access to the AWS console").
    fn opened_console(&self) -> Traced {
        let next = issued::key(self.record).map(|key| self.suspect.with_key(key));
        let target = &self.suspect.target;
        let failed = self.record.answered("/GetSigninToken") == Some("Failure");
        if failed || target.scope != Scope::Session {
            return Traced { next: next.filter(|_| !failed), ..self.line("a session of the console") };
        }
        let whole = Target { scope: Scope::Principal, ..target.clone() };
        Traced { next, ..self.one_session(whole, target.session.as_deref(), self.suspect.abroad) }
    }

    /// One session of a role; all of the role when that session cannot be denied alone.
    fn one_session(&self, whole: Target, session: Option<&str>, abroad: bool) -> Traced {
        let one = Target { scope: Scope::Session, ..whole.clone() };
        let (target, mode, why) = match session.map(SessionName::parse) {
            None | Some(Err(_)) => {
                (whole, Mode::Gate, "its session has no name that could be denied alone; others may use the role")
            }
            // Whoever chooses the name can choose an instance's, to have that one stopped.
            Some(Ok(name)) if InstanceId::parse(name.as_str()).is_ok() => {
                (one, Mode::Gate, "assumed with the suspect's credentials under an instance's name: it may be that instance's")
            }
            Some(Ok(_)) if abroad => (one, Mode::Gate, "assumed with the suspect's credentials, in another account"),
            Some(Ok(_)) => (one, Mode::Auto, "assumed with the suspect's credentials"),
        };
        Traced { lives: Some(OF_A_ROLE), ..self.contain(target, mode, why) }
    }

    /// The deny on the user reaches what its sessions do. They sign with keys of their own, and outlive the key that asked for them.
    fn got_session(&self) -> Traced {
        let of = self.record.asked("/name").map(|name| format!(" named {}", inert(name, 32))).unwrap_or_default();
        let next = issued::key(self.record).map(|key| self.suspect.with_key(key));
        if self.suspect.target.scope.is_whole() {
            return Traced { next, ..self.line(&format!("a session{of}; what denies the user denies it, too")) };
        }
        let user = Target { scope: Scope::Principal, ..self.suspect.target.clone() };
        let why = "its session outlives the access key that is inactive now: only denying the whole user ends it";
        let follow = quarantine(user, Mode::Gate, why, false);
        let lives = Some(OF_A_USER);
        Traced { next, lives, ..self.follow(&format!("a session{of}, which outlives the key"), follow) }
    }

    fn launched(&self) -> Vec<Traced> {
        let ids = self.record.each(Part::Response, "/instancesSet/items", "/instanceId");
        let (valid, odd): (Vec<_>, Vec<_>) = ids.partition(|id| InstanceId::parse(id).is_ok());
        let instance = |id: &&str| {
            let target = self.regional(TargetKind::Ec2Instance, id);
            self.follow(
                &target.to_string(),
                Follow::Contain {
                    containment: Containment::IsolateEc2,
                    mode: Mode::Gate,
                    target,
                    why: "launched with the suspect's credentials",
                    created: true,
                },
            )
        };
        let mut traced: Vec<Traced> = valid.iter().take(MAX_NAMED).map(instance).collect();
        let rest = valid.len().saturating_sub(MAX_NAMED) + odd.len();
        if rest > 0 {
            traced.push(self.line(&format!("{rest} more instance(s) than are named here")));
        } else if traced.is_empty() {
            traced.push(self.line("instances that the record does not name"));
        }
        traced
    }

    fn opened(&self) -> Vec<Traced> {
        let Some(channel) = channel::of(self.record) else { return vec![] };
        if channel.ids.is_empty() {
            // It is there all the same: a person looks for it by the call.
            let target = self.regional(TargetKind::Other, &format!("what {} made", self.record.name));
            return vec![self.follow("the record does not name it", by_hand(target, channel.general.into(), None, &channel))];
        }
        let one = |id: &String| {
            // What is contained is in the suspect's own account: a role of Firebreak is there.
            let is_ours = self.record.account.as_ref() == Some(&self.suspect.target.account);
            let undo = channel.undo(id).filter(|_| is_ours);
            let target = self.regional(undo.map_or(channel.kind, |_| TargetKind::KmsKey), id);
            let ends = channel.ends.map(|day| format!(", deleted on {day}")).unwrap_or_default();
            self.follow(&format!("{target}{ends}"), by_hand(target, channel.advice(id), undo, &channel))
        };
        channel.ids.iter().map(one).collect()
    }

    /// Contains a principal of IAM that was there before.
    fn contain(&self, target: Target, mode: Mode, why: &'static str) -> Traced {
        self.follow(&target.to_string(), quarantine(target, mode, why, false))
    }

    /// Contains a principal of IAM, or a key, that the suspect made.
    fn created(&self, target: Target, why: &'static str) -> Traced {
        self.follow(&target.to_string(), quarantine(target, Mode::Auto, why, true))
    }

    fn line(&self, about: &str) -> Traced {
        self.follow(about, Follow::Nothing)
    }

    /// A name that is no name of IAM's is somebody's attempt at the reader: people see it, made inert.
    fn unusable(&self, kind: &str, name: Option<&str>) -> Traced {
        self.line(&format!("{kind}, {}, which cannot be contained", inert(name.unwrap_or("unnamed"), 64)))
    }

    fn follow(&self, about: &str, follow: Follow) -> Traced {
        let what = inert(&format!("{} by {}: {about}", self.record.name, self.suspect.label()), 170);
        let from = self.suspect.target.account.clone();
        Traced { at: self.record.at, what, follow, from, next: None, lives: None, waits_with: None }
    }

    /// What a call of [`FOR_PEOPLE`] was about.
    fn about(&self) -> String {
        let fields = [
            "/userName",
            "/newUserName",
            "/newPath",
            "/roleName",
            "/groupName",
            "/policyArn",
            "/policyName",
            "/accessKeyId",
            "/status",
            "/aWSServiceName",
        ];
        let named: Vec<String> = fields.iter().filter_map(|field| self.record.asked(field)).map(|text| inert(text, 64)).collect();
        if named.is_empty() { "not named".to_owned() } else { named.join(", ") }
    }

    /// Without a name, IAM takes the caller.
    fn own_user(&self) -> Option<&str> {
        (self.suspect.target.kind == TargetKind::IamUser).then_some(self.suspect.target.id.as_str())
    }

    /// True when all of it is contained with the suspect.
    fn is_contained(&self, target: &Target) -> bool {
        self.suspect.target.scope.is_whole() && self.is_own(target)
    }

    /// True when a name means the suspect. A suspect that was renamed when it called can have given its old name to somebody else.
    fn is_own(&self, target: &Target) -> bool {
        let (own, actor) = (&self.suspect.target, &self.record.actor);
        let has_another = |name: &IamName| actor.kind == ActorKind::User && !name.as_str().eq_ignore_ascii_case(&target.id);
        own.is_of(target) && !own.contradicts(target) && !actor.name.as_ref().is_some_and(has_another)
    }

    /// The id, if the target is the suspect's own user or role: a namesake that came later has another.
    fn id_of(&self, target: &Target) -> Option<PrincipalId> {
        let own = self.is_own(target);
        self.suspect.target.principal_id.clone().filter(|_| own)
    }

    fn principal(&self, kind: TargetKind, name: Option<&str>, id: Option<&str>) -> Option<Target> {
        let name = IamName::parse(name?).ok()?;
        Some(Target { principal_id: id.and_then(|id| PrincipalId::parse(id).ok()), ..self.target(kind, name.as_str()) })
    }

    fn regional(&self, kind: TargetKind, id: &str) -> Target {
        let target = self.target(kind, id);
        Target { region: self.record.region.clone().unwrap_or(target.region), ..target }
    }

    /// In the suspect's account: its trail was asked.
    fn target(&self, kind: TargetKind, id: &str) -> Target {
        Target::new(kind, id, self.suspect.target.place())
    }
}

fn quarantine(target: Target, mode: Mode, why: &'static str, created: bool) -> Follow {
    Follow::Contain { containment: Containment::QuarantineIam, mode, target, why, created }
}

fn by_hand(target: Target, advice: Cow<'static, str>, undo: Option<Containment>, channel: &Channel<'_>) -> Follow {
    let why = match undo {
        Some(_) => "taken away with the suspect's credentials",
        None => "opened with the suspect's credentials",
    };
    Follow::ByHand { target, advice, kind: channel.general, why, ends: channel.ends, undo }
}

/// True for the paths that AWS keeps for itself: nobody else can make a role there.
fn is_reserved(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| first == "aws-service-role" || first == "aws-reserved")
}

/// The ARN of a role, in the form IAM documents: `arn:<partition>:iam::<account>:role/<path><name>`.
pub(super) struct RoleArn {
    pub(super) account: AccountId,
    pub(super) name: IamName,
    /// Without the slashes at its ends.
    path: String,
    /// The whole of it.
    pub(super) text: String,
}

impl RoleArn {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "iam", "", account, role] = parts.as_slice() else { return None };
        let path = role.strip_prefix("role/")?;
        let (path, name) = path.rsplit_once('/').map_or(("", path), |(path, name)| (path, name));
        // A path is up to 512 printable characters (IAM API, `path`).
        let printable = path.len() <= 512 && path.bytes().all(|b| b.is_ascii_graphic());
        Partition::parse(partition).ok().filter(|_| printable)?;
        Some(Self {
            account: AccountId::parse(account).ok()?,
            name: IamName::parse(name).ok()?,
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }
}

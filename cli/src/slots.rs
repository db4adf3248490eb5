//! `firebreak slots`: which sessions of roles are denied, and until when each has its slot.

use crate::arguments::SlotsArguments;
use crate::{CommandError, Connection, paint, print_json};
use console::style;
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IamName, Partition, Region};
use firebreak::target::{Place, Scope, Target, TargetKind};
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_ledger::{Ledger, SESSION_SLOTS, SessionSlot};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Roles, and the spellings of their names, are looked for in so many incidents, the newest ones.
const INCIDENTS: i32 = 500;

/// Roles in every spelling, by account and name. IAM does not tell case apart; earlier versions of the ledger did.
type Roles = BTreeMap<(String, String), Vec<Target>>;

/// A role and its slots.
#[derive(Debug, Serialize)]
struct RoleSlots {
    account: AccountId,
    role: String,
    taken: Vec<SessionSlot>,
}

pub(crate) async fn run(arguments: &SlotsArguments) -> Result<(), CommandError> {
    let wrong = |option: &str, text: &str, error: &dyn std::fmt::Display| {
        CommandError::Input(format!("{option} {}: {error}", inert(text, 64)))
    };
    let account = arguments.account.as_deref();
    let account = account.map(|text| AccountId::parse(text).map_err(|error| wrong("--account", text, &error))).transpose()?;
    let name = arguments.role.as_deref();
    let name = name.map(|text| IamName::parse(text).map_err(|error| wrong("--role", text, &error))).transpose()?;
    let connection = Connection::open().await?;
    let incidents = connection.ledger.incidents(INCIDENTS).await?;
    let decisions = incidents.into_iter().flat_map(|record| record.incident.decisions);
    let mut roles = Roles::new();
    if let (Some(account), Some(name)) = (&account, &name) {
        add(&mut roles, role(&connection, account.clone(), name)?);
    }
    denied(&mut roles, decisions, account.as_ref(), name.as_ref());
    let all = try_join_all(roles.values().map(|spellings| known(&connection.ledger, spellings))).await?;
    let all: Vec<RoleSlots> = all.into_iter().flatten().collect();
    if arguments.json {
        return print_json(&all);
    }
    if all.is_empty() {
        println!("No session of a role was denied in the {INCIDENTS} newest incidents; ask for a role: --account and --role.");
    }
    for role in &all {
        print!("{}", shown(role, clock::now()));
    }
    Ok(())
}

fn role(connection: &Connection, account: AccountId, name: &IamName) -> Result<Target, CommandError> {
    let here = || CommandError::Bad("the Region or the partition of these credentials has an unknown form".to_owned());
    let region = Region::parse(connection.region()).map_err(|_| here())?;
    let partition = Partition::parse(connection.partition()).map_err(|_| here())?;
    Ok(Target::new(TargetKind::IamRole, name.to_string(), Place { account, region, partition }))
}

/// Adds the roles of which decisions deny a session.
fn denied(roles: &mut Roles, decisions: impl IntoIterator<Item = Decision>, account: Option<&AccountId>, name: Option<&IamName>) {
    for decision in decisions {
        let target = decision.target;
        let is_session = (target.kind, target.scope) == (TargetKind::IamRole, Scope::Session);
        let is_asked = account.is_none_or(|account| *account == target.account)
            && name.is_none_or(|name| name.as_str().eq_ignore_ascii_case(&target.id));
        if is_session && is_asked && decision.containment == Some(Containment::QuarantineIam) {
            // What the ledger says counts, whichever role of this name the incident was about.
            add(roles, Target { principal_id: None, ..target.whole() });
        }
    }
}

fn add(roles: &mut Roles, role: Target) {
    let spellings = roles.entry((role.account.to_string(), role.id.to_ascii_lowercase())).or_default();
    if !spellings.iter().any(|known| known.id == role.id) {
        spellings.push(role);
    }
}

/// What the ledger knows of a role, under whichever spelling.
async fn known(ledger: &Ledger, spellings: &[Target]) -> Result<Option<RoleSlots>, Fault> {
    let slots = try_join_all(spellings.iter().map(|role| ledger.session_slots(role))).await?;
    let taken = once(slots.into_iter().flatten());
    Ok(spellings.first().map(|role| RoleSlots { account: role.account.clone(), role: role.id.clone(), taken }))
}

/// Each session once: the row is the same for all spellings, the lists of earlier versions are not.
fn once(slots: impl IntoIterator<Item = SessionSlot>) -> Vec<SessionSlot> {
    let mut taken: Vec<SessionSlot> = Vec::new();
    for slot in slots {
        if !taken.iter().any(|known| known.slot == slot.slot && known.session == slot.session) {
            taken.push(slot);
        }
    }
    taken.sort_by_key(|slot| slot.slot);
    taken
}

fn shown(role: &RoleSlots, now: Timestamp) -> String {
    let mut out = format!("{} in {}\n", style(inert(&role.role, 64)).bold(), role.account);
    for number in 1..=SESSION_SLOTS {
        let taken: Vec<&SessionSlot> = role.taken.iter().filter(|slot| slot.slot == number).collect();
        if taken.is_empty() {
            let _ = writeln!(out, "  {number}  {}", style("free").dim());
        }
        for slot in taken {
            let incident = inert(slot.incident.as_deref().unwrap_or("incident not known"), 40);
            let since = slot.since.as_deref().map_or_else(|| "not known".to_owned(), time);
            let _ = writeln!(out, "  {number}  {}  {incident}  since {since}  {}", inert(&slot.session, 64), ends(slot, now));
        }
    }
    out
}

/// A denial has no end. Its slot has one: another session may then take it.
fn ends(slot: &SessionSlot, now: Timestamp) -> String {
    let Some(until) = slot.until.as_deref() else {
        let is_instance = firebreak::ids::InstanceId::parse(&slot.session).is_ok();
        let words = if is_instance { "taken while the instance lives, and 12 hours" } else { "taken until a release" };
        return style(words).yellow().to_string();
    };
    match until.parse::<Timestamp>() {
        Ok(end) if end < now => style(format!("ended {}: another session may take it", time(until))).green().to_string(),
        _ => style(format!("taken until {}", time(until))).yellow().to_string(),
    }
}

fn time(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| inert(text, 40), paint::time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(slot: usize, session: &str, until: Option<&str>) -> SessionSlot {
        let since = Some("2026-11-30T02:00:00.000000Z".to_owned());
        let incident = Some("fb-0011223344556677".to_owned());
        SessionSlot { slot, session: session.to_owned(), incident, since, until: until.map(str::to_owned) }
    }

    fn decision(role: &str) -> Decision {
        let target = serde_json::json!({ "kind": "iam-role", "id": role, "account": "111122223333", "region": "eu-central-1",
            "partition": "aws", "scope": "session", "session": "mallory" });
        let decision =
            serde_json::json!({ "target": target, "containment": "quarantine-iam", "mode": "auto", "reason": "a test" });
        serde_json::from_value(decision).expect("a decision")
    }

    #[test]
    fn whoever_asks_for_a_role_gets_its_sessions_under_every_spelling_that_incidents_name() {
        let name = IamName::parse("deploy").expect("a name");
        let mut roles = Roles::new();
        add(&mut roles, decision("deploy").target.whole());
        denied(&mut roles, ["Deploy", "other", "DEPLOY", "Deploy"].map(decision), None, Some(&name));
        let spellings: Vec<Vec<&str>> =
            roles.values().map(|role| role.iter().map(|target| target.id.as_str()).collect()).collect();
        assert_eq!(spellings, [["deploy", "Deploy", "DEPLOY"]]);
        let of_the_row = slot(2, "new", None);
        let listed = SessionSlot { incident: None, since: None, ..slot(1, "old", None) };
        let taken = once([of_the_row.clone(), of_the_row.clone(), listed.clone()]);
        assert_eq!(taken, [listed, of_the_row]);
    }

    #[test]
    fn a_person_sees_which_slots_are_free_and_when_the_others_become_so() {
        let account = AccountId::parse("111122223333").expect("an account");
        let taken = vec![
            slot(1, "i-0123456789abcdef0", None),
            slot(2, "mallory", Some("2026-11-30T14:15:00.000000Z")),
            slot(4, "ci\u{1b}[2J", Some("2026-11-29T14:15:00.000000Z")),
            slot(5, "deployer", None),
        ];
        let role = RoleSlots { account, role: "fleet".to_owned(), taken };
        let text = shown(&role, "2026-11-30T03:00:00Z".parse().expect("a time"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + SESSION_SLOTS, "{text}");
        for (at, words) in [
            (0, "fleet"),
            (0, "in 111122223333"),
            (1, "i-0123456789abcdef0  fb-0011223344556677  since 2026-11-30 02:00:00 UTC"),
            (1, "taken while the instance lives"),
            (2, "taken until 2026-11-30 14:15:00 UTC"),
            (3, "free"),
            (4, "ended 2026-11-29 14:15:00 UTC: another session may take it"),
            (5, "taken until a release"),
        ] {
            assert!(lines[at].contains(words), "{words}: {text}");
        }
        assert!(!text.contains("\u{1b}[2J"), "{text}");
    }
}

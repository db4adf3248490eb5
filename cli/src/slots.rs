//! `firebreak slots`: which sessions of roles are denied, and until when each has its slot.

use crate::arguments::SlotsArguments;
use crate::{CommandError, Connection, paint, print_json};
use console::style;
use firebreak::containment::Containment;
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

/// Without a role's name, roles are looked for in so many incidents, the newest ones.
const INCIDENTS: i32 = 500;

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
    let roles = match (account, name) {
        (Some(account), Some(name)) => vec![role(&connection, account, &name)?],
        (account, name) => denied(&connection.ledger, account.as_ref(), name.as_ref()).await?,
    };
    let known = try_join_all(roles.iter().map(|role| connection.ledger.session_slots(role))).await?;
    let all = roles.into_iter().zip(known);
    let all: Vec<RoleSlots> = all.map(|(role, taken)| RoleSlots { account: role.account, role: role.id, taken }).collect();
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

/// The roles of which the newest incidents deny a session, by account and name. IAM does not tell case apart.
async fn denied(ledger: &Ledger, account: Option<&AccountId>, name: Option<&IamName>) -> Result<Vec<Target>, CommandError> {
    let mut roles = BTreeMap::new();
    for record in ledger.incidents(INCIDENTS).await? {
        for decision in record.incident.decisions {
            let target = decision.target;
            let is_session = (target.kind, target.scope) == (TargetKind::IamRole, Scope::Session);
            let is_asked = account.is_none_or(|account| *account == target.account)
                && name.is_none_or(|name| name.as_str().eq_ignore_ascii_case(&target.id));
            if is_session && is_asked && decision.containment == Some(Containment::QuarantineIam) {
                let key = (target.account.to_string(), target.id.to_ascii_lowercase());
                // What the ledger says counts, whichever role of this name the incident was about.
                roles.entry(key).or_insert_with(|| Target { principal_id: None, ..target.whole() });
            }
        }
    }
    Ok(roles.into_values().collect())
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
        let words = if is_instance { "taken while the instance lives" } else { "taken until a release" };
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

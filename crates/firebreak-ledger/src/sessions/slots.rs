//! The rows about a role's sessions: what they say, and which slot a session can take.
//!
//! `s1` to `s5` are maps: the session's `name`, `role` (the role's immutable id), the `incident` that holds it, `at`, `until`, from
//! when on another session may have the slot, and `leaving`, until when a release has to take the tag away. The id is of each slot and
//! not of the row: a finding about a role that was deleted can come late, and must not wipe what is denied of the role that has the
//! name now. Versions before decision 0044 wrote a list `slots` of names, under the role's name as the finding spelled it. Whoever
//! wants, ends or frees a slot makes slots of what is listed: [`Adoption`], [`spelled_key`] and [`listed`] can go once no list is left.

use crate::{Item, sortable, string, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::ids::InstanceId;
use firebreak::target::Target;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// As many sessions of one role can be denied at once: the quarantine policy compares with that many tags.
pub const SESSION_SLOTS: usize = 5;
/// A place of the list that nobody has; no session can have this name.
pub(super) const FREE: &str = "-";
/// Every attribute that these rows have.
pub(super) const SHOWN: &str = "s1, s2, s3, s4, s5, slots";
/// A session lives 12 hours at most (IAM user guide, "Methods to assume a role"). The clocks of AWS and a function may differ.
const LIFE: SignedDuration = SignedDuration::from_mins(12 * 60 + 15);

/// A slot of a role, and the session that it denies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionSlot {
    /// Which tag of the role, from 1.
    pub slot: usize,
    /// The session's name.
    pub session: String,
    /// The incident, or the finding that joined one, which denied it last.
    pub incident: Option<String>,
    /// Since when, as the ledger writes times.
    pub since: Option<String>,
    /// From when on another session may have the slot. Nothing: AWS gave the session its name, and the slot lasts until 12 hours after
    /// the instance of this name is gone, or until a release.
    pub until: Option<String>,
}

/// Who wants a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) role: &'a Target,
    pub(super) session: &'a str,
    pub(super) incident: Option<&'a str>,
    pub(super) at: Timestamp,
}

impl Wish<'_> {
    /// What the slot says. It has an end unless the session `lasts`: AWS renews sessions under the names that it gives.
    fn entry(&self, lasts: bool) -> AttributeValue {
        let lasts = lasts || self.role.session_by_aws || is_instance(self.session);
        let until = (!lasts).then(|| ("until", text(end(self.at))));
        let incident = self.incident.map(|incident| ("incident", text(incident)));
        let role = self.role.principal_id.as_ref().map(|id| ("role", text(id.as_str())));
        let entry = [("name", text(self.session)), ("at", text(sortable(self.at)))].into_iter();
        let entry = entry.chain(role).chain(until).chain(incident);
        AttributeValue::M(entry.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// What the ledger knows about a role's sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// The row.
    pub(super) item: Item,
    /// What an earlier version wrote under another spelling of the role's name.
    pub(super) spelled: Item,
}

/// How good a slot is for a session; the first is the best. A session that has ended may come back under its name: it keeps its slot as
/// long as there is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit<'a> {
    Ours,
    Free,
    /// Its session is of a role that had the name and was deleted.
    Ghost,
    /// Since when its session cannot live any more.
    Ended(&'a str),
}

/// A slot to take, and what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Take {
    pub(super) slot: usize,
    is_ours: bool,
    /// The session was denied before, under a name that AWS gave it: which finding says so must not matter.
    lasts: bool,
    /// What the row says of the slot.
    was: Option<AttributeValue>,
    /// A slot that the session has and must leave.
    leaves: Option<usize>,
    /// The list of an earlier version.
    list: Option<AttributeValue>,
}

impl Rows {
    /// The best slot for a session; nothing when all are taken.
    pub(super) fn choose(&self, wish: &Wish<'_>) -> Option<Take> {
        let (item, now) = (&self.item, sortable(wish.at));
        let lists = [item, &self.spelled];
        let fit = |slot: usize| {
            let mut listed = lists.iter().filter_map(|row| list(row).nth(slot - 1)).filter(|name| *name != FREE);
            if listed.clone().any(|name| name != wish.session) {
                return None;
            }
            match Entry::of(item, slot) {
                Some(entry) if entry.name == wish.session => Some(Fit::Ours),
                Some(entry) if entry.is_ghost(wish.role) => Some(Fit::Ghost),
                // Its release would take away whatever tag has this number.
                Some(entry) if entry.is_leaving(&now) => None,
                Some(entry) => entry.until.filter(|until| *until < now.as_str()).map(Fit::Ended),
                None => Some(if listed.next().is_some() { Fit::Ours } else { Fit::Free }),
            }
        };
        let fits = (1..=SESSION_SLOTS).filter_map(|slot| fit(slot).map(|fit| (fit, slot)));
        let (fit, slot) = fits.min()?;
        let own = Entry::all(item).find(|(_, entry)| entry.name == wish.session);
        Some(Take {
            slot,
            is_ours: fit == Fit::Ours,
            lasts: own.as_ref().is_some_and(|(_, entry)| entry.until.is_none() && !entry.is_ghost(wish.role)),
            was: item.get(&format!("s{slot}")).cloned(),
            leaves: own.map(|(own, _)| own).filter(|own| *own != slot),
            list: item.get("slots").cloned(),
        })
    }

    /// Whether no earlier version gave the slot to another session under another spelling of the role's name.
    pub(super) fn may_have(&self, slot: usize, session: &str) -> bool {
        list(&self.spelled).nth(slot - 1).is_none_or(|name| name == FREE || name == session)
    }

    /// Whether the session has a slot, of whichever role.
    pub(super) fn names(&self, session: &str) -> bool {
        let listed = [&self.item, &self.spelled].into_iter().flat_map(list).any(|name| name == session);
        listed || Entry::all(&self.item).any(|(_, entry)| entry.name == session)
    }

    /// Whether another session has the slot.
    pub(super) fn is_anothers(&self, slot: usize, session: &str) -> bool {
        Entry::of(&self.item, slot).is_some_and(|entry| entry.name != session)
    }

    /// Whether an earlier version listed the session.
    pub(super) fn lists(&self, session: &str) -> bool {
        [&self.item, &self.spelled].into_iter().flat_map(list).any(|name| name == session)
    }

    /// The sessions of the role that nobody is releasing.
    pub(super) fn staying(&self, role: &Target, at: Timestamp) -> Vec<String> {
        let now = sortable(at);
        let leaving: Vec<&str> =
            Entry::all(&self.item).filter(|(_, entry)| entry.is_leaving(&now)).map(|(_, entry)| entry.name).collect();
        let slots = self.slots(role).into_iter().map(|slot| slot.session);
        slots.filter(|session| !leaving.contains(&session.as_str())).collect()
    }

    /// What an earlier version listed, as slots. Nothing: there is nothing to do.
    pub(super) fn adoption(&self, at: Timestamp) -> Option<Adoption> {
        let mut entries: Vec<(usize, AttributeValue)> = Vec::new();
        let mut names: Vec<&str> = Entry::all(&self.item).map(|(_, entry)| entry.name).collect();
        let mut lists: [Option<(AttributeValue, AttributeValue)>; 2] = [None, None];
        for (row, changed) in [&self.item, &self.spelled].into_iter().zip(&mut lists) {
            let mut left = Vec::new();
            for (place, name) in list(row).enumerate() {
                let slot = place + 1;
                let is_free = slot <= SESSION_SLOTS
                    && !self.item.contains_key(&format!("s{slot}"))
                    && entries.iter().all(|(taken, _)| *taken != slot);
                if name != FREE && !names.contains(&name) && is_free {
                    entries.push((slot, adopted(name, at)));
                    names.push(name);
                }
                left.push(text(if names.contains(&name) { FREE } else { name }));
            }
            let left = AttributeValue::L(left);
            *changed = row.get("slots").filter(|known| **known != left).map(|known| (known.clone(), left));
        }
        lists.iter().any(Option::is_some).then_some(Adoption { entries, lists })
    }

    /// The slots that a session of the role has in the row.
    pub(super) fn slots_of(&self, role: &Target, session: &str) -> impl Iterator<Item = usize> {
        let own = Entry::all(&self.item).filter(move |(_, entry)| entry.name == session && !entry.is_ghost(role));
        own.map(|(slot, _)| slot)
    }

    /// All slots that sessions of the role have, in order, each session once.
    pub(super) fn slots(&self, role: &Target) -> Vec<SessionSlot> {
        let own = Entry::all(&self.item).filter(|(_, entry)| !entry.is_ghost(role));
        let mut slots: Vec<SessionSlot> = own.map(|(slot, entry)| entry.shown(slot)).collect();
        let old = [&self.item, &self.spelled].into_iter().flat_map(|row| list(row).enumerate());
        for (at, name) in old.filter(|(_, name)| *name != FREE) {
            if !slots.iter().any(|known| known.session == name) {
                let (session, incident, since, until) = (name.to_owned(), None, None, None);
                slots.push(SessionSlot { slot: at + 1, session, incident, since, until });
            }
        }
        slots.sort_by_key(|slot| slot.slot);
        slots
    }
}

impl Take {
    /// Whether the session has the slot already.
    pub(super) fn is_ours(&self) -> bool {
        self.is_ours && self.leaves.is_none()
    }

    /// Whether no session of this name had a slot before.
    pub(super) fn is_fresh(&self) -> bool {
        !self.is_ours && self.leaves.is_none()
    }

    /// The write that takes it, if the row is as it was thought to be.
    pub(super) fn write(&self, write: UpdateItemFluentBuilder, wish: &Wish<'_>) -> UpdateItemFluentBuilder {
        let slot = self.slot;
        let mut change = format!("SET s{slot} = :entry");
        if let Some(left) = self.leaves {
            change.push_str(&format!(" REMOVE s{left}"));
        }
        let list = if self.list.is_some() { "slots = :slots" } else { "attribute_not_exists(slots)" };
        let had = if self.was.is_some() { format!("s{slot} = :was") } else { format!("attribute_not_exists(s{slot})") };
        let mut conditions = vec![list.to_owned(), had];
        conditions.extend(self.leaves.map(|left| format!("s{left}.#name = :name")));
        // A session has one slot: two runs of one containment can be under way.
        let others = (1..=SESSION_SLOTS).filter(|other| *other != slot && Some(*other) != self.leaves);
        conditions.extend(others.map(|other| format!("NOT (s{other}.#name = :name)")));
        let write = write
            .update_expression(change)
            .condition_expression(conditions.join(" AND "))
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(wish.session))
            .expression_attribute_values(":entry", wish.entry(self.lasts));
        let known = self.list.iter().map(|list| (":slots", list)).chain(self.was.iter().map(|was| (":was", was)));
        known.fold(write, |write, (name, value)| write.expression_attribute_values(name, value.clone()))
    }
}

/// Slots for what an earlier version listed.
#[derive(Debug)]
pub(super) struct Adoption {
    entries: Vec<(usize, AttributeValue)>,
    /// The list of the row and the one under the name's own spelling, where they change: as they are, and as they will be.
    lists: [Option<(AttributeValue, AttributeValue)>; 2],
}

impl Adoption {
    /// The writes that make it so, if the rows are as they were thought to be.
    pub(super) fn writes(&self, row: UpdateItemFluentBuilder, spelled: UpdateItemFluentBuilder) -> Vec<UpdateItemFluentBuilder> {
        let [own, other] = &self.lists;
        let mut changes: Vec<String> = self.entries.iter().map(|(slot, _)| format!("s{slot} = :s{slot}")).collect();
        let mut conditions: Vec<String> = self.entries.iter().map(|(slot, _)| format!("attribute_not_exists(s{slot})")).collect();
        let mut row = self
            .entries
            .iter()
            .fold(row, |row, (slot, entry)| row.expression_attribute_values(format!(":s{slot}"), entry.clone()));
        if let Some((known, left)) = own {
            changes.push("slots = :left".to_owned());
            conditions.push("slots = :known".to_owned());
            row = row.expression_attribute_values(":known", known.clone()).expression_attribute_values(":left", left.clone());
        }
        let row = row.update_expression(format!("SET {}", changes.join(", "))).condition_expression(conditions.join(" AND "));
        let spelled = other.as_ref().map(|(known, left)| {
            let write = spelled.update_expression("SET slots = :left").condition_expression("slots = :known");
            write.expression_attribute_values(":known", known.clone()).expression_attribute_values(":left", left.clone())
        });
        Some(row).filter(|_| !changes.is_empty()).into_iter().chain(spelled).collect()
    }
}

/// What the slot of a listed session says. Since when it is denied, and of which role, nobody wrote.
fn adopted(name: &str, at: Timestamp) -> AttributeValue {
    let until = (!is_instance(name)).then(|| ("until".to_owned(), text(end(at))));
    AttributeValue::M([("name".to_owned(), text(name))].into_iter().chain(until).collect())
}

/// When no session can live any more that began by then.
pub(super) fn end(at: Timestamp) -> String {
    sortable(at + LIFE)
}

fn is_instance(session: &str) -> bool {
    InstanceId::parse(session).is_ok()
}

/// The key of a role's row. IAM does not tell case apart.
pub(super) fn key(role: &Target) -> String {
    spelled(role, &role.id.to_ascii_lowercase())
}

/// The key under which versions before decision 0044 wrote it.
pub(super) fn spelled_key(role: &Target) -> String {
    spelled(role, &role.id)
}

fn spelled(role: &Target, name: &str) -> String {
    format!("target#{}/{}/{name}", role.account, role.kind.name())
}

/// The places of a session in the list of an earlier version, from 0.
pub(super) fn listed(row: &Item, session: &str) -> impl Iterator<Item = usize> {
    list(row).enumerate().filter(move |(_, name)| *name == session).map(|(at, _)| at)
}

fn list(row: &Item) -> impl Iterator<Item = &str> + Clone {
    let list = row.get("slots").and_then(|list| list.as_l().ok()).into_iter().flatten();
    list.filter_map(|name| name.as_s().ok().map(String::as_str))
}

/// What the row says of a slot that is taken.
struct Entry<'a> {
    name: &'a str,
    role: Option<&'a str>,
    incident: Option<&'a str>,
    at: Option<&'a str>,
    until: Option<&'a str>,
    leaving: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(row: &'a Item, slot: usize) -> Option<Self> {
        let entry = row.get(&format!("s{slot}"))?.as_m().ok()?;
        let word = |name: &str| string(entry, name);
        let (name, role) = (word("name")?, word("role"));
        let (at, until, leaving) = (word("at"), word("until"), word("leaving"));
        Some(Self { name, role, incident: word("incident"), at, until, leaving })
    }

    fn all(row: &'a Item) -> impl Iterator<Item = (usize, Self)> {
        (1..=SESSION_SLOTS).filter_map(|slot| Self::of(row, slot).map(|entry| (slot, entry)))
    }

    /// Whether the session is of another role, which had the name before or has it now. Ids are compared where both are known.
    fn is_ghost(&self, role: &Target) -> bool {
        let ids = self.role.zip(role.principal_id.as_ref());
        ids.is_some_and(|(known, id)| known != id.as_str())
    }

    /// Whether a release is taking the session's tag away.
    fn is_leaving(&self, now: &str) -> bool {
        self.leaving.is_some_and(|until| until >= now)
    }

    fn shown(&self, slot: usize) -> SessionSlot {
        let [incident, since, until] = [self.incident, self.at, self.until].map(|word| word.map(str::to_owned));
        SessionSlot { slot, session: self.name.to_owned(), incident, since, until }
    }
}

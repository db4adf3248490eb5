//! How many hosts of one group are isolated: hosts that serve together, such as those of an Auto Scaling group.
//!
//! Each group has one row with its isolated hosts. A host gets its place by one conditional write, so that two isolations never get the
//! same one. A host that has a place keeps it for free: a second run goes on.

use super::{Item, Ledger, lost, number, sortable, string, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// After that a host that its group does not know any more gives its place up.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long a row outlives the last place that was given, in seconds: 90 days.
const KEPT_SECONDS: i64 = 90 * 24 * 3600;
/// Another write makes a try fail only when it begins the row, takes the last place or drops the same hosts.
const TRIES: usize = 5;
/// One write drops no more hosts than that: expressions are bounded.
const DROPPED_AT_ONCE: usize = 20;
/// A place keeps no more names of its host than that: a row is bounded, and whoever has the host can register many addresses.
const NAMES: usize = 20;

/// The group of a host.
#[derive(Debug, Clone, Copy)]
pub struct Fleet<'a> {
    /// The host.
    pub host: &'a Target,
    /// The group's name. It is unique in the host's account and Region.
    pub group: &'a str,
}

/// What is known of the hosts of a group now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Every member, in whatever state. The host that asks is here by its id, others by the name that the group has for them.
    pub members: BTreeSet<String>,
    /// Those that serve, named alike.
    pub healthy: BTreeSet<String>,
    /// The names that the group has for the host that asks, besides its id: its addresses in a target group.
    pub own: BTreeSet<String>,
}

/// What came of asking for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Whether the host has one.
    pub granted: bool,
    /// How many other hosts have one.
    pub isolated: usize,
    /// How many hosts there are: those that serve, and those that have a place.
    pub hosts: usize,
    /// How many places there are.
    pub allowed: usize,
}

impl Share {
    /// Whether other hosts have every place.
    #[must_use]
    pub const fn is_used_up(self) -> bool {
        self.isolated >= self.allowed
    }
}

/// The place of a host.
#[derive(Debug, Default)]
struct Place {
    /// Since when.
    since: Option<String>,
    /// The names that the group has for the host besides its id. Earlier versions wrote none.
    names: BTreeSet<String>,
}

/// Hosts with a place, by their ids.
type Places = BTreeMap<String, Place>;

/// A host that gives its place up, and the time since which it has the place.
type Gone<'a> = (&'a str, &'a str);

impl Ledger {
    /// Gives a host a place, if fewer than `percent` of the hosts of its group have one. A group has at least one place.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others changed the row at every try.
    pub async fn reserve_share(
        &self,
        fleet: Fleet<'_>,
        incident: &IncidentId,
        now: &Hosts,
        percent: u8,
        at: Timestamp,
    ) -> Result<Share, Fault> {
        for _ in 0..TRIES {
            let places = self.places(fleet).await?;
            let (mut share, gone) = standing(fleet, places.as_ref(), now, percent, at);
            if share.granted || share.is_used_up() {
                return Ok(share);
            }
            let entry = entry(incident, &now.own, at);
            share.granted = match &places {
                Some(_) => self.take_place(fleet, entry, at, Some((share, gone.as_slice()))).await?,
                None => self.begin_fleet(fleet, entry, at, Some(share.hosts)).await?,
            };
            if share.granted {
                return Ok(share);
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
    }

    /// How the group stands for the host, as [`reserve_share`](Self::reserve_share) would find it. Nothing is written.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn share_of(&self, fleet: Fleet<'_>, now: &Hosts, percent: u8, at: Timestamp) -> Result<Share, Fault> {
        let places = self.places(fleet).await?;
        Ok(standing(fleet, places.as_ref(), now, percent, at).0)
    }

    /// As [`reserve_share`](Self::reserve_share) where the hosts cannot be read now: by how many there were when they were read last.
    /// Other hosts' old places do not count: nobody can say that those hosts exist. Nothing: the hosts never were read.
    ///
    /// # Errors
    /// As `reserve_share`.
    pub async fn reserve_share_as_seen(
        &self,
        fleet: Fleet<'_>,
        incident: &IncidentId,
        percent: u8,
        at: Timestamp,
    ) -> Result<Option<Share>, Fault> {
        for _ in 0..TRIES {
            let row = self.get(key(fleet), ROW).send().await.or_fault("ledger: read the isolated hosts of a group")?.item;
            let seen = row.as_ref().and_then(|row| row.get(SEEN)?.as_n().ok()?.parse::<usize>().ok());
            let Some((seen, places)) = seen.zip(row.as_ref().and_then(places_of)) else { return Ok(None) };
            let isolated = recent(fleet, &places, at);
            let mut share = counted(fleet, &isolated, seen.max(isolated.len()), percent);
            if share.granted || share.is_used_up() {
                return Ok(Some(share));
            }
            let none: &[Gone<'_>] = &[];
            // Old places stay in the row, whose size the write goes by.
            let with_old = Share { allowed: share.allowed + places.len() - isolated.len(), ..share };
            let entry = entry(incident, &BTreeSet::new(), at);
            share.granted = self.take_place(fleet, entry, at, Some((with_old, none))).await?;
            if share.granted {
                return Ok(Some(share));
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
    }

    /// Whether the hosts of the group could not be read for this host for the first time within a day: one more try may read them.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn is_first_unread(&self, fleet: Fleet<'_>, at: Timestamp) -> Result<bool, Fault> {
        let written = self
            .update(text(key(fleet)), text(ROW))
            .expression_attribute_names("#unread", format!("unread-{}", fleet.host.id))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":oldest", text(sortable(at - LASTS)))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .update_expression("SET #unread = :at, expires_at = :expires")
            .condition_expression("attribute_not_exists(#unread) OR #unread < :oldest")
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: note that a group could not be read").map(|_| true)
    }

    /// Gives a host a place, however many have one: a person has approved it, or it is isolated already. `own`: the names that the group
    /// has for the host besides its id.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` when others changed the row at every try.
    pub async fn take_share(
        &self,
        fleet: Fleet<'_>,
        incident: &IncidentId,
        own: &BTreeSet<String>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let entry = entry(incident, own, at);
        for _ in 0..TRIES {
            let is_taken = self.take_place(fleet, entry.clone(), at, None).await?;
            if is_taken || self.begin_fleet(fleet, entry.clone(), at, None).await? {
                return Ok(());
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
    }

    /// Gives the place of a host back, if it has one, whichever incident took it.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn give_share_back(&self, fleet: Fleet<'_>) -> Result<(), Fault> {
        give_back(self.update_fleet(fleet).condition_expression("attribute_exists(hosts.#me)")).await
    }

    /// As [`give_share_back`](Self::give_share_back), if this incident took the place: another one may isolate the host at the same time.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn give_own_share_back(&self, fleet: Fleet<'_>, incident: &IncidentId) -> Result<(), Fault> {
        let write = self.update_fleet(fleet).condition_expression("hosts.#me.incident = :incident");
        give_back(write.expression_attribute_values(":incident", text(incident.as_str()))).await
    }

    /// The hosts that have a place. Nothing: no host of the group ever had one.
    async fn places(&self, fleet: Fleet<'_>) -> Result<Option<Places>, Fault> {
        let answer = self.get(key(fleet), ROW).send().await.or_fault("ledger: read the isolated hosts of a group")?;
        Ok(answer.item.as_ref().and_then(places_of))
    }

    /// Writes the host's place into a row that has places. False: it has none, or others were first. `within`: how the group stands, and
    /// the hosts that give their places up.
    async fn take_place(
        &self,
        fleet: Fleet<'_>,
        entry: AttributeValue,
        at: Timestamp,
        within: Option<(Share, &[Gone<'_>])>,
    ) -> Result<bool, Fault> {
        let mut write = self.update_fleet(fleet);
        let mut change = "SET hosts.#me = :entry, expires_at = :expires".to_owned();
        let mut condition = "attribute_exists(hosts)".to_owned();
        if let Some((share, gone)) = within {
            change.push_str(", seen = :seen");
            condition.push_str(" AND (attribute_exists(hosts.#me) OR size(hosts) < :limit)");
            // They are still counted: the condition sees the row as it was.
            write = write.expression_attribute_values(":limit", number(share.allowed + gone.len()));
            write = write.expression_attribute_values(":seen", number(share.hosts));
            for (nth, (host, since)) in gone.iter().enumerate() {
                change.push_str(&format!("{} hosts.#gone{nth}", if nth == 0 { " REMOVE" } else { "," }));
                condition.push_str(&format!(" AND hosts.#gone{nth}.#at = :gone{nth}"));
                write = write
                    .expression_attribute_names(format!("#gone{nth}"), *host)
                    .expression_attribute_values(format!(":gone{nth}"), text(*since));
            }
            if !gone.is_empty() {
                write = write.expression_attribute_names("#at", "at");
            }
        }
        let write = write.update_expression(change).condition_expression(condition);
        self.write_place(write, entry, at).await
    }

    /// Writes the first place of a group. False: it has places.
    async fn begin_fleet(
        &self,
        fleet: Fleet<'_>,
        entry: AttributeValue,
        at: Timestamp,
        seen: Option<usize>,
    ) -> Result<bool, Fault> {
        let first = AttributeValue::M([(fleet.host.id.clone(), entry)].into());
        let write = self.update(text(key(fleet)), text(ROW)).condition_expression("attribute_not_exists(hosts)");
        let write = match seen {
            Some(hosts) => write
                .update_expression("SET hosts = :entry, expires_at = :expires, seen = :seen")
                .expression_attribute_values(":seen", number(hosts)),
            None => write.update_expression("SET hosts = :entry, expires_at = :expires"),
        };
        self.write_place(write, first, at).await
    }

    async fn write_place(&self, write: UpdateItemFluentBuilder, entry: AttributeValue, at: Timestamp) -> Result<bool, Fault> {
        let written = write
            .expression_attribute_values(":entry", entry)
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: take a place of a group")?;
        Ok(true)
    }

    fn update_fleet(&self, fleet: Fleet<'_>) -> UpdateItemFluentBuilder {
        self.update(text(key(fleet)), text(ROW)).expression_attribute_names("#me", &fleet.host.id)
    }
}

const ROW: &str = "hosts";
/// How many hosts there were when a place was given last.
const SEEN: &str = "seen";

fn key(fleet: Fleet<'_>) -> String {
    format!("fleet#{}#{}#{}", fleet.host.account, fleet.host.region, fleet.group)
}

async fn give_back(write: UpdateItemFluentBuilder) -> Result<(), Fault> {
    let given = write.update_expression("REMOVE hosts.#me").send().await;
    if !lost(&given) {
        given.or_fault("ledger: give a place of a group back")?;
    }
    Ok(())
}

fn entry(incident: &IncidentId, names: &BTreeSet<String>, at: Timestamp) -> AttributeValue {
    let fields = [("incident", text(incident.as_str())), ("at", text(sortable(at)))];
    // DynamoDB takes no empty set (developer guide, "Supported data types and naming rules").
    let names: Vec<String> = names.iter().take(NAMES).cloned().collect();
    let names = (!names.is_empty()).then(|| ("names", AttributeValue::Ss(names)));
    AttributeValue::M(fields.into_iter().chain(names).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn places_of(row: &Item) -> Option<Places> {
    let hosts = row.get("hosts")?.as_m().ok()?;
    Some(hosts.iter().map(|(host, entry)| (host.clone(), place_of(entry))).collect())
}

fn place_of(entry: &AttributeValue) -> Place {
    let Ok(fields) = entry.as_m() else { return Place::default() };
    let names = fields.get("names").and_then(|names| names.as_ss().ok());
    let names = names.into_iter().flatten().cloned().collect();
    Place { since: string(fields, "at").map(str::to_owned), names }
}

/// The hosts whose places count where nobody can read which hosts the group has: the host itself, and those whose places are not old.
fn recent<'a>(fleet: Fleet<'_>, places: &'a Places, at: Timestamp) -> BTreeSet<&'a str> {
    let oldest = sortable(at - LASTS);
    let own = fleet.host.id.as_str();
    let all = places.iter().map(|(host, place)| (host.as_str(), place.since.as_deref()));
    let counting = all.filter(|(host, since)| *host == own || since.is_none_or(|since| since >= oldest.as_str()));
    counting.map(|(host, _)| host).collect()
}

/// The hosts that give their place up. A host whose target is still registered under an address is a member.
fn gone<'a>(fleet: Fleet<'_>, places: &'a Places, now: &Hosts, at: Timestamp) -> Vec<Gone<'a>> {
    let oldest = sortable(at - LASTS);
    let is_member =
        |host: &String, place: &Place| now.members.contains(host) || place.names.iter().any(|name| now.members.contains(name));
    let others = places.iter().filter(|&(host, place)| *host != fleet.host.id && !is_member(host, place));
    let old = others.filter_map(|(host, place)| Some((host.as_str(), place.since.as_deref()?)));
    old.filter(|(_, since)| *since < oldest.as_str()).take(DROPPED_AT_ONCE).collect()
}

/// How the group stands before the host gets a place, and the hosts that give theirs up.
fn standing<'a>(fleet: Fleet<'_>, places: Option<&'a Places>, now: &Hosts, percent: u8, at: Timestamp) -> (Share, Vec<Gone<'a>>) {
    let gone = places.map(|places| gone(fleet, places, now, at)).unwrap_or_default();
    let kept: Vec<(&str, &Place)> = places
        .into_iter()
        .flatten()
        .map(|(host, place)| (host.as_str(), place))
        .filter(|(known, _)| !gone.iter().any(|(host, _)| host == known))
        .collect();
    let isolated: BTreeSet<&str> = kept.iter().map(|(host, _)| *host).collect();
    // Until its target has left the group, an isolated host is there under its address, too.
    let names: BTreeSet<&str> = kept.iter().flat_map(|(_, place)| &place.names).map(String::as_str).collect();
    let serving = now.healthy.iter().map(String::as_str).filter(|name| !names.contains(name));
    let hosts = serving.chain(isolated.iter().copied()).collect::<BTreeSet<_>>().len();
    (counted(fleet, &isolated, hosts, percent), gone)
}

fn counted(fleet: Fleet<'_>, isolated: &BTreeSet<&str>, hosts: usize, percent: u8) -> Share {
    let granted = isolated.contains(fleet.host.id.as_str());
    Share {
        granted,
        isolated: isolated.len() - usize::from(granted),
        hosts,
        allowed: (hosts * usize::from(percent) / 100).max(1),
    }
}

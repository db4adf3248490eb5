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
    /// Every member, in whatever state.
    pub members: BTreeSet<String>,
    /// Those that serve.
    pub healthy: BTreeSet<String>,
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

/// A host with a place: since when.
type Places = BTreeMap<String, Option<String>>;

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
            let known = places.as_ref();
            let gone: Vec<(&str, &str)> = known.map(|places| gone(fleet, places, now, at)).unwrap_or_default();
            let mut share = share(fleet, known, &gone, now, percent);
            if share.granted || share.isolated >= share.allowed {
                return Ok(share);
            }
            share.granted = match known {
                Some(_) => self.take_place(fleet, entry(incident, at), at, Some((share, gone.as_slice()))).await?,
                None => self.begin_fleet(fleet, entry(incident, at), at, Some(share.hosts)).await?,
            };
            if share.granted {
                return Ok(share);
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
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
            if share.granted || share.isolated >= share.allowed {
                return Ok(Some(share));
            }
            let none: &[(&str, &str)] = &[];
            // Old places stay in the row, whose size the write goes by.
            let with_old = Share { allowed: share.allowed + places.len() - isolated.len(), ..share };
            share.granted = self.take_place(fleet, entry(incident, at), at, Some((with_old, none))).await?;
            if share.granted {
                return Ok(Some(share));
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
    }

    /// Whether this is the first time that the hosts of the group could not be read for this host: one more try may read them.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn is_first_unread(&self, fleet: Fleet<'_>, at: Timestamp) -> Result<bool, Fault> {
        let written = self
            .update(text(key(fleet)), text(ROW))
            .expression_attribute_names("#unread", format!("unread-{}", fleet.host.id))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .update_expression("SET #unread = :at, expires_at = :expires")
            .condition_expression("attribute_not_exists(#unread)")
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: note that a group could not be read").map(|_| true)
    }

    /// Gives a host a place, however many have one: a person has approved it, or it is isolated already.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` when others changed the row at every try.
    pub async fn take_share(&self, fleet: Fleet<'_>, incident: &IncidentId, at: Timestamp) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let is_taken = self.take_place(fleet, entry(incident, at), at, None).await?;
            if is_taken || self.begin_fleet(fleet, entry(incident, at), at, None).await? {
                return Ok(());
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others isolate hosts of this group at the same time"))
    }

    /// Gives the place of a host back, if it has one.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn give_share_back(&self, fleet: Fleet<'_>) -> Result<(), Fault> {
        let given = self
            .update_fleet(fleet)
            .update_expression("REMOVE hosts.#me")
            .condition_expression("attribute_exists(hosts.#me)")
            .send()
            .await;
        if !lost(&given) {
            given.or_fault("ledger: give a place of a group back")?;
        }
        Ok(())
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
        within: Option<(Share, &[(&str, &str)])>,
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

fn entry(incident: &IncidentId, at: Timestamp) -> AttributeValue {
    let fields = [("incident", text(incident.as_str())), ("at", text(sortable(at)))];
    AttributeValue::M(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn places_of(row: &Item) -> Option<Places> {
    let hosts = row.get("hosts")?.as_m().ok()?;
    let since = |entry: &AttributeValue| Some(string(entry.as_m().ok()?, "at")?.to_owned());
    Some(hosts.iter().map(|(host, entry)| (host.clone(), since(entry))).collect())
}

/// The hosts whose places count where nobody can read which hosts the group has: the host itself, and those whose places are not old.
fn recent<'a>(fleet: Fleet<'_>, places: &'a Places, at: Timestamp) -> BTreeSet<&'a str> {
    let oldest = sortable(at - LASTS);
    let own = fleet.host.id.as_str();
    let all = places.iter().map(|(host, since)| (host.as_str(), since.as_deref()));
    let counting = all.filter(|(host, since)| *host == own || since.is_none_or(|since| since >= oldest.as_str()));
    counting.map(|(host, _)| host).collect()
}

/// The hosts that give their place up, each with the time since which it has the place.
fn gone<'a>(fleet: Fleet<'_>, places: &'a Places, now: &Hosts, at: Timestamp) -> Vec<(&'a str, &'a str)> {
    let oldest = sortable(at - LASTS);
    let others = places.iter().filter(|(host, _)| **host != fleet.host.id && !now.members.contains(*host));
    let old = others.filter_map(|(host, since)| Some((host.as_str(), since.as_deref()?)));
    old.filter(|(_, since)| *since < oldest.as_str()).take(DROPPED_AT_ONCE).collect()
}

/// How the group stands before the host gets a place.
fn share(fleet: Fleet<'_>, places: Option<&Places>, gone: &[(&str, &str)], now: &Hosts, percent: u8) -> Share {
    let isolated = places.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
    let isolated: BTreeSet<&str> = isolated.filter(|known| !gone.iter().any(|(host, _)| host == known)).collect();
    let hosts = now.healthy.iter().map(String::as_str).chain(isolated.iter().copied()).collect::<BTreeSet<_>>().len();
    counted(fleet, &isolated, hosts, percent)
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

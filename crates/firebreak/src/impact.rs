//! What a containment would stop beside the suspect: whoever approves it must know.
//!
//! Of a role or user nothing is free text: services, instances and numbers only, each checked, because whoever may write a role's
//! trust policy may be the attacker. Of an instance the lines are `isolate-ec2`'s, of a bucket `lockdown-s3`'s, and the names in them are
//! inert. Of a key they are written here, and name nobody.

use crate::ids::{AccessKeyId, InstanceId};
use crate::target::Target;
use crate::text::inert;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What counts as use of today.
pub const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// Services, and workloads, that are named: an incident stays small.
const MAX_NAMED: usize = 5;
/// Characters of a name.
const MAX_NAME: usize = 40;
/// Lines about an instance.
const MAX_HITS: usize = 8;
/// Characters of such a line.
const MAX_HIT: usize = 160;
/// Lines about a bucket: a freeze has most to say.
const MAX_HITS_OF_BUCKET: usize = 10;
/// Characters of such a line: three ARNs with their reasons fit. Whoever approves does not see a name that is cut off here.
const MAX_HIT_OF_BUCKET: usize = 450;

/// Who and what else works with a principal, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    /// Sessions of the role that a look saw begin in the last day; there can be more. Absent when no look read about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// Services that may assume the role, and instances that did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<String>,
    /// Services that the principal called in the last day, the last one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// How many more services it called than are named.
    #[serde(skip_serializing_if = "crate::decision::is_zero")]
    pub more_services: u32,
    /// When it was used last, if IAM knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
    /// Of an instance: what its isolation hits, one line each. Of a bucket: who loses access. Of a key: who may
    /// use it again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<String>,
}

/// One session of a role, as CloudTrail recorded its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The session.
    pub session: Target,
    /// When it began, if the record says so.
    pub at: Option<Timestamp>,
}

impl Impact {
    /// What is known of these services, of which IAM calls each by its namespace (`s3`), and of who may assume the role.
    #[must_use]
    pub fn of<'a>(services: impl IntoIterator<Item = &'a str>, trusted: impl IntoIterator<Item = &'a str>) -> Self {
        let mut services: Vec<String> = services.into_iter().filter(|name| is_namespace(name)).map(str::to_owned).collect();
        let more_services = u32::try_from(services.len().saturating_sub(MAX_NAMED)).unwrap_or(u32::MAX);
        services.truncate(MAX_NAMED);
        let trusted: BTreeSet<&str> = trusted.into_iter().filter(|name| is_service(name)).collect();
        let workloads = trusted.into_iter().take(MAX_NAMED).map(str::to_owned).collect();
        Self { workloads, services, more_services, ..Self::default() }
    }

    /// What the isolation of an instance hits.
    #[must_use]
    pub fn of_instance(hits: &[String]) -> Self {
        Self { hits: bounded(hits, MAX_HITS, MAX_HIT), ..Self::default() }
    }

    /// Who loses access to a bucket at a level, and what else the level does. The names in a line are longer than those of an instance.
    #[must_use]
    pub fn of_bucket(hits: &[String]) -> Self {
        Self { hits: bounded(hits, MAX_HITS_OF_BUCKET, MAX_HIT_OF_BUCKET), ..Self::default() }
    }

    /// What it means to enable a key of KMS which the record of the call has deleted on the day `ends`. Who may use a key stands in its
    /// policy and its grants, which nobody reads for this.
    #[must_use]
    pub fn of_key(ends: Option<Date>) -> Self {
        let lost = match ends {
            Some(day) => format!("KMS deletes the key on {day}, and nothing opens then what it encrypted"),
            None => "no day is known on which KMS deletes the key".to_owned(),
        };
        let hits = [
            lost.as_str(),
            "a cancelled deletion leaves the key disabled until EnableKey, so both are called",
            "whom its policy, its grants and IAM let use it may use it again: a suspect who is not contained, too",
        ];
        Self { hits: bounded(&hits.map(str::to_owned), MAX_HITS, MAX_HIT), ..Self::default() }
    }

    /// The same, with the sessions of `role` that began since a day before `now`. Without any it stays unknown how many there are: no
    /// look may have asked.
    #[must_use]
    pub fn seen(mut self, role: &Target, uses: &[Use], now: Timestamp) -> Self {
        let is_recent = |used: &&Use| used.at.is_some_and(|at| now.duration_since(at) <= RECENT);
        let of_role: Vec<&Use> = uses.iter().filter(|used| used.session.is_of(role)).filter(is_recent).collect();
        // One record is read in several Regions and under several questions.
        let key = |used: &Use| used.session.access_key_id.as_ref().map(AccessKeyId::as_str).map(str::to_owned);
        let begun: BTreeSet<_> = of_role.iter().map(|used| (used.session.session.clone(), key(used), used.at)).collect();
        self.sessions = (!begun.is_empty()).then(|| u32::try_from(begun.len()).unwrap_or(u32::MAX));
        let instances = of_role.iter().filter_map(|used| InstanceId::parse(used.session.session.as_deref()?).ok());
        let instances: BTreeSet<String> = instances.map(|id| id.to_string()).collect();
        self.workloads.extend(instances);
        self.workloads.truncate(MAX_NAMED);
        self
    }

    /// One sentence for people, without a full stop.
    #[must_use]
    pub fn says(&self) -> String {
        if !self.hits.is_empty() {
            return self.hits.join("; ");
        }
        let named = self.services.join(", ");
        let called = match (self.services.len(), self.more_services) {
            (0, _) => "it called no service in the last day".to_owned(),
            (1, 0) => format!("it called 1 service in the last day: {named}"),
            (count, 0) => format!("it called {count} services in the last day: {named}"),
            (_, more) => format!("it called more services in the last day than are named here: {named} and {more} others"),
        };
        let last = self.last_used.filter(|_| self.services.is_empty());
        let last = last.map(|at| format!("last used {}", at.strftime("%Y-%m-%d")));
        let workloads = (!self.workloads.is_empty()).then(|| format!("works for {}", self.workloads.join(", ")));
        let sessions = self.sessions.map(|count| match count {
            1 => "1 session seen in the last day".to_owned(),
            count => format!("{count} sessions seen in the last day"),
        });
        [Some(called), last, workloads, sessions].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// At most so many inert lines of at most so many characters.
fn bounded(hits: &[String], lines: usize, characters: usize) -> Vec<String> {
    hits.iter().take(lines).map(|line| inert(line, characters)).collect()
}

/// `s3`, `ec2`, `lambda`: a namespace of IAM's.
fn is_namespace(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// `ec2.amazonaws.com`: a service as a principal.
fn is_service(name: &str) -> bool {
    let front = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"));
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    name.len() <= MAX_NAME && front.is_some_and(|front| !front.is_empty() && front.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Partition, Region};
    use crate::target::{Place, Scope, TargetKind};

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn role(id: &str) -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target::new(TargetKind::IamRole, id, place)
    }

    fn session(of: &str, name: &str, hours: i64) -> Use {
        let session = Target { scope: Scope::Session, session: Some(name.to_owned()), ..role(of) };
        Use { session, at: NOW.checked_sub(SignedDuration::from_hours(hours)).ok() }
    }

    #[test]
    fn it_says_who_else_works_with_a_role() {
        let impact = Impact::of(["s3", "ec2"], ["ec2.amazonaws.com"]);
        assert_eq!(impact.says(), "it called 2 services in the last day: s3, ec2; works for ec2.amazonaws.com");
        let uses = [
            session("deploy", "i-0123456789abcdef0", 1),
            session("deploy", "i-0123456789abcdef0", 1),
            session("deploy", "ci", 2),
            session("deploy", "old", 30),
            session("other", "ci", 1),
        ];
        let seen = impact.seen(&role("deploy"), &uses, NOW);
        assert_eq!(seen.sessions, Some(2), "each once, of this role and this day");
        assert!(seen.says().ends_with("works for ec2.amazonaws.com, i-0123456789abcdef0; 2 sessions seen in the last day"));
        assert_eq!(Impact::default().says(), "it called no service in the last day");
    }

    #[test]
    fn what_an_attacker_wrote_is_no_part_of_it_and_it_stays_small() {
        let services: Vec<String> = (0..400).map(|at| format!("service-{at}")).collect();
        let long = "x".repeat(500);
        let hostile = ["ok.amazonaws.com", "fine; release it.amazonaws.com", "evil.example", long.as_str(), ".amazonaws.com"];
        let impact = Impact::of(services.iter().map(String::as_str).chain(["a b", "\u{1b}[2J"]), hostile);
        assert_eq!((impact.services.len(), impact.more_services), (5, 395));
        assert_eq!(impact.workloads, ["ok.amazonaws.com"]);
        assert!(impact.says().contains("and 395 others") && serde_json::to_string(&impact).expect("JSON").len() < 400);
    }

    #[test]
    fn what_an_isolation_hits_is_bounded_and_inert() {
        let lines = vec!["serves \u{1b}[2J".to_owned() + &"x".repeat(500); 20];
        let impact = Impact::of_instance(&lines);
        assert!(impact.hits.len() == MAX_HITS && !impact.says().contains('\u{1b}'), "{impact:?}");
        assert!(serde_json::to_string(&impact).expect("JSON").len() < 1500);
    }

    #[test]
    fn who_loses_a_bucket_is_named_in_full_and_what_was_read_stays_bounded() {
        let arn = |at: usize| format!("arn:aws:iam::555566667777:role/{at}{}", "x".repeat(48));
        let losers: Vec<String> = (1..=3).map(|at| format!("{} (may not delete or change settings any more)", arn(at))).collect();
        let says = Impact::of_bucket(&[format!("loses access: {}", losers.join(", ")), "what it does".to_owned()]).says();
        assert!((1..=3).all(|at| arn(at).len() == 80 && says.contains(&arn(at))), "{says}");
        assert!(says.ends_with("; what it does"), "{says}");
        let hostile = Impact::of_bucket(&vec!["names \u{1b}[2J".to_owned() + &"x".repeat(5_000); 500]);
        assert!(hostile.hits.len() == MAX_HITS_OF_BUCKET && !hostile.says().contains('\u{1b}'), "{hostile:?}");
        assert!(serde_json::to_string(&hostile).expect("JSON").len() < 4_800);
    }

    #[test]
    fn who_approves_a_key_reads_the_day_of_its_deletion_and_that_two_calls_give_it_back() {
        let day = Date::constant(2026, 11, 27);
        let says = Impact::of_key(Some(day)).says();
        assert!(says.starts_with("KMS deletes the key on 2026-11-27") && says.contains("until EnableKey"), "{says}");
        assert!(!says.contains('\u{2026}'), "nothing is cut off: {says}");
        assert!(Impact::of_key(None).says().starts_with("no day is known"));
    }

    #[test]
    fn an_impact_of_an_earlier_version_is_read() {
        let impact: Impact = serde_json::from_str("{\"services\":[\"s3\"]}").expect("JSON");
        assert_eq!(impact.services, ["s3"]);
    }
}

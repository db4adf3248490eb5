//! Asks CloudTrail what a search wants to know, in all accounts and Regions side by side.

use crate::cloudtrail::{NoPage, Page, Trails};
use crate::looked::is_followed;
use crate::suspects::{Suspects, homes};
use crate::turns::Turns;
use crate::{Function, Stage};
use firebreak::fault::FaultKind;
use firebreak::incident::Incident;
use firebreak::trail::{Found, Looked, Lookup, Search, Start, TrailPlace, Way, Window};
use firebreak_aws::clock;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

const OUT_OF_TIME: &str = "the time for this look ran out (40 seconds)";

/// How a look asks.
struct Manner {
    way: Way,
    /// The function has 60 seconds: what it found must still be decided and written. A person waits for the first look.
    patience: Duration,
    /// What it has no time for is left to the next look.
    goes_on: bool,
    /// People wait for it.
    is_first: bool,
}

impl Manner {
    const fn of(stage: Option<Stage>) -> Self {
        let whole = Duration::from_secs(40);
        match stage {
            None => Self { way: Way::Suspects, patience: whole, goes_on: false, is_first: false },
            Some(Stage::First) => Self { way: Way::FirstPages, patience: Duration::from_secs(8), goes_on: true, is_first: true },
            Some(Stage::Watch) => Self { way: Way::Everything, patience: whole, goes_on: true, is_first: false },
            // The incident is closed after it: there may be no next look.
            Some(Stage::Approved) => Self { way: Way::Everything, patience: whole, goes_on: false, is_first: false },
        }
    }
}

impl Function {
    /// Reads trails until everything is read, the pages or the time run out.
    pub(crate) async fn search(
        &self,
        incident: &Incident,
        who: &Suspects,
        (from, looked): (Timestamp, Looked),
        stage: Option<Stage>,
    ) -> Found {
        let Manner { way, patience, goes_on, is_first } = Manner::of(stage);
        let until = Instant::now() + patience;
        let window = Window { from, until: clock::now() };
        let start = Start {
            contained: who.contained.iter().collect(),
            waiting: who.waiting.iter().collect(),
            named: who.named.iter().collect(),
            homes: homes(incident),
            // Each Region that reports the principal is asked, also that of a copy.
            regions: incident.findings.iter().filter_map(|finding| finding.region.clone()).collect(),
            way,
            window: is_followed(incident, stage).then_some(window),
            looked,
        };
        let mut search = Search::begin(start, &self.policy);
        let trails = Trails {
            aws: &self.aws,
            incident: &incident.id,
            window,
            turns: Turns::new(&self.ledger, self.pace, until, is_first),
            accounts: futures::lock::Mutex::default(),
        };
        let mut under_way = FuturesUnordered::new();
        // One question at a time in each place.
        let mut busy: BTreeMap<TrailPlace, Lookup> = BTreeMap::new();
        loop {
            while let Some(lookup) = search.next_page_where(|lookup| !busy.contains_key(&lookup.place())) {
                let place = lookup.place();
                let waiting = search.waiting_in(&place);
                busy.insert(place, lookup.clone());
                under_way.push(trails.ask(lookup, waiting));
            }
            match timeout_at(until, under_way.next()).await {
                Ok(None) => break,
                Ok(Some((lookup, answer))) => {
                    busy.remove(&lookup.place());
                    take(&mut search, lookup, answer, goes_on);
                }
                Err(_) if goes_on => {
                    std::mem::take(&mut busy).into_values().for_each(|lookup| search.put_back(lookup));
                    search.postpone(|_| true);
                    break;
                }
                Err(_) => {
                    busy.values().for_each(|lookup| search.failed(lookup, OUT_OF_TIME));
                    search.leave(OUT_OF_TIME, |_| true);
                    break;
                }
            }
        }
        search.finish()
    }
}

/// Takes an answer. Without a turn, the trail is left to the next look, if one `goes_on`.
fn take(search: &mut Search<'_>, lookup: Lookup, answer: Result<Page, NoPage>, goes_on: bool) {
    match answer {
        Ok(page) => search.page(lookup, &page.events, page.next),
        Err(NoPage::Refused(fault)) if fault.kind == FaultKind::Transient => search.busy(lookup, &fault.message),
        Err(NoPage::Refused(fault)) => search.failed(&lookup, &fault.message),
        Err(NoPage::NoTurn) => {
            let place = lookup.place();
            search.put_back(lookup);
            if goes_on {
                search.postpone(|left| left.place() == place);
            } else {
                search.leave(OUT_OF_TIME, |left| left.place() == place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::policy::Policy;
    use firebreak::target::{Place, Target, TargetKind};
    use firebreak_testkit::room;

    #[test]
    fn without_a_turn_the_last_look_says_that_its_time_ran_out() {
        let place = Place {
            account: firebreak::ids::AccountId::parse(room::ACCOUNT).expect("an account"),
            region: firebreak::ids::Region::parse(room::REGION).expect("a Region"),
            partition: firebreak::ids::Partition::parse("aws").expect("a partition"),
        };
        let (alice, policy) = (Target::new(TargetKind::IamUser, "alice", place), Policy::unrestricted());
        for (stage, later) in [(None, 0), (Some(Stage::First), 2), (Some(Stage::Watch), 2), (Some(Stage::Approved), 0)] {
            let Manner { way, goes_on, .. } = Manner::of(stage);
            let mut search = Search::begin(Start { contained: vec![&alice], way, ..Start::default() }, &policy);
            let lookup = search.next_page().expect("a question");
            take(&mut search, lookup, Err(NoPage::NoTurn), goes_on);
            let found = search.finish();
            assert_eq!(found.later.len(), later, "{stage:?}: {found:?}");
            let all_say_so = found.missing.iter().all(|line| line.ends_with(OUT_OF_TIME));
            assert!(all_say_so && found.missing.is_empty() == goes_on, "{stage:?}: {:?}", found.missing);
        }
    }
}

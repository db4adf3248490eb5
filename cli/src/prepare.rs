//! `firebreak prepare`: makes the security groups of isolations, before an incident needs them.
//!
//! `isolate-ec2` makes them, asked under an alias that takes preparations and no task. Each account and Region is asked for by itself: one
//! that fails, or takes too long, stops no other.

use crate::arguments::PrepareArguments;
use crate::doctor::invoke;
use crate::screen::Screen;
use crate::{CommandError, Connection, print_json};
use console::style;
use firebreak::diagnosis::Places;
use firebreak::ids::{AccountId, Partition, Region};
use firebreak::names;
use firebreak::preparation::{Preparation, Prepared, PreparedVpc, Unprepared};
use firebreak::text::inert;
use futures::stream::{StreamExt as _, iter};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The function that makes them.
const FUNCTION: &str = "isolate-ec2";
/// Invocations at once: what isolates must not wait for what prepares.
const AT_ONCE: usize = 4;

type Place = (AccountId, Region);

pub(crate) async fn run(arguments: &PrepareArguments) -> Result<(), CommandError> {
    let accounts = all(&arguments.account, "--account", AccountId::parse)?;
    let mut regions = all(&arguments.region, "--region", Region::parse)?;
    let connection = Connection::open().await?;
    if regions.is_empty() {
        let here = Region::parse(connection.region()).map_err(|error| CommandError::Bad(error.to_string()))?;
        regions.insert(here);
    }
    let places: Vec<Place> =
        accounts.iter().flat_map(|account| regions.iter().map(move |region| (account.clone(), region.clone()))).collect();
    let screen = if arguments.json { Screen::silent() } else { Screen::new() };
    let prepared = {
        let _activity = screen.begin(&format!("{} accounts, {} Regions", accounts.len(), regions.len()));
        let asked = iter(&places).map(|place| ask(&connection, place));
        asked.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().fold(Prepared::default(), Prepared::and)
    };
    if arguments.json {
        print_json(&prepared)?;
    } else {
        print!("{}", shown(&places, &prepared));
    }
    match prepared.failed.len() {
        0 => Ok(()),
        failed => Err(CommandError::Bad(format!("{failed} could not be prepared; what is there is not made again"))),
    }
}

/// What was given, each once.
fn all<T: Ord, E: std::fmt::Display>(
    texts: &[String],
    option: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<BTreeSet<T>, CommandError> {
    let one = |text: &String| parse(text).map_err(|error| CommandError::Input(format!("{option} {}: {error}", inert(text, 40))));
    texts.iter().map(one).collect()
}

async fn ask(connection: &Connection, (account, region): &Place) -> Prepared {
    let places = Places { partition: Partition::of(region), accounts: vec![account.clone()], regions: vec![region.clone()] };
    let asked = Preparation { prepare: places };
    match invoke(&connection.config, (FUNCTION, names::PREPARE_ALIAS), &asked).await {
        Ok(prepared) => prepared,
        Err(fault) => {
            let failed = Unprepared { account: account.clone(), region: Some(region.clone()), vpc: None, why: fault.message };
            Prepared { vpcs: vec![], failed: vec![failed] }
        }
    }
}

/// A table of the VPCs of each place.
fn shown(places: &[Place], prepared: &Prepared) -> String {
    let mut out = String::new();
    for (account, region) in places {
        let vpcs: Vec<&PreparedVpc> =
            prepared.vpcs.iter().filter(|vpc| vpc.account == *account && vpc.region == *region).collect();
        let is_here = |failed: &&Unprepared| failed.account == *account && failed.region.as_ref().is_none_or(|its| its == region);
        let failed: Vec<&Unprepared> = prepared.failed.iter().filter(is_here).collect();
        let _ = writeln!(out, "{} {region}", style(account).bold());
        if vpcs.is_empty() && failed.is_empty() {
            let _ = writeln!(out, "  no VPC");
        }
        for vpc in vpcs {
            let open = vpc.open_group.as_ref().map_or_else(String::new, |id| format!("  {} (open)", inert(id, 40)));
            let shared = vpc.shared_by.as_ref().map_or_else(String::new, |by| format!("  shared by {}", inert(by, 12)));
            let (id, empty) = (inert(&vpc.vpc, 40), inert(&vpc.isolation_group, 40));
            let _ = writeln!(out, "  {id}  {} {empty} (empty){open}{shared}", style("ready").green());
        }
        for one in failed {
            let what = one.vpc.as_ref().map_or_else(String::new, |vpc| format!("{}  ", inert(vpc, 40)));
            let _ = writeln!(out, "  {what}{} {}", style("not prepared:").red(), inert(&one.why, 300));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::scripted::{ScriptedAws, error, ok};
    use serde_json::json;

    fn place(account: &str, region: &str) -> Place {
        (AccountId::parse(account).expect("an account"), Region::parse(region).expect("a Region"))
    }

    fn answer() -> Prepared {
        let vpc = |id: &str| json!({ "account": "111122223333", "region": "eu-central-1", "vpc": id, "isolation_group": "sg-1" });
        let mut shared = vpc("vpc-2");
        shared["shared_by"] = json!("444455556666");
        shared["open_group"] = json!("sg-2");
        let failed = [
            json!({ "account": "111122223333", "region": "eu-central-1", "vpc": "vpc-3", "why": "full\u{1b}[2J" }),
            json!({ "account": "222233334444", "why": "sts:AssumeRole: AccessDenied" }),
        ];
        serde_json::from_value(json!({ "vpcs": [vpc("vpc-1"), shared], "failed": failed })).expect("an answer")
    }

    #[test]
    fn a_person_sees_which_vpcs_are_ready_and_which_are_not() {
        let places =
            [place("111122223333", "eu-central-1"), place("111122223333", "us-east-1"), place("222233334444", "us-east-1")];
        let text = shown(&places, &answer());
        let lines: Vec<&str> = text.lines().collect();
        for (at, words) in [
            (0, "111122223333"),
            (1, "vpc-1  "),
            (1, "sg-1 (empty)"),
            (2, "sg-2 (open)  shared by 444455556666"),
            (3, "vpc-3  "),
            (3, "not prepared:"),
            (5, "no VPC"),
            (7, "sts:AssumeRole: AccessDenied"),
        ] {
            assert!(lines[at].contains(words), "{words}: {text}");
        }
        assert!(lines.len() == 8 && !text.contains("\u{1b}[2J"), "{text}");
    }

    /// What a command gets that asks for one place.
    async fn asked(answer: firebreak_testkit::scripted::Answer) -> (ScriptedAws, Prepared) {
        let aws = ScriptedAws::start().await.expect("a port");
        aws.on("lambda:*", move |_| Some(answer.clone()));
        let connection = Connection {
            ledger: firebreak_ledger::Ledger::new(&aws.config(), names::LEDGER_TABLE.to_owned()),
            state_machine_arn: String::new(),
            caller: String::new(),
            config: aws.config(),
        };
        let prepared = Box::pin(ask(&connection, &place("111122223333", "us-east-1"))).await;
        (aws, prepared)
    }

    #[tokio::test]
    async fn a_place_is_asked_under_the_alias_that_takes_no_task() {
        let told = serde_json::to_string(&answer()).expect("JSON");
        let (aws, prepared) = asked(ok(told)).await;
        assert_eq!(prepared, answer());
        let calls = aws.calls();
        let body = json!({ "prepare": { "partition": "aws", "accounts": ["111122223333"], "regions": ["us-east-1"] } });
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&calls[0].body).expect("JSON"), body);
        assert!(calls[0].operation.contains("firebreak-isolate-ec2") && calls[0].operation.contains("prepare"), "{calls:?}");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_asked_is_one_that_is_not_prepared() {
        for (answer, words) in [
            (error(404, "ResourceNotFoundException"), "deploy this version"),
            (error(403, "AccessDeniedException"), "lambda:Invoke"),
        ] {
            let (_, prepared) = asked(answer).await;
            assert_eq!((prepared.vpcs.len(), prepared.failed.len()), (0, 1));
            let Unprepared { region, why, .. } = &prepared.failed[0];
            assert!(region.is_some() && why.contains(words), "{why}");
        }
    }
}

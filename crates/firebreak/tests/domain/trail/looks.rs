//! Looks for which people wait, and those beside the gate: calls by their names, and suspects whom nothing holds.

use super::*;
use firebreak::trail::{EVENT_NAMES, LATER, Start, Way};

const OURS: &str = "ASIAOURSOURSOEXAMPLE";

/// A look from `start`.
pub(super) fn look_from(trail: &[Value], start: Start<'_>, policy: &Policy) -> (Found, Vec<Lookup>) {
    let mut search = Search::begin(start, policy);
    let mut asked = Vec::new();
    while let Some(lookup) = search.next_page() {
        asked.push(lookup.clone());
        let (events, token) = answer(trail, &lookup);
        search.page(lookup, &events, token);
    }
    (search.finish(), asked)
}

pub(super) fn contained(suspects: &[Target], way: Way) -> Start<'_> {
    Start { contained: suspects.iter().collect(), way, ..Start::default() }
}

fn waiting(suspects: &[Target], way: Way) -> Start<'_> {
    let homes = BTreeSet::from([AccountId::parse(HOME).expect("an account")]);
    Start { waiting: suspects.iter().collect(), homes, way, ..Start::default() }
}

pub(super) fn decisions(found: &Found, policy: &Policy) -> Derived {
    derive(traced(found), &[], policy)
}

/// The same record a thousand times, later than everything else.
pub(super) fn noise(record: &Value) -> Vec<Value> {
    let later = |at: usize| {
        let mut record = record.clone();
        record["event"]["eventTime"] = json!(format!("2026-11-20T03:{:02}:{:02}Z", at / 60, at % 60));
        record
    };
    (0..1000).map(later).collect()
}

#[test]
fn a_thousand_calls_do_not_hide_what_the_suspect_made() {
    let lists = by_alice("ec2", "DescribeInstances", &Value::Null, &Value::Null);
    let trail = [noise(&lists), vec![creates_user("mallory")]].concat();
    let policy = Policy::unrestricted();
    for way in [Way::FirstPages, Way::Everything] {
        let (found, asked) = look_from(&trail, contained(&[alice()], way), &policy);
        assert_eq!(shown(&decisions(&found, &policy).decisions, Mode::Auto), ["quarantine-iam IAM user mallory"], "{way:?}");
        assert!(asked.len() <= 40, "{way:?}: {}", asked.len());
    }
    let (found, asked) = look_from(&trail, contained(&[alice()], Way::FirstPages), &policy);
    assert!(asked.iter().all(|lookup| lookup.token.is_none()), "one page of each");
    let left = format!("IAM user alice in us-east-1 of account {HOME}, earlier calls: {LATER}");
    assert!(found.later.contains(&left), "{:?}", found.later);
}

#[test]
fn of_everybody_s_calls_only_the_suspects_count() {
    let mut bob = signed("AKIABOBBOBBOBEXAMPLE", creates_user("colleague"));
    bob["event"]["userIdentity"]["userName"] = json!("bob");
    bob["event"]["userIdentity"]["principalId"] = json!("AIDABOBBOBBOBEXAMPLE1");
    let owner = signed("AKIAOWNERSOWNEXAMPLE", creates_user("intern"));
    let (found, _) = look_from(&[bob, owner, creates_user("mallory")], contained(&[alice()], Way::FirstPages), &generous());
    let derived = decisions(&found, &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user intern"], "perhaps the owner's");
}

#[test]
fn a_call_that_was_read_before_its_caller_was_known_is_the_suspect_s_all_the_same() {
    let mut assumes = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", "nightly");
    assumes["event"]["responseElements"]["credentials"] = json!({ "accessKeyId": OURS });
    let lists = by_session("nightly", OURS, by_alice("s3", "ListBuckets", &Value::Null, &Value::Null));
    let made = by_session("nightly", OURS, creates_user("mallory"));
    let trail = [noise(&lists), vec![assumes, made]].concat();
    let policy = generous();
    let suspects = [alice()];
    let mut search = Search::begin(contained(&suspects, Way::FirstPages), &policy);
    // Everybody's calls first: nobody knows of the session yet.
    for named in [true, false] {
        while let Some(lookup) = search.next_page_where(|lookup| !named || lookup.attribute == Attribute::EventName) {
            let (events, token) = answer(&trail, &lookup);
            search.page(lookup, &events, token);
        }
    }
    let found = search.finish();
    assert!(
        shown(&decisions(&found, &policy).decisions, Mode::Auto).contains(&"quarantine-iam IAM user mallory".to_owned()),
        "{:#?}",
        found.traced
    );
}

#[test]
fn another_session_of_a_suspected_role_is_perhaps_a_workload_s() {
    let role = Target { scope: Scope::Principal, session: None, ..session("nightly", None) };
    let made = by_session("ci", OURS, creates_user("mallory"));
    let (found, _) = look_from(&[made], contained(&[role], Way::FirstPages), &generous());
    let derived = decisions(&found, &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user mallory"]);
    assert_eq!(derived.decisions.len(), 1);
}

#[test]
fn what_follows_from_a_suspect_that_nothing_holds_waits_with_it_and_says_so() {
    let mut assumes = assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", "nightly");
    assumes["event"]["responseElements"]["credentials"] = json!({ "accessKeyId": OURS });
    let trail = [creates_user("mallory"), assumes, by_session("nightly", OURS, creates_user("ghost"))];
    for way in [Way::Suspects, Way::FirstPages, Way::Everything] {
        let (found, _) = look_from(&trail, waiting(&[alice()], way), &generous());
        let derived = decisions(&found, &generous());
        assert_eq!(shown(&derived.decisions, Mode::Auto), Vec::<String>::new(), "{way:?}");
        assert_eq!(derived.decisions.len(), 3, "{way:?}: what the session made, too: {:#?}", derived.decisions);
        for decision in &derived.decisions {
            let why = "IAM user alice is not contained: waits with it; ";
            assert!(decision.reason.starts_with(why), "{}", decision.reason);
        }
    }
    let both = session("ci", Some(OURS));
    let made = by_session("ci", OURS, creates_user("mallory"));
    let start = Start { waiting: vec![&both], ..contained(std::slice::from_ref(&both), Way::Everything) };
    let (found, _) = look_from(&[made], start, &generous());
    assert_eq!(shown(&decisions(&found, &generous()).decisions, Mode::Auto).len(), 1, "a containment holds it after all");
}

#[test]
fn what_may_be_innocent_loses_no_credential_to_a_release() {
    let key = json!({"accessKey": {"userName": "alice", "accessKeyId": "AKIASECONDSECEXAMPLE"}});
    let trail = [by_alice("iam", "CreateAccessKey", &json!({"userName": "alice"}), &key)];
    let (held, _) = look_from(&trail, contained(&[alice()], Way::FirstPages), &generous());
    let (free, _) = look_from(&trail, waiting(&[alice()], Way::FirstPages), &generous());
    assert_eq!((held.exposed.len(), free.exposed.len()), (1, 0));
}

#[test]
fn an_account_is_asked_for_a_waiting_suspect_only_if_a_finding_came_from_there_or_policy_names_it() {
    let suspects = [alice()];
    let nowhere = Start { homes: BTreeSet::new(), ..waiting(&suspects, Way::Everything) };
    let (found, asked) = look_from(&[], nowhere, &generous());
    assert!(asked.is_empty() && found.missing.iter().any(|line| line.contains("policy does not name")), "{:?}", found.missing);
    assert!(!look_from(&[], waiting(&suspects, Way::Everything), &generous()).1.is_empty());
}

#[test]
fn each_name_is_asked_where_it_is_recorded_once_for_all_suspects_and_costs_no_page() {
    let mut policy = Policy::unrestricted();
    policy.sweep.pages = 1;
    let elsewhere = Region::parse("ap-southeast-2").expect("a Region");
    let suspects = [alice(), target(TargetKind::IamUser, "carol")];
    let start = Start { regions: BTreeSet::from([elsewhere.clone()]), ..contained(&suspects, Way::FirstPages) };
    let (found, asked) = look_from(&[], start, &policy);
    for event in EVENT_NAMES {
        let regions: Vec<&str> = asked.iter().filter(|lookup| lookup.value == event.name).map(|l| l.region.as_str()).collect();
        let expected = if event.of_iam { vec!["us-east-1"] } else { vec![elsewhere.as_str(), "eu-central-1", "us-east-1"] };
        assert_eq!(regions, expected, "{}: {}", event.name, event.why);
    }
    assert_eq!(asked.iter().filter(|lookup| lookup.attribute != Attribute::EventName).count(), 1);
    assert!(found.missing.iter().any(|line| line.starts_with("IAM user carol")), "{:?}", found.missing);
}

#[test]
fn each_name_leads_to_something() {
    let request = json!({"userName": "bob", "roleName": "ci", "name": "night", "functionName": "f",
        "instanceIds": ["i-0123456789abcdef0"]});
    let response = json!({"accessKey": {"userName": "bob", "accessKeyId": "AKIABOBBOBBOBEXAMPLE"},
        "credentials": {"accessKeyId": OURS}, "instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}});
    for event in EVENT_NAMES {
        let source = match event.name {
            "GetFederationToken" => "sts",
            "RunInstances" => "ec2",
            "CreateFunction20150331" => "lambda",
            "SendCommand" => "ssm",
            _ => "iam",
        };
        let mut record = by_alice(source, event.name, &request, &response);
        if !event.of_iam {
            record["region"] = json!("eu-central-1");
            record["event"]["awsRegion"] = json!("eu-central-1");
        }
        let (found, _) = look_from(&[record], contained(&[alice()], Way::FirstPages), &generous());
        assert_eq!(found.traced.len(), 1, "{}", event.name);
    }
}

#[test]
fn what_nobody_had_time_for_is_said_in_few_lines() {
    let (policy, suspects) = (generous(), [alice()]);
    let mut search = Search::begin(contained(&suspects, Way::FirstPages), &policy);
    let first = search.next_page().expect("a question");
    let place = first.place();
    search.put_back(first);
    search.postpone(|lookup| lookup.place() == place);
    search.postpone(|_| true);
    let Found { missing, later, .. } = search.finish();
    let names = format!(
        "everybody's CreateUser, CreateAccessKey, CreateRole, UpdateAssumeRolePolicy and 6 more in us-east-1 of account {HOME}: {LATER}"
    );
    assert!(later.contains(&names) && (missing.len(), later.len()) == (0, 4), "{missing:#?} {later:#?}");
}

#[test]
fn a_hundred_refused_calls_do_not_hide_the_one_before_and_nobody_promises_what_the_next_look_does_not_read() {
    let mut refused = creates_user("mallory");
    refused["event"]["errorCode"] = json!("AccessDenied");
    let hundred = noise(&refused).into_iter().take(100);
    let trail: Vec<Value> = hundred.chain([creates_user("mallory")]).collect();
    let mut policy = Policy::unrestricted();
    policy.sweep.pages = 1;
    let (found, _) = look_from(&trail, contained(&[alice()], Way::FirstPages), &policy);
    assert_eq!(shown(&decisions(&found, &policy).decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
    let trail: Vec<Value> = noise(&refused).into_iter().chain([creates_user("mallory")]).collect();
    let (found, _) = look_from(&trail, contained(&[alice()], Way::FirstPages), &policy);
    let line = format!("everybody's CreateUser in us-east-1 of account {HOME}: earlier calls were not read");
    assert!(found.missing.contains(&line) && !found.later.iter().any(|line| line.contains("everybody's")), "{found:#?}");
    // A watch that runs out of time in the middle.
    let suspects = [alice()];
    let mut search = Search::begin(contained(&suspects, Way::Everything), &policy);
    let lookup = search.next_page_where(|lookup| lookup.value == "CreateUser").expect("a question");
    let (events, token) = answer(&trail, &lookup);
    search.page(lookup, &events, token);
    search.postpone(|_| true);
    assert!(search.finish().missing.contains(&line));
}

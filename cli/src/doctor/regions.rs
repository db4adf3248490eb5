//! Whether findings of every Region reach Firebreak: an attacker takes the Region that nobody watches.
//!
//! GuardDuty, its delegated administrator and event rules are each of one Region. The administrator is told the findings of all
//! members there. In the home Region Firebreak's own rules take them. Elsewhere the forwarder of the security account sends them
//! on, so one forwarder in a Region stands for every member, also for those whose own is missing.
//!
//! The Regions are those that are enabled for the security account. A member may have enabled others, where GuardDuty can have no
//! such administrator: an operator of the security account cannot read that.

use super::deployment::{Deployment, unread};
use super::shipped::is_as_shipped;
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_eventbridge::types::{Rule, RuleState};
use aws_sdk_guardduty::types::DetectorStatus;
use firebreak::diagnosis::Observation;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, Region};
use firebreak::names;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, code, fault};
use futures::stream::{StreamExt as _, iter};

const REGION: &str = "region";

/// Regions looked at side by side. AWS has some thirty, and each takes five calls.
const AT_ONCE: usize = 8;

/// The rules of a forwarder, by their file in `infra/event-rules`. Of GuardDuty it sends every finding.
const FORWARDED: [(&str, &str); 5] = [
    ("guardduty", include_str!("../../../infra/forwarder/guardduty.json")),
    ("health", include_str!("../../../infra/event-rules/health.json")),
    ("malware-scan", include_str!("../../../infra/event-rules/malware-scan.json")),
    ("security-hub", include_str!("../../../infra/event-rules/security-hub.json")),
    ("security-hub-v2", include_str!("../../../infra/event-rules/security-hub-v2.json")),
];

/// What a Region lacks, and what gives it that.
struct Lack {
    found: String,
    fix: String,
}

/// What one look found. A fault: it is not known.
type Looked = Result<Option<Lack>, Fault>;

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let answer = aws_sdk_ec2::Client::new(&deployment.config).describe_regions().send().await;
    let regions = match answer.or_fault("ec2:DescribeRegions") {
        Ok(answer) => answer.regions.unwrap_or_default(),
        Err(fault) => return vec![unread(REGION, "all", &fault)],
    };
    let enabled = regions.into_iter().filter(|region| region.opt_in_status() != Some("not-opted-in"));
    let enabled: Vec<String> = enabled.filter_map(|region| region.region_name).collect();
    if enabled.is_empty() {
        return vec![Observation::unknown(REGION, "all", "EC2 named no Region", "run `firebreak doctor` again")];
    }
    iter(enabled).map(|name| of(deployment, name)).buffered(AT_ONCE).collect().await
}

async fn of(deployment: &Deployment, name: String) -> Observation {
    let Ok(region) = Region::parse(&name) else {
        return Observation::unknown(REGION, inert(&name, 40), "not the name of a Region", "use a newer firebreak");
    };
    let config = &deployment.config.to_builder().region(SdkRegion::new(name)).build();
    let (guardduty, forwarder) =
        futures::join!(guardduty(config, &deployment.account, &region), forwarder(config, deployment, &region));
    told(&region, [guardduty, forwarder])
}

/// Whether the security account has a detector that is on, and is told what those of the members find.
async fn guardduty(config: &SdkConfig, account: &AccountId, region: &Region) -> Looked {
    let client = aws_sdk_guardduty::Client::new(config);
    let appoint = format!(
        "in the management account: aws guardduty enable-organization-admin-account --admin-account-id {account} --region {region}; \
         then the members: docs/install.md, \"The organization\""
    );
    let detectors = client.list_detectors().send().await.or_fault("guardduty:ListDetectors")?;
    let Some(id) = detectors.detector_ids.unwrap_or_default().into_iter().next() else {
        return Ok(Some(Lack { found: "no GuardDuty detector: nothing is found there".to_owned(), fix: appoint }));
    };
    let detector = client.get_detector().detector_id(&id).send().await.or_fault("guardduty:GetDetector")?;
    if detector.status != Some(DetectorStatus::Enabled) {
        let fix = format!("aws guardduty update-detector --detector-id {id} --enable --region {region}");
        return Ok(Some(Lack { found: "its GuardDuty detector is suspended".to_owned(), fix }));
    }
    // It answers the delegated administrator only. Its detector is ours, so nothing else can be wrong with the request.
    match client.describe_organization_configuration().detector_id(&id).send().await {
        Ok(_) => Ok(None),
        Err(error) if code(&error) == Some("BadRequestException") => {
            let found = "this account is not GuardDuty's delegated administrator: findings of members do not arrive".to_owned();
            Ok(Some(Lack { found, fix: appoint }))
        }
        Err(error) => Err(fault("guardduty:DescribeOrganizationConfiguration", &error)),
    }
}

/// Whether the security account sends on what it is told there. At home its own rules take it.
async fn forwarder(config: &SdkConfig, deployment: &Deployment, region: &Region) -> Looked {
    if *region == deployment.region {
        return Ok(None);
    }
    let client = aws_sdk_eventbridge::Client::new(config);
    let bus = deployment.arn("events", &format!("event-bus/{}", names::SECURITY_BUS));
    let (sending, rules) = futures::join!(
        client.list_rule_names_by_target().target_arn(bus).send(),
        client.list_rules().name_prefix(names::event_rule("")).send()
    );
    let sending = sending.or_fault("events:ListRuleNamesByTarget")?.rule_names.unwrap_or_default();
    let rules = rules.or_fault("events:ListRules")?.rules.unwrap_or_default();
    let silent = silent(&sending, &rules);
    let found = match silent.len() {
        0 => return Ok(None),
        all if all == FORWARDED.len() => "no forwarder in this account: findings do not arrive".to_owned(),
        _ => format!("its forwarder's {} is missing, off, changed, or sends elsewhere", silent.join(", ")),
    };
    let fix = format!(
        "make deploy ENV=<env> STACK=forwarder, with {region} in forwarded_regions and this account in a unit of \
         organizational_unit_ids; if it is in none: docs/install.md, \"What the StackSet covers, and what not\""
    );
    Ok(Some(Lack { found, fix }))
}

/// The rules of a forwarder that send nothing, or something else than is shipped. `sending`: the names of those with the security
/// bus for a target.
fn silent(sending: &[String], rules: &[Rule]) -> Vec<String> {
    let works = |name: &str, pattern: &str| {
        let rule = rules.iter().find(|rule| rule.name() == Some(name) && rule.state() == Some(&RuleState::Enabled));
        sending.iter().any(|one| one == name)
            && rule.is_some_and(|rule| is_as_shipped(pattern, rule.event_pattern().unwrap_or_default(), &[]))
    };
    let shipped = FORWARDED.iter().map(|(stem, pattern)| (names::event_rule(stem), *pattern));
    shipped.filter(|(name, pattern)| !works(name, pattern)).map(|(name, _)| name).collect()
}

/// One line for a Region. What could not be read is never sound, and hides nothing that is known.
fn told(region: &Region, looked: [Looked; 2]) -> Observation {
    let mut lacks: Vec<Lack> = Vec::new();
    let mut unknown: Option<Fault> = None;
    for one in looked {
        match one {
            Ok(lack) => lacks.extend(lack),
            Err(fault) => unknown = unknown.or(Some(fault)),
        }
    }
    match (lacks.is_empty(), unknown) {
        (true, None) => Observation::sound(REGION, region.as_str(), "GuardDuty is administered here, and its findings come"),
        (true, Some(fault)) => unread(REGION, region.as_str(), &fault),
        (false, unknown) => {
            let unknown = unknown.map(|fault| format!("not known: {}", fault.message));
            let found: Vec<String> = lacks.iter().map(|lack| lack.found.clone()).chain(unknown).collect();
            let fix: Vec<String> = lacks.into_iter().map(|lack| lack.fix).collect();
            Observation::broken(REGION, region.as_str(), found.join("; "), fix.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::diagnosis::Condition;
    use firebreak::fault::FaultKind;

    fn lack(found: &str) -> Looked {
        Ok(Some(Lack { found: found.to_owned(), fix: format!("mend {found}") }))
    }

    fn denied() -> Looked {
        Err(Fault::new(FaultKind::Denied, "events:ListRules: AccessDeniedException"))
    }

    #[test]
    fn a_region_is_sound_only_when_everything_was_read_and_nothing_is_missing() {
        let region = Region::parse("us-east-1").expect("a Region");
        let of = |looked| {
            let Observation { subject, condition, found, fix, .. } = told(&region, looked);
            assert_eq!(subject, "us-east-1");
            (condition, found, fix.unwrap_or_default())
        };
        assert_eq!(of([Ok(None), Ok(None)]).0, Condition::Sound);
        let (condition, found, _) = of([Ok(None), denied()]);
        assert_eq!((condition, found.as_str()), (Condition::Unknown, "events:ListRules: AccessDeniedException"));
        let (condition, found, fix) = of([lack("a"), lack("b")]);
        assert_eq!((condition, found.as_str(), fix.as_str()), (Condition::Broken, "a; b", "mend a; mend b"));
        let (condition, found, fix) = of([lack("a"), denied()]);
        let both = "a; not known: events:ListRules: AccessDeniedException";
        assert_eq!((condition, found.as_str(), fix.as_str()), (Condition::Broken, both, "mend a"));
    }

    #[test]
    fn a_forwarder_is_its_four_rules_on_as_shipped_and_with_the_security_bus_for_a_target() {
        let rules = || -> Vec<Rule> {
            let rule = |stem: &str, pattern: &str| {
                Rule::builder().name(names::event_rule(stem)).state(RuleState::Enabled).event_pattern(pattern).build()
            };
            FORWARDED.iter().map(|(stem, pattern)| rule(stem, pattern)).collect()
        };
        let sending: Vec<String> = FORWARDED.iter().map(|(stem, _)| names::event_rule(stem)).collect();
        assert_eq!(silent(&sending, &rules()), [""; 0]);
        assert_eq!(silent(&sending, &[]), sending);
        assert_eq!(silent(&[], &rules()), sending);
        assert_eq!(silent(&sending[1..], &rules()), ["firebreak-guardduty"]);
        let (mut off, mut changed) = (rules(), rules());
        off[0].state = Some(RuleState::Disabled);
        assert_eq!(silent(&sending, &off), ["firebreak-guardduty"]);
        changed[1].event_pattern = Some(r#"{"source":["aws.health"],"detail":{"service":["EC2"]}}"#.to_owned());
        assert_eq!(silent(&sending, &changed), ["firebreak-health"]);
    }

    #[test]
    fn the_rules_of_a_forwarder_are_those_of_its_template() {
        let stems: Vec<&str> = FORWARDED.iter().map(|(stem, _)| *stem).collect();
        let files = format!("Files: [{}]", stems.join(", "));
        assert!(include_str!("../../../infra/forwarder/template.yaml").contains(&files), "{files}");
    }
}

//! `firebreak doctor` finds what is wrong with a deployment, and nothing else.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use crate::command;
use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::types::{PointInTimeRecoverySpecification, TimeToLiveSpecification};
use aws_sdk_ec2::types::Filter;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_guardduty::types::FindingPublishingFrequency;
use aws_sdk_s3::types::{DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule};
use aws_sdk_sqs::types::QueueAttributeName;
use firebreak::names;
use firebreak_drill::{Result, Stage};
use firebreak_testkit::{MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the doctor said: exit code, and observations.
pub(crate) fn doctor(stage: &Stage, json: bool) -> Result<(i32, String)> {
    let arguments: &[&str] = if json { &["doctor", "--json"] } else { &["doctor"] };
    let output = command::run(stage, arguments)?;
    let text = String::from_utf8(output.stdout)?;
    Ok((output.status.code().unwrap_or(-1), text))
}

/// `check: subject` of everything that is broken or unknown, and whether each of them says what mends it.
pub(crate) fn attention(observations: &str) -> Result<BTreeSet<String>> {
    let observations: Vec<Value> = serde_json::from_str(observations)?;
    let bad = observations.iter().filter(|seen| matches!(seen["condition"].as_str(), Some("broken" | "unknown")));
    Ok(bad
        .map(|seen| {
            assert!(seen["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "no fix for {seen}");
            format!("{}: {}", seen["check"].as_str().unwrap_or_default(), seen["subject"].as_str().unwrap_or_default())
        })
        .collect())
}

/// Watches every Region of the organization as `docs/install.md` says: GuardDuty, its administrator, away from home a forwarder.
async fn watch_every_region(security: &SdkConfig) -> Result<BTreeMap<String, SdkConfig>> {
    let regions = aws_sdk_ec2::Client::new(security).describe_regions().send().await?;
    let mut watched = BTreeMap::new();
    for name in regions.regions().iter().filter_map(|region| region.region_name()) {
        let config = security.to_builder().region(Region::new(name.to_owned())).build();
        let guardduty = aws_sdk_guardduty::Client::new(&config);
        let often = FindingPublishingFrequency::FifteenMinutes;
        guardduty.create_detector().enable(true).finding_publishing_frequency(often).send().await?;
        guardduty.enable_organization_admin_account().admin_account_id(SECURITY_ACCOUNT).send().await?;
        if name != REGION {
            forward(&config).await?;
        }
        watched.insert(name.to_owned(), config);
    }
    Ok(watched)
}

/// What a forwarder's stack makes of event rules.
async fn forward(config: &SdkConfig) -> Result<()> {
    let events = aws_sdk_eventbridge::Client::new(config);
    let bus = format!("arn:aws:events:{REGION}:{SECURITY_ACCOUNT}:event-bus/{}", names::SECURITY_BUS);
    for (stem, pattern) in [
        ("guardduty", include_str!("../../../infra/forwarder/guardduty.json")),
        ("health", include_str!("../../../infra/event-rules/health.json")),
        ("malware-scan", include_str!("../../../infra/event-rules/malware-scan.json")),
        ("security-hub", include_str!("../../../infra/event-rules/security-hub.json")),
        ("security-hub-v2", include_str!("../../../infra/event-rules/security-hub-v2.json")),
    ] {
        let rule = names::event_rule(stem);
        events.put_rule().name(&rule).event_pattern(pattern).send().await?;
        let target = Target::builder().id("security-bus").arn(&bus).build()?;
        events.put_targets().rule(&rule).targets(target).send().await?;
    }
    Ok(())
}

/// The one detector of a Region.
async fn detector(config: &SdkConfig) -> Result<String> {
    let detectors = aws_sdk_guardduty::Client::new(config).list_detectors().send().await?;
    Ok(detectors.detector_ids().first().cloned().ok_or("no detector")?)
}

/// A deployment somebody meddled with. Each of these plants one fault over the wire and says how the doctor must name it.
struct Saboteur<'a> {
    stage: &'a Stage,
    security: &'a SdkConfig,
    member: SdkConfig,
    found: BTreeSet<String>,
}

impl Saboteur<'_> {
    fn expect(&mut self, observation: impl Into<String>) {
        assert!(self.found.insert(observation.into()), "planted twice");
    }

    fn queue_url(&self, name: &str) -> String {
        format!("{}/{SECURITY_ACCOUNT}/{name}", self.stage.aws.endpoint())
    }

    async fn event_rules(&mut self) -> Result<()> {
        let events = aws_sdk_eventbridge::Client::new(self.security);
        events.disable_rule().name("firebreak-guardduty").send().await?;
        self.expect("event-rule: firebreak-guardduty");
        let loosened =
            include_str!("../../../infra/event-rules/security-hub.json").replace("\"CRITICAL\"", "\"CRITICAL\", \"LOW\"");
        events.put_rule().name("firebreak-security-hub").event_pattern(loosened).send().await?;
        self.expect("event-rule: firebreak-security-hub");
        events.disable_rule().name("firebreak-guardduty").event_bus_name("firebreak").send().await?;
        self.expect("event-rule: firebreak-guardduty on the bus firebreak");
        events.remove_targets().rule("firebreak-health").ids("ingest").send().await?;
        self.expect("event-rule: firebreak-health");
        Ok(())
    }

    async fn review_gate(&mut self) -> Result<()> {
        let sqs = aws_sdk_sqs::Client::new(self.security);
        sqs.send_message().queue_url(self.queue_url("firebreak-events-dlq")).message_body("{}").send().await?;
        self.expect("dead-letters: firebreak-events-dlq");
        let gate = self.queue_url(names::REVIEW_QUEUE);
        sqs.set_queue_attributes().queue_url(gate).attributes(QueueAttributeName::RedrivePolicy, "").send().await?;
        self.expect("queue: firebreak-review-gate");
        let lambda = aws_sdk_lambda::Client::new(self.security);
        let mappings = lambda.list_event_source_mappings().function_name("firebreak-open-review").send().await?;
        let id = mappings.event_source_mappings().first().and_then(|mapping| mapping.uuid()).ok_or("no mapping")?;
        lambda.update_event_source_mapping().uuid(id).enabled(false).send().await?;
        self.expect("queue: firebreak-review-gate to firebreak-open-review");
        Ok(())
    }

    async fn watch(&mut self) -> Result<()> {
        let cloudwatch = aws_sdk_cloudwatch::Client::new(self.security);
        cloudwatch.delete_alarms().alarm_names("firebreak-ingest-dlq").send().await?;
        self.expect("alarm: firebreak-ingest-dlq");
        cloudwatch.disable_alarm_actions().alarm_names("firebreak-executions-failed").send().await?;
        self.expect("alarm: firebreak-executions-failed");
        let alarm = cloudwatch.put_metric_alarm().alarm_name("firebreak-time-to-contain").namespace("Firebreak");
        let alarm =
            alarm.metric_name("TimeToContain").statistic("Maximum".into()).period(60).evaluation_periods(1).threshold(1.0);
        alarm.comparison_operator("GreaterThanThreshold".into()).send().await?;
        self.expect("alarm: firebreak-time-to-contain");
        let sns = aws_sdk_sns::Client::new(self.security);
        let topic = format!("arn:aws:sns:{REGION}:{SECURITY_ACCOUNT}:{}", names::FAILURES_TOPIC);
        for subscription in sns.list_subscriptions_by_topic().topic_arn(topic).send().await?.subscriptions() {
            sns.unsubscribe().subscription_arn(subscription.subscription_arn().unwrap_or_default()).send().await?;
        }
        self.expect("topic: firebreak-failures");
        Ok(())
    }

    async fn ledger(&mut self) -> Result<()> {
        let dynamodb = aws_sdk_dynamodb::Client::new(self.security);
        let table = names::LEDGER_TABLE;
        dynamodb.update_table().table_name(table).deletion_protection_enabled(false).send().await?;
        self.expect("ledger: firebreak-ledger deletion protection");
        let off = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(false).build()?;
        dynamodb.update_continuous_backups().table_name(table).point_in_time_recovery_specification(off).send().await?;
        self.expect("ledger: firebreak-ledger point-in-time recovery");
        let off = TimeToLiveSpecification::builder().enabled(false).attribute_name("expires_at").build()?;
        dynamodb.update_time_to_live().table_name(table).time_to_live_specification(off).send().await?;
        self.expect("ledger: firebreak-ledger expiry");
        Ok(())
    }

    async fn evidence(&mut self) -> Result<()> {
        let bucket = names::evidence_bucket(SECURITY_ACCOUNT);
        let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).days(1).build();
        let rule = ObjectLockRule::builder().default_retention(retention).build();
        let lock = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
        let s3 = aws_sdk_s3::Client::new(self.security);
        s3.put_object_lock_configuration().bucket(&bucket).object_lock_configuration(lock).send().await?;
        self.expect(format!("evidence-bucket: {bucket} retention"));
        Ok(())
    }

    async fn member_account(&mut self) -> Result<()> {
        let iam = aws_sdk_iam::Client::new(&self.member);
        let arn = format!("arn:aws:iam::{MEMBER_ACCOUNT}:policy/firebreak/FirebreakQuarantineDenyAll");
        let narrowed =
            include_str!("../../../policies/quarantine-deny-all.json").replace("\"Action\": \"*\"", "\"Action\": \"s3:*\"");
        iam.create_policy_version().policy_arn(arn).policy_document(narrowed).set_as_default(true).send().await?;
        self.expect(format!("quarantine-policy: FirebreakQuarantineDenyAll in {MEMBER_ACCOUNT}"));
        iam.delete_role().role_name("FirebreakMemberLockdownS3").send().await?;
        self.expect(format!("member-role: FirebreakMemberLockdownS3 in {MEMBER_ACCOUNT}"));
        self.isolation_group().await
    }

    async fn isolation_group(&mut self) -> Result<()> {
        let ec2 = aws_sdk_ec2::Client::new(&self.member);
        let vpc = ec2.describe_vpcs().send().await?.vpcs().first().and_then(|vpc| vpc.vpc_id.clone()).ok_or("no VPC")?;
        let made = ec2.create_security_group().vpc_id(&vpc).group_name("firebreak-isolation-by-hand").description("isolates");
        let group = made.send().await?.group_id.ok_or("no group")?;
        let tag = aws_sdk_ec2::types::Tag::builder().key("firebreak-sg").value("isolation").build();
        ec2.create_tags().resources(&group).tags(tag).send().await?;
        // A new group lets everything out.
        self.expect(format!("isolation-group: {group} of {vpc} in {MEMBER_ACCOUNT} {REGION}"));
        let subnets = ec2.describe_subnets().filters(Filter::builder().name("vpc-id").values(&vpc).build()).send().await?;
        let subnet = subnets.subnets().first().and_then(|subnet| subnet.subnet_id()).ok_or("no subnet")?;
        let open = Filter::builder().name("tag:firebreak-sg").values("open").build();
        let open = ec2.describe_security_groups().filters(open).send().await?;
        let open =
            open.security_groups().iter().find(|group| group.vpc_id() == Some(vpc.as_str())).and_then(|group| group.group_id());
        let left = ec2.create_network_interface().subnet_id(subnet).groups(open.ok_or("no open group")?).send().await?;
        let left = left.network_interface.and_then(|one| one.network_interface_id).ok_or("no interface")?;
        self.expect(format!("open-group: {left} in {MEMBER_ACCOUNT} {REGION}"));
        Ok(())
    }

    async fn organization(&mut self) -> Result<()> {
        let organizations = aws_sdk_organizations::Client::new(self.security);
        let root = organizations.list_roots().send().await?.roots().first().and_then(|root| root.id.clone()).ok_or("no root")?;
        let listed = organizations.list_policies().filter("SERVICE_CONTROL_POLICY".into()).send().await?;
        let id =
            |name: &str| listed.policies().iter().find(|policy| policy.name() == Some(name)).and_then(|policy| policy.id.clone());
        let guard = id(names::GUARD_SCP).ok_or("no guard")?;
        organizations.detach_policy().policy_id(&guard).target_id(&root).send().await?;
        self.expect("guard: FirebreakGuard attached");
        let text = organizations.describe_policy().policy_id(&guard).send().await?.policy.and_then(|policy| policy.content);
        // Whoever may write this exempts every role.
        let wider = text.unwrap_or_default().replace("stacksets-exec-*", "*");
        organizations.update_policy().policy_id(&guard).content(wider).send().await?;
        self.expect("guard: FirebreakGuard");
        self.resource_guard(&organizations).await?;
        let quarantine = id("FirebreakQuarantine").ok_or("no quarantine policy")?;
        organizations.detach_policy().policy_id(&quarantine).target_id(&root).send().await?;
        self.expect(format!("quarantine-scp: {quarantine} attached"));
        Ok(())
    }

    async fn resource_guard(&mut self, organizations: &aws_sdk_organizations::Client) -> Result<()> {
        let listed = organizations.list_policies().filter("RESOURCE_CONTROL_POLICY".into()).send().await?;
        let guard = listed.policies().iter().find(|policy| policy.name() == Some(names::GUARD_RCP));
        let id = guard.and_then(|policy| policy.id()).ok_or("no resource guard")?;
        let text = organizations.describe_policy().policy_id(id).send().await?.policy.and_then(|policy| policy.content);
        // The member roles let in whoever has a role of that name, in whatever account.
        let wider = text.unwrap_or_default().replace(&format!("iam::{SECURITY_ACCOUNT}:role"), "iam::*:role");
        organizations.update_policy().policy_id(id).content(wider).send().await?;
        self.expect("guard: FirebreakResourceGuard");
        Ok(())
    }

    async fn detection(&mut self, detector: &str) -> Result<()> {
        let guardduty = aws_sdk_guardduty::Client::new(self.security);
        let slow = FindingPublishingFrequency::SixHours;
        guardduty.update_detector().detector_id(detector).enable(true).finding_publishing_frequency(slow).send().await?;
        self.expect(format!("guardduty: detector {detector} publishing frequency"));
        aws_sdk_securityhub::Client::new(self.security).disable_security_hub().send().await?;
        self.expect(format!("security-hub: hub in {REGION}"));
        Ok(())
    }

    async fn regions(&mut self, regions: &BTreeMap<String, SdkConfig>) -> Result<()> {
        let somebody_elses = detector(&regions["eu-west-1"]).await?;
        // GuardDuty's answer to everybody who is not the administrator there.
        self.stage.aws.plan_faults(&json!([{ "match": "guardduty:DescribeOrganizationConfiguration", "body": somebody_elses,
            "status": 400, "code": "BadRequestException", "times": 0 }]))?;
        self.expect("region: eu-west-1");
        aws_sdk_eventbridge::Client::new(&regions["us-east-1"]).disable_rule().name("firebreak-health").send().await?;
        self.expect("region: us-east-1");
        let gone = detector(&regions["us-west-2"]).await?;
        aws_sdk_guardduty::Client::new(&regions["us-west-2"]).delete_detector().detector_id(gone).send().await?;
        self.expect("region: us-west-2");
        Ok(())
    }

    async fn functions(&mut self) -> Result<()> {
        let lambda = aws_sdk_lambda::Client::new(self.security);
        lambda.delete_function().function_name("firebreak-decide-review").send().await?;
        self.expect("function: firebreak-decide-review");
        self.expect("function: firebreak-decide-review answers");
        lambda.delete_alias().function_name("firebreak-notify").name(names::DOCTOR_ALIAS).send().await?;
        self.expect("function: firebreak-notify answers");
        lambda.put_function_concurrency().function_name("firebreak-ingest").reserved_concurrent_executions(0).send().await?;
        self.expect("function: firebreak-ingest");
        let states = &self.stage.sfn;
        let arn = self.stage.state_machine_arn();
        let definition = states.describe_state_machine().state_machine_arn(&arn).send().await?.definition;
        // The task tokens leave the account.
        let changed =
            definition.replace(&format!("/{SECURITY_ACCOUNT}/firebreak-review-gate"), "/999999999999/firebreak-review-gate");
        states.update_state_machine().state_machine_arn(&arn).definition(changed).send().await?;
        self.expect("state-machine: firebreak-incident-response");
        Ok(())
    }
}

/// Doctor advises the groups of isolations; the command makes them, and a second time none; doctor advises them no more.
fn prepare(stage: &Stage, advised: &str) -> Result<()> {
    let advice = |observations: &str| -> Result<usize> {
        let seen: Vec<Value> = serde_json::from_str(observations)?;
        let is_ours = |one: &&Value| {
            let subject = one["subject"].as_str().unwrap_or_default();
            one["check"] == "isolation-group" && one["condition"] == "advice" && subject.starts_with(MEMBER_ACCOUNT)
        };
        Ok(seen.iter().filter(is_ours).count())
    };
    assert_eq!(advice(advised)?, 1, "{advised}");
    let prepare = || -> Result<Value> {
        let output = command::run(stage, &["prepare", "--account", MEMBER_ACCOUNT, "--json"])?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let prepared = prepare()?;
    assert!(prepared["vpcs"][0]["open_group"].is_string(), "{prepared}");
    assert_eq!(prepare()?, prepared);
    assert_eq!(advice(&doctor(stage, true)?.1)?, 0);
    Ok(())
}

#[tokio::test]
async fn every_planted_fault_is_found_and_nothing_else() -> Result<()> {
    let logs = fixture::repository().join(format!(".local/logs/doctor-{}", std::process::id()));
    let stage = Stage::set(&Options { policy: None, logs: Some(logs) }).await?;
    let regions = watch_every_region(stage.config()).await?;
    let at_home = detector(stage.config()).await?;

    let (exit, sound) = doctor(&stage, true)?;
    assert_eq!(attention(&sound)?, BTreeSet::new(), "a fresh deployment has nothing to mend");
    assert_eq!(exit, 0);
    assert!(serde_json::from_str::<Vec<Value>>(&sound)?.len() > 60, "{sound}");

    prepare(&stage, &sound)?;

    let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
    let mut saboteur = Saboteur { stage: &stage, security: stage.config(), member, found: BTreeSet::new() };
    saboteur.event_rules().await?;
    saboteur.review_gate().await?;
    saboteur.watch().await?;
    saboteur.ledger().await?;
    saboteur.evidence().await?;
    saboteur.member_account().await?;
    saboteur.organization().await?;
    saboteur.detection(&at_home).await?;
    saboteur.regions(&regions).await?;
    saboteur.functions().await?;
    assert!(saboteur.found.len() >= 25, "only {} faults planted", saboteur.found.len());

    let (exit, seen) = doctor(&stage, true)?;
    assert_eq!(attention(&seen)?, saboteur.found);
    assert_eq!(exit, 1);
    let (_, text) = doctor(&stage, false)?;
    println!("{} faults planted, {} found\n{text}", saboteur.found.len(), saboteur.found.len());
    assert!(text.contains("Not ready:"), "{text}");
    Ok(())
}

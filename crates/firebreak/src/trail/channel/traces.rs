//! What an attacker switches off to act unseen.

use super::{PLAIN, Request, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        source: "cloudtrail.amazonaws.com",
        events: &["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors"],
        named: &[(Request, "/name"), (Request, "/trailName")],
        advice: "start logging again; compare selectors, bucket and Regions with what they were; the event history has what happened \
                 meanwhile for 90 days",
        exact: Some(
            "aws cloudtrail start-logging --name <id> --region <region> (of a trail that is gone: create-trail); compare selectors, \
             bucket and Regions with what they were; the event history has 90 days",
        ),
        ..PLAIN
    },
    Row {
        source: "cloudtrail.amazonaws.com",
        events: &["DeleteEventDataStore", "StopEventDataStoreIngestion", "UpdateEventDataStore"],
        named: &[(Request, "/eventDataStore")],
        advice: "cloudtrail:RestoreEventDataStore (within 7 days), then StartEventDataStoreIngestion; compare what it takes with what \
                 it did",
        exact: Some(
            "aws cloudtrail restore-event-data-store --event-data-store <id> --region <region> (within 7 days), then \
             start-event-data-store-ingestion; compare what it takes with what it did",
        ),
        ..PLAIN
    },
    Row {
        source: "guardduty.amazonaws.com",
        events: &[
            "DeleteDetector",
            "UpdateDetector",
            "CreateFilter",
            "UpdateFilter",
            "CreateIPSet",
            "UpdateIPSet",
            "DeleteThreatIntelSet",
            "DeletePublishingDestination",
            "DisassociateFromAdministratorAccount",
            "DisassociateFromMasterAccount",
            "DisassociateMembers",
            "DeleteMembers",
            "StopMonitoringMembers",
        ],
        named: &[(Request, "/detectorId")],
        advice: "switch GuardDuty and its protection plans on again; look through filters, trusted IP lists and members, and for what \
                 it did not see",
        exact: Some(
            "aws guardduty update-detector --detector-id <id> --enable --region <region> (of one that is gone: create-detector); \
             switch its plans on; look through filters, trusted IP lists and members, and for what it did not see",
        ),
        ..PLAIN
    },
    Row {
        source: "config.amazonaws.com",
        events: &["StopConfigurationRecorder", "DeleteConfigurationRecorder", "PutConfigurationRecorder"],
        named: &[(Request, "/configurationRecorderName"), (Request, "/configurationRecorder/name")],
        advice: "config:StartConfigurationRecorder; compare what it records with what it did",
        exact: Some(
            "aws configservice start-configuration-recorder --configuration-recorder-name <id> --region <region> (of one that is \
             gone: put-configuration-recorder); compare what it records with what it did",
        ),
        ..PLAIN
    },
    Row {
        source: "config.amazonaws.com",
        events: &["DeleteDeliveryChannel"],
        named: &[(Request, "/deliveryChannelName")],
        advice: "config:PutDeliveryChannel with the bucket and topic it had, then config:StartConfigurationRecorder",
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["DeleteFlowLogs"],
        named: &[(Request, "/DeleteFlowLogsRequest/FlowLogId/content")],
        several: &[(Request, "/DeleteFlowLogsRequest/FlowLogId", "/content")],
        advice: "ec2:CreateFlowLogs for the VPC, subnet or interface it was of, with the destination it had",
        ..PLAIN
    },
    Row {
        source: "route53resolver.amazonaws.com",
        events: &["DeleteResolverQueryLogConfig", "DisassociateResolverQueryLogConfig"],
        named: &[(Request, "/resolverQueryLogConfigId")],
        advice: "route53resolver:CreateResolverQueryLogConfig with the destination it had; associate it with its VPCs again",
        ..PLAIN
    },
    Row {
        source: "securityhub.amazonaws.com",
        events: &["DisableSecurityHub", "BatchDisableStandards", "DisableImportFindingsForProduct"],
        itself: Some("Security Hub"),
        advice: "securityhub:EnableSecurityHub; switch its standards and products on again",
        exact: Some("aws securityhub enable-security-hub --region <region>; switch its standards and products on again"),
        ..PLAIN
    },
    Row {
        source: "access-analyzer.amazonaws.com",
        events: &["DeleteAnalyzer"],
        named: &[(Request, "/analyzerName")],
        advice: "access-analyzer:CreateAnalyzer; look at what was opened to others meanwhile",
        ..PLAIN
    },
    Row {
        source: "logs.amazonaws.com",
        events: &["DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy", "DeleteSubscriptionFilter"],
        named: &[(Request, "/logGroupName")],
        advice: "put its retention and subscription filters back; logs that are gone are only in copies: look for exports",
        ..PLAIN
    },
    Row {
        source: "monitoring.amazonaws.com",
        events: &["DisableAlarmActions", "DeleteAlarms"],
        several: &[(Request, "/alarmNames", "")],
        advice: "cloudwatch:EnableAlarmActions (of an alarm that is gone: PutMetricAlarm); look for what it would have rung for",
        exact: Some(
            "aws cloudwatch enable-alarm-actions --alarm-names <id> --region <region> (of an alarm that is gone: put-metric-alarm); \
             look for what it would have rung for",
        ),
        ..PLAIN
    },
    Row {
        source: "events.amazonaws.com",
        events: &["DisableRule", "DeleteRule", "RemoveTargets"],
        named: &[(Request, "/name"), (Request, "/rule")],
        advice: "events:EnableRule; compare its pattern and targets with what they were (PutRule, PutTargets)",
        exact: Some(
            "aws events enable-rule --name <id> --region <region> (--event-bus-name, if not the default bus); compare its pattern and \
             targets with what they were",
        ),
        ..PLAIN
    },
    Row {
        source: "bedrock.amazonaws.com",
        events: &["DeleteModelInvocationLoggingConfiguration"],
        itself: Some("model invocation logging of Bedrock"),
        advice: "bedrock:PutModelInvocationLoggingConfiguration with the destination it had; look for InvokeModel in CloudTrail",
        ..PLAIN
    },
    Row {
        source: "bedrock.amazonaws.com",
        events: &["DeleteGuardrail", "UpdateGuardrail"],
        named: &[(Request, "/guardrailIdentifier")],
        advice: "compare the guardrail with what it was (of one that is gone: bedrock:CreateGuardrail, and its new id where it is used)",
        ..PLAIN
    },
];

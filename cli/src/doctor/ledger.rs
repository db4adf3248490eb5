//! Whether the ledger survives a mistake: it holds what was there before, without which nothing can be put back.

use super::deployment::{DEPLOY, Deployment, unread};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, SseStatus, TableStatus, TimeToLiveStatus};
use firebreak::diagnosis::Observation;
use firebreak::names::LEDGER_TABLE as TABLE;
use firebreak_aws::classify::OrFault;

const LEDGER: &str = "ledger";

pub(super) async fn look(deployment: &Deployment) -> Vec<Observation> {
    let client = &Client::new(&deployment.config);
    let (table, backups, ttl) = futures::join!(
        client.describe_table().table_name(TABLE).send(),
        client.describe_continuous_backups().table_name(TABLE).send(),
        client.describe_time_to_live().table_name(TABLE).send()
    );
    let table = match table.or_fault("dynamodb:DescribeTable").map(|answer| answer.table) {
        Ok(Some(table)) => table,
        Ok(None) => return vec![Observation::broken(LEDGER, TABLE, "missing", DEPLOY)],
        Err(fault) => return vec![unread(LEDGER, TABLE, &fault)],
    };
    let protection = format!("aws dynamodb update-table --table-name {TABLE} --deletion-protection-enabled");
    let recovery = format!(
        "aws dynamodb update-continuous-backups --table-name {TABLE} --point-in-time-recovery-specification \
         PointInTimeRecoveryEnabled=true"
    );
    let expiry = format!(
        "aws dynamodb update-time-to-live --table-name {TABLE} --time-to-live-specification Enabled=true,AttributeName=expires_at"
    );
    let mut seen = vec![
        must(TABLE.to_owned(), table.table_status == Some(TableStatus::Active), "active", "not active", DEPLOY),
        must(
            format!("{TABLE} deletion protection"),
            table.deletion_protection_enabled == Some(true),
            "on",
            "off: one call deletes what release needs",
            &protection,
        ),
        must(
            format!("{TABLE} key"),
            table
                .sse_description
                .is_some_and(|sse| sse.status == Some(SseStatus::Enabled) && sse.inaccessible_encryption_date_time.is_none()),
            "in KMS, and within reach",
            "not in KMS, or DynamoDB cannot use it: nothing can be recorded",
            DEPLOY,
        ),
    ];
    seen.push(match backups.or_fault("dynamodb:DescribeContinuousBackups") {
        Ok(answer) => {
            let status = answer.continuous_backups_description.and_then(|all| all.point_in_time_recovery_description);
            let on = status.and_then(|of| of.point_in_time_recovery_status) == Some(PointInTimeRecoveryStatus::Enabled);
            must(format!("{TABLE} point-in-time recovery"), on, "on", "off: a mistake in it cannot be taken back", &recovery)
        }
        Err(fault) => unread(LEDGER, format!("{TABLE} point-in-time recovery"), &fault),
    });
    seen.push(match ttl.or_fault("dynamodb:DescribeTimeToLive") {
        Ok(answer) => {
            let ttl = answer.time_to_live_description.filter(|ttl| ttl.attribute_name() == Some("expires_at"));
            let on = ttl.and_then(|ttl| ttl.time_to_live_status) == Some(TimeToLiveStatus::Enabled);
            must(format!("{TABLE} expiry"), on, "expires_at", "off: counters of old hours stay for ever", &expiry)
        }
        Err(fault) => unread(LEDGER, format!("{TABLE} expiry"), &fault),
    });
    seen
}

fn must(subject: String, holds: bool, sound: &str, broken: &str, fix: &str) -> Observation {
    if holds { Observation::sound(LEDGER, subject, sound) } else { Observation::broken(LEDGER, subject, broken, fix) }
}

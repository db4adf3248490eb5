//! What flow logs say, 15 minutes after the isolation.

use crate::{FIRST, INSTANCE, SECOND, VPC_A, VPC_B, contain, stage, verify};
use firebreak::containment::Containment;
use firebreak::receipt::{Receipt, Verification};
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_testkit::room::{self, ACCOUNT, REGION};
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// An instance that was isolated so many minutes ago.
async fn isolated(minutes: i64) -> (ScriptedAws, Timestamp) {
    let (aws, _ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    let (ledger, incident) = (room::ledger(&aws), room::incident("one"));
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let kept = ledger.receipt(&incident, Containment::IsolateEc2, &target).await.expect("the ledger answers");
    let at = clock::now() - SignedDuration::from_mins(minutes);
    let earlier = Receipt { finished_at: Some(at), ..kept.expect("a receipt") };
    ledger.keep_receipt(&incident, &earlier).await.expect("the ledger takes it");
    aws.forget();
    (aws, at)
}

/// Flow logs, each of one resource.
fn flow_logs(aws: &ScriptedAws, resources: &[&str], destination: &str) {
    let log = |(at, resource): (usize, &&str)| {
        format!(
            "<item><flowLogId>fl-{at}</flowLogId><flowLogStatus>ACTIVE</flowLogStatus><resourceId>{resource}</resourceId>\
             <trafficType>ALL</trafficType>{destination}</item>"
        )
    };
    let logs: String = resources.iter().enumerate().map(log).collect();
    aws.answer("ec2:DescribeFlowLogs", ok(format!("<flowLogSet>{logs}</flowLogSet>")));
}

const GROUP: &str = "<logDestinationType>cloud-watch-logs</logDestinationType><logGroupName>flows</logGroupName>";

/// What each stream has.
fn streams(aws: &ScriptedAws, records: impl Fn(&str) -> Vec<String> + Send + 'static) {
    aws.on("logs:FilterLogEvents", move |call| {
        let stream = call.params["logStreamNames"][0].as_str().unwrap_or_default();
        let events: Vec<Value> = records(stream).into_iter().map(|message| json!({ "message": message })).collect();
        Some(ok(json!({ "events": events }).to_string()))
    });
}

fn nodata(interface: &str, start: i64) -> String {
    format!("2 {ACCOUNT} {interface} - - - - - - - {start} {} - NODATA", start + 60)
}

fn accepted(interface: &str, peer: &str, start: i64) -> String {
    format!("2 {ACCOUNT} {interface} 10.0.0.5 {peer} 51000 443 6 10 840 {start} {} ACCEPT OK", start + 60)
}

fn lines(all: &[String]) -> Vec<&str> {
    all.iter().filter(|line| line.contains("flow")).map(String::as_str).collect()
}

async fn look(aws: &ScriptedAws) -> Verification {
    verify(aws, "one").await.expect("a look")
}

#[tokio::test]
async fn nothing_flows_only_where_a_later_window_of_every_interface_was_delivered() {
    let (aws, at) = isolated(16).await;
    flow_logs(&aws, &[VPC_A, VPC_B], GROUP);
    let start = at.as_second();
    streams(&aws, move |stream| vec![nodata(stream.trim_end_matches("-all"), start + 30)]);
    let check = look(&aws).await;
    let said = lines(&check.notes);
    assert!(said.len() == 1 && said[0].starts_with("no accepted flow since"), "{check:?}");
    assert_eq!(lines(&check.problems), [""; 0]);

    // A window that began before the isolation proves nothing.
    streams(&aws, move |stream| {
        let interface = stream.trim_end_matches("-all");
        vec![nodata(interface, if interface == SECOND { start - 30 } else { start + 30 })]
    });
    let check = look(&aws).await;
    assert!(!check.notes.iter().any(|note| note.starts_with("no accepted flow since")), "{check:?}");
    let said = lines(&check.notes).join("\n");
    assert!(said.contains(&format!("{SECOND}: not known")), "{check:?}");
    assert!(said.contains(&format!("flow logs of {FIRST} show no accepted flow")), "{check:?}");
}

#[tokio::test]
async fn a_flow_that_went_on_is_a_problem_and_no_news_at_the_next_look() {
    let (aws, at) = isolated(16).await;
    flow_logs(&aws, &[VPC_A, VPC_B], GROUP);
    let start = at.as_second();
    streams(&aws, move |stream| {
        let interface = stream.trim_end_matches("-all");
        let flow = (interface == FIRST).then(|| accepted(interface, "203.0.113.9", start + 60));
        flow.into_iter().chain([nodata(interface, start + 120), accepted(interface, "169.254.169.254", start + 60)]).collect()
    });
    let first = look(&aws).await;
    let said = lines(&first.problems);
    assert!(said.len() == 1 && said[0].contains("203.0.113.9, port 443, 840 bytes") && said[0].starts_with(FIRST), "{first:?}");
    assert!(!first.holds);
    let said: Vec<String> = said.into_iter().map(str::to_owned).collect();
    let next = start + 600;
    streams(&aws, move |stream| {
        let interface = stream.trim_end_matches("-all");
        let flows = [start + 60, next].map(|start| accepted(interface, "203.0.113.9", start));
        flows.into_iter().filter(|_| interface == FIRST).chain([nodata(interface, start + 120)]).collect()
    });
    let second = look(&aws).await;
    assert_eq!(lines(&second.problems), said, "the watch tells people of a line that is new");
}

#[tokio::test]
async fn what_is_not_known_is_said() {
    let (aws, _) = isolated(16).await;
    flow_logs(&aws, &[VPC_A], GROUP);
    aws.answer("logs:FilterLogEvents", error(400, "ResourceNotFoundException"));
    let check = look(&aws).await;
    let said = lines(&check.notes).join("\n");
    assert!(said.contains(&format!("{FIRST}: not known")) && said.contains("no window that begins later"), "{check:?}");
    assert!(said.contains(&format!("{SECOND}: no flow log")), "{check:?}");

    aws.answer("logs:FilterLogEvents", error(400, "AccessDeniedException"));
    let said = lines(&look(&aws).await.notes).join("\n");
    assert!(said.contains("logs:FilterLogEvents"), "{said}");

    let parquet = "<logDestinationType>s3</logDestinationType><logDestination>arn:aws:s3:::logs</logDestination>\
                   <destinationOptions><fileFormat>parquet</fileFormat></destinationOptions>";
    flow_logs(&aws, &[VPC_A, VPC_B], parquet);
    let said = lines(&look(&aws).await.notes).join("\n");
    assert!(said.contains("Parquet"), "{said}");

    aws.answer("ec2:DescribeFlowLogs", error(403, "UnauthorizedOperation"));
    let check = look(&aws).await;
    assert!(lines(&check.notes).iter().any(|line| line.contains("which flow logs there are")), "{check:?}");
}

#[tokio::test]
async fn before_15_minutes_nobody_asks() {
    let (aws, _) = isolated(14).await;
    let check = look(&aws).await;
    assert_eq!((lines(&check.notes), aws.calls_of("ec2:DescribeFlowLogs").len()), (vec![], 0));
}

#[tokio::test]
async fn flow_logs_in_a_bucket_are_read_from_the_folder_of_the_day() {
    let (aws, at) = isolated(20).await;
    let place = "<logDestinationType>s3</logDestinationType><logDestination>arn:aws:s3:::flows/vpc</logDestination>\
                 <destinationOptions><fileFormat>plain-text</fileFormat><hiveCompatiblePartitions>false</hiveCompatiblePartitions>\
                 <perHourPartition>false</perHourPartition></destinationOptions>";
    flow_logs(&aws, &[VPC_A, VPC_B], place);
    let start = at.as_second();
    aws.on("s3:*", move |call| {
        assert_eq!(call.headers["x-amz-expected-bucket-owner"], ACCOUNT);
        if call.operation == "GetObject" {
            let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
            let records = [FIRST, SECOND].map(|interface| nodata(interface, start + 60));
            return Some(ok(format!("{header}\n{}\n", records.join("\n"))));
        }
        let prefix = call.param("prefix").to_owned();
        assert!(prefix.starts_with(&format!("vpc/AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/20")), "{prefix}");
        let object = format!("<Contents><Key>{prefix}20991231T2355Z_0a1b.log.gz</Key><Size>400</Size></Contents>");
        Some(ok(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{object}</ListBucketResult>")))
    });
    let check = look(&aws).await;
    assert!(lines(&check.notes).iter().any(|line| line.starts_with("no accepted flow since")), "{check:?}");

    aws.answer("s3:*", error(403, "AccessDenied"));
    let check = look(&aws).await;
    assert!(lines(&check.notes).iter().any(|line| line.contains("s3:ListBucket")), "{check:?}");
}

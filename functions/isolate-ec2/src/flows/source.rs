//! Which flow logs cover an interface, and where they deliver.

use super::record::Format;
use crate::base::NetworkInterface;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{DestinationFileFormat, Filter, FlowLog, LogDestinationType, TrafficType};
use firebreak::fault::Fault;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use std::collections::BTreeSet;

/// A flow log that records accepted flows.
#[derive(Debug)]
pub(super) struct Source {
    /// `fl-…`.
    pub(super) id: String,
    /// The interface, subnet or VPC that it is for.
    pub(super) resource: String,
    /// It records no rejected flows.
    pub(super) accepted_only: bool,
    /// Nothing: its format says too little.
    pub(super) format: Option<Format>,
    pub(super) place: Place,
}

/// Where it delivers.
#[derive(Debug)]
pub(super) enum Place {
    /// A log group of CloudWatch Logs.
    Group { name: String },
    /// A bucket.
    Bucket(Folder),
    /// Where Firebreak cannot read.
    Unreadable(&'static str),
}

/// Where in a bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) bucket: String,
    /// Empty, or with a slash at its end.
    pub(super) prefix: String,
    /// Folders are named `year=2026`.
    pub(super) hive: bool,
    /// There is a folder for each hour.
    pub(super) hourly: bool,
}

impl Source {
    /// Whether it records the interface.
    pub(super) fn covers(&self, interface: &NetworkInterface) -> bool {
        let of = [Some(&interface.id), interface.subnet.as_ref(), Some(&interface.vpc)];
        of.into_iter().flatten().any(|id| *id == self.resource)
    }

    /// Whose records are those that name no interface.
    pub(super) fn only_of<'a>(&self, covered: &[&'a str]) -> Option<&'a str> {
        covered.iter().copied().find(|id| *id == self.resource)
    }

    fn of(log: &FlowLog) -> Option<Self> {
        let is_active = log.flow_log_status() == Some("ACTIVE");
        let traffic = log.traffic_type().filter(|traffic| **traffic != TrafficType::Reject).filter(|_| is_active)?;
        let accepted_only = *traffic == TrafficType::Accept;
        let format = Format::parse(log.log_format(), accepted_only);
        let place = if format.is_none() { Place::Unreadable("its format says too little") } else { place(log) };
        let (id, resource) = (inert(log.flow_log_id()?, 40), log.resource_id()?.to_owned());
        Some(Self { id, resource, accepted_only, format, place })
    }
}

fn place(log: &FlowLog) -> Place {
    match log.log_destination_type() {
        Some(LogDestinationType::S3) => folder(log),
        Some(LogDestinationType::CloudWatchLogs) | None => group(log),
        Some(_) => Place::Unreadable("it delivers to a stream, which nobody can read afterwards"),
    }
}

fn group(log: &FlowLog) -> Place {
    if log.deliver_cross_account_role().is_some() {
        return Place::Unreadable("it delivers to a log group of another account");
    }
    // arn:aws:logs:eu-central-1:111122223333:log-group:flows, perhaps with `:*`.
    let of_arn = || log.log_destination()?.split(':').nth(6);
    match log.log_group_name().or_else(of_arn) {
        Some(name) => Place::Group { name: name.to_owned() },
        None => Place::Unreadable("it names no log group"),
    }
}

fn folder(log: &FlowLog) -> Place {
    let options = log.destination_options();
    if options.and_then(|options| options.file_format()) == Some(&DestinationFileFormat::Parquet) {
        return Place::Unreadable("it delivers Parquet, which Firebreak does not read");
    }
    let is = |option: Option<bool>| option.unwrap_or(false);
    let (hive, hourly) =
        options.map_or((false, false), |options| (is(options.hive_compatible_partitions()), is(options.per_hour_partition())));
    match log.log_destination().and_then(bucket_of) {
        Some((bucket, prefix)) => Place::Bucket(Folder { bucket, prefix, hive, hourly }),
        None => Place::Unreadable("it names no bucket"),
    }
}

/// `arn:aws:s3:::bucket/folder/`: the bucket, and the folder with a slash at its end.
fn bucket_of(arn: &str) -> Option<(String, String)> {
    let (_, path) = arn.split_once(":::")?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    let prefix = prefix.trim_end_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    (!bucket.is_empty()).then(|| (bucket.to_owned(), prefix))
}

/// The flow logs of the interfaces, their subnets and their VPCs.
///
/// # Errors
/// EC2 did not say.
pub(super) async fn of(ec2: &Client, interfaces: &[NetworkInterface]) -> Result<Vec<Source>, Fault> {
    let ids = interfaces.iter().flat_map(|interface| [Some(&interface.id), interface.subnet.as_ref(), Some(&interface.vpc)]);
    let ids: BTreeSet<String> = ids.flatten().cloned().collect();
    let wanted = Filter::builder().name("resource-id").set_values(Some(ids.into_iter().collect())).build();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = ec2.describe_flow_logs().filter(wanted.clone()).set_next_token(token).send().await;
        let page = page.or_fault("ec2:DescribeFlowLogs")?;
        found.extend(page.flow_logs().iter().filter_map(Source::of));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_bucket_and_a_folder() {
        let of = |arn: &str| bucket_of(arn).map(|(bucket, prefix)| format!("{bucket} {prefix}"));
        assert_eq!(of("arn:aws:s3:::logs").as_deref(), Some("logs "));
        assert_eq!(of("arn:aws:s3:::logs/vpc/").as_deref(), Some("logs vpc/"));
        assert_eq!(of("arn:aws-cn:s3:::logs/a/b").as_deref(), Some("logs a/b/"));
        assert_eq!(of("arn:aws:s3:::"), None);
        assert_eq!(of("x"), None);
    }

    #[test]
    fn what_cannot_show_accepted_flows_is_no_source() {
        let log =
            || FlowLog::builder().flow_log_id("fl-1").resource_id("vpc-a").flow_log_status("ACTIVE").log_group_name("flows");
        assert!(Source::of(&log().traffic_type(TrafficType::Reject).build()).is_none());
        assert!(Source::of(&log().traffic_type(TrafficType::All).flow_log_status("x").build()).is_none());
        let all = Source::of(&log().traffic_type(TrafficType::All).build()).expect("a source");
        assert!(!all.accepted_only && matches!(&all.place, Place::Group { name } if name == "flows"));
        let odd = Source::of(&log().traffic_type(TrafficType::All).log_format("${srcaddr}").build()).expect("a source");
        assert!(matches!(odd.place, Place::Unreadable(_)));
    }
}

//! Access points: other names under which the objects of a bucket are reached, each with a policy of its own.
//!
//! A request through one is allowed only where the bucket allows it too, so a deny of the bucket's policy holds (S3 user guide,
//! "Configuring IAM policies for using access points"; "Multi-Region Access Points permissions").

use super::{control, named, note};
use crate::suspects::Suspects;
use aws_sdk_s3control::Client;
use aws_sdk_s3control::types::{AccessPoint, MultiRegionAccessPointReport, NetworkOrigin};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::Call;
use firebreak_s3::Bucket;
use futures::future::join_all;

/// Access points whose policies are read.
const MOST: i32 = 20;
/// Access points that a line names.
const NAMED: usize = 3;
/// Pages of multi-Region access points. An account has at most 100 of them (S3 user guide, "Multi-Region Access Point restrictions").
const PAGES: usize = 3;
/// The Region that answers for all multi-Region access points of an account (same page).
const EVERYWHERE: &str = "us-west-2";
/// The only partition with multi-Region access points whose Region is known.
const COMMERCIAL: &str = "aws";

/// Hexadecimal digits of a digest that tell one policy from the other.
const DIGITS: usize = 12;

const HOLDS: &str = "a deny of the bucket's policy holds through";

/// A line about the access points in the bucket's Region, and one about those of several Regions.
pub(super) async fn notes(call: &Call, bucket: &Bucket, suspects: &Suspects) -> Vec<Step> {
    let (here, everywhere) = futures::join!(Box::pin(in_region(call, bucket, suspects)), Box::pin(in_several(call, bucket)));
    let here = here.map(|line| note(StepKind::NoteAccessPoint, &bucket.region, &line));
    let everywhere = everywhere.map(|line| note(StepKind::NoteAccessPoint, "multi-Region", &line));
    here.into_iter().chain(everywhere).collect()
}

async fn in_region(call: &Call, bucket: &Bucket, suspects: &Suspects) -> Option<String> {
    let client = control::client(&call.config, &bucket.region);
    let asked = client.list_access_points().account_id(&bucket.owner).bucket(&bucket.name).max_results(MOST).send();
    let answer = match asked.await.or_fault("s3:ListAccessPoints") {
        Ok(answer) => answer,
        Err(fault) => return Some(format!("its access points could not be listed: {}", fault.message)),
    };
    let points = answer.access_point_list();
    let policies = join_all(points.iter().map(|point| Box::pin(policy(&client, bucket, point.name())))).await;
    let each: Vec<String> = points.iter().zip(policies).map(|(point, policy)| described(point, &policy, suspects)).collect();
    line(&each, if answer.next_token().is_some() { "at least " } else { "" })
}

/// The policy of an access point, if it has one.
async fn policy(client: &Client, bucket: &Bucket, name: &str) -> Result<Option<String>, Fault> {
    match client.get_access_point_policy().account_id(&bucket.owner).name(name).send().await {
        Ok(answer) => Ok(answer.policy),
        Err(error) if code(&error) == Some("NoSuchAccessPointPolicy") => Ok(None),
        Err(error) => Err(fault("s3:GetAccessPointPolicy", &error)),
    }
}

fn described(point: &AccessPoint, policy: &Result<Option<String>, Fault>, suspects: &Suspects) -> String {
    let from = match (point.network_origin(), point.vpc_configuration()) {
        (NetworkOrigin::Internet, _) => "Internet".to_owned(),
        (_, Some(vpc)) => inert(vpc.vpc_id(), 24),
        (origin, None) => inert(origin.as_str(), 12),
    };
    let policy = match policy {
        Ok(None) => "no policy".to_owned(),
        Ok(Some(text)) => {
            let digest: String = sha256_hex(text.as_bytes()).chars().take(DIGITS).collect();
            let who = named::allowed(text).map_or_else(|| "not read".to_owned(), |names| named::shown(&names, suspects, 1));
            format!("policy {digest} for {who}")
        }
        Err(_) => "policy unread".to_owned(),
    };
    format!("{} ({from}, {policy})", inert(point.name(), 50))
}

fn line(each: &[String], at_least: &str) -> Option<String> {
    let more = each.len().saturating_sub(NAMED);
    let named = each.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let line = format!(
        "{HOLDS} its {at_least}{} access point(s), which are left as they are: {named}{more}; other accounts' are not listed",
        each.len()
    );
    (!each.is_empty()).then_some(line)
}

async fn in_several(call: &Call, bucket: &Bucket) -> Option<String> {
    if bucket.partition.as_str() != COMMERCIAL {
        return None;
    }
    let client = control::client(&call.config, EVERYWHERE);
    let (mut found, mut token) = (Vec::new(), None);
    for _ in 0..PAGES {
        let asked = client.list_multi_region_access_points().account_id(&bucket.owner).set_next_token(token).send();
        let page = match Box::pin(asked).await.or_fault("s3:ListMultiRegionAccessPoints") {
            Ok(page) => page,
            Err(fault) => return Some(format!("multi-Region access points could not be listed: {}", fault.message)),
        };
        let leads_here = |point: &&MultiRegionAccessPointReport| leads_to(point, bucket);
        found.extend(page.access_points().iter().filter(leads_here).map(|point| inert(point.name().unwrap_or("unnamed"), 50)));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = found.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!found.is_empty()).then(|| {
        format!("{HOLDS} the multi-Region access point(s) {named}{more}; their buckets in other Regions are not closed with it")
    })
}

fn leads_to(point: &MultiRegionAccessPointReport, bucket: &Bucket) -> bool {
    point.regions().iter().any(|region| {
        let is_owner = region.bucket_account_id().is_none_or(|owner| owner == bucket.owner);
        region.bucket() == Some(bucket.name.as_str()) && is_owner
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str) -> AccessPoint {
        let internet = AccessPoint::builder().name(name).network_origin(NetworkOrigin::Internet).bucket("acme-exports");
        internet.build().expect("an access point")
    }

    #[test]
    fn the_longest_names_leave_room_for_what_holds() {
        let point = point(&"n".repeat(50));
        let policy = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/deploy"}}}"#;
        let each = vec![described(&point, &Ok(Some(policy.to_owned())), &Suspects::default()); 20];
        let line = line(&each, "at least ").expect("a line");
        assert!(line.starts_with("a deny of the bucket's policy holds through its at least 20 access point(s)"), "{line}");
        assert_eq!(super::line(&[], ""), None);
    }

    #[test]
    fn a_policy_that_could_not_be_read_is_no_absent_one() {
        let point = point("web");
        let said = |policy| described(&point, &policy, &Suspects::default());
        assert_eq!(said(Ok(None)), "web (Internet, no policy)");
        assert_eq!(said(Err(Fault::bug("x"))), "web (Internet, policy unread)");
        assert!(said(Ok(Some("no JSON".to_owned()))).contains("for not read"));
    }
}

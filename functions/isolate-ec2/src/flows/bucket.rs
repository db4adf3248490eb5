//! Flow logs in a bucket of the account: packed text, a folder for each day or hour.
//!
//! A bucket of another account is not read: whoever can make a flow log could deliver anything there.

use super::record::Seen;
use super::source::{Folder, Source};
use super::{LATE, Read, Span};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use firebreak::fault::{Fault, FaultKind};
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use flate2::read::MultiGzDecoder;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::pin::pin;
use tokio::time::{Instant, timeout_at};

/// Objects of one look.
const OBJECTS: usize = 50;
/// Bytes of one look, unpacked.
const BYTES: u64 = 50 * 1024 * 1024;
/// Objects that are fetched at the same time.
const AT_ONCE: usize = 6;
/// A file's name has the time at which its windows begin, or at which it was made.
const EARLIER: SignedDuration = SignedDuration::from_mins(10);
/// Files come so much later than their windows begin.
const LATER: SignedDuration = SignedDuration::from_mins(20);
/// How packed data begins (RFC 1952).
const PACKED: [u8; 2] = [0x1f, 0x8b];

const MORE: &str = "its bucket has more than was read";

/// What one flow log may take of a look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    objects: usize,
    bytes: u64,
}

impl Limits {
    /// An equal part for each of so many flow logs.
    pub(super) fn shared_by(count: usize) -> Self {
        let count = count.max(1);
        Self { objects: (OBJECTS / count).max(1), bytes: BYTES / u64::try_from(count).unwrap_or(u64::MAX) }
    }
}

/// Reads the files that can have windows of the span.
pub(super) async fn read(
    call: &Call,
    source: &Source,
    folder: &Folder,
    covered: &[&str],
    (span, deadline, limits): (Span, Instant, Limits),
) -> Read {
    let mut seen: BTreeMap<String, Seen> = covered.iter().map(|id| ((*id).to_owned(), Seen::default())).collect();
    let Some(format) = &source.format else { return Read { seen, gap: None } };
    let whose = source.only_of(covered);
    if !format.names_interfaces() && whose.is_none() {
        return Read::unread("its format leaves the interface out");
    }
    let all = files(call, source, folder, span, limits, |line| format.count(line, whose, span, &mut seen));
    let gap = match timeout_at(deadline, all).await {
        Ok(Ok(gap)) => gap.map(str::to_owned),
        Ok(Err(fault)) => Some(fault.message),
        Err(_) => Some(LATE.to_owned()),
    };
    Read { seen, gap }
}

/// Gives every line to `take`, and says what was left out.
async fn files(
    call: &Call,
    source: &Source,
    folder: &Folder,
    span: Span,
    limits: Limits,
    mut take: impl FnMut(&str),
) -> Result<Option<&'static str>, Fault> {
    let folders: Vec<String> =
        folders(folder, &call.target, span, clock::now()).iter().map(|at| file(at, source, &call.target)).collect();
    let bucket = open(call, folder, folders.first().map_or("", String::as_str)).await;
    let (mut keys, mut gap) = (Vec::new(), None);
    for file in &folders {
        let left = limits.objects - keys.len();
        if left == 0 {
            gap = Some(MORE);
            break;
        }
        let is_whole = list(&bucket, file, span, left, &mut keys).await?;
        if !is_whole {
            gap = Some(MORE);
        }
    }
    let each = keys.iter().map(|key| Box::pin(object(&bucket, key)));
    let mut bodies = pin!(futures::stream::iter(each).buffered(AT_ONCE));
    let mut room = limits.bytes;
    while let Some(body) = bodies.next().await {
        match lines(&body?, room, &mut take) {
            Some(left) => room = left,
            None => return Ok(Some(MORE)),
        }
    }
    Ok(gap)
}

/// A bucket of the account.
struct Bucket<'a> {
    /// In its Region.
    s3: Client,
    name: &'a str,
    /// Sent with every call: S3 refuses it where somebody else owns the bucket.
    owner: String,
}

/// A bucket can be in another Region than the flow log: S3 then names that one in a header. The role may list nothing but `prefix`.
async fn open<'a>(call: &Call, folder: &'a Folder, prefix: &str) -> Bucket<'a> {
    let (name, owner) = (folder.bucket.as_str(), call.target.account.to_string());
    let s3 = Client::new(&call.config);
    let asked = s3.list_objects_v2().bucket(name).expected_bucket_owner(&owner).prefix(prefix).max_keys(1).send().await;
    let answer = asked.as_ref().err().and_then(|error| error.raw_response());
    let elsewhere = answer
        .filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400))
        .and_then(|answer| answer.headers().get("x-amz-bucket-region"));
    let s3 = match elsewhere {
        Some(region) => {
            let region = Region::new(region.to_owned());
            Client::from_conf(aws_sdk_s3::config::Builder::from(&call.config).region(region).build())
        }
        None => s3,
    };
    Bucket { s3, name, owner }
}

/// The folders that can have a file of the span, each once.
fn folders(folder: &Folder, target: &Target, span: Span, now: Timestamp) -> Vec<String> {
    let Folder { prefix, hive, hourly, .. } = folder;
    let (account, region) = (&target.account, &target.region);
    let base = if *hive {
        format!("{prefix}AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/")
    } else {
        format!("{prefix}AWSLogs/{account}/vpcflowlogs/{region}/")
    };
    let form = match (*hive, *hourly) {
        (false, false) => "%Y/%m/%d/",
        (false, true) => "%Y/%m/%d/%H/",
        (true, false) => "year=%Y/month=%m/day=%d/",
        (true, true) => "year=%Y/month=%m/day=%d/hour=%H/",
    };
    let last = span.until.checked_add(LATER).unwrap_or(span.until).min(now);
    let mut at = begin(span);
    let mut found: Vec<String> = Vec::new();
    loop {
        let next = format!("{base}{}", at.strftime(form));
        if found.last() != Some(&next) {
            found.push(next);
        }
        if at >= last {
            return found;
        }
        // The last one is that of the end, also within an hour.
        at = at.checked_add(SignedDuration::from_hours(1)).unwrap_or(last).min(last);
    }
}

fn begin(span: Span) -> Timestamp {
    span.since.checked_sub(EARLIER).unwrap_or(span.since)
}

/// How the names of a flow log's files begin.
fn file(folder: &str, source: &Source, target: &Target) -> String {
    format!("{folder}{}_vpcflowlogs_{}_{}_", target.account, target.region, source.id)
}

/// Adds the names of up to `left` files from the span on. Whether these are all.
async fn list(bucket: &Bucket<'_>, file: &str, span: Span, left: usize, keys: &mut Vec<String>) -> Result<bool, Fault> {
    let after = format!("{file}{}", begin(span).strftime("%Y%m%dT%H%M"));
    let listed = bucket
        .s3
        .list_objects_v2()
        .bucket(bucket.name)
        .expected_bucket_owner(&bucket.owner)
        .prefix(file)
        .start_after(after)
        .max_keys(i32::try_from(left).unwrap_or(i32::MAX))
        .send()
        .await
        .or_fault("s3:ListBucket")?;
    keys.extend(listed.contents().iter().filter_map(|object| object.key()).take(left).map(str::to_owned));
    Ok(listed.is_truncated() != Some(true))
}

async fn object(bucket: &Bucket<'_>, key: &str) -> Result<Vec<u8>, Fault> {
    let got = bucket.s3.get_object().bucket(bucket.name).expected_bucket_owner(&bucket.owner).key(key).send().await;
    let got = got.or_fault("s3:GetObject")?;
    if got.content_length().is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > BYTES)) {
        return Err(Fault::malformed("a file of the flow log is too large"));
    }
    let body = got.body.collect().await;
    let body = body.map_err(|error| Fault::new(FaultKind::Transient, format!("s3:GetObject: {error}")))?;
    Ok(body.into_bytes().to_vec())
}

/// Unpacks at most `room` bytes. Returns the room that is left; nothing when the file is larger or broken.
fn lines(body: &[u8], room: u64, take: &mut impl FnMut(&str)) -> Option<u64> {
    let unpacked: Box<dyn std::io::Read + '_> =
        if body.starts_with(&PACKED) { Box::new(MultiGzDecoder::new(body)) } else { Box::new(body) };
    let mut left = room;
    // One byte more than there is room for: it shows that the file goes on.
    for line in BufReader::new(unpacked.take(room.saturating_add(1))).lines() {
        let line = line.ok()?;
        left = left.checked_sub(u64::try_from(line.len()).ok()? + 1)?;
        take(&line);
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::ids::{AccountId, Partition, Region};
    use firebreak::target::{Place, TargetKind};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn target() -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target::new(TargetKind::Ec2Instance, "i-0123456789abcdef0", place)
    }

    #[test]
    fn the_folders_of_a_span_go_over_midnight() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let span = Span::after(time("2026-11-20T23:05:00Z"));
        let of = |hive, hourly| {
            let folder = Folder { bucket: "logs".to_owned(), prefix: "vpc/".to_owned(), hive, hourly };
            folders(&folder, &target(), span, time("2026-11-21T05:00:00Z"))
        };
        let days = ["20/", "21/"].map(|day| format!("vpc/AWSLogs/111122223333/vpcflowlogs/eu-central-1/2026/11/{day}"));
        assert_eq!(of(false, false), days);
        let hive = "vpc/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026/month=11";
        let hours = ["20/hour=22/", "20/hour=23/", "21/hour=00/"].map(|hour| format!("{hive}/day={hour}"));
        assert_eq!(of(true, true), hours);
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_file_is_unpacked_as_far_as_there_is_room() {
        let read = |body: &[u8], room: u64| {
            let mut count = 0;
            lines(body, room, &mut |_| count += 1).map(|left| (count, left))
        };
        let two = [packed("a\n"), packed("b\n")].concat();
        assert_eq!(read(&two, 10), Some((2, 6)), "a file can have several parts");
        assert_eq!(read(b"a\nb\nc", 10), Some((3, 4)));
        let bomb = packed(&"x".repeat(1_000_000));
        assert!(bomb.len() < 10_000);
        assert_eq!(read(&bomb, 1000), None);
        assert_eq!(read(&two[..two.len() - 9], 10), None, "a file that breaks off proves nothing");
        let limits = Limits::shared_by(3);
        assert_eq!((limits.objects, Limits::shared_by(0).objects), (16, 50));
    }
}

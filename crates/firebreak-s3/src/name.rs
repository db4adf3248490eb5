//! Names that are no general purpose bucket's. The calls of a lockdown do not fit what they name.

use firebreak::ids::BucketName;

/// Endings that S3 keeps for something else (Amazon S3 user guide, "General purpose bucket naming rules"), what has such a name, and what
/// a person does about it.
const RESERVED: [(&str, &str); 5] = [
    (
        "--x-s3",
        "is a directory bucket. It has no public access, and its policy knows s3express actions only: a person restricts it with \
         aws s3api put-bucket-policy",
    ),
    ("--table-s3", "is a table bucket: a person restricts it with aws s3tables put-table-bucket-policy"),
    (
        "-s3alias",
        "is the alias of an access point: a person finds its bucket with aws s3control list-access-points, and contains that one",
    ),
    (
        "--ol-s3",
        "is the alias of an Object Lambda access point: a person finds its bucket with \
         aws s3control get-access-point-configuration-for-object-lambda, and contains that one",
    ),
    (
        ".mrap",
        "is the alias of a multi-Region access point: a person finds its buckets with \
         aws s3control list-multi-region-access-points, and contains those",
    ),
];

/// Until March 1, 2018, names there could have up to 255 characters, upper case and underscores (Amazon S3 user guide, "General purpose
/// bucket naming rules").
const LEGACY: &str = "is a name that only an old bucket of us-east-1 can have: a person closes the bucket with \
                      aws s3api put-public-access-block and put-bucket-policy in us-east-1";

/// What has this name, and what a person does about it. Nothing: it is the name of a general purpose bucket.
pub(crate) fn other_than_a_bucket(name: &str) -> Option<&'static str> {
    if BucketName::parse(name).is_ok() {
        return None;
    }
    let reserved = RESERVED.iter().find(|(end, _)| name.ends_with(end)).map(|(_, what)| *what);
    let other = if is_legacy(name) { LEGACY } else { "is no name of a bucket" };
    Some(reserved.unwrap_or(other))
}

fn is_legacy(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_buckets_says_what_it_is_and_what_a_person_does() {
        for (name, words) in [
            ("logs--euc1-az1--x-s3", "s3express"),
            ("sales--table-s3", "s3tables"),
            ("reports-abc123-s3alias", "access point"),
            ("resize-abc123--ol-s3", "Object Lambda"),
            ("mfzwi23gnjvgw.mrap", "multi-Region"),
            ("Acme_Exports", "us-east-1"),
            ("acme/../other", "no name"),
            ("", "no name"),
        ] {
            let what = other_than_a_bucket(name).expect(name);
            assert!(what.contains(words), "{name}: {what}");
        }
    }

    #[test]
    fn every_general_purpose_bucket_is_one() {
        for name in ["acme-exports", "a.b.c", "x-s3", "123", "s3alias", "acme-111122223333-eu-central-1-an"] {
            assert_eq!(other_than_a_bucket(name), None, "{name}");
        }
    }
}

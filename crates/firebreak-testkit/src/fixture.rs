//! Findings from `fixtures/`, made to name resources that exist.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The path of a fixture such as `guardduty/bitcoin-tool`.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    repository().join(format!("fixtures/findings/{name}.json"))
}

/// Loads a fixture such as `guardduty/bitcoin-tool`.
///
/// # Errors
/// The file does not exist or is not JSON.
pub fn load(name: &str) -> std::io::Result<Value> {
    let text = std::fs::read_to_string(path(name))?;
    serde_json::from_str(&text).map_err(std::io::Error::from)
}

/// Makes a GuardDuty fixture a finding of its own: `serial` becomes part of its id, `account` its account, now its time.
pub fn personalise(event: &mut Value, account: &str, serial: &str, now: jiff::Timestamp) {
    let region = event["region"].as_str().unwrap_or("eu-central-1").to_owned();
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    event["account"] = json!(account);
    event["time"] = json!(time);
    let detail = &mut event["detail"];
    // An ARN that still names the fixture's account would be another account's resource.
    let (was, is) = (format!(":{}:", detail["accountId"].as_str().unwrap_or_default()), format!(":{account}:"));
    let resource = detail["resource"].to_string().replace(&was, &is);
    if let Ok(resource) = serde_json::from_str(&resource) {
        detail["resource"] = resource;
    }
    detail["accountId"] = json!(account);
    detail["id"] = json!(serial);
    detail["arn"] = json!(format!("arn:aws:guardduty:{region}:{account}:detector/d/finding/{serial}"));
    detail["updatedAt"] = json!(time);
}

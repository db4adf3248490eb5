//! Every finding of a corpus yields a plan. `FIREBREAK_CORPUS` names its folder; without it the test says that it was skipped.

use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, Verdict, plan_json};
use firebreak::policy::Policy;
use std::path::{Path, PathBuf};

/// The incident travels through every state; Step Functions takes 256 KiB, Firebreak promises to stay far below.
const MAX_INCIDENT_BYTES: usize = 32 * 1024;

/// The corpus was written in November 2026.
const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_300_000, 0);

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_of_the_corpus_yields_a_plan() {
    let Ok(folder) = std::env::var("FIREBREAK_CORPUS") else {
        println!("skipped: FIREBREAK_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    json_files(Path::new(&folder), &mut files);
    assert!(files.len() > 100, "{folder} holds only {} files", files.len());
    let (mut respond, mut notify, mut ignore, mut not_json, mut largest) = (0, 0, 0, Vec::new(), 0);
    let policy = Policy::unrestricted();
    for file in &files {
        let bytes = std::fs::read(file).expect("readable");
        match plan_json(&bytes, &Circumstances::new(&policy, NOW)) {
            Err(_) => not_json.push(file.clone()),
            Ok(plan) => {
                match plan.verdict {
                    Verdict::Respond => respond += 1,
                    Verdict::Notify => notify += 1,
                    Verdict::Ignore => ignore += 1,
                }
                assert!(plan.verdict == Verdict::Respond || plan.reason.is_some(), "{}: no reason given", file.display());
                assert_eq!(IncidentId::of(&plan.dedupe_key).as_str().len(), 19);
                let arn = "arn:aws:states:eu-central-1:123456789012:execution:firebreak-incident-response:x".to_owned();
                let incident = Incident::new(plan, &policy, arn, jiff::Timestamp::UNIX_EPOCH);
                largest = largest.max(serde_json::to_vec(&incident).expect("serialisable").len());
            }
        }
    }
    println!(
        "{} files: respond {respond}, notify {notify}, ignore {ignore}, not JSON {}; largest incident {largest} bytes",
        files.len(),
        not_json.len()
    );
    for file in &not_json {
        let bytes = std::fs::read(file).expect("readable");
        let is_json = std::str::from_utf8(&bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
        assert!(!is_json, "{} is JSON and must yield a plan", file.display());
    }
    assert!(respond > 50, "only {respond} findings are acted on");
    assert!(largest < MAX_INCIDENT_BYTES, "an incident of {largest} bytes");
}

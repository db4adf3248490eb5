#![doc = include_str!("../README.md")]

/// The main definition, with `${…}` where a deployment puts its own names.
pub const DEFINITION: &str = include_str!("../incident-response.asl.json");

/// Every definition, by the name of the state machine without its prefix.
pub const DEFINITIONS: [(&str, &str); 4] = [
    ("incident-response", DEFINITION),
    ("evidence", include_str!("../evidence.asl.json")),
    ("watch", include_str!("../watch.asl.json")),
    ("restore", include_str!("../restore.asl.json")),
];

/// The substitutions a deployment makes, and nothing else.
pub const SUBSTITUTIONS: [&str; 7] =
    ["Partition", "FunctionArnPrefix", "ReviewQueueUrl", "FailuresTopicArn", "LedgerTable", "EvidenceArn", "WatchArn"];

#![doc = include_str!("../README.md")]

/// The definition, with `${…}` where a deployment puts its own names.
pub const DEFINITION: &str = include_str!("../incident-response.asl.json");

/// The substitutions a deployment makes, and nothing else.
pub const SUBSTITUTIONS: [&str; 5] = ["Partition", "FunctionArnPrefix", "ReviewQueueUrl", "FailuresTopicArn", "LedgerTable"];

use crate::executions::arn;
use crate::stage::{ONE, deliver, several, stage};
use serde_json::Value;

#[tokio::test]
async fn an_event_becomes_one_execution_with_its_very_bytes() {
    let (aws, executions) = stage().await;
    let started = deliver(&aws, ONE).await.expect("it is started");
    assert_eq!(executions.inputs(), [ONE], "what travels is what arrived: it is evidence");
    let name = executions.names().remove(0);
    assert!(name.starts_with("event-") && name.ends_with("-0"), "{name}");
    assert_eq!(started, [arn(&name)]);
    assert!(aws.table().items().next().is_none(), "a small event needs no ledger");
}

#[tokio::test]
async fn each_finding_of_an_event_gets_an_execution_of_its_own() {
    let (aws, executions) = stage().await;
    let started = deliver(&aws, &several(&["a", "b", "c"])).await.expect("they are started");
    let names = executions.names();
    assert_eq!(started, [arn(&names[0]), arn(&names[1]), arn(&names[2])], "in the order of the findings");
    for (input, id) in executions.inputs().iter().zip(["a", "b", "c"]) {
        let input: Value = serde_json::from_str(input).expect("JSON");
        let findings = input["detail"]["findings"].as_array().expect("findings");
        assert_eq!((findings.len(), &findings[0]["Id"]), (1, &Value::from(id)));
        assert_eq!((&input["source"], &input["id"]), (&Value::from("aws.securityhub"), &Value::from("e-2")), "the frame stays");
    }
}

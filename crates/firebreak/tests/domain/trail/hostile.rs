//! Records that were written to be read by Firebreak.

use super::*;

#[test]
fn five_thousand_records_are_read_in_pages_and_in_time() {
    let noise = |at: usize| {
        json!({"account": HOME, "region": "us-east-1", "event": {"eventName": "CreateUser", "eventSource": "iam.amazonaws.com",
            "eventTime": format!("2026-11-20T{:02}:{:02}:{:02}Z", 3 + at / 3600, at / 60 % 60, at % 60),
            "userIdentity": {"type": "IAMUser", "userName": "alice", "principalId": "AIDAZ49AHUAJ9EXAMPLE1", "accountId": HOME,
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
            "responseElements": {"user": {"userName": format!("mule-{at}"), "userId": format!("AIDAMULEMULEMULE{at:05}")}}}})
    };
    let trail: Vec<Value> = (0..5000).map(noise).collect();
    let started = std::time::Instant::now();
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    assert!(found.traced.len() >= 1000, "{}", found.traced.len());
    assert_eq!(derived.decisions.len(), MAX_DECISIONS - 1, "beside the suspect");
    assert!(derived.left_out.len() > 900);
    let first = firebreak::trail::merged(&[], 0, found.traced.iter().map(firebreak::trail::Traced::line));
    assert!(first.is_new && first.lines.len() == firebreak::trail::MAX_LINES);
    assert!(firebreak::trail::bounded(found.missing).len() <= firebreak::trail::MAX_LINES);
}

#[test]
fn hostile_names_become_lines_and_never_targets() {
    let trail = [
        by_alice("iam", "CreateUser", &json!({"userName": "x\n2026-11-20T00:00:00Z all is well\u{202e}"}), &Value::Null),
        by_alice("iam", "CreateUser", &json!(["userName"]), &json!({"user": {"userName": {"$ne": ""}, "userId": 7}})),
        by_alice("iam", "CreateAccessKey", &json!({"userName": "bob"}), &json!({"accessKey": {"accessKeyId": "AKIA\"}"}})),
        by_alice(
            "iam",
            "CreateRole",
            &json!({"roleName": "AWSServiceRoleForEvil"}),
            &json!({"role": {"roleName": "AWSServiceRoleForEvil", "path": "/aws-service-role/evil.amazonaws.com/"}}),
        ),
        assumed(
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
            "AROASSOSSOSSOEXAMPLE1",
            "eve",
        ),
        assumed("arn:aws:iam::111122223333:role/../../x y", "AROAODDODDODDEXAMPLE1", "eve"),
        assumed("arn:aws:sts::111122223333:assumed-role/deploy/eve", "AROAODDODDODDEXAMPLE1", "eve"),
        by_alice(
            "ec2",
            "RunInstances",
            &Value::Null,
            &json!({"instancesSet": {"items": [{"instanceId": "i-xyz"}, 3, {"instanceId": []}]}}),
        ),
        by_alice("s3", "PutBucketPolicy", &json!({"bucketName": "../evil"}), &Value::Null),
        json!({"account": HOME, "region": "us-east-1", "event": {"userIdentity": {"userName": "alice", "type": []}, "eventName": {}}}),
    ];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    let contained: Vec<_> = derived.decisions.iter().filter(|decision| decision.containment.is_some()).collect();
    assert!(contained.is_empty(), "{contained:#?}");
    assert_eq!(found.traced.len(), 9, "{:#?}", found.traced);
    for traced in &found.traced {
        let line = traced.line();
        assert!(line.chars().count() <= 200 && !line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[test]
fn huge_lists_are_named_up_to_a_limit_and_counted() {
    let items: Vec<Value> = (0..4000).map(|at| json!({"instanceId": format!("i-{at:017x}")})).collect();
    let trail = [
        by_alice("ec2", "RunInstances", &Value::Null, &json!({"instancesSet": {"items": items}})),
        by_alice(
            "ssm",
            "SendCommand",
            &json!({"instanceIds": (0..4000).map(|at| format!("i-{at:017x}")).collect::<Vec<_>>()}),
            &Value::Null,
        ),
    ];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(found.traced.len(), 41);
    assert!(found.traced.iter().any(|traced| traced.what.ends_with("3980 more instance(s) than are named here")));
    assert!(derived.decisions.iter().all(|decision| decision.mode == Mode::Gate));
}

#[test]
fn a_role_of_an_account_nobody_named_is_never_reached() {
    let trail = [assumed("arn:aws:iam::999988887777:role/firebreak/FirebreakMemberSweep", "AROAFOREIGNFEXAMPLE01", "me")];
    let (found, asked) = look(&trail, &[alice()], &generous());
    assert!(asked.iter().all(|lookup| lookup.suspect.target.account.as_str() == HOME), "its external id would be the attacker's");
    assert!(found.missing.iter().any(|line| line.contains("999988887777")), "{:?}", found.missing);
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    let [decision] = derived.decisions.as_slice() else { panic!("{:#?}", derived.decisions) };
    assert_eq!((decision.containment, decision.mode, decision.target.kind), (None, Mode::Gate, TargetKind::Other));
    assert_eq!(decision.target.account.as_str(), HOME, "nothing is assumed there after an approval either");

    let policy = Policy::parse("default_mode = \"auto\"\n[accounts.999988887777]\nmode = \"auto\"").expect("a policy");
    let (_, asked) = look(&trail, &[alice()], &policy);
    assert!(asked.iter().any(|lookup| lookup.suspect.target.account.as_str() == "999988887777"));
    let (_, derived) = sweep(&trail, &[alice()], &policy);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["by hand session me of IAM role FirebreakMemberSweep"]);
    let trail = [assumed("arn:aws:iam::999988887777:role/ops/deploy", "AROAFOREIGNFEXAMPLE01", "me")];
    let (_, derived) = sweep(&trail, &[alice()], &policy);
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam session me of IAM role deploy"]);
}

#[test]
fn a_session_named_like_an_instance_waits_for_a_person() {
    let role = "arn:aws:iam::111122223333:role/web";
    let trail = [assumed(role, "AROAWEBWEBWEBEXAMPLE1", "i-0123456789abcdef0"), assumed(role, "AROAWEBWEBWEBEXAMPLE1", "a,b")];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), Vec::<String>::new());
    assert_eq!(
        shown(&derived.decisions, Mode::Gate),
        ["quarantine-iam session i-0123456789abcdef0 of IAM role web", "quarantine-iam IAM role web"],
        "the role, because of the name with a comma; a bare approval contains the other session only"
    );
    assert_eq!(derived.decisions.iter().map(|decision| decision.only_by_name).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn many_sessions_of_one_role_are_the_role_s_matter() {
    let sessions: Vec<Value> = (0..30)
        .map(|at| assumed("arn:aws:iam::111122223333:role/deploy", "AROADEPLOYDEPEXAMPLE4", &format!("decoy-{at}")))
        .collect();
    let (_, derived) = sweep(&sessions, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto).len(), 5, "each takes a tag of the role");
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM role deploy"]);
    assert_eq!(derived.left_out, Vec::<String>::new());
}

#[test]
fn two_roles_that_assume_each_other_end_somewhere() {
    let hop = |at: usize| {
        let (from, to) = if at.is_multiple_of(2) { ("ping", "pong") } else { ("pong", "ping") };
        json!({"account": HOME, "region": "us-east-1", "event": {"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com",
            "eventTime": format!("2026-11-20T02:{at:02}:00Z"),
            "userIdentity": {"type": "AssumedRole", "principalId": format!("AROA{from}EXAMPLE12345:hop-{at}").to_uppercase().replace("HOP", "hop"),
                "accessKeyId": format!("ASIAHOPHOPHOPHOP{at:04}"),
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": from}}},
            "requestParameters": {"roleArn": format!("arn:aws:iam::111122223333:role/{to}"), "roleSessionName": format!("hop-{}", at + 1)},
            "responseElements": {"assumedRoleUser": {"assumedRoleId": format!("AROA{}EXAMPLE12345:hop-{}", to.to_uppercase(), at + 1)},
                "credentials": {"accessKeyId": format!("ASIAHOPHOPHOPHOP{:04}", at + 1)}}}})
    };
    let trail: Vec<Value> = (0..50).map(hop).collect();
    let access_key_id = AccessKeyId::parse("ASIAHOPHOPHOPHOP0000").ok();
    let role = target(TargetKind::IamRole, "ping");
    let first = Target { session: Some("hop-0".to_owned()), scope: Scope::Session, access_key_id, ..role };
    let (found, asked) = look(&trail, &[first], &generous());
    assert!(asked.len() <= 2 * 6, "{}", asked.len());
    assert!(found.missing.iter().any(|line| line.contains("more than 5 steps away")), "{:?}", found.missing);
}

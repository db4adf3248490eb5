//! Kind H: a type is one type in whatever spelling a sender gives it.

use super::events::{
    ABUSE, C2, CREDENTIALS, INSTANCE, INSTANCE_ARN, KEY, actor, asff, case, health, instance, native, ocsf, owned, sequence, with,
};
use super::plans::{ISOLATED, ISOLATION_ASKED, REPORTED, USER, codes, decides, kind, names, responds, told, under};
use crate::traps::policy;
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use serde_json::{Value, json};

/// An instance in a Security Hub finding of some types.
fn typed(types: &[&str]) -> Value {
    let event = asff("", json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN, "Region": "eu-central-1" }]));
    with(event, "/detail/findings/0/Types", json!(types))
}

fn v2(types: &[&str]) -> Value {
    let event = ocsf("", json!([owned("AWS::EC2::Instance", INSTANCE)]));
    with(event, "/detail/findings/0/finding_info/types", json!(types))
}

#[test]
fn a_type_is_one_row_in_every_spelling() {
    let mut events = vec![case("40-asff-dot-type")];
    for spelling in [
        "TTPs/Command and Control/Backdoor:EC2-C&CActivity.B",
        "TTPs/Command and Control/Backdoor-EC2-C&CActivity.B",
        "TTPs/Command and Control/Backdoor.EC2.C&CActivity.B",
        "ttps/command and control/backdoor:ec2-c&cactivity.b",
        "Backdoor:EC2/C&CActivity.B",
        "BACKDOOR_EC2_C&CACTIVITY_B",
    ] {
        events.extend([typed(&[spelling]), typed(&["Software and Configuration Checks", spelling]), v2(&["Threats", spelling])]);
    }
    events.extend([v2(&["Backdoor-EC2-C&CActivity.B"]), v2(&["Threats", "Namespace: TTPs", C2])]);
    for spelling in
        ["backdoor:ec2/c&cactivity.b", "Backdoor:EC2/C&CActivity.B ", " Backdoor:EC2/C&CActivity.B", "Backdoor.EC2.C&CActivity.B"]
    {
        events.push(native(spelling, instance()));
    }
    for event in events {
        let plan = responds(&event, &[ISOLATED]);
        assert_eq!((kind(&plan), codes(&plan)), (Some(C2), vec![ReasonCode::Row]));
    }
}

#[test]
fn a_suffix_a_sequence_and_a_code_of_health_are_one_in_every_spelling() {
    let dns = "Backdoor:EC2/C&CActivity.B!DNS";
    for event in [
        native("Backdoor:EC2/C&CActivity.B-DNS", instance()),
        typed(&["TTPs/Command and Control/Backdoor:EC2-C&CActivity.B-DNS"]),
        v2(&["Threats", "backdoor:ec2/c&cactivity.b!dns"]),
    ] {
        assert_eq!(kind(&responds(&event, &[ISOLATED])), Some(dns));
    }
    let trojan = typed(&["TTPs/Command and Control/Trojan:EC2-DNSDataExfiltration!DNS"]);
    assert_eq!(kind(&responds(&trojan, &[ISOLATED])), Some("Trojan:EC2/DNSDataExfiltration"), "as before");
    let actors = || json!([actor("IAMUser", "svc", "", KEY)]);
    for spelling in ["attacksequence:iam/compromisedcredentials", "AttackSequence-IAM-CompromisedCredentials"] {
        assert_eq!(kind(&responds(&sequence(spelling, actors(), json!([])), &[USER])), Some(CREDENTIALS));
    }
    for code in ["AWS_ABUSE_EC2_DOS_REPORT", "aws_abuse_dos_report", "aws_abuse_ec2_dos_report", "AWS-ABUSE-DOS-REPORT"] {
        assert_eq!(kind(&responds(&health(code, &[INSTANCE]), &[REPORTED])), Some(ABUSE));
    }
}

#[test]
fn other_letters_are_another_type() {
    for name in [
        "Backdoor:EC2/CandCActivity.B",
        "Backdoor:EC2/C&amp;CActivity.B",
        "Backdoor:EC2/C&CActivity.BX",
        "Backdoor:EC2/C&CActivity.\u{412}",
    ] {
        let taxonomy = format!("TTPs/Command and Control/{}", name.replace('/', "-"));
        for event in [native(name, instance()), v2(&["Threats", name]), typed(&[&taxonomy])] {
            let plan = responds(&event, &[ISOLATION_ASKED]);
            assert_eq!((kind(&plan), codes(&plan)), (Some(name), vec![ReasonCode::Unread]), "people see what was said");
        }
    }
}

#[test]
fn the_first_type_that_has_a_row_counts() {
    let probe = "TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort";
    let c2 = "TTPs/Command and Control/Backdoor:EC2-C&CActivity.B";
    let told_only = "by-hand notify 111122223333 eu-central-1 ec2-instance i-0123456789abcdef0";
    assert_eq!(kind(&names(&typed(&[probe, c2]), &[told_only])), Some("Recon:EC2/PortProbeUnprotectedPort"));
    assert_eq!(kind(&responds(&typed(&[c2, probe]), &[ISOLATED])), Some(C2));
    let flood: Vec<String> = (0..30).map(|n| format!("x{n}")).collect();
    let flood: Vec<&str> = flood.iter().map(String::as_str).chain([c2]).collect();
    let plan = responds(&typed(&flood), &[ISOLATION_ASKED]);
    assert_eq!((kind(&plan), codes(&plan)), (Some("x0"), vec![ReasonCode::Unread]), "a person reads the rest");
}

#[test]
fn policy_and_suppressions_meet_the_one_name() {
    let suppressing = policy(
        "[[suppress]]\nfindings = [\"Backdoor:EC2/C&CActivity.B\"]\ntarget = \"i-0123456789abcdef0\"\n\
         accounts = [\"111122223333\"]\nowner = \"bob\"\nreason = \"lab\"\nexpires = \"2999-12-31\"",
    );
    let spared = ISOLATED.replace("auto", "notify");
    let spelled = || {
        [
            native("backdoor:ec2/c&cactivity.b", instance()),
            typed(&["TTPs/Backdoor.EC2.C&CActivity.B"]),
            v2(&["Threats", "Backdoor-EC2-C&CActivity.B"]),
        ]
    };
    for event in spelled() {
        let plan = decides(under(&suppressing, &event), Verdict::Ignore, &[&spared]);
        assert_eq!(codes(&plan), [ReasonCode::Suppressed]);
    }
    let lowered = policy("[finding.\"Backdoor:EC2/C&CActivity.B\"]\ncontain = { isolate-ec2 = \"gate\" }\nwhy = \"a lab\"");
    for event in spelled() {
        let plan = decides(under(&lowered, &event), Verdict::Respond, &[ISOLATION_ASKED]);
        assert_eq!((kind(&plan), codes(&plan)), (Some(C2), vec![ReasonCode::Row]));
    }
    let own = policy("[finding.\"Acme:EC2/Thing.B\"]\ncontain = { isolate-ec2 = \"auto\" }\nwhy = \"ours\"");
    for event in
        [native("acme:ec2/thing.b", instance()), typed(&["Software and Configuration Checks", "TTPs/Acme/Acme:EC2-Thing.B"])]
    {
        assert_eq!(kind(&decides(under(&own, &event), Verdict::Respond, &[ISOLATED])), Some("Acme:EC2/Thing.B"));
    }
}

#[test]
fn a_product_that_policy_does_not_list_gains_nothing_by_a_spelling() {
    let arn = json!("arn:aws:securityhub:eu-central-1:111122223333:product/111122223333/default");
    let uid = json!("arn:aws:securityhub:eu-central-1:111122223333:productv2/111122223333/default");
    for spelling in ["Backdoor.EC2.C&CActivity.B", "backdoor:ec2-c&cactivity.b", C2] {
        let forged = with(typed(&[spelling]), "/detail/findings/0/ProductArn", arn.clone());
        told(&forged, "another product than GuardDuty says so");
        let forged = with(v2(&["Threats", spelling]), "/detail/findings/0/metadata/product/uid", uid.clone());
        told(&forged, "another product than GuardDuty says so");
    }
}

use crate::rule::Rule;
use crate::{FIRST, VPC_B, contain, stage, verify};

#[tokio::test]
async fn a_look_at_an_isolated_instance_says_that_it_holds_and_changes_nothing() {
    for spot in [false, true] {
        let (aws, ec2) = stage().await;
        ec2.change_instance(|instance| instance.spot = spot);
        assert!(!verify(&aws, "one").await.expect("a look").holds, "it is on the network still");
        contain(&aws, "one").await.expect("a receipt");
        aws.forget();
        let check = verify(&aws, "one").await.expect("a look");
        assert!(check.holds, "spot: {spot}, {check:?}");
        assert_eq!(aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_look_names_all_that_does_not_hold_and_mends_nothing() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| {
        // It is in the isolation group, and not alone.
        world.interfaces[0].groups.push("sg-web".to_owned());
        let ours = world.groups.iter_mut().filter(|group| group.is_ours() && group.vpc == VPC_B);
        ours.for_each(|group| group.egress.push(Rule::all("0.0.0.0/0")));
    });
    ec2.change_instance(|instance| instance.protected = false);
    let before = ec2.now();
    aws.forget();
    let check = verify(&aws, "one").await.expect("a look");
    let said = |words: &[&str]| check.problems.iter().any(|problem| words.iter().all(|word| problem.contains(word)));
    assert!(!check.holds && check.problems.len() == 3, "{check:?}");
    assert!(said(&[FIRST, "alone"]) && said(&[VPC_B, "rules"]) && said(&["termination protection"]), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
    assert_eq!(ec2.now(), before);
}

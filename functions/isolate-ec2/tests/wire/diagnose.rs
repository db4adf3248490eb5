use crate::ec2::Group;
use crate::rule::Rule;
use crate::{VPC_A, function, stage};
use firebreak::diagnosis::{Condition, Places};
use firebreak::ids::{AccountId, Partition, Region};
use firebreak_testkit::room::{ACCOUNT, REGION};

#[tokio::test]
async fn a_filled_group_on_a_later_page_and_a_vpc_without_a_group_are_seen() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| {
        world.page = 1;
        world.groups.push(Group::isolation("sg-empty", VPC_A));
        world.groups.push(Group { ingress: vec![Rule::all("sg-web")], ..Group::isolation("sg-filled", VPC_A) });
    });
    let places = Places {
        partition: Partition::parse("aws").expect("a partition"),
        accounts: vec![AccountId::parse(ACCOUNT).expect("an account")],
        regions: vec![Region::parse(REGION).expect("a Region")],
    };
    let seen = Box::pin(function(&aws).diagnose(places)).await.expect("a diagnosis").observations;
    let broken: Vec<_> = seen.iter().filter(|one| one.condition == Condition::Broken).collect();
    assert!(broken.len() == 1 && broken[0].subject.contains("sg-filled"), "{seen:?}");
    let advice: Vec<_> = seen.iter().filter(|one| one.condition == Condition::Advice).collect();
    assert!(advice.len() == 1 && advice[0].found.starts_with("vpc-b without"), "{seen:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

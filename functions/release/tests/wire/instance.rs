//! An isolated instance as EC2 shows it.

use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, ok};
use std::sync::{Arc, Mutex, PoisonError};

/// An instance with one interface, which is in the empty security group of its VPC.
#[derive(Clone)]
pub(crate) struct Instance(Arc<Mutex<Vec<String>>>);

impl Instance {
    pub(crate) const ID: &'static str = "i-0123456789abcdef0";
    pub(crate) const INTERFACE: &'static str = "eni-0123456789abcdef0";

    pub(crate) fn isolated(aws: &ScriptedAws) -> Self {
        let instance = Self(Arc::new(Mutex::new(vec!["sg-empty".to_owned()])));
        let served = instance.clone();
        aws.on("ec2:*", move |call| served.serve(call));
        instance
    }

    /// The security groups of its interface.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        Some(match call.operation.as_str() {
            "DescribeInstances" => {
                let state = "<instanceState><code>16</code><name>running</name></instanceState>";
                let instance = format!("<item><instanceId>{}</instanceId>{state}</item>", Self::ID);
                ok(format!("<reservationSet><item><instancesSet>{instance}</instancesSet></item></reservationSet>"))
            }
            "DescribeNetworkInterfaces" => {
                let groups: String =
                    self.groups().iter().map(|group| format!("<item><groupId>{group}</groupId></item>")).collect();
                let id = format!("<networkInterfaceId>{}</networkInterfaceId><vpcId>vpc-1</vpcId>", Self::INTERFACE);
                let interface = format!("<item>{id}<groupSet>{groups}</groupSet></item>");
                ok(format!("<networkInterfaceSet>{interface}</networkInterfaceSet>"))
            }
            "DescribeInstanceAttribute" => ok("<disableApiTermination><value>false</value></disableApiTermination>"),
            "DescribeSecurityGroups" => {
                // By their ids, the groups that the base names are asked for.
                if call.param("Filter.1.Name") == "group-id" {
                    let named = (1..).map(|at| call.param(&format!("Filter.1.Value.{at}")).to_owned());
                    let all: String =
                        named.take_while(|id| !id.is_empty()).map(|id| format!("<item><groupId>{id}</groupId></item>")).collect();
                    return Some(ok(format!("<securityGroupInfo>{all}</securityGroupInfo>")));
                }
                let vpc = "<vpcId>vpc-1</vpcId>";
                let tags = "<tagSet><item><key>firebreak-sg</key><value>isolation</value></item></tagSet>";
                let group =
                    format!("<item><groupId>sg-empty</groupId><groupName>firebreak-isolation</groupName>{vpc}{tags}</item>");
                ok(format!("<securityGroupInfo>{group}</securityGroupInfo>"))
            }
            "ModifyNetworkInterfaceAttribute" if call.param("NetworkInterfaceId") == Self::INTERFACE => {
                let named = (1..).map(|at| call.param(&format!("SecurityGroupId.{at}")).to_owned());
                let groups = named.take_while(|group| !group.is_empty()).collect();
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = groups;
                ok("<return>true</return>")
            }
            _ => return None,
        })
    }
}

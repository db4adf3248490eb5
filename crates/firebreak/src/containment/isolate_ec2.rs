//! `isolate-ec2`: an EC2 instance.

use super::declaration::{Apart, Base, Declaration, Home, Level};
use crate::finding::Subject;
use crate::step::StepKind;
use crate::target::{Scope, TargetKind};
use firebreak_functions::MemberRole;

pub(super) const DECLARATION: Declaration = Declaration {
    subject: Subject::Instance,
    names_nothing: "the finding names no valid instance",
    targets: &[TargetKind::Ec2Instance],
    home: Home::Target,
    base: Base::Target,
    levels: &[
        Level {
            scope: Scope::RemoteAddresses,
            automatic: false,
            role: MemberRole::IsolateEc2,
            // It writes entries of network ACLs: whoever may do that reaches every host of a VPC.
            apart: Some(Apart { function: "deny-addresses", role: MemberRole::DenyAddresses }),
            decisive: &[StepKind::DenyAddresses],
            does: "deny the finding's remote addresses in every subnet of the network ACL, often the whole VPC",
            stops: "what every host of those subnets exchanges with the addresses, open connections too",
            leaves: "every other address that the suspect has; what the hosts of one subnet exchange",
        },
        Level {
            scope: Scope::Principal,
            automatic: true,
            role: MemberRole::IsolateEc2,
            apart: None,
            decisive: &[StepKind::IsolateInterface],
            does: "cut off from the network",
            stops: "new connections to and from every network interface of the instance, load balancers and shells of Session Manager; open \
                    connections where the receipt says that they were cut, which is unproven on AWS",
            leaves: "connections that are open and were not cut, as those to VPC endpoints, which AWS tracks in any case; DNS, the \
                     metadata service and the time service, which no group filters; the credentials of its role, unless its session is \
                     denied beside",
        },
    ],
    destroys: &[("ssm:TerminateSession", "a shell of Session Manager runs on past every security group; its log is kept")],
    doing: "isolating the instance",
};

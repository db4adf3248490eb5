//! Reads back whether the isolation holds.

use crate::{base, isolation_group};
use aws_sdk_ec2::Client;
use firebreak::fault::Fault;
use firebreak_aws::containment::Call;

pub(crate) async fn verify(call: &Call) -> Result<Vec<String>, Fault> {
    let ec2 = Client::new(&call.config);
    let now = base::read(&ec2, &call.target.id).await?;
    let mut problems = Vec::new();
    for interface in &now.interfaces {
        match isolation_group::find(&ec2, &interface.vpc).await? {
            Some(group) if interface.groups.iter().map(String::as_str).eq(group.group_id()) => {
                if !isolation_group::is_empty(&group) {
                    problems.push(format!("the isolation group of {} has rules", interface.vpc));
                }
            }
            _ => problems.push(format!("interface {} is not in the isolation group alone", interface.id)),
        }
    }
    if !now.termination_protection && !now.spot {
        problems.push("termination protection is off".to_owned());
    }
    Ok(problems)
}

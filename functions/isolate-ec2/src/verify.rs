//! Reads back whether the isolation holds.

use crate::{base, isolation_group};
use aws_sdk_ec2::Client;
use firebreak::fault::Fault;
use firebreak_function::containment::{Call, Checked};

pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let ec2 = Client::new(&call.config);
    let now = base::read(&ec2, &call.target.id).await?;
    let mut problems = Vec::new();
    for interface in &now.interfaces {
        let groups = isolation_group::all(&ec2, &interface.vpc).await?;
        match groups.iter().find(|group| interface.groups.iter().map(String::as_str).eq(group.group_id())) {
            Some(group) if isolation_group::is_empty(group) => {}
            Some(_) => problems.push(format!("the isolation group of {} has rules", interface.vpc)),
            None => problems.push(format!("interface {} is not in an isolation group alone", interface.id)),
        }
    }
    if !now.termination_protection && !now.spot {
        problems.push("termination protection is off".to_owned());
    }
    Ok(problems.into())
}

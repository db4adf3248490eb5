//! An IAM role that somebody assumes: planted, found, looked at.

use crate::{State, list};
use aws_sdk_iam::Client;
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use firebreak_aws::pages;
use firebreak_aws::pages::whole;
use serde_json::json;

/// A role as a finding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `AROA…`.
    pub principal_id: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// Creates a role that EC2 may assume.
///
/// # Errors
/// AWS refuses.
pub async fn plant(iam: &Client, name: &str) -> Result<Role, Fault> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let made = iam.create_role().role_name(name).assume_role_policy_document(trust.to_string()).send().await;
    let made = made.or_fault("iam:CreateRole")?.role.ok_or_else(|| Fault::bug("iam:CreateRole answered without a role"))?;
    Ok(Role { principal_id: made.role_id, tags: vec![] })
}

/// Finds a role.
///
/// # Errors
/// AWS refuses, or there is none.
pub async fn find(iam: &Client, name: &str) -> Result<Role, Fault> {
    let answer = iam.get_role().role_name(name).send().await.or_fault("iam:GetRole")?;
    let role = answer.role.ok_or_else(|| Fault::gone(format!("no role {name}")))?;
    let tags = role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(Role { principal_id: role.role_id, tags })
}

/// What AWS says now.
///
/// # Errors
/// AWS refuses.
pub async fn observe(iam: &Client, name: &str) -> Result<State, Fault> {
    let mut state = State::default();
    let answer = iam.get_role().role_name(name).send().await.or_fault("iam:GetRole")?;
    let role = answer.role.ok_or_else(|| Fault::gone(format!("no role {name}")))?;
    let boundary = role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
    state.set("boundary", boundary.unwrap_or_else(|| "none".to_owned()));
    state.set("trust policy", role.assume_role_policy_document.unwrap_or_default());
    let inline = pages!(iam.list_role_policies().role_name(name), policy_names).await;
    state.set("inline policies", list(&whole("iam:ListRolePolicies", inline)?));
    let attached = pages!(iam.list_attached_role_policies().role_name(name), attached_policies).await;
    let attached = whole("iam:ListAttachedRolePolicies", attached)?;
    let names: Vec<&str> = attached.iter().filter_map(|policy| policy.policy_name()).collect();
    state.set("attached policies", list(&names));
    let tags = whole("iam:ListRoleTags", pages!(iam.list_role_tags().role_name(name), tags).await)?;
    tags.iter().for_each(|tag| state.set(format!("tag {}", tag.key()), tag.value()));
    Ok(state)
}

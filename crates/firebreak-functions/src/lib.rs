#![doc = include_str!("../README.md")]

/// One folder of `functions/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The folder, the crate and the binary: `quarantine-iam`.
    pub name: &'static str,
    /// The role that it runs with, in the security account.
    pub role: &'static str,
    /// Of a containment: whether a person must agree first. The domain declares what it does.
    pub contains: Option<Contains>,
    /// What a thief of its role cannot and can do.
    pub stolen: Option<Stolen>,
    /// The roles of other accounts that it declares.
    pub member_roles: &'static [MemberRole],
}

/// When a containment is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contains {
    /// At once, where policy says so.
    Automatic,
    /// After an approval, and never without.
    AfterApproval,
}

/// What a stolen role is good for, in words for the threat model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stolen {
    /// What its permissions rule out.
    pub cannot: &'static str,
    /// What is left.
    pub can: &'static str,
    /// Of a containment: what its release would do for somebody who forged the recorded state.
    pub forged_base: Option<&'static str>,
}

/// Accounts that have a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Every member account.
    Members,
    /// The management account of the organization.
    Management,
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));

impl Function {
    /// Whether the function works in member accounts.
    #[must_use]
    pub fn is_in_members(&self) -> bool {
        self.member_roles.iter().any(|role| role.account() == Account::Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_becomes_a_constant() {
        let scp = FUNCTIONS.iter().find(|function| function.name == "quarantine-scp").expect("a folder");
        assert_eq!(
            (scp.role, scp.contains, scp.is_in_members()),
            ("FirebreakQuarantineScp", Some(Contains::AfterApproval), false)
        );
        assert_eq!(scp.member_roles, [MemberRole::QuarantineScp]);
        let role = MemberRole::QuarantineScp;
        assert_eq!((role.name(), role.account()), ("FirebreakMemberQuarantineScp", Account::Management));
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    }
}

//! Who may come in: identity providers, Roles Anywhere, the organization.

use super::{PLAIN, Request, Response, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        source: "iam.amazonaws.com",
        events: &["CreateOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint", "AddClientIDToOpenIDConnectProvider"],
        named: &[(Response, "/openIDConnectProviderArn"), (Request, "/openIDConnectProviderArn"), (Request, "/url")],
        advice: "find the roles that trust this provider and ask for their isolation; keep the provider as evidence",
        ..PLAIN
    },
    Row {
        source: "iam.amazonaws.com",
        events: &["CreateSAMLProvider", "UpdateSAMLProvider"],
        named: &[(Response, "/sAMLProviderArn"), (Request, "/sAMLProviderArn"), (Request, "/name")],
        advice: "compare its metadata with your identity provider's; ask for isolation of the roles that trust it; keep it as evidence",
        ..PLAIN
    },
    Row {
        source: "rolesanywhere.amazonaws.com",
        events: &["CreateTrustAnchor", "UpdateTrustAnchor", "EnableTrustAnchor"],
        named: &[(Response, "/trustAnchor/trustAnchorArn"), (Request, "/trustAnchorId"), (Request, "/name")],
        advice: "rolesanywhere:DisableTrustAnchor (EnableTrustAnchor undoes it); ask for isolation of the roles that trust Roles Anywhere",
        exact: Some(
            "aws rolesanywhere disable-trust-anchor --trust-anchor-id <last> --region <region> (enable-trust-anchor undoes it); ask \
             for isolation of the roles that trust Roles Anywhere",
        ),
        ..PLAIN
    },
    Row {
        source: "rolesanywhere.amazonaws.com",
        events: &["CreateProfile", "UpdateProfile", "EnableProfile"],
        named: &[(Response, "/profile/profileArn"), (Request, "/profileId"), (Request, "/name")],
        advice: "rolesanywhere:DisableProfile (EnableProfile undoes it); ask for isolation of the roles it names",
        exact: Some(
            "aws rolesanywhere disable-profile --profile-id <last> --region <region> (enable-profile undoes it); ask for isolation \
             of the roles it names",
        ),
        ..PLAIN
    },
    Row {
        source: "organizations.amazonaws.com",
        events: &["LeaveOrganization"],
        itself: Some("the account's place in the organization"),
        advice: "invite the account again; until then no policy, trail or detector of the organization reaches it",
        exact: Some(
            "from the management account: aws organizations invite-account-to-organization --target Id=<account>,Type=ACCOUNT; until \
             then no policy, trail or detector of the organization reaches it",
        ),
        ..PLAIN
    },
    Row {
        source: "organizations.amazonaws.com",
        events: &["UpdatePolicy", "DetachPolicy", "DisablePolicyType", "RegisterDelegatedAdministrator"],
        named: &[(Request, "/policyId"), (Request, "/accountId"), (Request, "/rootId")],
        advice: "compare the organization's policies, their targets and its delegated administrators with what they were; put them back",
        ..PLAIN
    },
];

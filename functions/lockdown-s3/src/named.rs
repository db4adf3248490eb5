//! Whom the Allow statements of a bucket policy name.
//!
//! This is no evaluation of the policy. Whoever may write the policy may have written anything: what has no known form is
//! [`Named::Unclear`], and nothing of it becomes a pattern.

use firebreak::ids::{AccountId, Arn, IamName, PrincipalId, RoleSessionName};
use firebreak::text::inert;
use serde_json::Value;
use std::collections::BTreeSet;

/// Characters of what has no known form.
const MAX: usize = 120;

/// Somebody whom a statement lets in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// Everybody, also without a signature.
    Everybody,
    /// The members of an organization.
    Organization(String),
    /// An account, or some of its principals by a pattern.
    Account(String),
    /// A user, a role or a federated session, by its ARN; of a role's session the role, without a path.
    Principal(String),
    /// An origin access identity of `CloudFront`, by its ARN.
    CloudFront(String),
    /// An AWS service.
    Service(String),
    /// An account by its canonical user id, which does not say which account it is.
    Canonical(String),
    /// Somebody whom this version cannot tell, in inert words.
    Unclear(String),
}

impl Named {
    /// The account, where it is known.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::Account(account) => Some(account),
            Self::Principal(arn) => arn.split(':').nth(4),
            _ => None,
        }
    }
}

/// Whom a statement lets in: nobody where it is no Allow. A principal that was deleted is nobody (`AIDA…`, `AROA…`; IAM user guide, "AWS
/// JSON policy elements: Principal").
pub(crate) fn of_statement(statement: &Value) -> BTreeSet<Named> {
    if statement["Effect"] == "Deny" {
        return BTreeSet::new();
    }
    let Some(principal) = statement.get("Principal") else {
        let who = if statement.get("NotPrincipal").is_some() { Named::Everybody } else { unclear("no principal") };
        return BTreeSet::from([under(who, statement.get("Condition"))]);
    };
    let mut all = BTreeSet::new();
    for who in of_principal(principal) {
        match (who, statement.get("Condition").filter(|condition| !is_empty(condition))) {
            (Named::Everybody, Some(condition)) => all.extend(narrowed(condition)),
            (who, _) => all.extend([who]),
        }
    }
    all
}

/// A condition of a statement that is not understood leaves its `who` unclear.
fn under(who: Named, condition: Option<&Value>) -> Named {
    match condition.filter(|condition| !is_empty(condition)) {
        Some(condition) if who == Named::Everybody => by_condition(condition),
        _ => who,
    }
}

fn is_empty(condition: &Value) -> bool {
    condition.as_object().is_some_and(serde_json::Map::is_empty)
}

fn of_principal(principal: &Value) -> Vec<Named> {
    if let Some(text) = principal.as_str() {
        return vec![if text == "*" { Named::Everybody } else { unclear(text) }];
    }
    let Some(kinds) = principal.as_object() else { return vec![unclear("a principal that is no text")] };
    let each = kinds.iter().flat_map(|(kind, values)| match strings(values) {
        Some(values) => values.into_iter().filter_map(|value| of_kind(kind, value)).collect(),
        None => vec![unclear(kind)],
    });
    each.collect()
}

fn of_kind(kind: &str, value: &str) -> Option<Named> {
    match kind {
        "AWS" => of_aws(value),
        "Service" => Some(Named::Service(inert(value, MAX))),
        "CanonicalUser" => Some(Named::Canonical(inert(value, MAX))),
        _ => Some(unclear(&format!("{kind} {value}"))),
    }
}

fn of_aws(value: &str) -> Option<Named> {
    if value == "*" {
        return Some(Named::Everybody);
    }
    if AccountId::parse(value).is_ok() {
        return Some(Named::Account(value.to_owned()));
    }
    if PrincipalId::parse(value).is_ok() {
        return None;
    }
    if is_cloudfront(value) {
        return Some(Named::CloudFront(value.to_owned()));
    }
    Some(of_arn(value).unwrap_or_else(|| unclear(value)))
}

/// `CloudFront` has no account of 12 digits (`CloudFront` developer guide, "Use an origin access identity").
fn is_cloudfront(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let ["arn", _, "iam", "", "cloudfront", resource] = parts.as_slice() else { return false };
    let id = resource.strip_prefix("user/CloudFront Origin Access Identity ");
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

fn of_arn(value: &str) -> Option<Named> {
    let arn = Arn::parse(value)?;
    let account = arn.account.filter(|_| arn.region.is_none())?;
    match (arn.service, arn.resource.split_once('/')) {
        ("iam", None) => (arn.resource == "root").then(|| Named::Account(account.to_string())),
        ("iam", Some(("user" | "role", path))) if path.split('/').all(|part| IamName::parse(part).is_ok()) => {
            Some(Named::Principal(value.to_owned()))
        }
        ("sts", Some(("assumed-role", session))) => {
            let (role, name) = session.split_once('/')?;
            let role = IamName::parse(role).ok().filter(|_| RoleSessionName::parse(name).is_ok())?;
            Some(Named::Principal(format!("arn:{}:iam::{account}:role/{role}", arn.partition)))
        }
        ("sts", Some(("federated-user", name))) => {
            RoleSessionName::parse(name).is_ok().then(|| Named::Principal(value.to_owned()))
        }
        _ => None,
    }
}

/// Whom a statement for everybody means, where one of its conditions says who the caller is. All conditions must hold, so one that is
/// understood is enough.
fn narrowed(condition: &Value) -> BTreeSet<Named> {
    let operators = condition.as_object().into_iter().flatten();
    let all = operators
        .flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |(key, values)| (operator, key, values)));
    let mut meant = all.filter_map(|(operator, key, values)| meant(operator, key, &strings(values)?));
    meant.next().unwrap_or_else(|| BTreeSet::from([by_condition(condition)]))
}

/// Whom a condition means. Nothing: it does not say, or not in a form that is understood. `…IfExists` and `ForAllValues` hold also where
/// the caller has no such key, and so for callers without a signature (IAM user guide, "AWS JSON policy elements: Condition operators").
fn meant(operator: &str, key: &str, values: &[&str]) -> Option<BTreeSet<Named>> {
    let (operator, key) = (operator.to_ascii_lowercase(), key.to_ascii_lowercase());
    let is_one = matches!(operator.as_str(), "stringequals" | "stringlike" | "arnequals" | "arnlike");
    let is_any = matches!(operator.as_str(), "foranyvalue:stringequals" | "foranyvalue:stringlike");
    let read: fn(&str) -> Option<Named> = match key.as_str() {
        "aws:principalorgid" if is_one => of_organization,
        "aws:principalorgpaths" if is_any => |path: &str| of_organization(path.split_once('/')?.0),
        "aws:principalaccount" if is_one => {
            |account: &str| AccountId::parse(account).ok().map(|id| Named::Account(id.to_string()))
        }
        "aws:principalarn" if is_one => of_pattern,
        "aws:principalservicename" if is_one => |service: &str| Some(Named::Service(inert(service, MAX))),
        _ => return None,
    };
    let all: Option<BTreeSet<Named>> = values.iter().map(|value| read(value)).collect();
    all.filter(|all| !all.is_empty())
}

fn of_organization(id: &str) -> Option<Named> {
    let rest = id.strip_prefix("o-").filter(|rest| (10..=32).contains(&rest.len()))?;
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    rest.bytes().all(fits).then(|| Named::Organization(id.to_owned()))
}

/// A principal, or the account whose principals a pattern means.
fn of_pattern(pattern: &str) -> Option<Named> {
    if is_cloudfront(pattern) {
        return Some(Named::CloudFront(pattern.to_owned()));
    }
    of_arn(pattern).or_else(|| Some(Named::Account(Arn::parse(pattern)?.account?.to_string())))
}

fn by_condition(condition: &Value) -> Named {
    let operators = condition.as_object().into_iter().flatten();
    let keys: BTreeSet<&str> =
        operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten().map(|(key, _)| key.as_str())).collect();
    let keys: Vec<&str> = keys.into_iter().take(3).collect();
    unclear(&format!("everybody under a condition that is not understood ({})", keys.join(", ")))
}

fn unclear(what: &str) -> Named {
    Named::Unclear(inert(what, MAX))
}

/// A text or a list of texts; nothing for anything else.
pub(crate) fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARTNER: &str = "555566667777";

    fn of(principal: &Value) -> Vec<Named> {
        let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*" });
        of_statement(&statement).into_iter().collect()
    }

    fn everybody_under(condition: &Value) -> Vec<Named> {
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": ["*"] }, "Action": "s3:*", "Condition": condition });
        of_statement(&statement).into_iter().collect()
    }

    fn is_unclear(all: &[Named]) -> bool {
        matches!(all, [Named::Unclear(_)])
    }

    fn account(id: &str) -> Named {
        Named::Account(id.to_owned())
    }

    #[test]
    fn everybody_is_seen_in_every_spelling() {
        for principal in [json!("*"), json!({ "AWS": "*" }), json!({ "AWS": ["*"] }), json!({ "AWS": ["*", "*"] })] {
            assert_eq!(of(&principal), [Named::Everybody], "{principal}");
        }
        let but = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": PARTNER }, "Action": "s3:*" });
        assert_eq!(of_statement(&but), BTreeSet::from([Named::Everybody]));
        assert_eq!(everybody_under(&json!({})), [Named::Everybody]);
    }

    #[test]
    fn each_form_of_a_principal_has_its_place() {
        let arn = |rest: &str| format!("arn:aws:{rest}");
        assert_eq!(of(&json!({ "AWS": PARTNER })), [account(PARTNER)]);
        assert_eq!(of(&json!({ "AWS": arn("iam::555566667777:root") })), [account(PARTNER)]);
        for exact in ["iam::555566667777:role/etl/reader", "iam::555566667777:user/bob", "sts::555566667777:federated-user/tmp"] {
            assert_eq!(of(&json!({ "AWS": arn(exact) })), [Named::Principal(arn(exact))]);
        }
        let session = of(&json!({ "AWS": arn("sts::555566667777:assumed-role/reader/ci") }));
        assert_eq!(session, [Named::Principal(arn("iam::555566667777:role/reader"))]);
        let identity = arn("iam::cloudfront:user/CloudFront Origin Access Identity E123ABC");
        assert_eq!(of(&json!({ "AWS": identity })), [Named::CloudFront(identity)]);
        let others = of(&json!({ "Service": "cloudtrail.amazonaws.com", "CanonicalUser": "79a59df900b949e5" }));
        let canonical = Named::Canonical("79a59df900b949e5".to_owned());
        assert_eq!(others, [Named::Service("cloudtrail.amazonaws.com".to_owned()), canonical]);
        assert!(is_unclear(&of(&json!({ "Federated": "cognito-identity.amazonaws.com" }))));
    }

    #[test]
    fn who_was_deleted_is_nobody_and_a_deny_lets_nobody_in() {
        assert!(of(&json!({ "AWS": ["AIDAEXAMPLEEXAMPLE12", "AROAEXAMPLEEXAMPLE12"] })).is_empty());
        assert_eq!(of_statement(&json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*" })), BTreeSet::new());
    }

    #[test]
    fn a_condition_that_names_the_caller_is_understood() {
        let organization = Named::Organization("o-exampleorgid".to_owned());
        let string = |key: &str, value: &str| json!({ "StringEquals": { key: value } });
        assert_eq!(everybody_under(&string("aws:PrincipalOrgID", "o-exampleorgid")), std::slice::from_ref(&organization));
        assert_eq!(everybody_under(&string("AWS:principalorgid", "o-exampleorgid")), std::slice::from_ref(&organization));
        let paths = json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": ["o-exampleorgid/r-ab12/*"] } });
        assert_eq!(everybody_under(&paths), std::slice::from_ref(&organization));
        assert_eq!(everybody_under(&string("aws:PrincipalAccount", PARTNER)), [account(PARTNER)]);
        let pattern = json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::555566667777:role/etl-*" } });
        assert_eq!(everybody_under(&pattern), [account(PARTNER)]);
        let beside =
            json!({ "Bool": { "aws:SecureTransport": "true" }, "StringEquals": { "aws:PrincipalOrgID": "o-exampleorgid" } });
        assert_eq!(everybody_under(&beside), [organization]);
    }

    #[test]
    fn a_condition_that_others_may_meet_is_not_understood() {
        let under = |operator: &str, key: &str, value: &str| everybody_under(&json!({ operator: { key: value } }));
        for (operator, key, value) in [
            ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-exampleorgid"),
            ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-exampleorgid"),
            ("ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-exampleorgid/*"),
            ("StringNotEquals", "aws:PrincipalOrgID", "o-exampleorgid"),
            ("StringLike", "aws:PrincipalOrgID", "o-*"),
            ("StringLike", "aws:PrincipalAccount", "5555*"),
            ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/reader"),
            ("ArnLike", "aws:PrincipalArn", "*"),
            ("Bool", "aws:SecureTransport", "true"),
            ("StringEquals", "aws:SourceVpce", "vpce-1"),
            ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
            ("Madness", "aws:PrincipalOrgID", "o-exampleorgid"),
        ] {
            assert!(is_unclear(&under(operator, key, value)), "{operator} {key}");
        }
        for odd in [json!(7), json!("x"), json!({ "StringEquals": 7 }), json!({ "StringEquals": { "aws:PrincipalOrgID": [] } })] {
            assert!(is_unclear(&everybody_under(&odd)), "{odd}");
        }
    }

    #[test]
    fn what_has_no_known_form_is_unclear_and_inert() {
        for principal in [
            json!("everybody"),
            json!(7),
            json!([]),
            json!({ "AWS": 555_566_667_777_u64 }),
            json!({ "AWS": ["arn:aws:iam::555566667777:role/*"] }),
            json!({ "AWS": "arn:aws:iam::555566667777:user/${aws:username}" }),
            json!({ "AWS": "arn:aws:iam::*:root" }),
            json!({ "AWS": "arn:aws:iam::cloudfront:user/*" }),
            json!({ "AWS": "\u{1b}[2J" }),
            json!({ "Nobody": "knows" }),
        ] {
            let all = of(&principal);
            assert!(is_unclear(&all) && !format!("{all:?}").contains("\\u{1b}"), "{principal}: {all:?}");
        }
        for statement in [json!(7), json!({}), json!({ "Effect": "Perhaps" }), json!({ "Effect": "Allow" })] {
            assert!(is_unclear(&of_statement(&statement).into_iter().collect::<Vec<_>>()), "{statement}");
        }
    }
}

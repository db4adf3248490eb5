//! Denies callers outside the organization, but for those whom the bucket policy names and who may be believed.

use super::{Around, OUTSIDERS_JSON, Statements, denied, for_bucket};
use crate::changed::Trust;
use crate::named::{self, Named};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_s3::policy::Document;
use std::collections::BTreeSet;

/// Characters of a name.
const NAME: usize = 80;
/// So many are named in a line.
const NAMED: usize = 3;

/// Adds the statement. Where nobody knows whom it would shut out it is refused, and a person decides.
pub(super) fn deny_outsiders(all: &mut Statements, around: &Around<'_>, current: &Document, trust: &Trust) {
    let kind = StepKind::DenyOutsiders;
    let Some(organization) = around.organization else {
        all.refuses(
            kind,
            "the function does not know the organization's id (FIREBREAK_ORGANIZATION_ID): it cannot tell outsiders",
        );
        return;
    };
    let believed = trust.believed(current);
    if believed.is_none() {
        let strangers = strangers(around, organization, current);
        if !strangers.is_empty() {
            all.refuses(kind, not_known(around, &strangers));
            return;
        }
    }
    let mut excepted = believed.map(|policy| Excepted::of(around, policy)).unwrap_or_default();
    excepted.accounts.insert(around.bucket.owner.clone());
    if !trust.policy_by_suspect {
        let identities = format!("arn:{}:iam::cloudfront:user/CloudFront Origin Access Identity *", around.bucket.partition);
        excepted.principals.insert(identities);
    }
    if excepted.principals.is_empty() {
        // A condition without values would be no condition.
        excepted.principals.insert(format!("arn:{}:iam::000000000000:role/firebreak-none", around.bucket.partition));
    }
    let Excepted { accounts, principals } = excepted;
    let (accounts, principals) = (accounts.into_iter().collect::<Vec<_>>(), principals.into_iter().collect::<Vec<_>>());
    let organization = [organization.to_owned()];
    let fills: [(&str, &[String]); 3] =
        [("Organization", organization.as_slice()), ("Accounts", accounts.as_slice()), ("Named", principals.as_slice())];
    all.add(kind, for_bucket(OUTSIDERS_JSON, around, &fills));
}

/// Whom the statement leaves alone.
#[derive(Debug, Default)]
struct Excepted {
    accounts: BTreeSet<String>,
    /// Patterns of ARNs.
    principals: BTreeSet<String>,
}

impl Excepted {
    /// Whom a policy names.
    fn of(around: &Around<'_>, policy: &Document) -> Self {
        let mut all = Self::default();
        for who in named_by(policy).into_iter().filter(|who| who.account() != Some(around.bucket.owner.as_str())) {
            match who {
                Named::Account(account) => {
                    all.accounts.insert(account);
                }
                Named::Principal(arn) => all.principals.extend(denied::under_any_path(&arn)),
                Named::CloudFront(arn) => {
                    all.principals.insert(arn);
                }
                _ => {}
            }
        }
        all
    }
}

fn named_by(policy: &Document) -> BTreeSet<Named> {
    policy.foreign().flat_map(named::of_statement).collect()
}

/// Whom the statement leaves alone because `policy` names them, as people call them.
pub(crate) fn excepted(around: &Around<'_>, policy: &Document) -> Vec<String> {
    let is_excepted = |who: &&Named| {
        let is_kind = matches!(who, Named::Account(_) | Named::Principal(_) | Named::CloudFront(_));
        is_kind && who.account() != Some(around.bucket.owner.as_str())
    };
    named_by(policy).iter().filter(is_excepted).map(label).collect()
}

/// Whom a policy lets in from outside who may be somebody's partner: nobody whom the incident accuses, and not everybody, whom the public
/// access block keeps out whoever let them in.
fn strangers(around: &Around<'_>, organization: &str, policy: &Document) -> Vec<String> {
    let owner = around.bucket.owner.as_str();
    let of_suspects: BTreeSet<&str> = around.suspects.arns.iter().filter_map(|arn| arn.split(':').nth(4)).collect();
    let is_stranger = |who: &Named| match who {
        Named::Everybody | Named::Service(_) => false,
        Named::Organization(id) => id != organization,
        Named::Account(_) | Named::Principal(_) => who.account().is_none_or(|id| id != owner && !of_suspects.contains(id)),
        Named::CloudFront(_) | Named::Canonical(_) | Named::Unclear(_) => true,
    };
    named_by(policy).iter().filter(|who| is_stranger(who)).map(label).collect()
}

fn label(who: &Named) -> String {
    match who {
        Named::Everybody => "everybody".to_owned(),
        Named::Organization(id) => format!("organization {}", inert(id, NAME)),
        Named::Account(id) => format!("account {}", inert(id, NAME)),
        Named::Canonical(id) => format!("canonical user id {}", inert(id, NAME)),
        Named::Principal(name) | Named::CloudFront(name) | Named::Service(name) | Named::Unclear(name) => inert(name, NAME),
    }
}

fn not_known(around: &Around<'_>, strangers: &[String]) -> String {
    let first = strangers.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let who = if strangers.len() <= NAMED { first } else { format!("{} names, among them {first}", strangers.len()) };
    let bucket = &around.bucket.name;
    format!(
        "whom the bucket policy names is not denied: a suspect wrote it, and CloudTrail does not show what it said before. {who}: each may be \
         an accomplice or a partner. To deny them all, approve with --only \"freeze of S3 bucket {bucket}\", or seal the bucket with \
         --only \"every access to S3 bucket {bucket}\""
    )
}

#[cfg(test)]
mod tests {
    use super::super::of_level;
    use super::super::tests::{bucket, document};
    use super::*;
    use crate::suspects::Suspects;
    use firebreak::target::Scope;
    use firebreak_s3::levels::{DENY_OUTSIDERS, DENY_SUSPECTS};
    use serde_json::{Value, json};

    const PARTNER: &str = "555566667777";
    const FOREIGN: &str = "999988887777";
    const IDENTITY: &str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1ABC";

    fn policy(principals: &[Value]) -> Document {
        let allow = |principal: &Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*" });
        document(&principals.iter().map(allow).collect())
    }

    fn freeze(current: &Document, trust: &Trust) -> Statements {
        let (bucket, suspects) = (bucket(), Suspects::default());
        let around = Around { bucket: &bucket, organization: Some("o-exampleorgid"), suspects: &suspects };
        of_level(Scope::Freeze, &around, current, trust)
    }

    fn written_since(before: Option<Document>) -> Trust {
        Trust { policy_by_suspect: true, before, ..Trust::default() }
    }

    fn condition(statements: &Statements) -> Option<Value> {
        let of = |(_, one): &&(StepKind, Value)| one["Sid"] == DENY_OUTSIDERS;
        statements.all.iter().find(of).map(|(_, one)| one["Condition"].clone())
    }

    #[test]
    fn whom_the_policy_named_before_a_suspect_wrote_it_is_excepted_and_nobody_who_came_with_him() {
        let before = policy(&[json!({ "AWS": PARTNER }), json!({ "AWS": IDENTITY })]);
        let other = IDENTITY.replace("E1ABC", "E2EVIL");
        let now = policy(&[json!({ "AWS": [PARTNER, FOREIGN] }), json!({ "AWS": [IDENTITY, other] })]);
        let condition = condition(&freeze(&now, &written_since(Some(before)))).expect("a statement");
        assert_eq!(condition["StringNotEquals"]["aws:PrincipalAccount"], json!(["111122223333", PARTNER]));
        assert_eq!(condition["ArnNotLike"]["aws:PrincipalArn"], json!([IDENTITY]));
    }

    #[test]
    fn where_nobody_knows_what_the_policy_said_before_nobody_whom_it_names_is_shut_out() {
        for named in [
            json!({ "AWS": PARTNER }),
            json!({ "AWS": IDENTITY }),
            json!({ "CanonicalUser": "79a59df900b949e5" }),
            json!({ "AWS": "arn:aws:iam::555566667777:role/reader" }),
            json!("arn:aws:iam::*:root"),
        ] {
            let statements = freeze(&policy(std::slice::from_ref(&named)), &written_since(None));
            assert_eq!(condition(&statements), None, "{named}");
            let (kind, why) = &statements.refused[0];
            assert!(*kind == StepKind::DenyOutsiders && why.contains("--only \"freeze of S3 bucket"), "{named}: {why}");
            assert!(statements.all.iter().any(|(kind, _)| *kind == StepKind::DenyCustomerKeys), "everything else goes");
        }
        let inside = [json!("*"), json!({ "AWS": "111122223333", "Service": "logging.s3.amazonaws.com" })];
        let statements = freeze(&policy(&inside), &written_since(None));
        assert!(condition(&statements).is_some() && statements.refused.is_empty(), "nobody's partner: {statements:?}");
    }

    #[test]
    fn an_account_of_a_suspect_is_nobodys_partner() {
        let (bucket, arns) = (bucket(), [format!("arn:aws:iam::{FOREIGN}:user/mallory")].into());
        let suspects = Suspects { arns, ..Suspects::default() };
        let around = Around { bucket: &bucket, organization: Some("o-exampleorgid"), suspects: &suspects };
        let now = policy(&[json!({ "AWS": FOREIGN })]);
        let statements = of_level(Scope::Freeze, &around, &now, &written_since(None));
        let sids: Vec<&Value> = statements.all.iter().map(|(_, one)| &one["Sid"]).collect();
        assert_eq!(sids[..2], [DENY_SUSPECTS, DENY_OUTSIDERS]);
    }

    #[test]
    fn a_hostile_name_stays_one_line_of_what_people_read() {
        let hostile = json!({ "AWS": format!("x\u{202e}\n{}", "y".repeat(500)) });
        let many: Vec<Value> = (0..9).map(|at| json!({ "AWS": format!("55556666777{at}") })).chain([hostile.clone()]).collect();
        for named in [vec![hostile], many] {
            let statements = freeze(&policy(&named), &written_since(None));
            let (_, why) = &statements.refused[0];
            assert!(why.len() < 800 && !why.contains(['\u{202e}', '\n']), "{why}");
        }
    }
}

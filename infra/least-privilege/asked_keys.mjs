// Which condition keys the policies ask for, and the question does not have.
//
// A condition on a key that is missing is often true: of a Deny with StringNotEquals, of ForAllValues, of ...IfExists. So a key that
// nobody records would make this check say more than it knows.

// Missing when the resource, the request or the role has no such tag, the principal no such boundary, the request no such header.
const MAY_BE_MISSING = [
  /^aws:(resourcetag|requesttag|principaltag)\//,
  /^aws:tagkeys$/,
  /^(iam|ec2):resourcetag\//,
  /^iam:permissionsboundary$/,
  /^aws:sourceidentity$/,
  // A service that acts for somebody has them; a role that calls has none.
  /^aws:source(account|arn)$/,
  /^s3:(if-none-match|x-amz-acl|x-amz-storage-class|x-amz-server-side-encryption.*|object-lock-.*)$/,
]

/** The keys that statements about this action and resource ask for, and that are neither in `context` nor may be missing. */
export function keysNobodyRecords({ identityAnalysis, sessionAnalysis, resourceAnalysis, scpAnalysis }, context) {
  const known = new Set(Object.keys(context).map((key) => key.toLowerCase()))
  const parts = [identityAnalysis, sessionAnalysis, resourceAnalysis, ...(scpAnalysis?.ouAnalysis ?? [])].filter(Boolean)
  const statements = parts.flatMap((part) => [...part.allowStatements, ...part.denyStatements, ...part.unmatchedStatements])
  const about = statements.filter(({ actionMatch, resourceMatch }) => actionMatch && resourceMatch)
  const keys = about.flatMap(({ statement }) => statement.conditions().map((condition) => condition.conditionKey().toLowerCase()))
  return [...new Set(keys)].filter((key) => !known.has(key) && !MAY_BE_MISSING.some((one) => one.test(key)))
}

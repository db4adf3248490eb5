// Words that the cases of several roles use.

/** The list, each of it as one case. */
export const each = (list, one) => list.map(one)
/** Tags that a call names. */
export const keys = (...names) => ({ 'aws:TagKeys': names })
/** Tags that a call writes. */
export const request = (tags) => Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]))
/** The call that a tag is written with. */
export const made = (by) => ({ 'ec2:CreateAction': by })
/** The policy that is attached. */
export const policy = (arn) => ({ 'iam:PolicyARN': arn })
/** The boundary that is set. */
export const boundary = (arn) => ({ 'iam:PermissionsBoundary': arn })
/** Denied by the statement of this Sid. */
export const by = (sid) => `denied by ${sid}`
/** What an ARN ends with. */
export const last = ({ arn }) => arn.split(':').at(-1)
/** Tags of what is contained. */
export const quarantined = { 'firebreak-state': 'quarantined' }
export const isolated = { 'firebreak-state': 'isolated' }

/** Principals that no role of Firebreak ever changes. */
export const untouchable = (w) => [
  w.role('firebreak/FirebreakMemberRelease'),
  w.role('firebreak-break-glass/responder'),
  w.user('firebreak-break-glass/carol'),
  w.role('aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport'),
  w.role('aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0011'),
  w.role('OrganizationAccountAccessRole'),
  w.role('AWSControlTowerExecution'),
]
/** Identity Center's roles are refused by IAM itself, and the simulator knows it: no policy is asked. */
export const refused = (on) => (on.arn.includes('/aws-reserved/') ? 'not allowed' : by('NeverThesePrincipals'))

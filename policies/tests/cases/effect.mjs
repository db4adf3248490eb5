// What a contained principal can still do.

import { REVOKED_AT } from '../documents.mjs'

export function effect(w) {
  const alice = w.user('alice')
  const fleet = (name, tags, more = {}) => w.session('web/AppRole', name, { tags, ...more })
  const slots = [1, 2, 3, 4, 5]
  const held = { 'firebreak-session-1': 'i-0abc' }
  const work = { does: 's3:GetObject', on: w.object }
  // A presigned URL is a request of its signer, whoever sends it (S3 API reference, "Bucket policy examples using condition keys", s3:authType).
  const presigned = { using: { 's3:authType': 'REST-QUERY-STRING', 's3:signatureversion': 'AWS4-HMAC-SHA256', 's3:signatureAge': 600000 } }
  // Signing in itself, as sts:GetSessionToken, is no question for a policy (IAM user guide, "Permissions for GetSessionToken").
  const consoles = [['', {}], ...['true', 'false'].map((mfa) => [`, with MFA ${mfa}`, { 'aws:MultiFactorAuthPresent': mfa }])]

  return [
    {
      subject: 'A user that is denied everything',
      given: { identity: ['everything', 'deny-all'] },
      cases: [
        { row: 12, name: 'its access keys', who: alice, ...work, then: 'denied by FirebreakQuarantine' },
        { row: 12, name: 'a session of GetSessionToken', who: { ...alice, issued: REVOKED_AT }, ...work, then: 'denied by FirebreakQuarantine' },
        { row: 12, name: 'a session of GetFederationToken', who: w.federated('tmp'), ...work, then: 'denied by FirebreakQuarantine' },
        { row: 12, name: 'a new session of GetFederationToken', who: alice, does: 'sts:GetFederationToken', on: w.federated('tmp'), then: 'denied by FirebreakQuarantine' },
        { row: 13, name: 'a role it may assume', who: alice, does: 'sts:AssumeRole', on: w.role('AppRole'), given: { resource: w.trust(alice.arn) }, then: 'denied by FirebreakQuarantine' },
        { row: 34, name: 'a URL that it presigned before', who: alice, ...work, ...presigned, then: 'denied by FirebreakQuarantine' },
        { row: 34, name: 'a URL that it presigned to write', who: alice, does: 's3:PutObject', on: w.object, ...presigned, then: 'denied by FirebreakQuarantine' },
        { row: 34, name: 'a URL that a session of GetSessionToken presigned', who: { ...alice, issued: REVOKED_AT }, ...work, ...presigned, then: 'denied by FirebreakQuarantine' },
        { row: 7, name: 'detaching its own quarantine', who: alice, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: 'denied by FirebreakQuarantine' },
        { row: 16, name: 'a new access key for itself', who: alice, does: 'iam:CreateAccessKey', on: alice, then: 'denied by FirebreakQuarantine' },
        ...consoles.flatMap(([how, using]) => [
          { row: 12, name: `in the console${how}: an object`, who: { ...alice, issued: REVOKED_AT }, ...work, using, then: 'denied by FirebreakQuarantine' },
          ...['ChangePassword', 'CreateLoginProfile', 'UpdateLoginProfile', 'EnableMFADevice', 'DeactivateMFADevice', 'CreateAccessKey'].map((call) => ({
            row: 16, name: `in the console${how}: ${call} for itself`, who: alice, does: `iam:${call}`, on: alice, using, then: 'denied by FirebreakQuarantine',
          })),
          { row: 16, name: `in the console${how}: a new MFA device`, who: alice, does: 'iam:CreateVirtualMFADevice', on: w.iam('mfa/alice'), using, then: 'denied by FirebreakQuarantine' },
          { row: 13, name: `in the console${how}: switching to a role`, who: alice, does: 'sts:AssumeRole', on: w.role('AppRole'), using, given: { resource: w.trust(alice.arn) }, then: 'denied by FirebreakQuarantine' },
        ]),
        { row: 17, name: 'a new user', who: alice, does: 'iam:CreateUser', on: w.user('evil'), then: 'denied by FirebreakQuarantine' },
        { name: 'an object whose bucket policy names the user', who: alice, ...work, given: { resource: w.grantTo(alice.arn) }, then: 'denied by FirebreakQuarantine' },
        { row: 13, name: 'residual: a role session it assumed before', who: fleet('alice'), ...work, given: { identity: ['everything'] }, then: 'allowed' },
      ],
    },
    {
      subject: 'A permissions boundary when the quota of attached policies is full',
      given: { identity: ['everything'], boundary: 'deny-all' },
      cases: [
        { row: 9, name: 'a user', who: alice, ...work, then: 'denied by FirebreakQuarantine' },
        { row: 9, name: 'a user whom a bucket policy names', who: alice, ...work, given: { resource: w.grantTo(alice.arn) }, then: 'denied by FirebreakQuarantine' },
        { row: 9, name: 'a user creates another user', who: alice, does: 'iam:CreateUser', on: w.user('evil'), then: 'denied by FirebreakQuarantine' },
        { row: 9, name: 'a whole role', who: fleet('i-0def'), ...work, then: 'denied by FirebreakQuarantine' },
        { row: 9, name: 'one session of a role', who: fleet('i-0abc', held), ...work, given: { boundary: 'deny-session-boundary' }, then: 'denied by FirebreakQuarantineSession' },
        { row: 9, name: 'bystander: the other sessions of that role', who: fleet('i-0def', held), ...work, given: { boundary: 'deny-session-boundary' }, then: 'allowed' },
        { row: 9, name: 'bystander: another Lambda function on that role', who: fleet('report', { 'firebreak-session-1': 'import' }), ...work, given: { boundary: 'deny-session-boundary' }, then: 'allowed' },
        { row: 9, name: 'that boundary grants nothing', who: fleet('i-0def', held), ...work, given: { identity: [], boundary: 'deny-session-boundary' }, then: 'not allowed' },
        ...slots.map((slot) => ({
          row: 9, name: `one session of a role, by tag ${slot}`, who: fleet('i-0abc', { [`firebreak-session-${slot}`]: 'i-0abc' }), ...work, given: { boundary: 'deny-session-boundary' }, then: 'denied by FirebreakQuarantineSession',
        })),
      ],
    },
    {
      subject: 'One session of a role',
      given: { identity: ['everything', 'deny-session'] },
      cases: [
        ...slots.map((slot) => ({
          row: 13, name: `named by tag ${slot}`, who: fleet('i-0abc', { [`firebreak-session-${slot}`]: 'i-0abc' }), ...work, then: 'denied by FirebreakQuarantineSession',
        })),
        { row: 26, name: "an instance's credentials, used elsewhere", who: fleet('i-0abc', held), ...work, using: { 'aws:SourceIp': '203.0.113.7' }, then: 'denied by FirebreakQuarantineSession' },
        { row: 26, name: "an instance's credentials, refreshed since", who: fleet('i-0abc', held, { issued: '2026-11-21T18:00:00Z' }), ...work, then: 'denied by FirebreakQuarantineSession' },
        { row: 13, name: 'a Lambda function', who: fleet('import', { 'firebreak-session-2': 'import' }), ...work, then: 'denied by FirebreakQuarantineSession' },
        { row: 13, name: 'a person of a federation, by mail address', who: fleet('alice@example.com', { 'firebreak-session-1': 'alice@example.com' }), ...work, then: 'denied by FirebreakQuarantineSession' },
        { row: 13, name: 'a chained session goes on to another role', who: fleet('chain', { 'firebreak-session-1': 'chain' }), does: 'sts:AssumeRole', on: w.role('Next'), given: { resource: w.trust(w.role('web/AppRole').arn) }, then: 'denied by FirebreakQuarantineSession' },
        { row: 34, name: 'a URL that it presigned', who: fleet('i-0abc', held), ...work, ...presigned, then: 'denied by FirebreakQuarantineSession' },
        { row: 34, name: 'bystander: a URL that another session presigned', who: fleet('i-0def', held), ...work, ...presigned, then: 'allowed' },
        { row: 14, name: 'assumed again under the same name', who: fleet('i-0abc', held, { issued: '2026-11-22T00:00:00Z' }), ...work, then: 'denied by FirebreakQuarantineSession' },
        { name: 'an object whose bucket policy names the role', who: fleet('i-0abc', held), ...work, given: { resource: w.grantTo(w.role('web/AppRole').arn) }, then: 'denied by FirebreakQuarantineSession' },
        { name: 'bystander: another session', who: fleet('i-0def', held), ...work, then: 'allowed' },
        { name: 'bystander: another session, all tags in use', who: fleet('i-0def', Object.fromEntries(slots.map((slot) => [`firebreak-session-${slot}`, `i-0abc${slot}`]))), ...work, then: 'allowed' },
        { name: 'bystander: another Lambda function', who: fleet('report', { 'firebreak-session-2': 'import' }), ...work, then: 'allowed' },
        { name: 'bystander: a name that ends like it', who: fleet('x-i-0abc', held), ...work, then: 'allowed' },
        { name: 'bystander: a name that begins like it', who: fleet('i-0abcd', held), ...work, then: 'allowed' },
        { name: 'bystander: a name in another case', who: fleet('I-0ABC', held), ...work, then: 'allowed' },
        { name: 'bystander: no tag yet', who: fleet('i-0abc'), ...work, then: 'allowed' },
        { name: 'bystander: the tag was taken away', who: fleet('i-0abc', { team: 'web' }), ...work, then: 'allowed' },
        { name: 'bystander: a user of that name', who: w.user('i-0abc', { tags: held }), ...work, then: 'allowed' },
        { row: 14, name: 'residual: assumed again under another name', who: fleet('i-0fff', held, { issued: '2026-11-22T00:00:00Z' }), ...work, then: 'allowed' },
        { row: 15, name: "residual: a session tag hides the role's tag", who: fleet('i-0abc', { 'firebreak-session-1': 'zzz' }), ...work, then: 'allowed' },
        { row: 15, name: 'a whole role is denied whatever the session tags', who: fleet('i-0abc', { 'firebreak-session-1': 'zzz' }), ...work, given: { identity: ['everything', 'deny-all'] }, then: 'denied by FirebreakQuarantine' },
      ],
    },
    {
      subject: 'Sessions older than a moment',
      given: { identity: ['everything', 'revoke'] },
      cases: [
        { row: 14, name: 'issued before it', who: fleet('i-0abc', undefined, { issued: '2026-11-21T11:59:59Z' }), ...work, then: 'denied by FirebreakRevoke' },
        { row: 14, name: 'residual: assumed again after it', who: fleet('i-0abc', undefined, { issued: '2026-11-21T12:00:05Z' }), ...work, then: 'allowed' },
        { row: 14, name: 'assumed again after it, the session denied as well', who: fleet('i-0abc', held, { issued: '2026-11-21T12:00:05Z' }), ...work, given: { identity: ['everything', 'deny-session', 'revoke'] }, then: 'denied by FirebreakQuarantineSession' },
        { row: 14, name: "residual: a user's access key was never issued", who: alice, ...work, then: 'allowed' },
      ],
    },
  ]
}

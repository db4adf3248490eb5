// What a session policy leaves of a role.

import { policy, boundary, quarantined } from '../words.mjs'

export function sessions(w) {
  const alice = w.user('team/alice')
  const quarantineIam = w.member('QuarantineIam')
  const release = w.member('Release')
  const open = { ...quarantined, 'firebreak-revoke': 'fb-0123456789abcdef' }

  return [
    {
      subject: 'A session policy holds a session to one target',
      given: { identity: ['QuarantineIam'], scps: ['guard'], session: w.onlyThis('user', 'alice') },
      cases: [
        { name: 'the target', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('alice'), using: policy(w.denyAll), then: 'allowed' },
        { name: 'the target, under a path', who: quarantineIam, does: 'iam:UpdateAccessKey', on: w.user('team/web/alice'), then: 'allowed' },
        { name: 'the target is read', who: quarantineIam, does: 'iam:ListAccessKeys', on: alice, then: 'allowed' },
        { name: 'another user', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('bob'), using: policy(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'another user: keys', who: quarantineIam, does: 'iam:UpdateAccessKey', on: w.user('bob'), then: 'not allowed by its session policy' },
        { name: 'another user: boundary', who: quarantineIam, does: 'iam:PutUserPermissionsBoundary', on: w.user('bob'), using: boundary(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'a user whose name ends like it', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('malice'), using: policy(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'a user whose name begins like it', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('alice2'), using: policy(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'a user whose path has that name in it', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('alice/bob'), using: policy(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'a role of that name', who: quarantineIam, does: 'iam:AttachRolePolicy', on: w.role('alice'), using: policy(w.denyAll), then: 'not allowed by its session policy' },
        { name: 'the session policy grants nothing', who: quarantineIam, does: 'iam:AttachUserPolicy', on: alice, using: policy(w.administrator), then: 'not allowed' },
        { name: 'release: the target', who: release, does: 'iam:DetachUserPolicy', on: alice, using: policy(w.denyAll), given: { identity: ['Release'] }, then: 'allowed' },
        { name: 'release: another user', who: release, does: 'iam:DetachUserPolicy', on: w.user('bob'), using: policy(w.denyAll), given: { identity: ['Release'] }, then: 'not allowed by its session policy' },
        { name: 'revoke-sessions: the target', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: open }), given: { identity: ['RevokeSessions'], session: w.onlyThis('role', 'AppRole') }, then: 'allowed' },
        { name: 'revoke-sessions: another role', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/Other', { tags: open }), given: { identity: ['RevokeSessions'], session: w.onlyThis('role', 'AppRole') }, then: 'not allowed by its session policy' },
      ],
    },
  ]
}

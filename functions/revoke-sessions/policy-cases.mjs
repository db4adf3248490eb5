// What the role that ends older sessions can do, and what a thief of it could not.

import { each, keys, by, last, quarantined, untouchable, refused } from '../../policies/tests/words.mjs'

export function cases(w) {
  const revoke = w.member('RevokeSessions')
  const alice = w.user('team/alice')
  const app = w.role('web/AppRole')
  const opened = { 'firebreak-revoke': 'fb-0123456789abcdef' }
  const held = w.role('web/AppRole', { tags: quarantined })
  const open = w.role('web/AppRole', { tags: { ...quarantined, ...opened } })

  return [
    {
      subject: 'revoke-sessions writes inline policies only on quarantined roles that it opened',
      given: { identity: ['RevokeSessions'], scps: ['guard'] },
      cases: [
        ...each(['GetRole', 'GetRolePolicy', 'ListAttachedRolePolicies', 'ListRolePolicies', 'ListRoleTags'], (call) => ({
          name: call, who: revoke, does: `iam:${call}`, on: app, then: 'allowed',
        })),
        { row: 14, name: 'opens a quarantined role', who: revoke, does: 'iam:TagRole', on: held, using: keys('firebreak-revoke'), then: 'allowed' },
        { row: 14, name: 'writes on a role that is open', who: revoke, does: 'iam:PutRolePolicy', on: open, then: 'allowed' },
        { row: 14, name: 'opens a role that is not quarantined', who: revoke, does: 'iam:TagRole', on: app, using: keys('firebreak-revoke'), then: 'not allowed' },
        { row: 14, name: 'opens a role with another state', who: revoke, does: 'iam:TagRole', on: w.role('web/AppRole', { tags: { 'firebreak-state': 'released' } }), using: keys('firebreak-revoke'), then: 'not allowed' },
        ...each(['firebreak-state', 'firebreak-session-1', 'team'], (key) => ({
          name: `writes the tag ${key}`, who: revoke, does: 'iam:TagRole', on: open, using: keys(key), then: 'not allowed',
        })),
        { name: 'marks a role as quarantined and opens it', who: revoke, does: 'iam:TagRole', on: app, using: keys('firebreak-state', 'firebreak-revoke'), then: 'not allowed' },
        { name: 'tags without saying a key', who: revoke, does: 'iam:TagRole', on: held, then: 'not allowed' },
        { name: 'writes on a role that is not quarantined', who: revoke, does: 'iam:PutRolePolicy', on: app, then: 'not allowed' },
        { name: 'writes on a quarantined role that nobody opened', who: revoke, does: 'iam:PutRolePolicy', on: held, then: 'not allowed' },
        { name: 'writes on an open role that is not quarantined', who: revoke, does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: opened }), then: 'not allowed' },
        { name: 'writes on a role that no incident opened', who: revoke, does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: { ...quarantined, 'firebreak-revoke': 'yes' } }), then: 'not allowed' },
        ...each(untouchable(w).filter((on) => last(on).startsWith('role/')), (on) => ({
          row: 20, name: `never ${last(on)}`, who: revoke, does: 'iam:PutRolePolicy', on: { ...on, tags: { ...quarantined, ...opened } }, given: { identity: ['everything', 'RevokeSessions'], scps: [] }, then: refused(on),
        })),
        { row: 20, name: "opens Firebreak's own role", who: revoke, does: 'iam:TagRole', on: { ...untouchable(w)[0], tags: quarantined }, using: keys('firebreak-revoke'), given: { identity: ['everything', 'RevokeSessions'], scps: [] }, then: by('NeverThesePrincipals') },
        ...each(['DeleteRolePolicy', 'AttachRolePolicy', 'UpdateAssumeRolePolicy', 'UntagRole'], (call) => ({
          name: `nothing else: ${call}`, who: revoke, does: `iam:${call}`, on: app, given: { identity: ['everything', 'RevokeSessions'] }, then: by('NothingElse'),
        })),
        ...each(['PutUserPolicy', 'TagUser'], (call) => ({
          name: `nothing else: ${call}`, who: revoke, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'RevokeSessions'] }, then: by('NothingElse'),
        })),
        { name: 'residual: writes any inline policy on a role that an incident holds', who: revoke, does: 'iam:PutRolePolicy', on: open, then: 'allowed' },
      ],
    },
  ]
}

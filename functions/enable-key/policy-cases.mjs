// What the role that gives keys back can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

const CALLS = ['CancelKeyDeletion', 'DescribeKey', 'EnableKey']
const TAKES_AWAY = ['DeleteImportedKeyMaterial', 'DisableKey', 'ScheduleKeyDeletion']
const OPENS = ['CreateGrant', 'Decrypt', 'GetKeyPolicy', 'PutKeyPolicy']

export function cases(w) {
  const role = w.member('EnableKey')
  const release = w.member('Release')
  const arn = (account) => `arn:${w.partition}:kms:eu-central-1:${account}:key/00112233-4455-6677-8899-aabbccddeeff`
  const key = { arn: arn(ACCOUNTS.member), account: ACCOUNTS.member }
  const foreign = { arn: arn(ACCOUNTS.other), account: ACCOUNTS.other }
  // The key leaves it to IAM, and the simulator wants to hear that.
  const ofTheAccount = { resource: w.grantTo(`arn:${w.partition}:iam::${ACCOUNTS.member}:root`) }
  const nothingElse = by('NothingElse')

  return [
    {
      subject: 'enable-key does its work',
      given: { identity: ['EnableKey'], scps: ['guard'] },
      cases: each(CALLS, (call) => ({ name: call, who: role, does: `kms:${call}`, on: key, given: ofTheAccount, then: 'allowed' })),
    },
    {
      subject: 'enable-key goes no further',
      given: { identity: ['EnableKey'] },
      cases: each(CALLS, (call) => ({ name: `${call} in another account`, who: role, does: `kms:${call}`, on: foreign, given: { resource: w.grantTo(role.principal) }, then: 'not allowed' })),
    },
    {
      subject: 'enable-key in the hands of a thief, without the guard',
      given: { identity: ['everything', 'EnableKey'] },
      cases: [
        ...each(TAKES_AWAY, (call) => ({ name: `takes a key away: ${call}`, who: role, does: `kms:${call}`, on: key, given: ofTheAccount, then: nothingElse })),
        ...each(OPENS, (call) => ({ name: `uses or opens a key: ${call}`, who: role, does: `kms:${call}`, on: key, given: ofTheAccount, then: nothingElse })),
        { name: 'does anything else', who: role, does: 'iam:DeleteUser', on: w.user('alice'), then: nothingElse },
        { name: 'residual: enables a key that its owner keeps disabled', who: role, does: 'kms:EnableKey', on: key, given: ofTheAccount, then: 'allowed' },
      ],
    },
    {
      subject: 'a release of enable-key',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        { name: 'DescribeKey', who: release, does: 'kms:DescribeKey', on: key, given: ofTheAccount, then: 'allowed' },
        { name: 'DescribeKey in another account', who: release, does: 'kms:DescribeKey', on: foreign, given: { resource: w.grantTo(release.principal) }, then: 'not allowed' },
        ...each([...TAKES_AWAY, 'CancelKeyDeletion', 'EnableKey'], (call) => ({ name: `changes no key: ${call}`, who: release, does: `kms:${call}`, on: key, given: ofTheAccount, then: 'not allowed' })),
      ],
    },
  ]
}

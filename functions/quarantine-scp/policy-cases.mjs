// What the role that writes the policy of the organization can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

export function cases(w) {
  const quarantineScp = w.member('QuarantineScp', { account: ACCOUNTS.management })

  return [
    {
      subject: 'quarantine-scp changes one policy of the organization',
      given: { identity: ['QuarantineScp'] },
      cases: [
        ...each(['DescribePolicy', 'ListTargetsForPolicy', 'UpdatePolicy'], (call) => ({
          name: `its own: ${call}`, who: quarantineScp, does: `organizations:${call}`, on: w.scp('p-examplescp'), then: 'allowed',
        })),
        { name: 'the guard', who: quarantineScp, does: 'organizations:UpdatePolicy', on: w.scp('p-exampleguard'), given: { identity: ['everything', 'QuarantineScp'] }, then: by('NoOtherPolicy') },
        ...each(['DeletePolicy', 'AttachPolicy', 'DetachPolicy'], (call) => ({
          name: `nothing else: ${call}`, who: quarantineScp, does: `organizations:${call}`, on: w.scp('p-examplescp'), given: { identity: ['everything', 'QuarantineScp'] }, then: by('NothingElse'),
        })),
        { name: 'nothing else: IAM', who: quarantineScp, does: 'iam:CreateUser', on: w.user('evil', { account: ACCOUNTS.management }), given: { identity: ['everything', 'QuarantineScp'] }, then: by('NothingElse') },
      ],
    },
  ]
}

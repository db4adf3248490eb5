// What the role that looks can see of principals that wait for an approval.

import { by, each, policy } from '../../policies/tests/words.mjs'

export function cases(w) {
  const sweep = w.member('Sweep')
  const alice = w.user('team/alice')
  const app = w.role('web/AppRole')

  return [
    {
      subject: 'sweep sees who else uses a principal',
      given: { identity: ['Sweep'], scps: ['guard'] },
      cases: [
        ...each(['GetUser', 'GenerateServiceLastAccessedDetails'], (call) => ({
          name: `${call} of a user`, who: sweep, does: `iam:${call}`, on: alice, then: 'allowed',
        })),
        ...each(['GetRole', 'GenerateServiceLastAccessedDetails'], (call) => ({
          name: `${call} of a role`, who: sweep, does: `iam:${call}`, on: app, then: 'allowed',
        })),
        { name: 'sees which role an instance has', who: sweep, does: 'iam:GetInstanceProfile', on: w.iam('instance-profile/web/AppProfile'), then: 'allowed' },
        { name: 'changes no instance profile', who: sweep, does: 'iam:AddRoleToInstanceProfile', on: w.iam('instance-profile/web/AppProfile'), given: { identity: ['everything', 'Sweep'] }, then: by('NothingElse') },
        { name: 'reads the report', who: sweep, does: 'iam:GetServiceLastAccessedDetails', on: '*', then: 'allowed' },
        { name: 'not of a group', who: sweep, does: 'iam:GenerateServiceLastAccessedDetails', on: w.iam('group/team/admins'), then: 'not allowed' },
        { name: 'not of a policy', who: sweep, does: 'iam:GenerateServiceLastAccessedDetails', on: w.denyAll, then: 'not allowed' },
        { name: 'changes nothing', who: sweep, does: 'iam:AttachUserPolicy', on: alice, using: policy(w.denyAll), given: { identity: ['everything', 'Sweep'] }, then: by('NothingElse') },
      ],
    },
  ]
}

// What the roles that only look can do.

import { policy, by } from '../../policies/tests/words.mjs'

export function cases(w) {
  const alice = w.user('team/alice')

  return [
    {
      subject: 'triage and sweep only look',
      given: { identity: ['Triage'], scps: ['guard'] },
      cases: [
        { name: 'triage finds the owner of a key', who: w.member('Triage'), does: 'iam:GetAccessKeyLastUsed', on: alice, then: 'allowed' },
        { name: 'triage finds what a key did', who: w.member('Triage'), does: 'cloudtrail:LookupEvents', on: '*', then: 'allowed' },
        { name: 'triage sees who a user is', who: w.member('Triage'), does: 'iam:GetUser', on: alice, then: 'allowed' },
        { name: 'triage sees who a role is', who: w.member('Triage'), does: 'iam:GetRole', on: w.role('app'), then: 'allowed' },
        { name: 'triage sees which role an instance has', who: w.member('Triage'), does: 'iam:GetInstanceProfile', on: w.iam('instance-profile/web/AppProfile'), then: 'allowed' },
        { name: 'triage changes no instance profile', who: w.member('Triage'), does: 'iam:RemoveRoleFromInstanceProfile', on: w.iam('instance-profile/web/AppProfile'), given: { identity: ['everything', 'Triage'] }, then: by('NothingElse') },
        { name: 'triage looks for an id among users', who: w.member('Triage'), does: 'iam:ListUsers', on: '*', then: 'allowed' },
        { name: 'triage sees who else is administrator', who: w.member('Triage'), does: 'iam:ListEntitiesForPolicy', on: w.administrator, then: 'allowed' },
        { name: 'triage sees who is in a group', who: w.member('Triage'), does: 'iam:GetGroup', on: w.iam('group/team/admins'), then: 'allowed' },
        { name: 'triage: no list of another policy', who: w.member('Triage'), does: 'iam:ListEntitiesForPolicy', on: w.denyAll, then: 'not allowed' },
        { name: 'triage: nothing else', who: w.member('Triage'), does: 'iam:AttachUserPolicy', on: alice, using: policy(w.denyAll), given: { identity: ['everything', 'Triage'] }, then: by('NothingElse') },
        { name: 'triage: no data', who: w.member('Triage'), does: 's3:GetObject', on: w.object, given: { identity: ['everything', 'Triage'] }, then: by('NothingElse') },
        { name: 'sweep finds what a suspect did', who: w.member('Sweep'), does: 'cloudtrail:LookupEvents', on: '*', given: { identity: ['Sweep'] }, then: 'allowed' },
        { name: 'sweep: nothing else', who: w.member('Sweep'), does: 'iam:GetAccessKeyLastUsed', on: alice, given: { identity: ['everything', 'Sweep'] }, then: by('NothingElse') },
      ],
    },
  ]
}

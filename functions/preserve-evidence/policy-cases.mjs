// What the role that collects evidence can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, request, made, by } from '../../policies/tests/words.mjs'

export function cases(w) {
  const preserve = w.member('PreserveEvidence')
  const never = by('NeverDestroy')
  const bucket = w.bucket('acme-data')
  const volume = w.ec2('volume/vol-1')
  const anything = { arn: '*', account: ACCOUNTS.member }

  return [
    {
      subject: 'preserve-evidence does its work',
      given: { identity: ['PreserveEvidence'], scps: ['guard'] },
      cases: [
        ...each(['GetUser', 'GetUserPolicy', 'ListAccessKeys', 'ListAttachedUserPolicies', 'ListGroupsForUser', 'ListMFADevices', 'ListUserPolicies'], (call) => ({
          name: `${call} of a user`, who: preserve, does: `iam:${call}`, on: w.user('team/alice'), then: 'allowed',
        })),
        ...each(['GetRole', 'GetRolePolicy', 'ListAttachedRolePolicies', 'ListInstanceProfilesForRole', 'ListRolePolicies'], (call) => ({
          name: `${call} of a role`, who: preserve, does: `iam:${call}`, on: w.role('web/AppRole'), then: 'allowed',
        })),
        ...each(['DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSnapshots', 'DescribeVolumes', 'GetConsoleOutput'], (call) => ({
          name: call, who: preserve, does: `ec2:${call}`, on: call === 'GetConsoleOutput' ? w.instance() : anything, then: 'allowed',
        })),
        ...each(['GetBucketAcl', 'GetBucketLocation', 'GetBucketLogging', 'GetBucketOwnershipControls', 'GetBucketPolicy', 'GetBucketPublicAccessBlock', 'GetBucketVersioning', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'GetReplicationConfiguration', 'ListBucket', 'ListBucketVersions'], (call) => ({
          name: call, who: preserve, does: `s3:${call}`, on: bucket, then: 'allowed',
        })),
        ...each([w.instance(), volume], (on) => ({
          name: `makes snapshots of ${on.arn.split(':').at(-1)}`, who: preserve, does: 'ec2:CreateSnapshots', on, then: 'allowed',
        })),
        { name: 'makes a snapshot that carries the incident', who: preserve, does: 'ec2:CreateSnapshots', on: w.snapshot, using: request({ 'firebreak-incident': 'fb-00112233445566ff' }), then: 'allowed' },
        { name: 'tags it when it is made', who: preserve, does: 'ec2:CreateTags', on: w.snapshot, using: made('CreateSnapshots'), then: 'allowed' },
      ],
    },
    {
      subject: 'a session of preserve-evidence that was opened for one instance',
      given: { identity: ['PreserveEvidence'], session: w.onlyInstance('i-0abc', 'PreserveEvidence') },
      cases: [
        ...each(['DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSnapshots', 'DescribeVolumes'], (call) => ({
          name: call, who: preserve, does: `ec2:${call}`, on: anything, using: { 'aws:RequestedRegion': 'eu-central-1' }, then: 'allowed',
        })),
        { name: 'reads its console', who: preserve, does: 'ec2:GetConsoleOutput', on: w.instance(), then: 'allowed' },
        ...each([w.instance(), volume], (on) => ({
          name: `makes snapshots of ${on.arn.split(':').at(-1)}`, who: preserve, does: 'ec2:CreateSnapshots', on, then: 'allowed',
        })),
        { name: 'makes a snapshot that carries the incident', who: preserve, does: 'ec2:CreateSnapshots', on: w.snapshot, using: request({ 'firebreak-incident': 'fb-00112233445566ff' }), then: 'allowed' },
        { name: 'tags it when it is made', who: preserve, does: 'ec2:CreateTags', on: w.snapshot, using: made('CreateSnapshots'), then: 'allowed' },
        ...each(['CreateSnapshots', 'GetConsoleOutput'], (call) => ({
          name: `another instance: ${call}`, who: preserve, does: `ec2:${call}`, on: w.ec2('instance/i-0def'), then: 'not allowed by its session policy',
        })),
      ],
    },
    {
      subject: 'preserve-evidence in the hands of a thief, without the guard',
      given: { identity: ['PreserveEvidence'] },
      cases: [
        { name: 'makes a snapshot that says nothing of an incident', who: preserve, does: 'ec2:CreateSnapshots', on: w.snapshot, then: 'not allowed' },
        { name: 'tags a snapshot that is there', who: preserve, does: 'ec2:CreateTags', on: w.snapshot, then: 'not allowed' },
        ...each([['ec2:DeleteSnapshot', w.snapshot], ['ec2:DetachVolume', volume], ['ec2:ModifySnapshotAttribute', w.snapshot], ['ec2:RebootInstances', w.instance()], ['ec2:StopInstances', w.instance()], ['ec2:TerminateInstances', w.instance()], ['iam:DeleteUser', w.user('alice')], ['iam:DetachUserPolicy', w.user('alice')], ['s3:DeleteBucket', bucket], ['s3:GetObject', w.object]], ([call, on]) => ({
          name: `destroys, shares or reads: ${call}`, who: preserve, does: call, on, given: { identity: ['everything', 'PreserveEvidence'] }, then: never,
        })),
      ],
    },
  ]
}

// What the member roles for instances, buckets and evidence can do, and what a thief of one could not.

import { ACCOUNTS } from '../documents.mjs'

export function resources(w) {
  const each = (list, one) => list.map(one)
  const [isolate, lockdown, preserve] = ['IsolateEc2', 'LockdownS3', 'PreserveEvidence'].map((name) => w.member(name))
  const never = 'denied by NeverDestroy'
  const ours = { 'firebreak-sg': 'isolation' }
  const bucket = w.bucket('acme-data')
  const [vpc, app, isolation] = [w.ec2('vpc/vpc-1'), w.ec2('security-group/sg-app', { team: 'web' }), w.ec2('security-group/sg-iso', ours)]
  const [interfaceOf, volume] = [w.ec2('network-interface/eni-1'), w.ec2('volume/vol-1')]
  const anything = { arn: '*', account: ACCOUNTS.member }
  const request = (tags) => Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]))
  const keys = (...names) => ({ 'aws:TagKeys': names })
  const made = (by) => ({ 'ec2:CreateAction': by })

  return [
    {
      subject: 'isolate-ec2 does its work',
      given: { identity: ['IsolateEc2'], scps: ['guard'] },
      cases: [
        ...each(['DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups', 'DescribeVpcs'], (call) => ({
          name: call, who: isolate, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : anything, then: 'allowed',
        })),
        { name: 'makes the isolation group', who: isolate, does: 'ec2:CreateSecurityGroup', on: isolation, using: request(ours), then: 'allowed' },
        { name: 'makes it in any VPC', who: isolate, does: 'ec2:CreateSecurityGroup', on: vpc, then: 'allowed' },
        { name: 'tags it when it is made', who: isolate, does: 'ec2:CreateTags', on: isolation, using: made('CreateSecurityGroup'), then: 'allowed' },
        ...each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties the isolation group: ${call}`, who: isolate, does: `ec2:${call}`, on: isolation, then: 'allowed',
        })),
        ...each([w.instance(), interfaceOf, isolation], (on) => ({
          name: `moves an interface: ${on.arn.split(':').at(-1)}`, who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        { name: 'protects an instance from termination', who: isolate, does: 'ec2:ModifyInstanceAttribute', on: w.instance(), then: 'allowed' },
        { name: 'tags an instance', who: isolate, does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-state', 'firebreak-at'), then: 'allowed' },
      ],
    },
    {
      subject: 'isolate-ec2 in the hands of a thief, without the guard',
      given: { identity: ['IsolateEc2'] },
      cases: [
        { name: 'makes a group of another kind', who: isolate, does: 'ec2:CreateSecurityGroup', on: app, then: 'not allowed' },
        { name: 'makes another group an isolation group', who: isolate, does: 'ec2:CreateTags', on: app, then: 'not allowed' },
        ...each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties another group: ${call}`, who: isolate, does: `ec2:${call}`, on: app, then: 'not allowed',
        })),
        { name: 'moves an interface into another group', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: app, then: 'not allowed' },
        { name: 'writes a foreign tag', who: isolate, does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-state', 'team'), then: 'not allowed' },
        { name: 'tags without saying a key', who: isolate, does: 'ec2:CreateTags', on: w.instance(), then: 'not allowed' },
        ...each([['AuthorizeSecurityGroupIngress', isolation], ['DeleteSecurityGroup', isolation], ['DetachNetworkInterface', interfaceOf], ['DisassociateIamInstanceProfile', w.instance()], ['RebootInstances', w.instance()], ['ReleaseAddress', w.ec2('elastic-ip/eipalloc-1')], ['StopInstances', w.instance()], ['TerminateInstances', w.instance()]], ([call, on]) => ({
          name: `destroys or opens: ${call}`, who: isolate, does: `ec2:${call}`, on, given: { identity: ['everything', 'IsolateEc2'] }, then: never,
        })),
      ],
    },
    {
      subject: 'lockdown-s3 does its work',
      given: { identity: ['LockdownS3'], scps: ['guard'] },
      cases: each(['GetBucketAcl', 'GetBucketPolicy', 'GetBucketPublicAccessBlock', 'ListBucket', 'PutBucketPublicAccessBlock'], (call) => ({
        name: call, who: lockdown, does: `s3:${call}`, on: bucket, then: 'allowed',
      })),
    },
    {
      subject: 'lockdown-s3 in the hands of a thief, without the guard',
      given: { identity: ['everything', 'LockdownS3'] },
      cases: [
        { name: 'changes the evidence bucket', who: lockdown, does: 's3:PutBucketPublicAccessBlock', on: w.bucket(`firebreak-evidence-${ACCOUNTS.member}`), then: 'denied by NeverOwnEvidenceBucket' },
        ...each([['BypassGovernanceRetention', w.object], ['DeleteBucket', bucket], ['DeleteObject', w.object], ['GetObject', w.object], ['PutBucketAcl', bucket], ['PutBucketPolicy', bucket], ['PutObject', w.object]], ([call, on]) => ({
          name: `destroys, opens or reads: ${call}`, who: lockdown, does: `s3:${call}`, on, then: never,
        })),
      ],
    },
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
        ...each(['GetBucketAcl', 'GetBucketLogging', 'GetBucketOwnershipControls', 'GetBucketPolicy', 'GetBucketPublicAccessBlock', 'GetBucketVersioning', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'GetReplicationConfiguration', 'ListBucket'], (call) => ({
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

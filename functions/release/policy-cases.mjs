// What the role that undoes can do, and what a thief of it could not.

import { each, keys, policy, boundary, by, last, isolated, untouchable, refused } from '../../policies/tests/words.mjs'

export function cases(w) {
  const alice = w.user('team/alice')
  const app = w.role('web/AppRole')
  const elsewhere = w.policy('team/FirebreakQuarantineDenyAll')
  // A path may contain a colon, so that the text of the whole ARN contains what a careless pattern looks for.
  const disguised = w.policy('x:policy/firebreak/FirebreakQuarantineDenyAll')
  const release = w.member('Release')

  return [
    {
      subject: 'release in the hands of a thief, without the guard',
      given: { identity: ['Release'] },
      cases: [
        ...each([w.readOnly, elsewhere, disguised], (arn) => ({
          name: `detaches ${arn.split(':').slice(5).join(':')}`, who: release, does: 'iam:DetachUserPolicy', on: alice, using: policy(arn), then: 'not allowed',
        })),
        ...each([w.policy('TeamBoundary'), elsewhere, disguised], (arn) => ({
          name: `removes the boundary ${arn.split(':').slice(5).join(':')}`, who: release, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: boundary(arn), then: 'not allowed',
        })),
        { name: "removes a role's other boundary", who: release, does: 'iam:DeleteRolePermissionsBoundary', on: app, using: boundary(w.policy('TeamBoundary')), then: 'not allowed' },
        ...each([w.denyAll, w.denySessionBoundary], (arn) => ({
          name: `contains a user by the boundary ${arn.split('/').at(-1)}`, who: release, does: 'iam:PutUserPermissionsBoundary', on: alice, using: boundary(arn), then: 'not allowed',
        })),
        { name: 'takes an inline policy of another role away', who: release, does: 'iam:DeleteRolePolicy', on: app, then: 'not allowed' },
        { name: 'writes tags without saying a key', who: release, does: 'iam:TagUser', on: alice, then: 'not allowed' },
        { name: 'takes a foreign tag away', who: release, does: 'iam:UntagUser', on: alice, using: keys('team'), then: 'not allowed' },
        { name: 'takes a foreign tag away beside its own', who: release, does: 'iam:UntagRole', on: app, using: keys('firebreak-state', 'team'), then: 'not allowed' },
        { name: "takes an instance's foreign tag away", who: release, does: 'ec2:DeleteTags', on: w.instance(isolated), using: keys('team'), then: 'not allowed' },
        { name: 'takes all tags of an instance away', who: release, does: 'ec2:DeleteTags', on: w.instance(isolated), then: 'not allowed' },
        { name: 'reads an object', who: release, does: 's3:GetObject', on: w.object, then: 'not allowed' },
        ...each(['DeleteAccessKey', 'DeleteLoginProfile', 'DeleteUser', 'DeleteUserPolicy', 'DeleteSSHPublicKey', 'DeleteSigningCertificate', 'DeleteServiceSpecificCredential', 'DeactivateMFADevice'], (call) => ({
          name: `destroys: ${call}`, who: release, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        { name: 'destroys: DeleteRole', who: release, does: 'iam:DeleteRole', on: app, given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy') },
        { name: 'destroys: DeletePolicyVersion', who: release, does: 'iam:DeletePolicyVersion', on: w.denyAll, given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy') },
        { name: 'destroys: DeleteVirtualMFADevice', who: release, does: 'iam:DeleteVirtualMFADevice', on: w.iam('mfa/alice'), given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy') },
        ...each(['DeleteGroup', 'RemoveUserFromGroup'], (call) => ({
          name: `destroys: ${call}`, who: release, does: `iam:${call}`, on: w.iam('group/staff'), given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        ...each(['StopInstances', 'TerminateInstances', 'DetachVolume'], (call) => ({
          name: `destroys: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(), given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        ...each([['DeleteNetworkInterface', 'network-interface/eni-0abc'], ['DeleteSecurityGroup', 'security-group/sg-0abc'], ['DeleteVolume', 'volume/vol-0abc']], ([call, path]) => ({
          name: `destroys: ${call}`, who: release, does: `ec2:${call}`, on: w.ec2(path), given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        { name: 'destroys: DeleteSnapshot', who: release, does: 'ec2:DeleteSnapshot', on: w.snapshot, given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy') },
        ...each([['DeleteBucket', w.bucket('acme-data')], ['PutBucketAcl', w.bucket('acme-data')], ['DeleteObject', w.object], ['DeleteObjectVersion', w.object]], ([call, on]) => ({
          name: `destroys: ${call}`, who: release, does: `s3:${call}`, on, given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        ...each(['AttachUserPolicy', 'PutUserPolicy', 'CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'UploadSSHPublicKey'], (call) => ({
          name: `grants: ${call}`, who: release, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant'),
        })),
        ...each(['AttachRolePolicy', 'PutRolePolicy', 'UpdateAssumeRolePolicy'], (call) => ({
          name: `grants: ${call}`, who: release, does: `iam:${call}`, on: app, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant'),
        })),
        { name: 'grants: PassRole to a service that is not S3', who: release, does: 'iam:PassRole', on: app, using: { 'iam:PassedToService': 'ec2.amazonaws.com' }, given: { identity: ['everything', 'Release'] }, then: by('PassRolesToS3Alone') },
        { name: 'puts a replication back with its role', who: release, does: 'iam:PassRole', on: app, using: { 'iam:PassedToService': 's3.amazonaws.com' }, then: 'allowed' },
        { name: 'puts a replication back where S3 does not say that the role is for it', who: release, does: 'iam:PassRole', on: app, then: 'allowed' },
        { name: 'grants: AddUserToGroup', who: release, does: 'iam:AddUserToGroup', on: w.iam('group/staff'), given: { identity: ['everything', 'Release'] }, then: by('NeverGrant') },
        { name: 'grants: SetDefaultPolicyVersion', who: release, does: 'iam:SetDefaultPolicyVersion', on: w.denyAll, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant') },
        { name: 'goes on to another role', who: release, does: 'sts:AssumeRole', on: app, given: { identity: ['everything', 'Release'], resource: w.trust(w.role('firebreak/FirebreakMemberRelease').arn) }, then: by('NeverGrant') },
        ...each(untouchable(w), (on) => ({
          row: 20, name: `never touches ${last(on)}`, who: release, does: last(on).startsWith('user/') ? 'iam:DetachUserPolicy' : 'iam:DetachRolePolicy', on, using: policy(w.denyAll), given: { identity: ['everything', 'Release'] }, then: refused(on),
        })),
        ...each(['DeleteRolePolicy', 'PutRolePermissionsBoundary', 'TagRole', 'UntagRole', 'UpdateRole'], (call) => ({
          name: `never touches its own role: ${call}`, who: release, does: `iam:${call}`, on: untouchable(w)[0], given: { identity: ['everything', 'Release'] }, then: by('NeverThesePrincipals'),
        })),
        { name: 'residual: replaces any boundary by a wider one', who: release, does: 'iam:PutUserPermissionsBoundary', on: alice, using: boundary(w.administrator), then: 'allowed' },
      ],
    },
  ]
}

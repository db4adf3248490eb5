// What Firebreak's roles in member accounts can do, and what a thief of one could not.

import { ACCOUNTS } from '../documents.mjs'

export function roles(w) {
  const quarantined = { 'firebreak-state': 'quarantined' }
  const isolated = { 'firebreak-state': 'isolated' }
  const alice = w.user('team/alice')
  const app = w.role('web/AppRole')
  const each = (list, one) => list.map(one)
  const keys = (...names) => ({ 'aws:TagKeys': names })
  const policy = (arn) => ({ 'iam:PolicyARN': arn })
  const boundary = (arn) => ({ 'iam:PermissionsBoundary': arn })
  const by = (sid) => `denied by ${sid}`
  const planted = w.policy('firebreak/FirebreakQuarantineEvil')
  const elsewhere = w.policy('team/FirebreakQuarantineDenyAll')
  // A path may contain a colon, so that the text of the whole ARN contains what a careless pattern looks for.
  const disguised = w.policy('x:policy/firebreak/FirebreakQuarantineDenyAll')
  const untouchable = [
    w.role('firebreak/FirebreakMemberRelease'),
    w.role('firebreak-break-glass/responder'),
    w.user('firebreak-break-glass/carol'),
    w.role('aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport'),
    w.role('aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0011'),
    w.role('OrganizationAccountAccessRole'),
    w.role('AWSControlTowerExecution'),
  ]
  // Identity Center's roles are refused by IAM itself, and the simulator knows it: no policy is asked.
  const refused = (on) => (on.arn.includes('/aws-reserved/') ? 'not allowed' : by('NeverThesePrincipals'))
  const last = ({ arn }) => arn.split(':').at(-1)
  const quarantineIam = w.member('QuarantineIam')
  const release = w.member('Release')
  const quarantineScp = w.member('QuarantineScp', { account: ACCOUNTS.management })

  return [
    {
      subject: 'quarantine-iam does its work',
      given: { identity: ['QuarantineIam'], scps: ['guard'] },
      cases: [
        ...each(['GetPolicy', 'GetPolicyVersion'], (call) => ({
          name: `reads the quarantine policy: ${call}`, who: quarantineIam, row: 8, does: `iam:${call}`, on: w.denyAll, then: 'allowed',
        })),
        ...each(
          ['GetUser', 'GetLoginProfile', 'ListAccessKeys', 'ListAttachedUserPolicies', 'ListUserPolicies', 'ListUserTags', 'ListGroupsForUser',
            'ListMFADevices', 'ListServiceSpecificCredentials', 'ListSSHPublicKeys', 'ListSigningCertificates'],
          (call) => ({ name: `${call} of a user`, who: quarantineIam, does: `iam:${call}`, on: alice, then: 'allowed' }),
        ),
        ...each(['GetRole', 'ListAttachedRolePolicies', 'ListRolePolicies', 'ListRoleTags'], (call) => ({
          name: `${call} of a role`, who: quarantineIam, does: `iam:${call}`, on: app, then: 'allowed',
        })),
        { name: 'denies a user everything', who: quarantineIam, does: 'iam:AttachUserPolicy', on: alice, using: policy(w.denyAll), then: 'allowed' },
        { name: 'denies a role everything', who: quarantineIam, does: 'iam:AttachRolePolicy', on: app, using: policy(w.denyAll), then: 'allowed' },
        { name: 'denies a session of a role everything', who: quarantineIam, does: 'iam:AttachRolePolicy', on: app, using: policy(w.denySession), then: 'allowed' },
        { row: 9, name: 'bounds a user', who: quarantineIam, does: 'iam:PutUserPermissionsBoundary', on: alice, using: boundary(w.denyAll), then: 'allowed' },
        { row: 9, name: 'bounds a role', who: quarantineIam, does: 'iam:PutRolePermissionsBoundary', on: app, using: boundary(w.denyAll), then: 'allowed' },
        { row: 9, name: 'bounds a session of a role', who: quarantineIam, does: 'iam:PutRolePermissionsBoundary', on: app, using: boundary(w.denySessionBoundary), then: 'allowed' },
        { row: 9, name: 'bounds a role that is tagged already', who: quarantineIam, does: 'iam:PutRolePermissionsBoundary', on: w.role('web/AppRole', { tags: quarantined }), using: boundary(w.denyAll), then: 'allowed' },
        ...each(['UpdateAccessKey', 'UpdateServiceSpecificCredential', 'UpdateSSHPublicKey', 'UpdateSigningCertificate'], (call) => ({
          row: 16, name: `deactivates: ${call}`, who: quarantineIam, does: `iam:${call}`, on: w.user('team/alice', { tags: quarantined }), then: 'allowed',
        })),
        { name: 'tags a user', who: quarantineIam, does: 'iam:TagUser', on: alice, using: keys('firebreak-state', 'firebreak-incident', 'firebreak-at'), then: 'allowed' },
        { name: 'tags a role with a session', who: quarantineIam, does: 'iam:TagRole', on: app, using: keys('firebreak-session-1'), then: 'allowed' },
      ],
    },
    {
      subject: 'quarantine-iam in the hands of a thief, without the guard',
      given: { identity: ['QuarantineIam'] },
      cases: [
        ...each([w.administrator, w.readOnly, w.denySessionBoundary, planted, elsewhere, disguised], (arn) => ({
          name: `attaches ${arn.split(':').slice(5).join(':')}`, who: quarantineIam, does: 'iam:AttachUserPolicy', on: alice, using: policy(arn), then: 'not allowed',
        })),
        { name: 'attaches AdministratorAccess to a role', who: quarantineIam, does: 'iam:AttachRolePolicy', on: app, using: policy(w.administrator), then: 'not allowed' },
        { name: 'attaches to a group', who: quarantineIam, does: 'iam:AttachGroupPolicy', on: w.iam('group/staff'), using: policy(w.denyAll), then: 'not allowed' },
        ...each([w.administrator, w.denySession, w.denySessionBoundary, planted, elsewhere, disguised], (arn) => ({
          name: `bounds a user by ${arn.split(':').slice(5).join(':')}`, who: quarantineIam, does: 'iam:PutUserPermissionsBoundary', on: alice, using: boundary(arn), then: 'not allowed',
        })),
        ...each([w.administrator, w.denySession, planted, elsewhere, disguised], (arn) => ({
          name: `bounds a role by ${arn.split(':').slice(5).join(':')}`, who: quarantineIam, does: 'iam:PutRolePermissionsBoundary', on: app, using: boundary(arn), then: 'not allowed',
        })),
        ...each(['team', 'Firebreak-state', 'aws'], (key) => ({
          name: `writes the tag ${key}`, who: quarantineIam, does: 'iam:TagUser', on: alice, using: keys(key), then: 'not allowed',
        })),
        { name: 'writes a foreign tag beside its own', who: quarantineIam, does: 'iam:TagRole', on: app, using: keys('firebreak-state', 'team'), then: 'not allowed' },
        { name: 'tags without saying a key', who: quarantineIam, does: 'iam:TagUser', on: alice, then: 'not allowed' },
        ...each(['GetPolicy', 'GetPolicyVersion'], (call) => ({
          name: `reads another policy: ${call}`, who: quarantineIam, does: `iam:${call}`, on: w.policy('team/Access'), then: 'not allowed',
        })),
        { name: 'reads data', who: quarantineIam, does: 's3:GetObject', on: w.object, then: 'not allowed' },
        ...each(['DetachUserPolicy', 'DeleteUserPermissionsBoundary', 'DeleteUserPolicy', 'DeleteAccessKey', 'DeleteLoginProfile', 'DeleteUser', 'DeactivateMFADevice', 'UpdateLoginProfile', 'UpdateUser', 'UntagUser'], (call) => ({
          name: `destroys or undoes: ${call}`, who: quarantineIam, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy'),
        })),
        ...each(['DetachRolePolicy', 'DeleteRole', 'DeleteRolePolicy', 'UpdateAssumeRolePolicy', 'UntagRole'], (call) => ({
          name: `destroys or undoes: ${call}`, who: quarantineIam, does: `iam:${call}`, on: app, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy'),
        })),
        { name: 'destroys or undoes: RemoveUserFromGroup', who: quarantineIam, does: 'iam:RemoveUserFromGroup', on: w.iam('group/staff'), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy') },
        ...each(['PutUserPolicy', 'CreateAccessKey', 'CreateLoginProfile', 'UploadSSHPublicKey', 'CreateUser'], (call) => ({
          name: `grants: ${call}`, who: quarantineIam, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverGrant'),
        })),
        ...each(['PutRolePolicy', 'PassRole', 'CreateRole'], (call) => ({
          name: `grants: ${call}`, who: quarantineIam, does: `iam:${call}`, on: app, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverGrant'),
        })),
        { name: 'grants: AddUserToGroup', who: quarantineIam, does: 'iam:AddUserToGroup', on: w.iam('group/staff'), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverGrant') },
        { name: 'grants: SetDefaultPolicyVersion', who: quarantineIam, does: 'iam:SetDefaultPolicyVersion', on: w.policy('team/Access'), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverGrant') },
        { name: 'goes on to another role', who: quarantineIam, does: 'sts:AssumeRole', on: app, given: { identity: ['everything', 'QuarantineIam'], resource: w.trust(w.role('firebreak/FirebreakMemberQuarantineIam').arn) }, then: by('NeverGrant') },
        { name: 'residual: widens a role that had a narrower boundary', who: quarantineIam, does: 'iam:PutRolePermissionsBoundary', on: app, using: boundary(w.denySessionBoundary), then: 'allowed' },
        { name: 'residual: activates a key: IAM does not tell the two apart', who: quarantineIam, does: 'iam:UpdateAccessKey', on: alice, then: 'allowed' },
      ],
    },
    {
      subject: 'quarantine-iam never touches these',
      given: { identity: ['everything', 'QuarantineIam'] },
      cases: [
        ...each(untouchable, (on) => ({
          row: 20, name: `attach: ${last(on)}`, who: quarantineIam, does: last(on).startsWith('user/') ? 'iam:AttachUserPolicy' : 'iam:AttachRolePolicy', on, using: policy(w.denyAll), then: refused(on),
        })),
        ...each(untouchable, (on) => ({
          row: 20, name: `bound: ${last(on)}`, who: quarantineIam, does: last(on).startsWith('user/') ? 'iam:PutUserPermissionsBoundary' : 'iam:PutRolePermissionsBoundary', on, using: boundary(w.denyAll), then: refused(on),
        })),
        { row: 20, name: "tag: Firebreak's own role", who: quarantineIam, does: 'iam:TagRole', on: untouchable[0], using: keys('firebreak-state'), then: by('NeverThesePrincipals') },
        { name: "deactivate: a key of a break-glass user", who: quarantineIam, does: 'iam:UpdateAccessKey', on: untouchable[2], then: by('NeverThesePrincipals') },
        { name: "a team's role whose path has such a name in it is contained", who: quarantineIam, does: 'iam:AttachRolePolicy', on: w.role('team/firebreak/x'), using: policy(w.denyAll), given: { identity: ['QuarantineIam'] }, then: 'allowed' },
        { name: 'a user under /firebreak/ is contained: Firebreak has none', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('firebreak/evil'), using: policy(w.denyAll), given: { identity: ['QuarantineIam'] }, then: 'allowed' },
      ],
    },
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
        { name: 'revoke-sessions: the target', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: quarantined }), given: { identity: ['RevokeSessions'], session: w.onlyThis('role', 'AppRole') }, then: 'allowed' },
        { name: 'revoke-sessions: another role', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/Other', { tags: quarantined }), given: { identity: ['RevokeSessions'], session: w.onlyThis('role', 'AppRole') }, then: 'not allowed by its session policy' },
      ],
    },
    {
      subject: 'release does its work',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        ...each(['GetUser', 'ListAccessKeys', 'ListAttachedUserPolicies', 'ListUserTags', 'ListServiceSpecificCredentials', 'ListSSHPublicKeys', 'ListSigningCertificates'], (call) => ({
          name: `${call} of a user`, who: release, does: `iam:${call}`, on: alice, then: 'allowed',
        })),
        ...each(['GetRole', 'GetRolePolicy', 'ListAttachedRolePolicies', 'ListRolePolicies', 'ListRoleTags'], (call) => ({
          name: `${call} of a role`, who: release, does: `iam:${call}`, on: app, then: 'allowed',
        })),
        ...each(['GetLoginProfile', 'ListGroupsForUser', 'ListMFADevices', 'ListUserPolicies'], (call) => ({
          name: `sees what somebody changed: ${call}`, who: release, does: `iam:${call}`, on: alice, then: 'allowed',
        })),
        { name: 'detaches from a user', who: release, does: 'iam:DetachUserPolicy', on: alice, using: policy(w.denyAll), then: 'allowed' },
        { name: 'detaches from a role', who: release, does: 'iam:DetachRolePolicy', on: app, using: policy(w.denySession), then: 'allowed' },
        { name: "removes a user's quarantine boundary", who: release, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: boundary(w.denyAll), then: 'allowed' },
        { name: "removes a role's quarantine boundary", who: release, does: 'iam:DeleteRolePermissionsBoundary', on: app, using: boundary(w.denySessionBoundary), then: 'allowed' },
        { name: "puts a user's boundary back", who: release, does: 'iam:PutUserPermissionsBoundary', on: w.user('team/alice', { tags: quarantined }), using: boundary(w.policy('TeamBoundary')), then: 'allowed' },
        { name: "puts a role's boundary back", who: release, does: 'iam:PutRolePermissionsBoundary', on: w.role('web/AppRole', { tags: quarantined }), using: boundary(w.policy('TeamBoundary')), then: 'allowed' },
        ...each(['UpdateAccessKey', 'UpdateServiceSpecificCredential', 'UpdateSSHPublicKey', 'UpdateSigningCertificate'], (call) => ({
          name: `activates: ${call}`, who: release, does: `iam:${call}`, on: w.user('team/alice', { tags: quarantined }), then: 'allowed',
        })),
        { name: 'takes tags of a user away', who: release, does: 'iam:UntagUser', on: alice, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'takes tags of a role away', who: release, does: 'iam:UntagRole', on: app, using: keys('firebreak-session-1'), then: 'allowed' },
        { name: 'writes an old tag back', who: release, does: 'iam:TagUser', on: alice, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'writes an old tag of a role back', who: release, does: 'iam:TagRole', on: app, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'takes the inline policy of a quarantined role away', who: release, does: 'iam:DeleteRolePolicy', on: w.role('web/AppRole', { tags: quarantined }), then: 'allowed' },
        ...each(['DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups'], (call) => ({
          name: call, who: release, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : '*', then: 'allowed',
        })),
        ...each([w.instance(isolated), w.ec2('network-interface/eni-0abc'), w.ec2('security-group/sg-0abc')], (on) => ({
          name: `puts groups back: ${last(on)}`, who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        { name: 'switches termination protection off', who: release, does: 'ec2:ModifyInstanceAttribute', on: w.instance(isolated), then: 'allowed' },
        ...each(['CreateTags', 'DeleteTags'], (call) => ({
          name: `tags of an instance: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(isolated), using: keys('firebreak-state'), then: 'allowed',
        })),
        ...each(['GetBucketPublicAccessBlock', 'ListBucket', 'PutBucketPublicAccessBlock'], (call) => ({
          name: call, who: release, does: `s3:${call}`, on: w.bucket('acme-data'), then: 'allowed',
        })),
      ],
    },
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
        ...each(['DeleteBucket', 'PutBucketAcl', 'PutBucketPolicy'], (call) => ({
          name: `destroys: ${call}`, who: release, does: `s3:${call}`, on: w.bucket('acme-data'), given: { identity: ['everything', 'Release'] }, then: by('NeverDestroy'),
        })),
        ...each(['AttachUserPolicy', 'PutUserPolicy', 'CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'UploadSSHPublicKey'], (call) => ({
          name: `grants: ${call}`, who: release, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant'),
        })),
        ...each(['AttachRolePolicy', 'PutRolePolicy', 'PassRole', 'UpdateAssumeRolePolicy'], (call) => ({
          name: `grants: ${call}`, who: release, does: `iam:${call}`, on: app, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant'),
        })),
        { name: 'grants: AddUserToGroup', who: release, does: 'iam:AddUserToGroup', on: w.iam('group/staff'), given: { identity: ['everything', 'Release'] }, then: by('NeverGrant') },
        { name: 'grants: SetDefaultPolicyVersion', who: release, does: 'iam:SetDefaultPolicyVersion', on: w.denyAll, given: { identity: ['everything', 'Release'] }, then: by('NeverGrant') },
        { name: 'goes on to another role', who: release, does: 'sts:AssumeRole', on: app, given: { identity: ['everything', 'Release'], resource: w.trust(w.role('firebreak/FirebreakMemberRelease').arn) }, then: by('NeverGrant') },
        ...each(untouchable, (on) => ({
          row: 20, name: `never touches ${last(on)}`, who: release, does: last(on).startsWith('user/') ? 'iam:DetachUserPolicy' : 'iam:DetachRolePolicy', on, using: policy(w.denyAll), given: { identity: ['everything', 'Release'] }, then: refused(on),
        })),
        ...each(['DeleteRolePolicy', 'PutRolePermissionsBoundary', 'TagRole', 'UntagRole', 'UpdateRole'], (call) => ({
          name: `never touches its own role: ${call}`, who: release, does: `iam:${call}`, on: untouchable[0], given: { identity: ['everything', 'Release'] }, then: by('NeverThesePrincipals'),
        })),
        { name: 'residual: replaces any boundary by a wider one', who: release, does: 'iam:PutUserPermissionsBoundary', on: alice, using: boundary(w.administrator), then: 'allowed' },
      ],
    },
    {
      subject: 'revoke-sessions writes inline policies on quarantined roles only',
      given: { identity: ['RevokeSessions'], scps: ['guard'] },
      cases: [
        { row: 14, name: 'a quarantined role', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: quarantined }), then: 'allowed' },
        ...each(['GetRole', 'GetRolePolicy', 'ListAttachedRolePolicies', 'ListRolePolicies', 'ListRoleTags'], (call) => ({
          name: call, who: w.member('RevokeSessions'), does: `iam:${call}`, on: app, then: 'allowed',
        })),
        { name: 'a role that is not quarantined', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: app, then: 'not allowed' },
        { name: 'a role with another state', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: w.role('web/AppRole', { tags: { 'firebreak-state': 'released' } }), then: 'not allowed' },
        ...each(untouchable.filter((on) => last(on).startsWith('role/')), (on) => ({
          row: 20, name: `never ${last(on)}`, who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: { ...on, tags: quarantined }, given: { identity: ['everything', 'RevokeSessions'], scps: [] }, then: refused(on),
        })),
        ...each(['DeleteRolePolicy', 'AttachRolePolicy', 'UpdateAssumeRolePolicy', 'TagRole'], (call) => ({
          name: `nothing else: ${call}`, who: w.member('RevokeSessions'), does: `iam:${call}`, on: app, given: { identity: ['everything', 'RevokeSessions'] }, then: by('NothingElse'),
        })),
        { name: 'nothing else: a user', who: w.member('RevokeSessions'), does: 'iam:PutUserPolicy', on: alice, given: { identity: ['everything', 'RevokeSessions'] }, then: by('NothingElse') },
      ],
    },
    {
      subject: 'triage and sweep only look',
      given: { identity: ['Triage'], scps: ['guard'] },
      cases: [
        { name: 'triage finds the owner of a key', who: w.member('Triage'), does: 'iam:GetAccessKeyLastUsed', on: alice, then: 'allowed' },
        { name: 'triage finds what a key did', who: w.member('Triage'), does: 'cloudtrail:LookupEvents', on: '*', then: 'allowed' },
        { name: 'triage: nothing else', who: w.member('Triage'), does: 'iam:AttachUserPolicy', on: alice, using: policy(w.denyAll), given: { identity: ['everything', 'Triage'] }, then: by('NothingElse') },
        { name: 'triage: no data', who: w.member('Triage'), does: 's3:GetObject', on: w.object, given: { identity: ['everything', 'Triage'] }, then: by('NothingElse') },
        { name: 'sweep finds what a suspect did', who: w.member('Sweep'), does: 'cloudtrail:LookupEvents', on: '*', given: { identity: ['Sweep'] }, then: 'allowed' },
        { name: 'sweep: nothing else', who: w.member('Sweep'), does: 'iam:GetAccessKeyLastUsed', on: alice, given: { identity: ['everything', 'Sweep'] }, then: by('NothingElse') },
      ],
    },
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

// What the roles that contain principals can do, and what a thief of one could not.

import { each, keys, policy, boundary, by, last, quarantined, untouchable, refused } from '../../policies/tests/words.mjs'

export function cases(w) {
  const release = w.member('Release')
  const alice = w.user('team/alice')
  const app = w.role('web/AppRole')
  const planted = w.policy('firebreak/FirebreakQuarantineEvil')
  const elsewhere = w.policy('team/FirebreakQuarantineDenyAll')
  // A path may contain a colon, so that the text of the whole ARN contains what a careless pattern looks for.
  const disguised = w.policy('x:policy/firebreak/FirebreakQuarantineDenyAll')
  const quarantineIam = w.member('QuarantineIam')
  const held = w.role('web/AppRole', { tags: quarantined })
  const open = w.role('web/AppRole', { tags: { ...quarantined, 'firebreak-revoke': 'fb-0123456789abcdef' } })

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
        { name: 'finds whose a key is', who: quarantineIam, does: 'iam:GetAccessKeyLastUsed', on: alice, then: 'allowed' },
        { name: 'finds who has an id', who: quarantineIam, does: 'iam:ListUsers', on: '*', then: 'allowed' },
        { name: 'takes its own deny off a user whom it hit by mistake', who: quarantineIam, does: 'iam:DetachUserPolicy', on: alice, using: policy(w.denyAll), then: 'allowed' },
        { name: 'takes its own deny off a role whose session it hit by mistake', who: quarantineIam, does: 'iam:DetachRolePolicy', on: app, using: policy(w.denySession), then: 'allowed' },
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
        ...each([1, 2, 3, 4, 5], (slot) => ({
          name: `tags a role with a session: slot ${slot}`, who: quarantineIam, does: 'iam:TagRole', on: app, using: keys(`firebreak-session-${slot}`), then: 'allowed',
        })),
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
        ...each(['team', 'Firebreak-state', 'aws', 'firebreak-session-6', 'firebreak-revoke'], (key) => ({
          name: `writes the tag ${key}`, who: quarantineIam, does: 'iam:TagUser', on: alice, using: keys(key), then: 'not allowed',
        })),
        { row: 14, name: 'opens a quarantined role to an inline policy', who: quarantineIam, does: 'iam:TagRole', on: held, using: keys('firebreak-revoke'), then: 'not allowed' },
        { row: 14, name: 'opens a role that it marks as quarantined', who: quarantineIam, does: 'iam:TagRole', on: app, using: keys('firebreak-state', 'firebreak-revoke'), then: 'not allowed' },
        { row: 14, name: 'writes an inline policy on a role that is open', who: quarantineIam, does: 'iam:PutRolePolicy', on: open, then: by('NeverGrant') },
        { name: 'writes a foreign tag beside its own', who: quarantineIam, does: 'iam:TagRole', on: app, using: keys('firebreak-state', 'team'), then: 'not allowed' },
        { name: 'tags without saying a key', who: quarantineIam, does: 'iam:TagUser', on: alice, then: 'not allowed' },
        ...each(['GetPolicy', 'GetPolicyVersion'], (call) => ({
          name: `reads another policy: ${call}`, who: quarantineIam, does: `iam:${call}`, on: w.policy('team/Access'), then: 'not allowed',
        })),
        { name: 'reads data', who: quarantineIam, does: 's3:GetObject', on: w.object, then: 'not allowed' },
        ...each([w.denySessionBoundary, planted], (arn) => ({
          name: `detaches ${arn.split('/').at(-1)}`, who: quarantineIam, does: 'iam:DetachUserPolicy', on: alice, using: policy(arn), then: 'not allowed',
        })),
        ...each([w.administrator, w.readOnly, elsewhere, disguised], (arn) => ({
          name: `detaches ${arn.split(':').slice(5).join(':')}`, who: quarantineIam, does: 'iam:DetachUserPolicy', on: alice, using: policy(arn), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDetachAnotherPolicy'),
        })),
        { name: 'detaches without saying what', who: quarantineIam, does: 'iam:DetachRolePolicy', on: app, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDetachAnotherPolicy') },
        { row: 7, name: 'takes the deny off a user who has the label', who: quarantineIam, does: 'iam:DetachUserPolicy', on: w.user('team/alice', { tags: quarantined }), using: policy(w.denyAll), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverFreeTheQuarantined') },
        { row: 7, name: 'takes the deny off a role that has the label', who: quarantineIam, does: 'iam:DetachRolePolicy', on: held, using: policy(w.denySession), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverFreeTheQuarantined') },
        { name: 'residual: takes the deny off a user who has no label, also where it is no mistake', who: quarantineIam, does: 'iam:DetachUserPolicy', on: alice, using: policy(w.denyAll), then: 'allowed' },
        ...each(['DeleteUserPermissionsBoundary', 'DeleteUserPolicy', 'DeleteAccessKey', 'DeleteLoginProfile', 'DeleteUser', 'DeactivateMFADevice', 'UpdateLoginProfile', 'UpdateUser', 'UntagUser'], (call) => ({
          name: `destroys or undoes: ${call}`, who: quarantineIam, does: `iam:${call}`, on: alice, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy'),
        })),
        ...each(['DeleteRole', 'DeleteRolePolicy', 'UpdateAssumeRolePolicy', 'UntagRole'], (call) => ({
          name: `destroys or undoes: ${call}`, who: quarantineIam, does: `iam:${call}`, on: app, given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy'),
        })),
        ...each(['DetachGroupPolicy', 'RemoveUserFromGroup'], (call) => ({
          name: `destroys or undoes: ${call}`, who: quarantineIam, does: `iam:${call}`, on: w.iam('group/staff'), given: { identity: ['everything', 'QuarantineIam'] }, then: by('NeverDestroy'),
        })),
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
        ...each(untouchable(w), (on) => ({
          row: 20, name: `attach: ${last(on)}`, who: quarantineIam, does: last(on).startsWith('user/') ? 'iam:AttachUserPolicy' : 'iam:AttachRolePolicy', on, using: policy(w.denyAll), then: refused(on),
        })),
        ...each(untouchable(w), (on) => ({
          row: 20, name: `bound: ${last(on)}`, who: quarantineIam, does: last(on).startsWith('user/') ? 'iam:PutUserPermissionsBoundary' : 'iam:PutRolePermissionsBoundary', on, using: boundary(w.denyAll), then: refused(on),
        })),
        ...each(untouchable(w), (on) => ({
          row: 20, name: `detach: ${last(on)}`, who: quarantineIam, does: last(on).startsWith('user/') ? 'iam:DetachUserPolicy' : 'iam:DetachRolePolicy', on, using: policy(w.denyAll), then: refused(on),
        })),
        { row: 20, name: "tag: Firebreak's own role", who: quarantineIam, does: 'iam:TagRole', on: untouchable(w)[0], using: keys('firebreak-state'), then: by('NeverThesePrincipals') },
        { name: "deactivate: a key of a break-glass user", who: quarantineIam, does: 'iam:UpdateAccessKey', on: untouchable(w)[2], then: by('NeverThesePrincipals') },
        { name: "a team's role whose path has such a name in it is contained", who: quarantineIam, does: 'iam:AttachRolePolicy', on: w.role('team/firebreak/x'), using: policy(w.denyAll), given: { identity: ['QuarantineIam'] }, then: 'allowed' },
        { name: 'a user under /firebreak/ is contained: Firebreak has none', who: quarantineIam, does: 'iam:AttachUserPolicy', on: w.user('firebreak/evil'), using: policy(w.denyAll), given: { identity: ['QuarantineIam'] }, then: 'allowed' },
      ],
    },
    {
      subject: 'a release of quarantine-iam',
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
        { name: 'finds whose a key is', who: release, does: 'iam:GetAccessKeyLastUsed', on: alice, then: 'allowed' },
        { name: 'finds who has an id', who: release, does: 'iam:ListUsers', on: '*', then: 'allowed' },
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
      ],
    },
  ]
}

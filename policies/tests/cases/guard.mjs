// What nobody may do while the guard is attached, who may, and whom it leaves alone.

import { ACCOUNTS } from '../documents.mjs'

export function guard(w) {
  const quarantined = { 'firebreak-state': 'quarantined' }
  const isolated = { 'firebreak-state': 'isolated' }
  const isolationGroup = w.ec2('security-group/sg-0abc', { 'firebreak-sg': 'isolation' })
  const at = (service, rest) => ({ arn: `arn:${w.partition}:${service}:eu-central-1:${ACCOUNTS.member}:${rest}`, account: ACCOUNTS.member })
  const scaled = at('autoscaling', 'autoScalingGroup:00112233:autoScalingGroupName/web')
  const targetGroup = at('elasticloadbalancing', 'targetgroup/web/0011')
  const shell = at('ssm', 'session/mallory-0011')
  const openGroup = w.ec2('security-group/sg-0open', { 'firebreak-sg': 'open' })
  const heldInterface = w.ec2('network-interface/eni-0abc', isolated)
  const address = w.ec2('elastic-ip/eipalloc-0abc')
  const mallory = w.user('mallory')
  const admin = w.session('team/Admin', 'mallory')
  const alice = w.user('alice')
  const heldUser = w.user('alice', { tags: quarantined })
  const heldRole = w.role('web/AppRole', { tags: quarantined })
  const [release, quarantineIam] = [w.member('Release'), w.member('QuarantineIam')]
  const each = (list, one) => list.map(one)
  const keys = (...names) => ({ 'aws:TagKeys': names })
  const by = (sid) => `denied by ${sid}`

  return [
    {
      subject: 'Without the guard an administrator can undo it all',
      given: { identity: ['everything'] },
      cases: [
        { row: 7, name: 'detach the quarantine', who: mallory, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        { row: 8, name: 'give the quarantine policy another text', who: mallory, does: 'iam:CreatePolicyVersion', on: w.denyAll, then: 'allowed' },
        { row: 9, name: 'remove the quarantine boundary', who: mallory, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.denyAll }, then: 'allowed' },
        { row: 15, name: 'pass a session tag that hides the role\'s', who: mallory, does: 'sts:TagSession', on: w.role('web/AppRole'), using: keys('firebreak-session-1'), given: { resource: w.trust(mallory.arn) }, then: 'allowed' },
        { row: 16, name: 'make a new key for a quarantined user', who: mallory, does: 'iam:CreateAccessKey', on: heldUser, then: 'allowed' },
        { row: 18, name: 'take away the tags', who: mallory, does: 'iam:UntagUser', on: heldUser, using: keys('firebreak-state'), then: 'allowed' },
        { row: 19, name: 'make a role under /firebreak/', who: mallory, does: 'iam:CreateRole', on: w.role('firebreak/FirebreakMemberRelease'), then: 'allowed' },
        { row: 28, name: 'open a shell on an isolated instance', who: mallory, does: 'ssm:StartSession', on: w.instance(isolated), then: 'allowed' },
      ],
    },
    {
      subject: 'The guard: quarantine policies stay attached',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        { row: 7, name: 'a user detaches its own', who: alice, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 7, name: 'an administrator detaches it from a user', who: admin, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 7, name: 'an administrator detaches it from a role', who: admin, does: 'iam:DetachRolePolicy', on: w.role('web/AppRole'), using: { 'iam:PolicyARN': w.denySession }, then: by('QuarantineStaysAttached') },
        { row: 7, name: 'an administrator detaches it from a group', who: admin, does: 'iam:DetachGroupPolicy', on: w.iam('group/staff'), using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 7, name: "the member account's root user detaches it", who: w.root, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 7, name: 'the role that attached it detaches it from a user who has the label', who: quarantineIam, does: 'iam:DetachUserPolicy', on: heldUser, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantinedStaysDenied') },
        { row: 7, name: 'the role that attached it detaches it from a role that has the label', who: quarantineIam, does: 'iam:DetachRolePolicy', on: heldRole, using: { 'iam:PolicyARN': w.denySession }, then: by('QuarantinedStaysDenied') },
        { name: 'the role that attached it takes it off whom it hit by mistake: there is no label yet', who: quarantineIam, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        { name: 'release detaches it from a user who has the label', who: release, does: 'iam:DetachUserPolicy', on: heldUser, using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        { row: 7, name: 'the deployment detaches it', who: w.deployment, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 19, name: 'a namesake of the release role under another path', who: w.session('evil/firebreak/FirebreakMemberRelease', 'x'), does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 19, name: 'a namesake of break-glass under another path', who: w.session('evil/firebreak-break-glass/x', 'x'), does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { row: 19, name: 'a user under the path of break-glass', who: w.user('firebreak-break-glass/x'), does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantineStaysAttached') },
        { name: 'release detaches it', who: release, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        { name: 'break-glass detaches it', who: w.breakGlass, does: 'iam:DetachRolePolicy', on: w.role('web/AppRole'), using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        { name: 'bystander: another policy is detached', who: admin, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.readOnly }, then: 'allowed' },
        { name: 'bystander: a policy of that name under another path', who: admin, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.policy('team/FirebreakQuarantineDenyAll') }, then: 'allowed' },
        { name: 'residual: an administrator attaches it to a bystander', who: admin, does: 'iam:AttachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: 'allowed' },
        ...each([admin, quarantineIam, release, w.breakGlass], (who) => ({
          name: `the boundary that allows all is never attached as a policy: ${who.arn.split('/')[1]}`, who, does: 'iam:AttachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denySessionBoundary }, then: by('BoundaryIsNoGrant'),
        })),
        { name: 'nor to a role', who: admin, does: 'iam:AttachRolePolicy', on: w.role('web/AppRole'), using: { 'iam:PolicyARN': w.denySessionBoundary }, then: by('BoundaryIsNoGrant') },
        { name: 'nor to a group', who: admin, does: 'iam:AttachGroupPolicy', on: w.iam('group/staff'), using: { 'iam:PolicyARN': w.denySessionBoundary }, then: by('BoundaryIsNoGrant') },
      ],
    },
    {
      subject: 'The guard: quarantine boundaries stay',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        { row: 9, name: "an administrator removes a user's", who: admin, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.denyAll }, then: by('QuarantineBoundaryStays') },
        { row: 9, name: "an administrator removes a role's", who: admin, does: 'iam:DeleteRolePermissionsBoundary', on: w.role('web/AppRole'), using: { 'iam:PermissionsBoundary': w.denySessionBoundary }, then: by('QuarantineBoundaryStays') },
        { row: 9, name: 'the role that set it removes it', who: quarantineIam, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.denyAll }, then: by('QuarantineBoundaryStays') },
        { row: 9, name: "an administrator replaces a user's", who: admin, does: 'iam:PutUserPermissionsBoundary', on: heldUser, using: { 'iam:PermissionsBoundary': w.administrator }, then: by('QuarantinedPrincipalStays') },
        { row: 9, name: "an administrator replaces a role's", who: admin, does: 'iam:PutRolePermissionsBoundary', on: heldRole, using: { 'iam:PermissionsBoundary': w.administrator }, then: by('QuarantinedPrincipalStays') },
        { row: 9, name: 'residual: it is replaced where the tag is missing', who: admin, does: 'iam:PutUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.administrator }, then: 'allowed' },
        { name: 'release removes it', who: release, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.denyAll }, then: 'allowed' },
        { name: 'break-glass removes it', who: w.breakGlass, does: 'iam:DeleteRolePermissionsBoundary', on: w.role('web/AppRole'), using: { 'iam:PermissionsBoundary': w.denyAll }, then: 'allowed' },
        { name: 'bystander: another boundary is removed', who: admin, does: 'iam:DeleteUserPermissionsBoundary', on: alice, using: { 'iam:PermissionsBoundary': w.policy('TeamBoundary') }, then: 'allowed' },
        { name: 'bystander: another boundary is set', who: admin, does: 'iam:PutRolePermissionsBoundary', on: w.role('web/AppRole'), using: { 'iam:PermissionsBoundary': w.policy('TeamBoundary') }, then: 'allowed' },
      ],
    },
    {
      subject: 'The guard: nobody rewrites what Firebreak is made of',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        ...each(['CreatePolicyVersion', 'SetDefaultPolicyVersion', 'DeletePolicyVersion', 'DeletePolicy', 'TagPolicy', 'UntagPolicy'], (call) => ({
          row: 8, name: `a quarantine policy: ${call}`, who: admin, does: `iam:${call}`, on: w.denyAll, then: by('OnlyDeploymentTouchesFirebreak'),
        })),
        { row: 8, name: 'release rewrites a quarantine policy', who: release, does: 'iam:CreatePolicyVersion', on: w.denyAll, then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 8, name: 'a policy is planted that only looks like a quarantine', who: admin, does: 'iam:CreatePolicy', on: w.policy('firebreak/FirebreakQuarantineEvil'), then: by('OnlyDeploymentTouchesFirebreak') },
        ...each(['CreateRole', 'AttachRolePolicy', 'PutRolePolicy', 'UpdateAssumeRolePolicy', 'DetachRolePolicy', 'DeleteRolePolicy', 'TagRole', 'UntagRole', 'PassRole'], (call) => ({
          row: 19, name: `a role under /firebreak/: ${call}`, who: admin, does: `iam:${call}`, on: w.role('firebreak/FirebreakMemberRelease'), then: by('OnlyDeploymentTouchesFirebreak'),
        })),
        { row: 19, name: 'a role of its own making under /firebreak/', who: mallory, does: 'iam:CreateRole', on: w.role('firebreak/evil/FirebreakEvil'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a role under /firebreak-break-glass/', who: mallory, does: 'iam:CreateRole', on: w.role('firebreak-break-glass/evil'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a break-glass role is made to trust somebody', who: admin, does: 'iam:UpdateAssumeRolePolicy', on: w.role('firebreak-break-glass/responder'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a user that Firebreak would never contain', who: mallory, does: 'iam:CreateUser', on: w.user('firebreak-break-glass/evil'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a user moves to where Firebreak would never contain it', who: mallory, does: 'iam:UpdateUser', on: w.user('firebreak-break-glass/mallory'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a key for a user of break-glass', who: mallory, does: 'iam:UploadSSHPublicKey', on: w.user('firebreak-break-glass/carol'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a role that is named like the deployment', who: mallory, does: 'iam:CreateRole', on: w.role('stacksets-exec-evil'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'the deployment is made to trust somebody', who: admin, does: 'iam:UpdateAssumeRolePolicy', on: w.role('stacksets-exec-00112233'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: 'a namesake of the deployment under another path', who: w.session('evil/stacksets-exec-00112233', 'x'), does: 'iam:CreateRole', on: w.role('firebreak/FirebreakMemberRelease'), then: by('OnlyDeploymentTouchesFirebreak') },
        { row: 19, name: "release changes Firebreak's own roles", who: release, does: 'iam:PutRolePolicy', on: w.role('firebreak/FirebreakMemberRelease'), then: by('OnlyDeploymentTouchesFirebreak') },
        { name: 'the deployment rewrites a quarantine policy', who: w.deployment, does: 'iam:CreatePolicyVersion', on: w.denyAll, then: 'allowed' },
        { name: "the deployment makes Firebreak's roles", who: w.deployment, does: 'iam:CreateRole', on: w.role('firebreak/FirebreakMemberRelease'), then: 'allowed' },
        { name: 'break-glass rewrites a quarantine policy', who: w.breakGlass, does: 'iam:CreatePolicyVersion', on: w.denyAll, then: 'allowed' },
        { name: "bystander: a team's role whose path has that name in it", who: admin, does: 'iam:CreateRole', on: w.role('team/firebreak/x'), then: 'allowed' },
        { name: "bystander: a team's policy", who: admin, does: 'iam:CreatePolicyVersion', on: w.policy('team/Access'), then: 'allowed' },
        { name: "bystander: a team's role is passed to a service", who: admin, does: 'iam:PassRole', on: w.role('web/AppRole'), then: 'allowed' },
        { name: 'the security account is deployed by its own administrators', who: w.session('team/Admin', 'dave', { account: ACCOUNTS.security }), does: 'iam:PutRolePolicy', on: w.role('firebreak/FirebreakTriage', { account: ACCOUNTS.security }), then: 'allowed' },
        ...each(['CreateChangeSet', 'DeleteStack', 'ExecuteChangeSet', 'SetStackPolicy', 'UpdateStack'], (call) => ({
          row: 19, name: `the stack that has the deploy role's rights: ${call}`, who: admin, does: `cloudformation:${call}`, on: w.stack('StackSet-firebreak-member-0011'), then: by('OnlyStackSetsTouchTheirStacks'),
        })),
        { name: 'the deployment updates its stack', who: w.deployment, does: 'cloudformation:UpdateStack', on: w.stack('StackSet-firebreak-member-0011'), then: 'allowed' },
        { name: 'break-glass updates that stack', who: w.breakGlass, does: 'cloudformation:UpdateStack', on: w.stack('StackSet-firebreak-member-0011'), then: 'allowed' },
        { name: "bystander: a team's stack", who: admin, does: 'cloudformation:UpdateStack', on: w.stack('web'), then: 'allowed' },
        { name: "residual: a stack of another StackSet, which has the deploy role's rights, too", who: admin, does: 'cloudformation:UpdateStack', on: w.stack('StackSet-baseline-0011'), then: 'allowed' },
        { row: 19, name: 'a member role is assumed by somebody it was made to trust', who: mallory, does: 'sts:AssumeRole', on: w.role('firebreak/FirebreakMemberRelease'), given: { resource: w.trust(mallory.arn) }, then: by('OnlyFirebreakAssumes') },
        { row: 19, name: "a member role is assumed by a function's namesake in a member account", who: w.session('firebreak/FirebreakRelease', 'x'), does: 'sts:AssumeRole', on: w.role('firebreak/FirebreakMemberRelease'), given: { resource: w.trust(w.role('firebreak/FirebreakRelease').arn) }, then: by('OnlyFirebreakAssumes') },
        { name: 'a member role is assumed by its function', who: w.session('firebreak/FirebreakRelease', 'firebreak-release', { account: ACCOUNTS.security }), does: 'sts:AssumeRole', on: w.role('firebreak/FirebreakMemberRelease'), given: { resource: w.trust(w.role('firebreak/FirebreakRelease', { account: ACCOUNTS.security }).arn) }, then: 'allowed' },
        { name: 'a break-glass role is assumed by whom it trusts', who: admin, does: 'sts:AssumeRole', on: w.role('firebreak-break-glass/responder'), given: { resource: w.trust(w.role('team/Admin').arn) }, then: 'allowed' },
        { name: 'bystander: another role is assumed', who: admin, does: 'sts:AssumeRole', on: w.role('web/AppRole'), given: { resource: w.trust(w.role('team/Admin').arn) }, then: 'allowed' },
        ...each([admin, w.root, w.breakGlass], (who) => ({
          name: `an account leaves the organization and its policies: ${who.arn.split(':').at(-1)}`, who, does: 'organizations:LeaveOrganization', on: '*', then: by('NobodyLeaves'),
        })),
      ],
    },
    {
      subject: "The guard: only Firebreak writes Firebreak's tags",
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        ...each(['at', 'incident', 'protected', 'revoke', 'session-1', 'session-2', 'session-3', 'session-4', 'session-5', 'sg', 'state'], (key) => ({
          row: 18, name: `the key firebreak-${key}`, who: admin, does: 'iam:TagRole', on: w.role('web/AppRole'), using: keys(`firebreak-${key}`), then: by('OnlyFirebreakTags'),
        })),
        { row: 18, name: 'a user makes itself look protected', who: mallory, does: 'iam:TagUser', on: mallory, using: keys('team', 'firebreak-protected'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'a key in another case: IAM takes it for the same key', who: admin, does: 'iam:TagUser', on: heldUser, using: keys('Firebreak-STATE'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'the tags of a user are taken away', who: admin, does: 'iam:UntagUser', on: heldUser, using: keys('firebreak-state'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'the tags of a role are taken away', who: admin, does: 'iam:UntagRole', on: heldRole, using: keys('firebreak-session-1'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'a user is made with such a tag', who: admin, does: 'iam:CreateUser', on: w.user('evil'), using: keys('firebreak-protected'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'a role is made with such a tag', who: admin, does: 'iam:CreateRole', on: w.role('evil'), using: keys('firebreak-protected'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'an instance is launched or tagged with such a tag', who: admin, does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-protected'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'a security group is made to look like the isolation group', who: admin, does: 'ec2:CreateTags', on: w.ec2('security-group/sg-0abc'), using: keys('firebreak-sg'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'the isolation group loses its tag', who: admin, does: 'ec2:DeleteTags', on: isolationGroup, using: keys('firebreak-sg'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'an instance loses one tag', who: admin, does: 'ec2:DeleteTags', on: w.instance(isolated), using: keys('firebreak-state'), then: by('OnlyFirebreakTags') },
        { row: 18, name: 'an isolated instance loses all its tags: no key is named', who: admin, does: 'ec2:DeleteTags', on: w.instance(isolated), then: by('IsolatedInstanceStays') },
        { row: 15, name: "a session tag that would hide the role's", who: mallory, does: 'sts:TagSession', on: w.role('web/AppRole'), using: keys('firebreak-session-1'), given: { resource: w.trust(mallory.arn) }, then: by('OnlyFirebreakTags') },
        { row: 15, name: 'a session tag in another case: it would hide it as well', who: mallory, does: 'sts:TagSession', on: w.role('web/AppRole'), using: keys('FIREBREAK-Session-5'), given: { resource: w.trust(mallory.arn) }, then: by('OnlyFirebreakTags') },
        { row: 18, name: 'lockdown-s3, which has no use for tags', who: w.member('LockdownS3'), does: 'iam:TagUser', on: mallory, using: keys('firebreak-protected'), then: by('OnlyFirebreakTags') },
        { name: 'quarantine-iam tags', who: quarantineIam, does: 'iam:TagUser', on: alice, using: keys('firebreak-state', 'firebreak-incident', 'firebreak-at'), then: 'allowed' },
        { name: 'revoke-sessions opens a role', who: w.member('RevokeSessions'), does: 'iam:TagRole', on: heldRole, using: keys('firebreak-revoke'), then: 'allowed' },
        { name: 'isolate-ec2 tags', who: w.member('IsolateEc2'), does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-state'), then: 'allowed' },
        { name: 'preserve-evidence tags its snapshots', who: w.member('PreserveEvidence'), does: 'ec2:CreateTags', on: w.snapshot, using: keys('firebreak-incident'), then: 'allowed' },
        { name: 'release takes tags away', who: release, does: 'iam:UntagRole', on: heldRole, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'break-glass takes tags away', who: w.breakGlass, does: 'iam:UntagUser', on: heldUser, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'bystander: other tags of a quarantined user', who: admin, does: 'iam:TagUser', on: heldUser, using: keys('team', 'cost-center'), then: 'allowed' },
        { name: 'bystander: a user is made without tags', who: admin, does: 'iam:CreateUser', on: w.user('bob'), then: 'allowed' },
        { name: 'bystander: other session tags', who: admin, does: 'sts:TagSession', on: w.role('web/AppRole'), using: keys('team'), given: { resource: w.trust(w.role('team/Admin').arn) }, then: 'allowed' },
        { name: 'bystander: all tags of another instance', who: admin, does: 'ec2:DeleteTags', on: w.instance(), then: 'allowed' },
      ],
    },
    {
      subject: 'The guard: a quarantined user gets no new way in',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        ...each(
          ['CreateAccessKey', 'UpdateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'ChangePassword', 'EnableMFADevice',
            'CreateServiceSpecificCredential', 'UpdateServiceSpecificCredential', 'ResetServiceSpecificCredential',
            'UploadSSHPublicKey', 'UpdateSSHPublicKey', 'UploadSigningCertificate', 'UpdateSigningCertificate', 'UpdateUser', 'DeleteUser'],
          (call) => ({ row: 16, name: call, who: admin, does: `iam:${call}`, on: heldUser, then: by('QuarantinedPrincipalStays') }),
        ),
        { name: 'quarantine-iam deactivates a key', who: quarantineIam, does: 'iam:UpdateAccessKey', on: heldUser, then: 'allowed' },
        { name: 'release activates it again', who: release, does: 'iam:UpdateAccessKey', on: heldUser, then: 'allowed' },
        { name: 'break-glass makes a password', who: w.breakGlass, does: 'iam:CreateLoginProfile', on: heldUser, then: 'allowed' },
        { name: 'bystander: a key for another user', who: admin, does: 'iam:CreateAccessKey', on: w.user('bob'), then: 'allowed' },
        { name: 'bystander: a key after the release', who: admin, does: 'iam:CreateAccessKey', on: w.user('alice', { tags: { team: 'web' } }), then: 'allowed' },
        { name: 'people may still delete an exposed key', who: admin, does: 'iam:DeleteAccessKey', on: heldUser, then: 'allowed' },
      ],
    },
    {
      subject: 'The guard: a quarantined role stays as it is',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        ...each(['UpdateAssumeRolePolicy', 'UpdateRole', 'PutRolePolicy', 'DeleteRolePolicy', 'DeleteRole'], (call) => ({
          row: 14, name: call, who: admin, does: `iam:${call}`, on: heldRole, then: by('QuarantinedPrincipalStays'),
        })),
        { name: 'revoke-sessions writes its inline policy', who: w.member('RevokeSessions'), does: 'iam:PutRolePolicy', on: heldRole, then: 'allowed' },
        { name: 'release takes the inline policy away', who: release, does: 'iam:DeleteRolePolicy', on: heldRole, then: 'allowed' },
        { name: 'bystander: the role is passed to a new instance', who: admin, does: 'iam:PassRole', on: heldRole, then: 'allowed' },
        { name: 'bystander: the role is assumed', who: admin, does: 'sts:AssumeRole', on: heldRole, given: { resource: w.trust(w.role('team/Admin').arn) }, then: 'allowed' },
        { name: 'bystander: an inline policy of another role', who: admin, does: 'iam:PutRolePolicy', on: w.role('team/Other'), then: 'allowed' },
        { name: 'bystander: another role is deleted', who: admin, does: 'iam:DeleteRole', on: w.role('team/Other'), then: 'allowed' },
      ],
    },
    {
      subject: 'The guard: an isolated instance stays isolated',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        ...each(
          ['ec2:TerminateInstances', 'ec2:StopInstances', 'ec2:StartInstances', 'ec2:RebootInstances', 'ec2:ModifyInstanceAttribute', 'ec2:ModifyNetworkInterfaceAttribute',
            'ec2:ModifyInstanceMetadataOptions', 'ec2:AttachNetworkInterface', 'ec2:DetachNetworkInterface', 'ec2:AttachVolume', 'ec2:DetachVolume',
            'ec2:AssociateAddress', 'ec2:AssociateIamInstanceProfile', 'ec2:ResetInstanceAttribute', 'ec2:SendDiagnosticInterrupt', 'ec2:ReplaceIamInstanceProfileAssociation', 'ec2:DisassociateIamInstanceProfile', 'ec2:CreateReplaceRootVolumeTask', 'ec2:CreateImage',
            'ssm:SendCommand', 'ssm:StartSession', 'ec2-instance-connect:SendSSHPublicKey', 'ec2-instance-connect:SendSerialConsoleSSHPublicKey'],
          (call) => ({ row: 28, name: call, who: admin, does: call, on: w.instance(isolated), then: by('IsolatedInstanceStays') }),
        ),
        ...each(
          ['ModifyNetworkInterfaceAttribute', 'ResetNetworkInterfaceAttribute', 'DetachNetworkInterface', 'AttachNetworkInterface',
            'AssociateAddress', 'DisassociateAddress', 'CreateNetworkInterfacePermission', 'DeleteTags'],
          (call) => ({ row: 28, name: `an isolated interface: ${call}`, who: admin, does: `ec2:${call}`, on: heldInterface, then: by('IsolatedInstanceStays') }),
        ),
        { row: 28, name: "the member account's root user moves an isolated interface", who: w.root, does: 'ec2:ModifyNetworkInterfaceAttribute', on: heldInterface, then: by('IsolatedInstanceStays') },
        { row: 28, name: 'an isolated interface loses one tag', who: admin, does: 'ec2:DeleteTags', on: heldInterface, using: keys('firebreak-state'), then: by('OnlyFirebreakTags') },
        { row: 28, name: 'an isolated interface gets another state', who: admin, does: 'ec2:CreateTags', on: heldInterface, using: keys('firebreak-state'), then: by('OnlyFirebreakTags') },
        { name: 'isolate-ec2 isolates an interface again', who: w.member('IsolateEc2'), does: 'ec2:ModifyNetworkInterfaceAttribute', on: heldInterface, then: 'allowed' },
        { name: 'release moves an interface back', who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on: heldInterface, then: 'allowed' },
        { name: 'release takes the tags of an interface away', who: release, does: 'ec2:DeleteTags', on: heldInterface, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'bystander: another tag of an isolated interface', who: admin, does: 'ec2:CreateTags', on: heldInterface, using: keys('team'), then: 'allowed' },
        { name: 'bystander: another interface is moved', who: admin, does: 'ec2:ModifyNetworkInterfaceAttribute', on: w.ec2('network-interface/eni-0def', { team: 'web' }), then: 'allowed' },
        { name: 'bystander: an interface that outlived its host is deleted; EC2 refuses it while one has it', who: admin, does: 'ec2:DeleteNetworkInterface', on: heldInterface, then: 'allowed' },
        { name: 'bystander: an image of another instance, for which it restarts', who: admin, does: 'ec2:CreateImage', on: w.instance(), then: 'allowed' },
        { name: 'bystander: an address of another interface', who: admin, does: 'ec2:AssociateAddress', on: w.ec2('network-interface/eni-0def'), then: 'allowed' },
        { name: 'residual: an address is released, if AWS does not look at its interface', who: admin, does: 'ec2:DisassociateAddress', on: address, then: 'allowed' },
        { name: 'residual: a branch interface leaves its trunk: IAM knows no resource of the call', who: admin, does: 'ec2:DisassociateTrunkInterface', on: '*', then: 'allowed' },
        ...each(['DetachInstances', 'ExitStandby', 'SetInstanceProtection', 'TerminateInstanceInAutoScalingGroup', 'UpdateAutoScalingGroup'], (call) => ({
          name: `residual: its group, of which IAM does not know the instances: ${call}`, who: admin, does: `autoscaling:${call}`, on: scaled, then: 'allowed',
        })),
        { name: 'residual: it is registered again with a target group: a look takes it out', who: admin, does: 'elasticloadbalancing:RegisterTargets', on: targetGroup, then: 'allowed' },
        { name: 'residual: the session of a shell is resumed: a look ends it', who: admin, does: 'ssm:ResumeSession', on: shell, then: 'allowed' },
        { name: 'residual: its fleet is deleted, and its instances with it: the call names none', who: admin, does: 'ec2:DeleteFleets', on: w.ec2('fleet/fleet-0abc'), then: 'allowed' },
        { name: 'residual: its request of Spot Instances is cancelled with them: the call names none', who: admin, does: 'ec2:CancelSpotFleetRequests', on: w.ec2('spot-fleet-request/sfr-0abc'), then: 'allowed' },
        { name: 'residual: a network ACL loses what denies a remote address: a look says so', who: admin, does: 'ec2:DeleteNetworkAclEntry', on: w.ec2('network-acl/acl-0abc'), then: 'allowed' },
        { name: 'residual: its volume is changed', who: admin, does: 'ec2:ModifyVolume', on: w.ec2('volume/vol-0abc'), then: 'allowed' },
        { row: 28, name: 'an instance with the mark of a principal', who: admin, does: 'ec2:TerminateInstances', on: w.instance(quarantined), then: by('IsolatedInstanceStays') },
        { row: 28, name: 'residual: an interface without the tag, if AWS does not look at its instance', who: admin, does: 'ec2:ModifyNetworkInterfaceAttribute', on: w.ec2('network-interface/eni-0abc'), then: 'allowed' },
        ...each(['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'DeleteSecurityGroup', 'DeleteTags', 'ModifySecurityGroupRules', 'RevokeSecurityGroupIngress', 'RevokeSecurityGroupEgress'], (call) => ({
          row: 21, name: `the open group: ${call}`, who: admin, does: `ec2:${call}`, on: openGroup, then: by('OpenGroupStaysOpen'),
        })),
        ...each(['ModifyNetworkInterfaceAttribute', 'ModifyInstanceAttribute', 'RunInstances', 'CreateNetworkInterface', 'RequestSpotFleet', 'RequestSpotInstances'], (call) => ({
          row: 21, name: `somebody puts a host into the open group: ${call}`, who: admin, does: `ec2:${call}`, on: openGroup, then: by('OpenGroupStaysOpen'),
        })),
        { row: 21, name: 'release puts an interface into the open group', who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on: openGroup, then: by('OpenGroupStaysOpen') },
        { name: 'isolate-ec2 moves an interface through the open group', who: w.member('IsolateEc2'), does: 'ec2:ModifyNetworkInterfaceAttribute', on: openGroup, then: 'allowed' },
        ...each(['ModifyNetworkInterfaceAttribute', 'ModifyInstanceAttribute', 'RunInstances', 'CreateNetworkInterface', 'RequestSpotFleet', 'RequestSpotInstances'], (call) => ({
          name: `bystander: a host with another group: ${call}`, who: admin, does: `ec2:${call}`, on: w.ec2('security-group/sg-0def'), then: 'allowed',
        })),
        { name: 'residual: a fleet launches into the open group: IAM knows no group of the call', who: admin, does: 'ec2:CreateFleet', on: w.ec2('fleet/fleet-0abc'), then: 'allowed' },
        { name: 'residual: a load balancer is given the open group: the call names it, and IAM knows no resource of it', who: admin, does: 'elasticloadbalancing:SetSecurityGroups', on: at('elasticloadbalancing', 'loadbalancer/app/web/0011'), then: 'allowed' },
        { row: 21, name: 'the open group is closed by release, which needs it for nothing', who: release, does: 'ec2:RevokeSecurityGroupEgress', on: openGroup, then: by('OpenGroupStaysOpen') },
        { name: 'isolate-ec2 fills the open group', who: w.member('IsolateEc2'), does: 'ec2:AuthorizeSecurityGroupEgress', on: openGroup, then: 'allowed' },
        { name: 'break-glass takes the open group away', who: w.breakGlass, does: 'ec2:DeleteSecurityGroup', on: openGroup, then: 'allowed' },
        { name: 'bystander: another group is emptied', who: admin, does: 'ec2:RevokeSecurityGroupEgress', on: w.ec2('security-group/sg-0def'), then: 'allowed' },
        { row: 21, name: 'a security group is made to look like the open group', who: admin, does: 'ec2:CreateTags', on: w.ec2('security-group/sg-0def'), using: keys('firebreak-sg'), then: by('OnlyFirebreakTags') },
        ...each(['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupEgress', 'ModifySecurityGroupRules', 'DeleteSecurityGroup'], (call) => ({
          row: 28, name: `the isolation group: ${call}`, who: admin, does: `ec2:${call}`, on: isolationGroup, then: by('IsolationGroupStaysEmpty'),
        })),
        { row: 28, name: 'the isolation group loses all its tags: no key is named', who: admin, does: 'ec2:DeleteTags', on: isolationGroup, then: by('IsolationGroupStaysEmpty') },
        { row: 28, name: 'isolate-ec2 fills the isolation group', who: w.member('IsolateEc2'), does: 'ec2:AuthorizeSecurityGroupIngress', on: isolationGroup, then: by('IsolationGroupStaysEmpty') },
        { name: 'isolate-ec2 empties the isolation group', who: w.member('IsolateEc2'), does: 'ec2:RevokeSecurityGroupEgress', on: isolationGroup, then: 'allowed' },
        { name: 'break-glass takes the isolation group away', who: w.breakGlass, does: 'ec2:DeleteSecurityGroup', on: isolationGroup, then: 'allowed' },
        { name: 'bystander: another group gets a rule', who: admin, does: 'ec2:AuthorizeSecurityGroupIngress', on: w.ec2('security-group/sg-0def'), then: 'allowed' },
        { name: 'isolate-ec2 isolates again', who: w.member('IsolateEc2'), does: 'ec2:ModifyNetworkInterfaceAttribute', on: w.instance(isolated), then: 'allowed' },
        { name: 'release puts the groups back', who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on: w.instance(isolated), then: 'allowed' },
        { name: 'break-glass opens a shell', who: w.breakGlass, does: 'ssm:StartSession', on: w.instance(isolated), then: 'allowed' },
        { name: 'evidence is taken', who: w.member('PreserveEvidence'), does: 'ec2:CreateSnapshots', on: w.instance(isolated), then: 'allowed' },
        { name: 'bystander: a shell on another instance', who: admin, does: 'ssm:StartSession', on: w.instance(), then: 'allowed' },
        { name: 'bystander: another instance is terminated', who: admin, does: 'ec2:TerminateInstances', on: w.instance({ team: 'web' }), then: 'allowed' },
      ],
    },
    {
      subject: 'What the guard does not stop: made before the quarantine takes effect',
      given: { identity: ['everything'], scps: ['guard'] },
      cases: [
        { row: 17, name: 'residual: a new administrator', who: mallory, does: 'iam:CreateUser', on: w.user('evil'), then: 'allowed' },
        { row: 17, name: 'residual: a new role', who: mallory, does: 'iam:CreateRole', on: w.role('evil'), then: 'allowed' },
        { row: 17, name: "residual: another role's trust", who: mallory, does: 'iam:UpdateAssumeRolePolicy', on: w.role('team/Other'), then: 'allowed' },
        { row: 17, name: 'residual: an OIDC provider', who: mallory, does: 'iam:CreateOpenIDConnectProvider', on: w.iam('oidc-provider/evil.example.com'), then: 'allowed' },
        { row: 17, name: 'residual: a trust anchor', who: mallory, does: 'rolesanywhere:CreateTrustAnchor', on: '*', then: 'allowed' },
        { row: 17, name: 'after it took effect: a new administrator', who: mallory, does: 'iam:CreateUser', on: w.user('evil'), given: { identity: ['everything', 'deny-all'] }, then: by('FirebreakQuarantine') },
      ],
    },
  ]
}

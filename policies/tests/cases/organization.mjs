// The second tier: a service control policy into whose lists a gated containment writes.

import { ACCOUNTS } from '../documents.mjs'

export function organization(w) {
  // Of the caller's own account, so that nothing but the organization's policies can be in the way.
  const works = (who) => ({ who, does: 's3:GetObject', on: { ...w.object, account: who.account } })
  const mail = 'alice@example.com'
  const alice = w.user('team/alice')
  const app = (name, more = {}) => w.session('web/AppRole', name, more)
  const other = { account: ACCOUNTS.other }
  const by = (sid) => `denied by ${sid}`
  const listing = (lists) => ({ scps: [{ from: 'quarantine-scp', lists }] })
  const principals = listing({ QuarantinedPrincipals: [alice.arn, w.role('web/AppRole').arn] })
  const sessions = listing({ QuarantinedSessions: [app('i-0abc').id] })
  const people = listing({ QuarantinedIdentityCenterUsers: [`*:${mail}`] })

  return [
    {
      subject: 'Second tier, as it is shipped: it denies nobody',
      given: { identity: ['everything'], scps: ['quarantine-scp'] },
      cases: [
        { name: 'a user', ...works(alice), then: 'allowed' },
        { name: 'a role session', ...works(app('i-0abc')), then: 'allowed' },
        { name: 'a person of Identity Center', ...works(w.person(mail)), then: 'allowed' },
        { name: 'a session that is named like the placeholder', ...works(app('firebreak-none')), then: 'allowed' },
      ],
    },
    {
      subject: 'Second tier: principals',
      given: { identity: ['everything'], ...principals },
      cases: [
        { row: 7, name: 'a user whose quarantine was reverted', ...works(alice), then: by('QuarantinedPrincipals') },
        { row: 7, name: 'it cannot detach the quarantine again', who: alice, does: 'iam:DetachUserPolicy', on: alice, using: { 'iam:PolicyARN': w.denyAll }, then: by('QuarantinedPrincipals') },
        { row: 13, name: 'every session of a role', ...works(app('anything')), then: by('QuarantinedPrincipals') },
        { name: 'what was listed first is still denied', ...works(w.user('first')), given: listing({ QuarantinedPrincipals: [w.user('first').arn, alice.arn] }), then: by('QuarantinedPrincipals') },
        { name: 'bystander: a user of that name in another account', ...works(w.user('team/alice', other)), then: 'allowed' },
        { name: 'bystander: another user', ...works(w.user('team/bob')), then: 'allowed' },
        { name: 'bystander: another role', ...works(w.session('web/Other', 'i-0abc')), then: 'allowed' },
        { name: 'bystander: a role of that name under another path', ...works(w.session('api/AppRole', 'i-0abc')), then: 'allowed' },
        { name: "a listed role of Firebreak's keeps working", ...works(w.member('Release')), given: listing({ QuarantinedPrincipals: [w.role('firebreak/FirebreakMemberRelease').arn] }), then: 'allowed' },
        { name: 'a listed break-glass role keeps working', ...works(w.breakGlass), given: listing({ QuarantinedPrincipals: [w.role('firebreak-break-glass/responder').arn] }), then: 'allowed' },
        { name: 'an entry for everybody spares release', ...works(w.member('Release')), given: listing({ QuarantinedPrincipals: [`arn:${w.partition}:iam::*:*`] }), then: 'allowed' },
        { name: 'residual: an entry for everybody hits everybody else', ...works(w.user('bob')), given: listing({ QuarantinedPrincipals: [`arn:${w.partition}:iam::*:*`] }), then: by('QuarantinedPrincipals') },
      ],
    },
    {
      subject: 'Second tier: sessions',
      given: { identity: ['everything'], ...sessions },
      cases: [
        { row: 13, name: 'the session', ...works(app('i-0abc')), then: by('QuarantinedSessions') },
        { row: 15, name: 'its session tags do not matter', ...works(app('i-0abc', { tags: { 'firebreak-session-1': 'zzz' } })), then: by('QuarantinedSessions') },
        { name: 'bystander: another session of the role', ...works(app('i-0def')), then: 'allowed' },
        { name: 'bystander: a name that begins like it', ...works(app('i-0abcd')), then: 'allowed' },
        { name: 'bystander: that name on another role', ...works(w.session('web/Other', 'i-0abc')), then: 'allowed' },
        { name: 'a listed session of a break-glass role keeps working', ...works(w.breakGlass), given: listing({ QuarantinedSessions: [w.breakGlass.id] }), then: 'allowed' },
        { name: "a listed session of Firebreak's keeps working", ...works(w.member('Release')), given: listing({ QuarantinedSessions: [w.member('Release').id] }), then: 'allowed' },
      ],
    },
    {
      subject: 'Second tier: people of Identity Center',
      given: { identity: ['everything'], ...people },
      cases: [
        { row: 20, name: 'the person', ...works(w.person(mail)), then: by('QuarantinedIdentityCenterUsers') },
        { row: 20, name: 'the person in another account', ...works(w.person(mail, other)), then: by('QuarantinedIdentityCenterUsers') },
        { row: 20, name: 'the person with another permission set', ...works(w.person(mail, { set: 'AWSReservedSSO_ReadOnly_4455' })), then: by('QuarantinedIdentityCenterUsers') },
        { row: 20, name: 'the person, the role below a Region', ...works(w.person(mail, { region: 'eu-west-1/' })), then: by('QuarantinedIdentityCenterUsers') },
        { name: 'bystander: a colleague with the same permission set', ...works(w.person('bob@example.com')), then: 'allowed' },
        { name: 'bystander: a colleague whose name ends like it', ...works(w.person(`m${mail}`)), then: 'allowed' },
        { name: 'bystander: a colleague whose name begins like it', ...works(w.person(`${mail}.au`)), then: 'allowed' },
        { name: 'bystander: a session of that name on an ordinary role', ...works(app(mail)), then: 'allowed' },
        { name: 'bystander: a role that is only named like one of Identity Center', ...works(w.session('AWSReservedSSO_Admin_0011', mail)), then: 'allowed' },
        { name: 'residual: the name in another case is another name', ...works(w.person('Alice@example.com')), then: 'allowed' },
        { name: 'a listed name does not reach a break-glass role', ...works(w.session('firebreak-break-glass/responder', mail)), then: 'allowed' },
      ],
    },
  ]
}

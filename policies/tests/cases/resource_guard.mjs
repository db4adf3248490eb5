// What nobody may do to the roles of the organization's accounts while the resource guard is attached: callers included that no
// service control policy reaches, because they are of no account of the organization, or of an identity provider.

import { ACCOUNTS } from '../documents.mjs'

const OUTSIDE = '555566667777'

export function resourceGuard(w) {
  const each = (list, one) => list.map(one)
  const keys = (...names) => ({ 'aws:TagKeys': names })
  const by = (sid) => `denied by ${sid}`
  const app = w.role('web/AppRole')
  const release = w.role('firebreak/FirebreakMemberRelease')
  const outsider = w.session('team/Vendor', 'eve', { account: OUTSIDE })
  const inside = w.session('team/Admin', 'mallory')
  const ofRelease = w.session('firebreak/FirebreakRelease', 'firebreak-release', { account: ACCOUNTS.security })
  const provider = (kind) => {
    const arn = `arn:${w.partition}:iam::${ACCOUNTS.member}:${kind}`
    return { arn, principal: arn, id: 'idp:eve', account: ACCOUNTS.member }
  }
  const saml = provider('saml-provider/idp')
  const oidc = provider('oidc-provider/token.example.com')
  const service = { arn: 'pods.eks.amazonaws.com', principal: 'pods.eks.amazonaws.com', id: 'service', account: ACCOUNTS.member }
  const lets = (Principal) => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:*' }] })
  const trusting = (who) => {
    if (who === saml || who === oidc) return lets({ Federated: who.arn })
    return lets(who === service ? { Service: who.arn } : { AWS: who.principal })
  }
  const tag = (who, name, key, then) => ({ row: 15, name, who, does: 'sts:TagSession', on: app, using: keys(key), given: { resource: trusting(who) }, then })
  const assume = (who, name, does, on, then) => ({ row: 19, name, who, does, on, given: { resource: trusting(who) }, then })

  return [
    {
      subject: "Without the resource guard, callers from outside the organization pass Firebreak's tags",
      // No service control policy is asked: they are for principals of the organization's accounts.
      given: { identity: ['everything'] },
      cases: [
        tag(outsider, "a role of another organization hides the role's tag", 'firebreak-session-1', 'allowed'),
        tag(saml, "a person of a SAML provider hides the role's tag", 'firebreak-session-1', 'allowed'),
      ],
    },
    {
      subject: "The resource guard: nobody passes Firebreak's tags",
      given: { identity: ['everything'], rcps: ['resource-guard'] },
      cases: [
        ...each(['at', 'incident', 'protected', 'revoke', 'session-1', 'session-2', 'session-3', 'session-4', 'session-5', 'sg', 'state'], (key) =>
          tag(saml, `a person of a SAML provider: firebreak-${key}`, `firebreak-${key}`, by('NobodyPassesFirebreakTags'))),
        tag(oidc, 'a workload of an OIDC provider', 'firebreak-session-1', by('NobodyPassesFirebreakTags')),
        tag(outsider, 'a role of another organization', 'firebreak-session-1', by('NobodyPassesFirebreakTags')),
        tag(inside, 'a role of the account', 'firebreak-session-1', by('NobodyPassesFirebreakTags')),
        tag(service, 'a service that passes tags on', 'firebreak-session-1', by('NobodyPassesFirebreakTags')),
        tag(saml, 'another case: it would hide it as well', 'FireBreak-Session-2', by('NobodyPassesFirebreakTags')),
        tag(saml, 'bystander: other session tags', 'team', 'allowed'),
        tag(service, 'bystander: the tags of a pod', 'kubernetes-namespace', 'allowed'),
      ],
    },
    {
      subject: 'The resource guard: only Firebreak is let into member roles',
      given: { identity: ['everything'], rcps: ['resource-guard'] },
      cases: [
        assume(outsider, 'a role of another organization that a member role was made to trust', 'sts:AssumeRole', release, by('OnlyFirebreakIsLetIn')),
        assume(inside, 'a role of the account', 'sts:AssumeRole', release, by('OnlyFirebreakIsLetIn')),
        assume(saml, 'a person of a SAML provider', 'sts:AssumeRoleWithSAML', release, by('OnlyFirebreakIsLetIn')),
        assume(oidc, 'a workload of an OIDC provider', 'sts:AssumeRoleWithWebIdentity', release, by('OnlyFirebreakIsLetIn')),
        assume(ofRelease, 'the function of this class', 'sts:AssumeRole', release, 'allowed'),
        assume(outsider, 'bystander: a vendor assumes the role that trusts it', 'sts:AssumeRole', app, 'allowed'),
        assume(saml, 'bystander: a person signs in', 'sts:AssumeRoleWithSAML', app, 'allowed'),
      ],
    },
  ]
}

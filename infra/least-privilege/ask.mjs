// One question of a recorded call, asked of the simulator with the policies of whoever made the call.

import { keysNobodyRecords } from './asked_keys.mjs'
import { runSimulation } from './simulator.mjs'

const EVERYTHING = { Version: '2012-10-17', Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }] }
const ANOTHER_ACCOUNT = '999999999999'
// Services with one endpoint for the world: their Region is this one, whatever the client was told.
const GLOBAL = /^(iam|organizations):/

/** Every question of a call, each with its answer: `{ question, verdict, by }`, `by` being what allowed it. */
export async function askAll(call, world) {
  const role = roleOf(call, world)
  if (!role) return call.questions.map((question) => ({ question, verdict: 'made by a role that is not deployed', by: [] }))
  return Promise.all(call.questions.map((question) => ask(call, question, role, world)))
}

/** The deployed role of a call. */
export function roleOf({ principal }, world) {
  return world.roles.get(`arn:aws:iam::${principal.account}:role/${principal.role}`)
}

/** One question. */
export async function ask(call, question, role, world) {
  const resourcePolicy = policyOfResource(question, world)
  const contextVariables = context(call, question, role, world)
  const answer = await runSimulation(
    {
      request: {
        principal: `arn:aws:sts::${role.account}:assumed-role/${role.name}/${call.principal.session}`,
        action: question.action,
        resource: { resource: question.resource, accountId: evaluatedOwner(question, role, resourcePolicy) },
        contextVariables,
      },
      identityPolicies: role.identity,
      // Everybody obeys them here. On AWS the management account obeys none.
      serviceControlPolicies: [{ orgIdentifier: 'root', policies: [{ name: 'FullAWSAccess', policy: EVERYTHING }, ...world.scps] }],
      resourceControlPolicies: [],
      ...(role.boundary && { permissionBoundaryPolicies: [role.boundary] }),
      ...(call.principal.session_policy && { sessionPolicy: call.principal.session_policy }),
      ...(resourcePolicy && { resourcePolicy }),
    },
    {},
  )
  if (answer.resultType !== 'single') return { question, verdict: `no answer: ${JSON.stringify(answer.errors ?? answer.resultType)}`, by: [] }
  const { analysis, ignoredContextKeys } = answer.result
  // A key that IAM does not give the action: the recording would promise what AWS does not keep.
  if (ignoredContextKeys.length > 0) return { question, verdict: `IAM has no ${ignoredContextKeys.join(', ')} for it`, by: [] }
  const missing = keysNobodyRecords(analysis, contextVariables)
  if (missing.length > 0) return { question, verdict: `its policies ask for ${missing.join(', ')}, which is not recorded`, by: [] }
  if (answer.overallResult !== 'Allowed') return { question, verdict: whyNot(answer.overallResult, analysis), by: [] }
  return { question, verdict: 'allowed', by: analysis.identityAnalysis.allowStatements.map(({ statement }) => statement.sid()) }
}

function whyNot(result, { identityAnalysis, sessionAnalysis, scpAnalysis, resourceAnalysis }) {
  const parts = [identityAnalysis, sessionAnalysis, resourceAnalysis, ...(scpAnalysis?.ouAnalysis ?? [])]
  const deniers = parts.flatMap((part) => part?.denyStatements ?? []).map(({ statement }) => statement.sid())
  if (result === 'ExplicitlyDenied') return `denied by ${deniers.join(', ')}`
  const lacking = [
    ['the role', identityAnalysis],
    ['the session policy', sessionAnalysis],
    ['the policy of the resource', resourceAnalysis?.result === 'NotApplicable' ? undefined : resourceAnalysis],
  ].filter(([, part]) => part && part.result !== 'Allowed')
  return `not allowed by ${lacking.map(([what]) => what).join(' nor ') || 'anything'}`
}

function policyOfResource({ action, resource, owner }, { roles, resourcePolicies }) {
  if (action.startsWith('sts:')) return roles.get(resource)?.trust ?? { Version: '2012-10-17', Statement: [] }
  if (action.startsWith('kms:')) return keyPolicy(owner)
  return resourcePolicies.get(action.startsWith('s3:') ? resource.split('/')[0] : resource)
}

// As KMS makes one for a key (KMS developer guide, "Default key policy"): the policies of the key's account decide. So do the keys of tests.
function keyPolicy(owner) {
  const account = { AWS: `arn:aws:iam::${owner}:root` }
  return { Version: '2012-10-17', Statement: [{ Sid: 'Account', Effect: 'Allow', Principal: account, Action: 'kms:*', Resource: '*' }] }
}

// The local AWS has the security, the management, the forensics and a member account in one. In a real organization they are
// apart, and then both sides have to allow: so a role or the evidence bucket is asked for as if it were elsewhere.
function evaluatedOwner({ action, owner }, role, resourcePolicy) {
  return resourcePolicy && /^(sts|s3):/.test(action) && owner === role.account ? ANOTHER_ACCOUNT : owner
}

// What AWS knows of every request, and what was recorded of this one.
function context(call, question, role, world) {
  const { principal } = call
  const organization = world.names.OrganizationId
  const ofResource = question.resource === '*' ? {} : { 'aws:ResourceAccount': question.owner, 'aws:ResourceOrgID': organization }
  return {
    'aws:PrincipalArn': role.arn,
    'aws:PrincipalAccount': role.account,
    'aws:PrincipalOrgID': organization,
    'aws:PrincipalType': 'AssumedRole',
    'aws:PrincipalIsAWSService': 'false',
    'aws:ViaAWSService': 'false',
    'aws:userid': `AROAEXAMPLE${role.name.toUpperCase()}:${principal.session}`,
    'aws:RequestedRegion': GLOBAL.test(question.action) ? 'us-east-1' : call.region,
    // The local AWS speaks HTTP. The SDK speaks TLS to AWS, 1.2 at least.
    'aws:SecureTransport': 'true',
    ...(question.action.startsWith('s3:') && { 's3:TlsVersion': '1.2' }),
    ...(principal.source_identity && { 'aws:SourceIdentity': principal.source_identity }),
    ...Object.fromEntries(Object.entries(role.tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value])),
    ...ofResource,
    ...question.context,
  }
}

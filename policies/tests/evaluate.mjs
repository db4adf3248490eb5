// One line of the table, asked of the simulator.

import { runSimulation } from '@cloud-copilot/iam-simulate'

const EVERYTHING = { Version: '2012-10-17', Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }] }

/**
 * What becomes of a case: `allowed`, `not allowed`, `not allowed by its session policy`, or `denied by` the statements that deny it.
 * What the simulator could not answer, or answered without looking at all that the case gives it, is an exception.
 */
export async function outcome(one, documents) {
  const answer = await runSimulation(simulation(one, documents), {})
  if (answer.resultType !== 'single') throw new Error(`no answer: ${JSON.stringify(answer.errors ?? answer.resultType)}`)
  const { analysis, ignoredContextKeys } = answer.result
  // IAM does not give this action such a key: the case would prove nothing.
  if (ignoredContextKeys.length > 0) throw new Error(`${one.does} has no ${ignoredContextKeys.join(', ')}`)
  if (answer.overallResult === 'Allowed') return { verdict: 'allowed', by: [] }
  if (answer.overallResult === 'ExplicitlyDenied') return { verdict: 'denied', by: deniers(analysis) }
  const narrowed = analysis.identityAnalysis?.result === 'Allowed' && analysis.sessionAnalysis?.result === 'ImplicitlyDenied'
  return { verdict: narrowed ? 'not allowed by its session policy' : 'not allowed', by: [] }
}

/** Whether that is what the table says. */
export function agrees(expected, { verdict, by }) {
  if (expected.startsWith('denied by ')) return verdict === 'denied' && by.includes(expected.slice('denied by '.length))
  return verdict === expected
}

/** The outcome in words. */
export function words({ verdict, by }) {
  return by.length > 0 ? `${verdict} by ${by.join(', ')}` : verdict
}

function deniers(analysis) {
  const parts = [
    analysis.identityAnalysis,
    analysis.sessionAnalysis,
    analysis.permissionBoundaryAnalysis,
    analysis.resourceAnalysis,
    ...(analysis.scpAnalysis?.ouAnalysis ?? []),
    ...(analysis.rcpAnalysis?.ouAnalysis ?? []),
  ]
  return parts.flatMap((part) => part?.denyStatements ?? []).map(({ statement }) => statement.sid())
}

function simulation(one, documents) {
  const { who, does, on, given } = one
  const named = (name) => ({ name: typeof name === 'string' ? name : 'of the case', policy: document(name, documents) })
  const scps = given.scps === undefined ? [] : [{ name: 'FullAWSAccess', policy: EVERYTHING }, ...given.scps.map(named)]
  return {
    request: {
      principal: who.arn,
      action: does,
      resource: { resource: on.arn ?? on, accountId: on.account ?? who.account },
      contextVariables: context(one),
    },
    identityPolicies: (given.identity ?? []).map(named),
    serviceControlPolicies: scps.length > 0 ? [{ orgIdentifier: 'the organization', policies: scps }] : [],
    // The simulator adds AWS's own RCPFullAWSAccess.
    resourceControlPolicies: given.rcps ? [{ orgIdentifier: 'the organization', policies: given.rcps.map(named) }] : [],
    ...(given.boundary && { permissionBoundaryPolicies: [named(given.boundary)] }),
    ...(given.session && { sessionPolicy: document(given.session, documents) }),
    ...(given.resource && { resourcePolicy: document(given.resource, documents) }),
  }
}

function document(name, documents) {
  if (name.from) return listing(document(name.from, documents), name)
  if (typeof name !== 'string') return name
  if (name === 'everything') return EVERYTHING
  const found = documents.get(name)
  if (!found) throw new Error(`no policy ${name}`)
  return found
}

// A policy with entries written into its statements' lists, as a function would: after what stands there. Entries are for the one list that
// the statement names somebody in, or by operator. Beside them, what stands in the policy already.
function listing(policy, { lists = {}, beside = [] }) {
  const written = structuredClone(policy)
  for (const [sid, entries] of Object.entries(lists)) {
    const { Condition } = written.Statement.find(({ Sid }) => Sid === sid)
    const listed = (operator) => Object.keys(Condition[operator] ?? {}).find((key) => WHO.includes(key) && Array.isArray(Condition[operator][key]))
    const named = Array.isArray(entries) ? { [NAMING.find(listed)]: entries } : entries
    for (const [operator, values] of Object.entries(named)) Condition[operator][listed(operator)].push(...values)
  }
  written.Statement.unshift(...beside)
  return written
}

const NAMING = ['ArnEquals', 'ArnLike', 'StringEquals', 'StringLike']
const WHO = ['aws:PrincipalArn', 'aws:userid', 'aws:PrincipalAccount']

// What AWS puts into every request of a principal, what it knows of the resource's tags, and what the case adds. Of an AWS service, and of
// whoever signs nothing, it knows less.
function context({ who, on, using = {} }) {
  const known = (keys) => Object.entries(keys).filter(([, value]) => value !== undefined)
  const tagged = (key, tags = {}) => Object.entries(tags).map(([name, value]) => [`aws:${key}/${name}`, value])
  return Object.fromEntries([
    ...known({ 'aws:PrincipalArn': who.principal, 'aws:PrincipalAccount': who.account, 'aws:userid': who.id }),
    ...Object.entries(who.keys ?? {}),
    ...(who.issued ? [['aws:TokenIssueTime', who.issued]] : []),
    ...tagged('PrincipalTag', who.tags),
    ...(on.account && on.arn !== '*' ? [['aws:ResourceAccount', on.account]] : []),
    ...tagged('ResourceTag', on.tags),
    ...Object.entries(using),
  ])
}

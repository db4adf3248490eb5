// Answers questions about policies, a JSON array on stdin: allowed, denied by which statements, or not allowed. One string each.
//
// The simulator is AGPL-3.0 and for development only: this is a process of its own, and policies/check installs it.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../policies/tests/package.json', import.meta.url))
const { runSimulation } = await import(pathToFileURL(require.resolve('@cloud-copilot/iam-simulate')))

async function answer({ principal, action, resource, account, context, identity, policy }) {
  const { analysisOf, verdict } = await ask({
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: [{ name: 'identity', policy: identity }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: policy,
  })
  if (verdict !== 'ExplicitlyDenied') return verdict === 'Allowed' ? 'allowed' : 'not allowed'
  const sids = analysisOf.flatMap((part) => part?.denyStatements ?? []).map(({ statement }) => statement.sid())
  return `denied by ${sids.join(', ')}`
}

async function ask(simulation) {
  const answered = await runSimulation(simulation, {})
  if (answered.resultType !== 'single') throw new Error(`no answer: ${JSON.stringify(answered.errors ?? answered.resultType)}`)
  const { analysis, ignoredContextKeys } = answered.result
  // IAM does not give this action such a key: the answer would prove nothing.
  if (ignoredContextKeys.length > 0) throw new Error(`${simulation.request.action} has no ${ignoredContextKeys.join(', ')}`)
  return { analysisOf: [analysis.identityAnalysis, analysis.resourceAnalysis], verdict: answered.overallResult }
}

const questions = JSON.parse(readFileSync(0, 'utf8'))
const answers = []
for (const question of questions) answers.push(await answer(question))
console.log(JSON.stringify(answers))

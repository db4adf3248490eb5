// Whether every policy of the repository is one that IAM would take, and says nothing that can never match.

import { readdirSync } from 'node:fs'
import { lintPolicy, validateIdentityPolicy, validateResourceControlPolicy, validateServiceControlPolicy } from '@cloud-copilot/iam-policy'
import { fill, read, whole } from './documents.mjs'
import { inStatement } from './statement.mjs'

// Characters without white space. AWS takes 10,240 for a service control policy since 15 May 2026, and 5,120 for a resource control
// policy; 6,144 for a managed policy and 10,240 for all inline policies of a role (IAM user guide, "IAM and AWS STS quotas"). The
// policies of functions are inline, one for each role.
const LARGEST = { scp: 10240, rcp: 5120, managed: 6144, inline: 10240 }
const VALIDATE = {
  scp: validateServiceControlPolicy,
  rcp: validateResourceControlPolicy,
  managed: validateIdentityPolicy,
  inline: validateIdentityPolicy,
}

const files = [
  ...list('policies', (name) => name.endsWith('.json')),
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
  const entries = readdirSync(new URL(`../../${folder}`, import.meta.url), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory() === folders && wanted(entry.name)).map(({ name }) => `${folder}/${name}`)
}

async function check(file) {
  const text = read(file)
  let policy
  try {
    policy = JSON.parse(fill(JSON.stringify(whole(JSON.parse(text))), samples()))
  } catch (error) {
    return { problems: [error.message] }
  }
  const own = file.startsWith('functions/') ? 'inline' : 'managed'
  const kind = ['scp', 'rcp'].find((front) => file.includes(`/${front}-`)) ?? own
  const size = JSON.stringify(policy).length
  const most = LARGEST[kind]
  const valid = VALIDATE[kind](policy)
  return {
    size,
    problems: [
      ...(text === `${JSON.stringify(JSON.parse(text), null, 2)}\n` ? [] : ['is not formatted: two spaces, one word per line']),
      ...(size > most ? [`is larger than ${most} characters`] : []),
      ...[...valid, ...lintPolicy(policy)].map(({ path, message }) => `${path}: ${message}`),
      ...(await Promise.all(policy.Statement.map((statement) => inStatement(statement, kind === 'scp')))).flat(),
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

// Whether S3 would take the bucket policies that lockdown-s3 and quarantine-object write, and whether each of their statements can match.
// How large they are beside the customer's own statements, of which S3 takes 20,480 bytes together.

import { lintResourcePolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { bucketPolicies, templates } from './buckets.mjs'
import { ACCOUNTS, read } from './documents.mjs'
import { inStatement } from './statement.mjs'

// A quarter: the rest is the customer's.
const LARGEST = 5120

const unformatted = templates.filter((file) => read(file) !== `${JSON.stringify(JSON.parse(read(file)), null, 2)}\n`)
for (const file of unformatted) console.log(`  FAIL ${file}: is not formatted: two spaces, one word per line`)

console.log('\nBucket policies')
const results = await Promise.all(bucketPolicies('aws-us-gov', ACCOUNTS.member, read).map(async ([name, policy]) => ({ name, size: JSON.stringify(policy).length, problems: await check(policy) })))
for (const { name, size, problems } of results) {
  console.log(`  ${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}, ${size} characters`)
  for (const problem of problems) console.log(`         ${problem}`)
}
const bad = results.filter(({ problems }) => problems.length > 0).length + unformatted.length
process.exitCode = results.length > 0 && bad === 0 ? 0 : 1

async function check(policy) {
  return [
    ...(JSON.stringify(policy).length > LARGEST ? [`is larger than ${LARGEST} characters`] : []),
    ...[...validateResourcePolicy(policy), ...lintResourcePolicy(policy)].map(({ path, message }) => `${path}: ${message}`),
    ...(await Promise.all(policy.Statement.map((statement) => inStatement(statement, false)))).flat(),
  ]
}

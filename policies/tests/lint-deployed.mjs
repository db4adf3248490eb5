// The policies of the deployment templates, each as the kind of policy it is: is it one that AWS would take, and can each of its
// statements match? Reads `[{ where, kind, document }]` from the file it is given, writes `[{ where, what }]`.

import { readFileSync } from 'node:fs'
import {
  lintPolicy,
  lintResourcePolicy,
  validateIdentityPolicy,
  validateResourceControlPolicy,
  validateResourcePolicy,
  validateServiceControlPolicy,
  validateTrustPolicy,
} from '@cloud-copilot/iam-policy'
import { inStatement } from './statement.mjs'

// Characters without white space. An inline policy of a role has 10,240, all of them together; a trust policy 2,048.
const KINDS = {
  identity: { validate: validateIdentityPolicy, lint: lintPolicy, largest: 10240 },
  managed: { validate: validateIdentityPolicy, lint: lintPolicy, largest: 6144 },
  scp: { validate: validateServiceControlPolicy, lint: lintPolicy, largest: 10240 },
  rcp: { validate: validateResourceControlPolicy, lint: lintPolicy, largest: 5120 },
  trust: { validate: validateTrustPolicy, lint: lintResourcePolicy, largest: 2048 },
  resource: { validate: validateResourcePolicy, lint: lintResourcePolicy, largest: 20480 },
}

const policies = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const problems = (await Promise.all(policies.map(check))).flat()
console.log(JSON.stringify(problems))

async function check({ where, kind, document }) {
  const { validate, lint, largest } = KINDS[kind]
  const size = JSON.stringify(document).length
  const found = [...validate(document), ...lint(document)].map(({ path, message }) => `${path}: ${message}`)
  if (size > largest) found.push(`has ${size} characters; a ${kind} policy may have ${largest}`)
  if (Array.isArray(document.Statement)) {
    found.push(...(await Promise.all(document.Statement.map((one) => inStatement(one, kind === 'scp')))).flat())
  }
  return found.map((what) => ({ where, what }))
}

// The policies under test, by short name, with their placeholders filled in.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'smol-toml'
import { bucketPolicies } from './buckets.mjs'

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))

/** Accounts of the table. */
export const ACCOUNTS = {
  member: '111122223333',
  other: '222233334444',
  security: '123456789012',
  management: '999988887777',
}

/** When sessions are revoked in the table. */
export const REVOKED_AT = '2026-11-21T12:00:00Z'

/** Short name in the table, and the file. */
export const FILES = {
  'deny-all': 'policies/quarantine-deny-all.json',
  'deny-session': 'policies/quarantine-deny-tagged-session.json',
  'deny-session-boundary': 'policies/quarantine-deny-tagged-session-boundary.json',
  revoke: 'policies/revoke-older-sessions.template.json',
  guard: 'policies/scp-guard.json',
  'resource-guard': 'policies/rcp-guard.json',
  'quarantine-scp': 'policies/scp-quarantine.template.json',
  'people-review': 'policies/people-review.json',
  'people-doctor': 'policies/people-doctor.json',
  'people-operate': 'policies/people-operate.json',
  ...memberPolicies(),
}

/** The policy of each member role that a function.toml declares, by the role's name without its prefix. */
function memberPolicies() {
  const folders = readdirSync(REPOSITORY + 'functions', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return Object.fromEntries(
    folders.flatMap(({ name }) =>
      (parse(read(`functions/${name}/function.toml`)).member_roles ?? []).map((role) => [
        role.name.replace(/^FirebreakMember/, ''),
        `functions/${name}/${role.policy}`,
      ]),
    ),
  )
}

// Begins with a capital letter, unlike IAM's own variables: ${aws:PrincipalTag/...}.
const PLACEHOLDER = /\$\{([A-Z]\w*)\}/g

/** A policy's text with its placeholders filled in. A placeholder without a value is an error. */
export function fill(text, values) {
  return text.replace(PLACEHOLDER, (whole, name) => {
    if (!(name in values)) throw new Error(`${whole} has no value`)
    return values[name]
  })
}

/** Text of a file of the repository. */
export function read(file) {
  return readFileSync(REPOSITORY + file, 'utf8')
}

/** A policy with the statements of the files that `StatementsOf` names before its own, as it is deployed. */
export function whole({ StatementsOf: parts, ...policy }) {
  if (parts === undefined) return policy
  const [folder, name] = parts.split('/*/')
  const files = readdirSync(REPOSITORY + folder).sort().map((entry) => `${folder}/${entry}/${name}`)
  const statements = files.filter((file) => existsSync(REPOSITORY + file)).flatMap((file) => JSON.parse(read(file)).Statement)
  return { ...policy, Statement: [...statements, ...policy.Statement] }
}

/** Every policy under test, in one partition. */
export function documents(partition) {
  const here = (service, rest) => `arn:${partition}:${service}:eu-central-1:${ACCOUNTS.security}:${rest}`
  const values = {
    Partition: partition,
    Region: 'eu-central-1',
    KeyArn: here('kms', 'key/00112233'),
    LedgerTableArn: here('dynamodb', 'table/firebreak-ledger'),
    StateMachineArn: here('states', 'stateMachine:firebreak-incident-response'),
    SecurityAccount: ACCOUNTS.security,
    ManagementAccount: ACCOUNTS.management,
    MemberAccountId: ACCOUNTS.member,
    DeployRole: 'stacksets-exec-*',
    OrganizationId: 'o-exampleorgid',
    QuarantineScpId: 'p-examplescp',
    RevokeBefore: REVOKED_AT,
  }
  const parsed = Object.entries(FILES).map(([name, file]) => [name, JSON.parse(fill(JSON.stringify(whole(JSON.parse(read(file)))), values))])
  return new Map([...parsed, ...bucketPolicies(partition, ACCOUNTS.member, read)])
}

// The bucket policies that lockdown-s3 writes, one for each level, and that of quarantine-object, from the templates of their statements. A
// placeholder stands alone in a list and gives way to its values (functions/lockdown-s3/src/statements/fill.rs).

const of = (...names) => names.map((name) => `functions/lockdown-s3/src/statements/${name}.json`)
/** Name in the table, and the templates. */
const LEVELS = {
  'bucket-freeze': of('deny-suspects', 'deny-sessions', 'deny-sessions-of-role', 'deny-outsiders', 'deny-customer-keys'),
  'bucket-destruction': of('deny-destruction'),
  'bucket-seal': of('seal'),
  'quarantined-objects': ['functions/quarantine-object/src/statement.json'],
}

/** The templates, as files of the repository. */
export const templates = Object.values(LEVELS).flat()

/** Whoever is never locked out, as `Around::responders` in functions/lockdown-s3/src/statements.rs and `of` in
 * functions/quarantine-object/src/statement.rs name them. */
const responders = (partition, account) =>
  [
    'role/firebreak/FirebreakMemberLockdownS3',
    'role/firebreak/FirebreakMemberPreserveEvidence',
    'role/firebreak/FirebreakMemberQuarantineObject',
    'role/firebreak/FirebreakMemberRelease',
    'role/firebreak-break-glass/*',
    'root',
  ].map((one) => `arn:${partition}:iam::${account}:${one}`)

/** The policies of a bucket of `account`, which name nobody yet: cases write whom they mean into the lists. */
export function bucketPolicies(partition, account, read) {
  const bucket = `arn:${partition}:s3:::acme-data`
  const nobody = `arn:${partition}:iam::000000000000:role/firebreak-none`
  const fills = {
    Bucket: [bucket],
    Objects: [`${bucket}/*`],
    Responders: responders(partition, account),
    Suspects: [nobody],
    Sessions: ['AROA00000000000000000:firebreak-none'],
    Role: [nobody],
    Organization: ['o-exampleorgid'],
    Accounts: [account],
    Named: [`arn:${partition}:iam::cloudfront:user/CloudFront Origin Access Identity *`],
  }
  const policy = (files) => ({ Version: '2012-10-17', Statement: files.map((file) => fill(JSON.parse(read(file)), fills)) })
  return Object.entries(LEVELS).map(([name, files]) => [name, policy(files)])
}

function fill(value, fills) {
  if (Array.isArray(value)) return value.flatMap((one) => valuesOf(one, fills) ?? [fill(one, fills)])
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, fills)]))
}

function valuesOf(one, fills) {
  const name = typeof one === 'string' ? /^\$\{(.*)\}$/.exec(one)?.[1] : undefined
  if (name !== undefined && !(name in fills)) throw new Error(`${one} has no values`)
  return fills[name]
}

// What the role that locks buckets down can do, and what a thief of it could not; and whom the bucket policies of each level deny.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

const READS = [
  'GetBucketAcl', 'GetBucketLocation', 'GetBucketLogging', 'GetBucketNotification', 'GetBucketObjectLockConfiguration', 'GetBucketOwnershipControls', 'GetBucketPolicy',
  'GetBucketPublicAccessBlock', 'GetBucketTagging', 'GetBucketVersioning', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'GetReplicationConfiguration', 'ListBucket',
  'ListBucketVersions',
]
const WRITES = ['PutBucketPolicy', 'PutBucketPublicAccessBlock', 'PutBucketVersioning', 'PutEncryptionConfiguration', 'PutLifecycleConfiguration', 'PutReplicationConfiguration']
/** What a release compares with its base: what no level changes, it need not see. */
const COMPARES = ['GetBucketPolicy', 'GetBucketPublicAccessBlock', 'GetBucketVersioning', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'GetReplicationConfiguration']
const FINDS = ['GetBucketLocation', 'ListBucket']
const RELEASE = [...FINDS, ...COMPARES, 'DeleteBucketPolicy', ...WRITES]
/** The release of an object needs it. */
const OF_OTHERS = ['ListBucketVersions']

export function cases(w) {
  return [...ofRole(w), ...neverLockedOut(w), ...suspects(w), ...outsiders(w), ...customerKeys(w), ...destruction(w), ...seal(w)]
}

function ofRole(w) {
  const release = w.member('Release')
  const lockdown = w.member('LockdownS3')
  const never = by('NeverDestroy')
  const bucket = w.bucket('acme-data')
  const everywhere = { arn: '*', account: ACCOUNTS.member }
  const here = (service, rest) => ({ arn: `arn:${w.partition}:${service}:eu-central-1:${ACCOUNTS.member}:${rest}`, account: ACCOUNTS.member })
  const key = here('kms', 'key/00112233-4455-6677-8899-aabbccddeeff')
  // The key leaves it to IAM, and the simulator wants to hear that.
  const ofTheAccount = { resource: w.grantTo(`arn:${w.partition}:iam::${ACCOUNTS.member}:root`) }
  const foreign = { ...w.bucket('other-data'), account: ACCOUNTS.other }
  const toS3 = { 'iam:PassedToService': 's3.amazonaws.com' }

  return [
    {
      subject: 'lockdown-s3 does its work',
      given: { identity: ['LockdownS3'], scps: ['guard'] },
      cases: [
        ...each([...READS, ...WRITES], (call) => ({ name: call, who: lockdown, does: `s3:${call}`, on: bucket, then: 'allowed' })),
        { name: 'keeps the role of a replication', who: lockdown, does: 'iam:PassRole', on: w.role('replicate'), using: toS3, then: 'allowed' },
        { name: 'keeps it where S3 does not say that the role is for it', who: lockdown, does: 'iam:PassRole', on: w.role('replicate'), then: 'allowed' },
        { name: 'LookupEvents', who: lockdown, does: 'cloudtrail:LookupEvents', on: everywhere, then: 'allowed' },
        ...each(['ListAccessPoints', 'ListJobs', 'ListMultiRegionAccessPoints'], (call) => ({ name: call, who: lockdown, does: `s3:${call}`, on: everywhere, then: 'allowed' })),
        { name: 'GetAccessPointPolicy', who: lockdown, does: 's3:GetAccessPointPolicy', on: here('s3', 'accesspoint/reports'), then: 'allowed' },
        { name: 'DescribeJob', who: lockdown, does: 's3:DescribeJob', on: here('s3', 'job/00112233'), then: 'allowed' },
        ...each(['DescribeKey', 'GetKeyPolicy', 'ListGrants'], (call) => ({ name: call, who: lockdown, does: `kms:${call}`, on: key, given: ofTheAccount, then: 'allowed' })),
      ],
    },
    {
      subject: 'lockdown-s3 goes no further',
      given: { identity: ['LockdownS3'] },
      cases: [
        ...each(WRITES, (call) => ({ name: `${call} of a bucket of another account`, who: lockdown, does: `s3:${call}`, on: foreign, given: { resource: w.grantTo(lockdown.principal) }, then: 'not allowed' })),
        { name: 'passes no role to another service', who: lockdown, does: 'iam:PassRole', on: w.role('replicate'), using: { 'iam:PassedToService': 'ec2.amazonaws.com' }, then: 'not allowed' },
      ],
    },
    {
      subject: 'lockdown-s3 in the hands of a thief, without the guard',
      given: { identity: ['everything', 'LockdownS3'] },
      cases: [
        { name: 'changes the evidence bucket', who: lockdown, does: 's3:PutBucketPublicAccessBlock', on: w.bucket(`firebreak-evidence-${ACCOUNTS.member}`), then: by('NeverOwnEvidenceBucket') },
        ...each([`aws-cloudtrail-logs-${ACCOUNTS.member}-0011`, `aws-controltower-logs-${ACCOUNTS.member}-eu-central-1`, `aws-controltower-s3-access-logs-${ACCOUNTS.member}-eu-central-1`, `config-bucket-${ACCOUNTS.member}`, `config-bucket-${ACCOUNTS.member}-eu-central-1`], (name) => ({
          name: `changes ${name}`, who: lockdown, does: 's3:PutBucketPolicy', on: w.bucket(name), then: by('NeverLogBuckets'),
        })),
        ...each([['BypassGovernanceRetention', w.object], ['DeleteBucket', bucket], ['DeleteBucketPolicy', bucket], ['DeleteObject', w.object], ['GetObject', w.object], ['PutBucketAcl', bucket], ['PutObject', w.object], ['UpdateJobStatus', here('s3', 'job/00112233')]], ([call, on]) => ({
          name: `destroys, opens or reads: ${call}`, who: lockdown, does: `s3:${call}`, on, then: never,
        })),
        ...each(['DisableKey', 'ScheduleKeyDeletion'], (call) => ({ name: `destroys: ${call}`, who: lockdown, does: `kms:${call}`, on: key, given: ofTheAccount, then: never })),
      ],
    },
    {
      subject: 'a release of lockdown-s3',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        ...each(RELEASE, (call) => ({ name: call, who: release, does: `s3:${call}`, on: w.bucket('acme-data'), then: 'allowed' })),
        ...each(READS.filter((call) => ![...RELEASE, ...OF_OTHERS].includes(call)), (call) => ({ name: `reads what no release puts back: ${call}`, who: release, does: `s3:${call}`, on: bucket, then: 'not allowed' })),
        ...each(['DeleteBucketPolicy', ...WRITES], (call) => ({ name: `${call} of a bucket of another account`, who: release, does: `s3:${call}`, on: foreign, given: { resource: w.grantTo(release.principal) }, then: 'not allowed' })),
      ],
    },
  ]
}

const LEVELS = ['freeze', 'destruction', 'seal']

/** A bucket's policy at a level, with whom it names, and what stood in it before. */
const at = (level, lists, beside) => ({ resource: { from: `bucket-${level}`, lists, beside } })

/** Whoever is never locked out. */
const responders = (w) => [w.member('LockdownS3'), w.member('PreserveEvidence'), w.member('QuarantineObject'), w.member('Release'), w.breakGlass, w.root]

/** Read alone, and by the policies of the roles themselves. */
function neverLockedOut(w) {
  const bucket = w.bucket('acme-data')
  const name = (who) => who.principal.split(':').at(-1)
  const none = { identity: ['everything'] }
  return [
    {
      subject: 'No level of a lockdown locks a responder or the root user out',
      given: none,
      cases: LEVELS.flatMap((level) =>
        responders(w).flatMap((who) => [
          ...each(['DeleteBucketPolicy', 'GetBucketPolicy', 'PutBucketPolicy'], (call) => ({ name: `${level}: ${call} by ${name(who)}`, who, does: `s3:${call}`, on: bucket, given: at(level), then: 'allowed' })),
          { name: `${level}: an object for ${name(who)}`, who, does: 's3:GetObject', on: w.object, given: at(level), then: 'allowed' },
        ]),
      ),
    },
    {
      subject: 'A suspect whose name is a responder\'s takes no way back',
      given: none,
      cases: responders(w).flatMap((who) => [
        { name: `by ARN: ${name(who)}`, who, does: 's3:PutBucketPolicy', on: bucket, given: at('freeze', { FirebreakDenySuspects: [who.principal] }), then: 'allowed' },
        { name: `by id: ${name(who)}`, who, does: 's3:PutBucketPolicy', on: bucket, given: at('freeze', { FirebreakDenySuspectsSessions: [who.id] }), then: 'allowed' },
        { name: `by session: ${name(who)}`, who, does: 's3:PutBucketPolicy', on: bucket, given: at('freeze', { FirebreakDenySuspectsSessions1: { ArnLike: [who.principal], StringLike: [who.id] } }), then: 'allowed' },
      ]),
    },
    {
      subject: 'At every level the functions still do their work',
      cases: LEVELS.flatMap((level) => [
        ...each([...READS, ...WRITES], (call) => ({ name: `${level}: lockdown-s3: ${call}`, who: w.member('LockdownS3'), does: `s3:${call}`, on: bucket, given: { identity: ['LockdownS3'], ...at(level) }, then: 'allowed' })),
        ...each(RELEASE, (call) => ({ name: `${level}: a release: ${call}`, who: w.member('Release'), does: `s3:${call}`, on: bucket, given: { identity: ['Release'], ...at(level) }, then: 'allowed' })),
      ]),
    },
  ]
}

function suspects(w) {
  const arn = (path) => `arn:${w.partition}:iam::${ACCOUNTS.member}:${path}`
  const both = (kind, name) => [arn(`${kind}/${name}`), arn(`${kind}/*/${name}`)]
  const [denied, sessions, ofRole] = [by('FirebreakDenySuspects'), by('FirebreakDenySuspectsSessions'), by('FirebreakDenySuspectsSessions1')]
  const bucket = w.bucket('acme-data')
  const read = { does: 's3:GetObject', on: w.object }
  const mallory = at('freeze', { FirebreakDenySuspects: both('user', 'mallory') })
  const deploy = at('freeze', { FirebreakDenySuspects: both('role', 'deploy') })
  const tmp = at('freeze', { FirebreakDenySuspects: [`arn:${w.partition}:sts::${ACCOUNTS.member}:federated-user/tmp`] })
  const session = at('freeze', { FirebreakDenySuspectsSessions: ['AROADEPLOY:i-0abc', 'AIDAMALLORY'] })
  const byName = at('freeze', { FirebreakDenySuspectsSessions1: { ArnLike: both('role', 'deploy'), StringLike: ['*:ci'] } })
  const person = at('freeze', { FirebreakDenySuspectsSessions1: { ArnLike: [`arn:${w.partition}:iam::*:role/aws-reserved/sso.amazonaws.com/*`], StringLike: ['*:eve@example.com'] } })
  const fromAfar = w.session('batch/deploy', 'ci', { account: ACCOUNTS.other })

  return [
    {
      subject: 'A freeze denies the suspects the bucket, and nobody else of the account',
      given: { identity: ['everything'] },
      cases: [
        { row: 31, name: 'a user', who: w.user('mallory'), ...read, given: mallory, then: denied },
        { row: 31, name: 'a user below a path', who: w.user('team/blue/mallory'), ...read, given: mallory, then: denied },
        { name: 'the bucket itself', who: w.user('mallory'), does: 's3:PutLifecycleConfiguration', on: bucket, given: mallory, then: denied },
        { row: 34, name: 'a URL that the user presigned', who: w.user('mallory'), ...read, using: { 's3:authType': 'REST-QUERY-STRING' }, given: mallory, then: denied },
        { name: 'every session of a role', who: w.session('batch/deploy', 'ci'), ...read, given: deploy, then: denied },
        { name: 'a federated session', who: w.federated('tmp'), ...read, given: tmp, then: denied },
        { name: 'bystander: a user whose name begins so', who: w.user('mallory2'), ...read, given: mallory, then: 'allowed' },
        { name: 'bystander: a user below a path of that name', who: w.user('mallory/alice'), ...read, given: mallory, then: 'allowed' },
        { name: 'bystander: a role of that name', who: w.session('mallory', 'ci'), ...read, given: mallory, then: 'allowed' },
        { name: 'bystander: another federated session', who: w.federated('tmp2'), ...read, given: tmp, then: 'allowed' },
      ],
    },
    {
      subject: 'A freeze denies one session, and the others of its role work on',
      given: { identity: ['everything'] },
      cases: [
        { name: 'by the id of its role', who: w.session('batch/deploy', 'i-0abc'), ...read, given: session, then: sessions },
        { name: 'the bucket itself', who: w.session('batch/deploy', 'i-0abc'), does: 's3:ListBucket', on: bucket, given: session, then: sessions },
        { name: 'a user under another name', who: { ...w.user('innocent'), id: 'AIDAMALLORY' }, ...read, given: session, then: sessions },
        { name: 'bystander: another session', who: w.session('batch/deploy', 'i-0def'), ...read, given: session, then: 'allowed' },
        { name: 'bystander: that name in another role', who: w.session('web/AppRole', 'i-0abc'), ...read, given: session, then: 'allowed' },
        { name: 'by its name and its role', who: w.session('batch/deploy', 'ci'), ...read, given: byName, then: ofRole },
        { name: 'the bucket itself, by name', who: w.session('deploy', 'ci'), does: 's3:ListBucket', on: bucket, given: byName, then: ofRole },
        { name: 'bystander: another name in that role', who: w.session('batch/deploy', 'ci2'), ...read, given: byName, then: 'allowed' },
        { name: 'bystander: that name in another role', who: w.session('web/AppRole', 'ci'), ...read, given: byName, then: 'allowed' },
        { name: 'bystander: a role of that name in another account', who: { ...fromAfar, keys: { 'aws:PrincipalOrgID': 'o-exampleorgid' } }, ...read, given: { resource: { ...byName.resource, beside: [allowing({ AWS: ACCOUNTS.other })] } }, then: 'allowed' },
        { name: 'a person of Identity Center, in every permission set', who: w.person('eve@example.com', { set: 'AWSReservedSSO_Read_0022' }), ...read, given: person, then: ofRole },
        { name: 'bystander: another person', who: w.person('alice@example.com'), ...read, given: person, then: 'allowed' },
      ],
    },
  ]
}

const PARTNER = '555566667777'
const allowing = (Principal, more = {}) => ({ Effect: 'Allow', Principal, Action: 's3:*', Resource: '*', ...more })
const MEMBER = { 'aws:PrincipalOrgID': 'o-exampleorgid' }
/** AWS tells less of a service, and of whoever signs nothing. */
const service = (name) => ({ arn: name, keys: { 'aws:PrincipalIsAWSService': 'true' } })
const anonymous = { arn: { type: 'Anonymous' } }

function outsiders(w) {
  const outside = by('FirebreakDenyOutsiders')
  const bucket = w.bucket('acme-data')
  const read = { does: 's3:GetObject', on: w.object }
  const vendor = (path, keys = {}) => ({ ...w.session(path, 'etl', { account: PARTNER }), keys })
  const identity = `arn:${w.partition}:iam::cloudfront:user/CloudFront Origin Access Identity E123ABC`
  const cloudfront = { arn: identity, principal: identity, id: 'cloudfront' }
  const open = [allowing({ AWS: PARTNER })]
  const named = { FirebreakDenyOutsiders: { StringNotEquals: [PARTNER] } }
  const reader = { FirebreakDenyOutsiders: { ArnNotLike: [`arn:${w.partition}:iam::${PARTNER}:role/etl/reader`] } }
  const colleague = w.session('team/Analyst', 'alice', { account: ACCOUNTS.other })

  return [
    {
      subject: 'A freeze denies callers outside the organization whom the policy does not name',
      given: { identity: ['everything'] },
      cases: [
        { row: 35, name: 'an account that is not named', who: vendor('etl/reader'), ...read, given: at('freeze', {}, open), then: outside },
        { row: 35, name: 'the bucket itself', who: vendor('etl/reader'), does: 's3:ListBucket', on: bucket, given: at('freeze', {}, open), then: outside },
        { row: 35, name: 'a member of another organization', who: vendor('etl/reader', { 'aws:PrincipalOrgID': 'o-anotherorgid' }), ...read, given: at('freeze', {}, open), then: outside },
        { name: 'another role of an account of which one role is named', who: vendor('etl/writer'), ...read, given: at('freeze', reader, open), then: outside },
        { name: 'bystander: an account that is named', who: vendor('etl/reader'), ...read, given: at('freeze', named, open), then: 'allowed' },
        { name: 'bystander: a role that is named', who: vendor('etl/reader'), ...read, given: at('freeze', reader, open), then: 'allowed' },
        { name: 'bystander: a member of the organization', who: { ...colleague, keys: MEMBER }, ...read, given: at('freeze', {}, [allowing({ AWS: ACCOUNTS.other })]), then: 'allowed' },
        { name: "bystander: the bucket's own account, whatever its organization", who: w.session('web/AppRole', 'i-0abc'), ...read, given: at('freeze'), then: 'allowed' },
        { name: 'bystander: the own account writes', who: { ...w.user('alice'), keys: MEMBER }, does: 's3:PutObject', on: w.object, given: at('freeze'), then: 'allowed' },
        { name: 'bystander: CloudFront by an origin access identity', who: cloudfront, ...read, given: at('freeze', {}, [allowing({ AWS: identity })]), then: 'allowed' },
        ...each([['cloudtrail', 's3:PutObject'], ['logging.s3', 's3:PutObject'], ['delivery.logs', 's3:PutObject'], ['cloudfront', 's3:GetObject']], ([name, does]) => ({
          name: `bystander: ${name}.amazonaws.com`, who: service(`${name}.amazonaws.com`), does, on: w.object, given: { identity: [], ...at('freeze', {}, [allowing({ Service: `${name}.amazonaws.com` })]) }, then: 'allowed',
        })),
        { name: 'whoever signs nothing', who: anonymous, ...read, given: { identity: [], ...at('freeze', {}, [allowing('*')]) }, then: outside },
      ],
    },
  ]
}

function customerKeys(w) {
  const alice = w.user('alice')
  const write = { who: alice, does: 's3:PutObject', on: w.object, given: at('freeze') }
  const header = 's3:x-amz-server-side-encryption'
  return [
    {
      subject: 'A freeze refuses objects under keys that the caller keeps',
      given: { identity: ['everything'] },
      cases: [
        { row: 32, name: 'a new object, or one that is overwritten', ...write, using: { [`${header}-customer-algorithm`]: 'AES256' }, then: by('FirebreakDenyCustomerKeys') },
        { name: 'bystander: an object without a wish', ...write, then: 'allowed' },
        { name: 'bystander: an object under a key of KMS', ...write, using: { [header]: 'aws:kms' }, then: 'allowed' },
        { name: 'bystander: reading', ...write, does: 's3:GetObject', then: 'allowed' },
      ],
    },
  ]
}

const DESTROY_BUCKET = [
  'DeleteBucket', 'DeleteBucketPolicy', 'DeleteBucketWebsite', 'PutBucketAcl', 'PutBucketLogging', 'PutBucketNotification', 'PutBucketObjectLockConfiguration', 'PutBucketOwnershipControls',
  'PutBucketPolicy', 'PutBucketPublicAccessBlock', 'PutBucketVersioning', 'PutEncryptionConfiguration', 'PutInventoryConfiguration', 'PutLifecycleConfiguration', 'PutReplicationConfiguration',
]
const DESTROY_OBJECT = [
  'BypassGovernanceRetention', 'DeleteObject', 'DeleteObjectTagging', 'DeleteObjectVersion', 'DeleteObjectVersionTagging', 'PutObjectAcl', 'PutObjectLegalHold', 'PutObjectRetention',
  'PutObjectVersionAcl', 'ReplicateDelete', 'UpdateObjectEncryption',
]

function destruction(w) {
  const denied = by('FirebreakDenyDestruction')
  const bucket = w.bucket('acme-data')
  const admin = w.session('team/Admin', 'alice')
  const given = at('destruction')
  const logs = service('logging.s3.amazonaws.com')
  const rows = { PutLifecycleConfiguration: 30, PutReplicationConfiguration: 31, PutBucketPolicy: 33, DeleteBucketPolicy: 33, PutBucketVersioning: 36, DeleteObject: 36, DeleteObjectVersion: 36 }
  return [
    {
      subject: 'Against destruction: nobody but a responder deletes or changes settings, administrators included',
      given: { identity: ['everything'] },
      cases: [
        ...each(DESTROY_BUCKET, (call) => ({ row: rows[call], name: call, who: admin, does: `s3:${call}`, on: bucket, given, then: denied })),
        ...each(DESTROY_OBJECT, (call) => ({ row: rows[call], name: call, who: admin, does: `s3:${call}`, on: w.object, given, then: denied })),
        { name: 'whoever signs nothing', who: anonymous, does: 's3:DeleteObject', on: w.object, given: { identity: [], ...at('destruction', {}, [allowing('*')]) }, then: denied },
        ...each(['GetBucketPolicy', 'GetBucketVersioning', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'ListBucket', 'ListBucketVersions'], (call) => ({ name: `bystander: ${call}`, who: admin, does: `s3:${call}`, on: bucket, given, then: 'allowed' })),
        ...each(['AbortMultipartUpload', 'GetObject', 'GetObjectVersion', 'PutObject', 'PutObjectTagging', 'RestoreObject'], (call) => ({ name: `bystander: ${call}`, who: admin, does: `s3:${call}`, on: w.object, given, then: 'allowed' })),
        ...each(['PutObject', 'PutObjectAcl'], (call) => ({ name: `bystander: a service: ${call}`, who: logs, does: `s3:${call}`, on: w.object, given: { identity: [], ...at('destruction', {}, [allowing({ Service: logs.arn })]) }, then: 'allowed' })),
      ],
    },
  ]
}

function seal(w) {
  const sealed = by('FirebreakSeal')
  const bucket = w.bucket('acme-data')
  const admin = w.session('team/Admin', 'alice')
  const lets = (Principal) => ({ identity: [], ...at('seal', {}, [allowing(Principal)]) })
  return [
    {
      subject: 'A seal leaves the bucket to the responders',
      given: { identity: ['everything'] },
      cases: [
        ...each(['GetObject', 'PutObject', 'DeleteObject'], (call) => ({ name: call, who: admin, does: `s3:${call}`, on: w.object, given: at('seal'), then: sealed })),
        ...each(['ListBucket', 'PutBucketPolicy'], (call) => ({ name: call, who: admin, does: `s3:${call}`, on: bucket, given: at('seal'), then: sealed })),
        { name: 'an AWS service', who: service('cloudtrail.amazonaws.com'), does: 's3:PutObject', on: w.object, given: lets({ Service: 'cloudtrail.amazonaws.com' }), then: sealed },
        { name: 'whoever signs nothing', who: anonymous, does: 's3:GetObject', on: w.object, given: lets('*'), then: sealed },
        { name: "another member role of Firebreak's", who: w.member('Sweep'), does: 's3:GetObject', on: w.object, given: at('seal'), then: sealed },
        { name: 'a responder of another account', who: w.member('Release', { account: ACCOUNTS.other }), does: 's3:PutBucketPolicy', on: bucket, given: at('seal', {}, [allowing({ AWS: ACCOUNTS.other })]), then: sealed },
      ],
    },
  ]
}

// What the role that quarantines objects can do, and what a thief of it could not; and whom the statement in a bucket's policy denies.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

const READS = ['GetBucketLocation', 'GetBucketPolicy', 'ListBucket', 'ListBucketVersions']
const READ_TAGS = ['GetObjectTagging', 'GetObjectVersionTagging']
const WRITE_TAGS = ['PutObjectTagging', 'PutObjectVersionTagging']
const GIVE_BACK = ['DeleteObjectTagging', 'DeleteObjectVersionTagging', ...WRITE_TAGS]
const TAG = 'firebreak-quarantined'
const written = (...names) => ({ 's3:RequestObjectTagKeys': names })
const marked = { [`s3:ExistingObjectTag/${TAG}`]: 'inc-00112233' }

export function cases(w) {
  return [...ofRole(w), ...statement(w)]
}

function ofRole(w) {
  const release = w.member('Release')
  const role = w.member('QuarantineObject')
  const bucket = w.bucket('acme-data')
  const foreign = { ...w.object, account: ACCOUNTS.other }
  const never = by('NeverDestroy')
  const own = `firebreak-evidence-${ACCOUNTS.member}`

  return [
    {
      subject: 'quarantine-object does its work',
      given: { identity: ['QuarantineObject'], scps: ['guard'] },
      cases: [
        ...each([...READS, 'PutBucketPolicy'], (call) => ({ name: call, who: role, does: `s3:${call}`, on: bucket, then: 'allowed' })),
        ...each(READ_TAGS, (call) => ({ name: call, who: role, does: `s3:${call}`, on: w.object, then: 'allowed' })),
        ...each(WRITE_TAGS, (call) => ({ name: `${call} beside other tags`, who: role, does: `s3:${call}`, on: w.object, using: written('team', TAG), then: 'allowed' })),
      ],
    },
    {
      subject: 'quarantine-object goes no further',
      given: { identity: ['QuarantineObject'] },
      cases: [
        ...each(WRITE_TAGS, (call) => ({ name: `${call} without its own tag`, who: role, does: `s3:${call}`, on: w.object, using: written('team'), then: 'not allowed' })),
        ...each(WRITE_TAGS, (call) => ({ name: `${call} in another account`, who: role, does: `s3:${call}`, on: foreign, using: written(TAG), given: { resource: w.grantTo(role.principal) }, then: 'not allowed' })),
        { name: 'PutBucketPolicy in another account', who: role, does: 's3:PutBucketPolicy', on: { ...bucket, account: ACCOUNTS.other }, given: { resource: w.grantTo(role.principal) }, then: 'not allowed' },
      ],
    },
    {
      subject: 'quarantine-object in the hands of a thief, without the guard',
      given: { identity: ['everything', 'QuarantineObject'] },
      cases: [
        { name: 'changes the evidence bucket', who: role, does: 's3:PutBucketPolicy', on: w.bucket(own), then: by('NeverOwnEvidenceBucket') },
        { name: 'tags evidence', who: role, does: 's3:PutObjectTagging', on: w.bucket(`${own}/incidents/x`), using: written(TAG), then: by('NeverOwnEvidenceBucket') },
        ...each([`aws-cloudtrail-logs-${ACCOUNTS.member}-0011`, `aws-controltower-logs-${ACCOUNTS.member}-eu-central-1`, `aws-controltower-s3-access-logs-${ACCOUNTS.member}-eu-central-1`, `config-bucket-${ACCOUNTS.member}`, `config-bucket-${ACCOUNTS.member}-eu-central-1`], (name) => ({
          name: `changes ${name}`, who: role, does: 's3:PutBucketPolicy', on: w.bucket(name), then: by('NeverLogBuckets'),
        })),
        { name: 'tags a record of AWS Config', who: role, does: 's3:PutObjectTagging', on: w.bucket(`config-bucket-${ACCOUNTS.member}/AWSLogs/x`), using: written(TAG), then: by('NeverLogBuckets') },
        ...each(['BypassGovernanceRetention', 'DeleteObject', 'DeleteObjectTagging', 'GetObject', 'GetObjectVersion', 'PutObject', 'PutObjectAcl', 'PutObjectVersionAcl'], (call) => ({
          name: `destroys, opens or reads: ${call}`, who: role, does: `s3:${call}`, on: w.object, then: never,
        })),
        ...each(['DeleteBucket', 'DeleteBucketPolicy', 'PutBucketAcl'], (call) => ({ name: `destroys or opens: ${call}`, who: role, does: `s3:${call}`, on: bucket, then: never })),
        { name: 'residual: writes any policy that opens a bucket', who: role, does: 's3:PutBucketPolicy', on: bucket, then: 'allowed' },
      ],
    },
    {
      subject: 'a release of quarantine-object',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        { name: 'ListBucketVersions', who: release, does: 's3:ListBucketVersions', on: bucket, then: 'allowed' },
        ...each(READ_TAGS, (call) => ({ name: call, who: release, does: `s3:${call}`, on: w.object, then: 'allowed' })),
        ...each(GIVE_BACK, (call) => ({ name: `${call} of what is quarantined`, who: release, does: `s3:${call}`, on: w.object, using: marked, then: 'allowed' })),
        ...each(GIVE_BACK, (call) => ({ name: `${call} of another object`, who: release, does: `s3:${call}`, on: w.object, then: 'not allowed' })),
        ...each(GIVE_BACK, (call) => ({ name: `${call} in another account`, who: release, does: `s3:${call}`, on: foreign, using: marked, given: { resource: w.grantTo(release.principal) }, then: 'not allowed' })),
      ],
    },
  ]
}

const DENIED = ['GetObject', 'GetObjectVersion', 'PutObjectTagging', 'PutObjectVersionTagging', 'DeleteObjectTagging', 'DeleteObjectVersionTagging']

function statement(w) {
  const mallory = w.user('mallory')
  const responders = [w.member('LockdownS3'), w.member('PreserveEvidence'), w.member('QuarantineObject'), w.member('Release'), w.breakGlass, w.root]
  const given = { identity: ['everything'], resource: 'quarantined-objects' }
  const denied = by('FirebreakDenyQuarantined')
  return [
    {
      subject: 'An object in quarantine is denied to everybody but responders',
      given,
      cases: [
        ...each(DENIED, (call) => ({ name: `${call} by an administrator`, who: mallory, does: `s3:${call}`, on: w.object, using: marked, then: denied })),
        { name: 'whatever the tag says', who: mallory, does: 's3:GetObject', on: w.object, using: { [`s3:ExistingObjectTag/${TAG}`]: '' }, then: denied },
        ...each([w.member('Sweep'), w.session('firebreak-break-glass-not/x', 'carol'), w.session('other/FirebreakMemberRelease', 'mallory')], (who) => ({
          name: `also to ${who.principal.split(':').at(-1)}`, who, does: 's3:GetObject', on: w.object, using: marked, then: denied,
        })),
        ...responders.flatMap((who) => each(DENIED, (call) => ({ name: `${call} by ${who.principal.split(':').at(-1)}`, who, does: `s3:${call}`, on: w.object, using: marked, then: 'allowed' }))),
      ],
    },
    {
      subject: 'The statement of a quarantine hits no other object',
      given,
      cases: [
        ...each(DENIED, (call) => ({ name: `bystander: ${call}`, who: mallory, does: `s3:${call}`, on: w.object, then: 'allowed' })),
        { name: 'bystander: of another tag', who: mallory, does: 's3:GetObject', on: w.object, using: { 's3:ExistingObjectTag/team': 'x' }, then: 'allowed' },
        ...each(['DeleteObject', 'PutObject'], (call) => ({ name: `residual: ${call} of what is quarantined`, who: mallory, does: `s3:${call}`, on: w.object, then: 'allowed' })),
      ],
    },
    {
      subject: 'Where a lockdown denies what destroys, an object can be quarantined and given back',
      cases: [
        ...each(['GetBucketPolicy', 'PutBucketPolicy'], (call) => ({ name: call, who: w.member('QuarantineObject'), does: `s3:${call}`, on: w.bucket('acme-data'), given: { identity: ['QuarantineObject'], resource: 'bucket-destruction' }, then: 'allowed' })),
        { name: 'PutObjectTagging', who: w.member('QuarantineObject'), does: 's3:PutObjectTagging', on: w.object, using: written(TAG), given: { identity: ['QuarantineObject'], resource: 'bucket-destruction' }, then: 'allowed' },
      ],
    },
  ]
}

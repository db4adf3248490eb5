// What the role that locks buckets down can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

export function cases(w) {
  const release = w.member('Release')
  const lockdown = w.member('LockdownS3')
  const never = by('NeverDestroy')
  const bucket = w.bucket('acme-data')

  return [
    {
      subject: 'lockdown-s3 does its work',
      given: { identity: ['LockdownS3'], scps: ['guard'] },
      cases: each(['GetBucketAcl', 'GetBucketPolicy', 'GetBucketPublicAccessBlock', 'ListBucket', 'PutBucketPublicAccessBlock'], (call) => ({
        name: call, who: lockdown, does: `s3:${call}`, on: bucket, then: 'allowed',
      })),
    },
    {
      subject: 'lockdown-s3 in the hands of a thief, without the guard',
      given: { identity: ['everything', 'LockdownS3'] },
      cases: [
        { name: 'changes the evidence bucket', who: lockdown, does: 's3:PutBucketPublicAccessBlock', on: w.bucket(`firebreak-evidence-${ACCOUNTS.member}`), then: 'denied by NeverOwnEvidenceBucket' },
        ...each([['BypassGovernanceRetention', w.object], ['DeleteBucket', bucket], ['DeleteObject', w.object], ['GetObject', w.object], ['PutBucketAcl', bucket], ['PutBucketPolicy', bucket], ['PutObject', w.object]], ([call, on]) => ({
          name: `destroys, opens or reads: ${call}`, who: lockdown, does: `s3:${call}`, on, then: never,
        })),
      ],
    },
    {
      subject: 'a release of lockdown-s3',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        ...each(['GetBucketPublicAccessBlock', 'ListBucket', 'PutBucketPublicAccessBlock'], (call) => ({
          name: call, who: release, does: `s3:${call}`, on: w.bucket('acme-data'), then: 'allowed',
        })),
      ],
    },
  ]
}

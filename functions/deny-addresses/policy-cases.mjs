// What the role that denies addresses in network ACLs can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, by } from '../../policies/tests/words.mjs'

export function cases(w) {
  const deny = w.member('DenyAddresses')
  const release = w.member('Release')
  const acl = w.ec2('network-acl/acl-1')
  const abroad = { ...acl, arn: acl.arn.replace('eu-central-1', 'eu-west-1') }
  const anything = { arn: '*', account: ACCOUNTS.member }

  return [
    {
      subject: 'deny-addresses makes entries of network ACLs and changes none',
      given: { identity: ['DenyAddresses'], scps: ['guard'] },
      cases: [
        ...each(['DescribeNetworkAcls', 'DescribeNetworkInterfaces', 'DescribeVpcs'], (call) => ({
          name: call, who: deny, does: `ec2:${call}`, on: anything, then: 'allowed',
        })),
        { name: 'denies an address', who: deny, does: 'ec2:CreateNetworkAclEntry', on: acl, then: 'allowed' },
        ...each(['DeleteNetworkAclEntry', 'ReplaceNetworkAclEntry', 'ReplaceNetworkAclAssociation', 'DeleteNetworkAcl'], (call) => ({
          name: `nothing else: ${call}`, who: deny, does: `ec2:${call}`, on: acl, given: { identity: ['everything', 'DenyAddresses'] }, then: by('NothingElse'),
        })),
        ...each(['TerminateInstances', 'StopInstances', 'ModifyInstanceAttribute'], (call) => ({
          name: `nothing else: ${call}`, who: deny, does: `ec2:${call}`, on: w.instance(), given: { identity: ['everything', 'DenyAddresses'] }, then: by('NothingElse'),
        })),
        { name: 'residual: makes an entry in any network ACL', who: deny, does: 'ec2:CreateNetworkAclEntry', on: abroad, then: 'allowed' },
      ],
    },
    {
      subject: 'release takes denied addresses out of network ACLs',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        { name: 'reads network ACLs', who: release, does: 'ec2:DescribeNetworkAcls', on: anything, then: 'allowed' },
        { name: 'deletes an entry', who: release, does: 'ec2:DeleteNetworkAclEntry', on: acl, then: 'allowed' },
        ...each(['CreateNetworkAclEntry', 'ReplaceNetworkAclEntry', 'DeleteNetworkAcl'], (call) => ({
          name: `never: ${call}`, who: release, does: `ec2:${call}`, on: acl, then: 'not allowed',
        })),
      ],
    },
  ]
}

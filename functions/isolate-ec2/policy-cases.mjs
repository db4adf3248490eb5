// What the role that isolates instances can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, keys, request, made, by, last, isolated } from '../../policies/tests/words.mjs'

export function cases(w) {
  const release = w.member('Release')
  const isolate = w.member('IsolateEc2')
  const never = by('NeverDestroy')
  const ours = { 'firebreak-sg': 'isolation' }
  const vpc = w.ec2('vpc/vpc-1')
  const appGroup = w.ec2('security-group/sg-app', { team: 'web' })
  const isolation = w.ec2('security-group/sg-iso', ours)
  const interfaceOf = w.ec2('network-interface/eni-1')
  // AWS lists the subnet among the call's resources, for a parameter that is not used here (Service Authorization Reference, EC2).
  const subnet = w.ec2('subnet/subnet-1')
  const anything = { arn: '*', account: ACCOUNTS.member }
  const another = w.ec2('instance/i-0def')
  const abroad = { ...interfaceOf, arn: interfaceOf.arn.replace('eu-central-1', 'eu-west-1') }
  const sharedBy = (on) => ({ ...on, arn: on.arn.replace(ACCOUNTS.member, ACCOUNTS.other) })
  const sharedVpc = sharedBy(vpc)
  const sharedGroup = sharedBy(appGroup)
  const here = { 'aws:RequestedRegion': 'eu-central-1' }
  const elsewhere = { 'aws:RequestedRegion': 'eu-west-1' }
  const narrowed = 'not allowed by its session policy'

  return [
    {
      subject: 'isolate-ec2 does its work',
      given: { identity: ['IsolateEc2'], scps: ['guard'] },
      cases: [
        ...each(['DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups', 'DescribeVpcs'], (call) => ({
          name: call, who: isolate, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : anything, then: 'allowed',
        })),
        { name: 'makes the isolation group', who: isolate, does: 'ec2:CreateSecurityGroup', on: isolation, using: request(ours), then: 'allowed' },
        { name: 'makes it in any VPC', who: isolate, does: 'ec2:CreateSecurityGroup', on: vpc, then: 'allowed' },
        { name: 'tags it when it is made', who: isolate, does: 'ec2:CreateTags', on: isolation, using: made('CreateSecurityGroup'), then: 'allowed' },
        ...each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties the isolation group: ${call}`, who: isolate, does: `ec2:${call}`, on: isolation, then: 'allowed',
        })),
        ...each([w.instance(), interfaceOf, isolation, subnet], (on) => ({
          name: `moves an interface: ${on.arn.split(':').at(-1)}`, who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        { name: 'protects an instance from termination', who: isolate, does: 'ec2:ModifyInstanceAttribute', on: w.instance(), then: 'allowed' },
        { name: 'tags an instance', who: isolate, does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-state', 'firebreak-at'), then: 'allowed' },
      ],
    },
    {
      subject: 'isolate-ec2 in the hands of a thief, without the guard',
      given: { identity: ['IsolateEc2'] },
      cases: [
        { name: 'makes a group of another kind', who: isolate, does: 'ec2:CreateSecurityGroup', on: appGroup, then: 'not allowed' },
        { name: 'makes another group an isolation group', who: isolate, does: 'ec2:CreateTags', on: appGroup, then: 'not allowed' },
        ...each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties another group: ${call}`, who: isolate, does: `ec2:${call}`, on: appGroup, then: 'not allowed',
        })),
        { name: 'moves an interface into another group', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: appGroup, then: 'not allowed' },
        { name: 'writes a foreign tag', who: isolate, does: 'ec2:CreateTags', on: w.instance(), using: keys('firebreak-state', 'team'), then: 'not allowed' },
        { name: 'tags without saying a key', who: isolate, does: 'ec2:CreateTags', on: w.instance(), then: 'not allowed' },
        ...each([['AuthorizeSecurityGroupIngress', isolation], ['DeleteSecurityGroup', isolation], ['DetachNetworkInterface', interfaceOf], ['DisassociateIamInstanceProfile', w.instance()], ['RebootInstances', w.instance()], ['ReleaseAddress', w.ec2('elastic-ip/eipalloc-1')], ['StopInstances', w.instance()], ['TerminateInstances', w.instance()]], ([call, on]) => ({
          name: `destroys or opens: ${call}`, who: isolate, does: `ec2:${call}`, on, given: { identity: ['everything', 'IsolateEc2'] }, then: never,
        })),
      ],
    },
    {
      subject: 'a session of isolate-ec2 that was opened for one instance',
      given: { identity: ['IsolateEc2'], session: w.onlyInstance('i-0abc') },
      cases: [
        ...each(['DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups'], (call) => ({
          name: call, who: isolate, does: `ec2:${call}`, on: anything, using: here, then: 'allowed',
        })),
        { name: 'lists in another Region', who: isolate, does: 'ec2:DescribeInstances', on: anything, using: elsewhere, then: narrowed },
        ...each([w.instance(), interfaceOf, isolation], (on) => ({
          name: `moves an interface: ${last(on)}`, who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        ...each([['DescribeInstanceAttribute', {}], ['ModifyInstanceAttribute', {}], ['CreateTags', keys('firebreak-state')]], ([call, using]) => ({
          name: `its instance: ${call}`, who: isolate, does: `ec2:${call}`, on: w.instance(), using, then: 'allowed',
        })),
        { name: 'makes the isolation group', who: isolate, does: 'ec2:CreateSecurityGroup', on: isolation, using: request(ours), then: 'allowed' },
        { name: 'makes it in a VPC that another account shares', who: isolate, does: 'ec2:CreateSecurityGroup', on: sharedVpc, then: 'allowed' },
        { name: 'tags it when it is made', who: isolate, does: 'ec2:CreateTags', on: isolation, using: made('CreateSecurityGroup'), then: 'allowed' },
        { name: 'empties the isolation group', who: isolate, does: 'ec2:RevokeSecurityGroupEgress', on: isolation, then: 'allowed' },
        ...each([['DescribeInstanceAttribute', {}], ['ModifyInstanceAttribute', {}], ['ModifyNetworkInterfaceAttribute', {}], ['CreateTags', keys('firebreak-state')]], ([call, using]) => ({
          name: `another instance: ${call}`, who: isolate, does: `ec2:${call}`, on: another, using, then: narrowed,
        })),
        { name: 'an interface of another Region', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: abroad, then: narrowed },
        { name: 'residual: an interface of another instance, if AWS does not look at that instance', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: w.ec2('network-interface/eni-of-another'), then: 'allowed' },
      ],
    },
    {
      subject: 'a release of isolate-ec2 that was opened for one instance',
      given: { identity: ['Release'], session: w.onlyInstance('i-0abc') },
      cases: [
        ...each(['ModifyInstanceAttribute', 'ModifyNetworkInterfaceAttribute'], (call) => ({
          name: `its instance: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(isolated), then: 'allowed',
        })),
        { name: 'takes its own tags away', who: release, does: 'ec2:DeleteTags', on: w.instance(isolated), using: keys('firebreak-state'), then: 'allowed' },
        { name: 'puts a group back that the owner of the network shares', who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on: sharedGroup, then: 'allowed' },
        ...each([['ModifyInstanceAttribute', {}], ['ModifyNetworkInterfaceAttribute', {}], ['DeleteTags', keys('firebreak-state')]], ([call, using]) => ({
          name: `another instance: ${call}`, who: release, does: `ec2:${call}`, on: another, using, then: narrowed,
        })),
      ],
    },
    {
      subject: 'a release of isolate-ec2',
      given: { identity: ['Release'], scps: ['guard'] },
      cases: [
        ...each(['DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups'], (call) => ({
          name: call, who: release, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : '*', then: 'allowed',
        })),
        ...each([w.instance(isolated), w.ec2('network-interface/eni-0abc'), w.ec2('security-group/sg-0abc'), subnet], (on) => ({
          name: `puts groups back: ${last(on)}`, who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        { name: 'switches termination protection off', who: release, does: 'ec2:ModifyInstanceAttribute', on: w.instance(isolated), then: 'allowed' },
        ...each(['CreateTags', 'DeleteTags'], (call) => ({
          name: `tags of an instance: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(isolated), using: keys('firebreak-state'), then: 'allowed',
        })),
      ],
    },
  ]
}

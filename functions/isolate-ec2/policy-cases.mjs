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

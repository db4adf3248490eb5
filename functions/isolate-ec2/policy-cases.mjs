// What the role that isolates instances can do, and what a thief of it could not.

import { ACCOUNTS } from '../../policies/tests/documents.mjs'
import { each, keys, request, made, by, last, isolated } from '../../policies/tests/words.mjs'

/** What both who isolates and who releases lists beside EC2. */
const LISTS = ['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeAutoScalingInstances', 'elasticloadbalancing:DescribeLoadBalancers', 'elasticloadbalancing:DescribeTargetHealth']
/** What puts an instance back to where it served. */
const BACK = ['autoscaling:ExitStandby', 'autoscaling:SetInstanceProtection', 'elasticloadbalancing:RegisterTargets', 'elasticloadbalancing:RegisterInstancesWithLoadBalancer']

export function cases(w) {
  const release = w.member('Release')
  const isolate = w.member('IsolateEc2')
  const never = by('NeverDestroy')
  const ours = { 'firebreak-sg': 'isolation' }
  const opens = { 'firebreak-sg': 'open' }
  const vpc = w.ec2('vpc/vpc-1')
  const appGroup = w.ec2('security-group/sg-app', { team: 'web' })
  const isolation = w.ec2('security-group/sg-iso', ours)
  const open = w.ec2('security-group/sg-open', opens)
  const groups = [isolation, open]
  const interfaceOf = w.ec2('network-interface/eni-1')
  const volume = w.ec2('volume/vol-1')
  const at = (service, rest, region = 'eu-central-1') => ({
    arn: `arn:${w.partition}:${service}:${region}:${ACCOUNTS.member}:${rest}`, account: ACCOUNTS.member,
  })
  const scaled = at('autoscaling', 'autoScalingGroup:00112233:autoScalingGroupName/web')
  const [targetGroup, classic] = ['targetgroup/web/0011', 'loadbalancer/web'].map((one) => at('elasticloadbalancing', one))
  const place = (call) => (call.startsWith('autoscaling') ? scaled : call.endsWith('Targets') ? targetGroup : classic)
  const shell = at('ssm', 'session/mallory-0011')
  const [flowGroup, lowerFlowGroup, otherGroup] = ['VpcFlowLogs', '/vpc/flow-logs', 'payroll'].map((one) => at('logs', `log-group:${one}`))
  const logged = (key, account = ACCOUNTS.other) => ({ arn: `arn:${w.partition}:s3:::logs/${key}`, account })
  const plain = logged(`net/AWSLogs/${ACCOUNTS.member}/vpcflowlogs/eu-central-1/2026/11/30/x.log.gz`, ACCOUNTS.member)
  const hive = logged(`AWSLogs/aws-account-id=${ACCOUNTS.member}/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026/x.log.gz`, ACCOUNTS.member)
  const listing = (prefix) => ({ 's3:prefix': prefix })
  const flows = `AWSLogs/${ACCOUNTS.member}/vpcflowlogs/eu-central-1/2026/11/30/`
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
        ...each(['DescribeFlowLogs', 'DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkAcls', 'DescribeNetworkInterfaces', 'DescribeRouteTables', 'DescribeSecurityGroups', 'DescribeTrunkInterfaceAssociations', 'DescribeVpcs'], (call) => ({
          name: call, who: isolate, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : anything, then: 'allowed',
        })),
        ...each([...LISTS, 'autoscaling:DescribeInstanceRefreshes', 'elasticloadbalancing:DescribeTargetGroups', 'ssm:DescribeSessions'], (call) => ({
          name: call, who: isolate, does: call, on: anything, then: 'allowed',
        })),
        ...each([ours, opens], (tags) => ({
          name: `makes a group: ${tags['firebreak-sg']}`, who: isolate, does: 'ec2:CreateSecurityGroup', on: isolation, using: request(tags), then: 'allowed',
        })),
        { name: 'makes it in any VPC', who: isolate, does: 'ec2:CreateSecurityGroup', on: vpc, then: 'allowed' },
        { name: 'tags it when it is made', who: isolate, does: 'ec2:CreateTags', on: isolation, using: made('CreateSecurityGroup'), then: 'allowed' },
        ...groups.flatMap((on) => each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties ${last(on)}: ${call}`, who: isolate, does: `ec2:${call}`, on, then: 'allowed',
        }))),
        ...each(['AuthorizeSecurityGroupEgress', 'AuthorizeSecurityGroupIngress'], (call) => ({
          name: `fills the open group: ${call}`, who: isolate, does: `ec2:${call}`, on: open, then: 'allowed',
        })),
        ...each([w.instance(), interfaceOf, ...groups, subnet], (on) => ({
          name: `moves an interface: ${last(on)}`, who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        ...each([w.instance(), volume], (on) => ({
          name: `protects an instance, keeps its volumes: ${last(on)}`, who: isolate, does: 'ec2:ModifyInstanceAttribute', on, then: 'allowed',
        })),
        ...each([w.instance(), interfaceOf], (on) => ({
          name: `tags ${last(on)}`, who: isolate, does: 'ec2:CreateTags', on, using: keys('firebreak-state', 'firebreak-at'), then: 'allowed',
        })),
        ...each([['autoscaling:EnterStandby', scaled], ['autoscaling:SetInstanceProtection', scaled], ['elasticloadbalancing:DeregisterTargets', targetGroup], ['elasticloadbalancing:DeregisterInstancesFromLoadBalancer', classic]], ([call, on]) => ({
          name: `keeps it alive: ${call}`, who: isolate, does: call, on, then: 'allowed',
        })),
        { name: 'ends a shell', who: isolate, does: 'ssm:TerminateSession', on: shell, then: 'allowed' },
        ...each([flowGroup, lowerFlowGroup], (on) => ({ name: `reads flow logs: ${last(on)}`, who: isolate, does: 'logs:FilterLogEvents', on, then: 'allowed' })),
        ...each([plain, hive], (on) => ({ name: `reads flow logs: ${on.arn}`, who: isolate, does: 's3:GetObject', on, then: 'allowed' })),
        { name: 'lists flow logs', who: isolate, does: 's3:ListBucket', on: w.bucket('logs'), using: listing(flows), then: 'allowed' },
      ],
    },
    {
      subject: 'isolate-ec2 in the hands of a thief, without the guard',
      given: { identity: ['IsolateEc2'] },
      cases: [
        { name: 'makes a group of another kind', who: isolate, does: 'ec2:CreateSecurityGroup', on: appGroup, then: 'not allowed' },
        { name: 'makes a group without its tag', who: isolate, does: 'ec2:CreateSecurityGroup', on: w.ec2('security-group/sg-new'), using: request({ 'firebreak-sg': 'web' }), then: 'not allowed' },
        { name: 'makes another group an isolation group', who: isolate, does: 'ec2:CreateTags', on: appGroup, then: 'not allowed' },
        ...each(['RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'], (call) => ({
          name: `empties another group: ${call}`, who: isolate, does: `ec2:${call}`, on: appGroup, then: 'not allowed',
        })),
        { name: 'makes an entry of a network ACL', who: isolate, does: 'ec2:CreateNetworkAclEntry', on: w.ec2('network-acl/acl-1'), then: 'not allowed' },
        { name: 'moves an interface into another group', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: appGroup, then: 'not allowed' },
        ...each(['AuthorizeSecurityGroupEgress', 'AuthorizeSecurityGroupIngress'], (call) => ({
          name: `fills the isolation group: ${call}`, who: isolate, does: `ec2:${call}`, on: isolation, then: by('NeverFillAnotherGroup'),
        })),
        { name: 'fills a group of the customer', who: isolate, does: 'ec2:AuthorizeSecurityGroupIngress', on: appGroup, then: by('NeverFillAnotherGroup') },
        { name: 'residual: puts an interface into the open group and leaves it there; doctor finds it', who: isolate, does: 'ec2:ModifyNetworkInterfaceAttribute', on: open, then: 'allowed' },
        { name: 'residual: ends a shell of another instance', who: isolate, does: 'ssm:TerminateSession', on: at('ssm', 'session/alice-0022'), then: 'allowed' },
        { name: 'reads a log group that does not say flow', who: isolate, does: 'logs:FilterLogEvents', on: otherGroup, then: 'not allowed' },
        { name: 'reads another object', who: isolate, does: 's3:GetObject', on: w.object, then: 'not allowed' },
        { name: 'lists another folder', who: isolate, does: 's3:ListBucket', on: w.bucket('logs'), using: listing('payroll/'), then: 'not allowed' },
        { name: 'reads flow logs in a bucket of another account', who: isolate, does: 's3:GetObject', on: logged(flows + 'x.log.gz'), given: { resource: w.grantTo(isolate.principal) }, then: 'not allowed' },
        { name: 'lists flow logs in a bucket of another account', who: isolate, does: 's3:ListBucket', on: { ...w.bucket('logs'), account: ACCOUNTS.other }, using: listing(flows), given: { resource: w.grantTo(isolate.principal) }, then: 'not allowed' },
        { name: 'lists a whole bucket', who: isolate, does: 's3:ListBucket', on: w.bucket('logs'), then: 'not allowed' },
        ...each([w.instance(), interfaceOf], (on) => ({
          name: `writes a foreign tag: ${last(on)}`, who: isolate, does: 'ec2:CreateTags', on, using: keys('firebreak-state', 'team'), then: 'not allowed',
        })),
        { name: 'tags without saying a key', who: isolate, does: 'ec2:CreateTags', on: w.instance(), then: 'not allowed' },
        ...each(['autoscaling:ExitStandby', 'elasticloadbalancing:RegisterTargets', 'elasticloadbalancing:RegisterInstancesWithLoadBalancer'], (call) => ({
          name: `puts back: ${call}`, who: isolate, does: call, on: place(call), then: 'not allowed',
        })),
        ...each([['autoscaling:DeleteAutoScalingGroup', scaled], ['autoscaling:DetachInstances', scaled], ['autoscaling:TerminateInstanceInAutoScalingGroup', scaled], ['elasticloadbalancing:DeleteTargetGroup', targetGroup]], ([call, on]) => ({
          name: `destroys: ${call}`, who: isolate, does: call, on, given: { identity: ['everything', 'IsolateEc2'] }, then: never,
        })),
        ...each([['DeleteSecurityGroup', isolation], ['DetachNetworkInterface', interfaceOf], ['DisassociateIamInstanceProfile', w.instance()], ['RebootInstances', w.instance()], ['ReleaseAddress', w.ec2('elastic-ip/eipalloc-1')], ['StopInstances', w.instance()], ['TerminateInstances', w.instance()]], ([call, on]) => ({
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
        ...each([...LISTS, 'autoscaling:DescribeInstanceRefreshes', 'ec2:DescribeFlowLogs', 'ec2:DescribeRouteTables', 'ec2:DescribeTrunkInterfaceAssociations', 'elasticloadbalancing:DescribeTargetGroups', 'ssm:DescribeSessions'], (call) => ({
          name: call, who: isolate, does: call, on: anything, using: here, then: 'allowed',
        })),
        ...each([['autoscaling:EnterStandby', scaled], ['autoscaling:SetInstanceProtection', scaled], ['elasticloadbalancing:DeregisterTargets', targetGroup], ['elasticloadbalancing:DeregisterInstancesFromLoadBalancer', classic], ['ssm:TerminateSession', shell], ['logs:FilterLogEvents', flowGroup], ['s3:GetObject', plain], ['s3:GetObject', hive], ['ec2:ModifyInstanceAttribute', volume]], ([call, on]) => ({
          name: `${call} of ${on.arn}`, who: isolate, does: call, on, then: 'allowed',
        })),
        { name: 'lists flow logs', who: isolate, does: 's3:ListBucket', on: w.bucket('logs'), using: listing(flows), then: 'allowed' },
        { name: 'fills the open group', who: isolate, does: 'ec2:AuthorizeSecurityGroupEgress', on: open, then: 'allowed' },
        { name: 'tags an interface', who: isolate, does: 'ec2:CreateTags', on: interfaceOf, using: keys('firebreak-state'), then: 'allowed' },
        { name: 'a group of another Region', who: isolate, does: 'autoscaling:EnterStandby', on: at('autoscaling', 'autoScalingGroup:00112233:autoScalingGroupName/web', 'eu-west-1'), then: narrowed },
        { name: 'flow logs of another account', who: isolate, does: 's3:GetObject', on: logged(`AWSLogs/${ACCOUNTS.other}/vpcflowlogs/eu-central-1/x.log.gz`, ACCOUNTS.member), then: narrowed },
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
      given: { identity: ['Release'], session: w.onlyInstance('i-0abc', 'Release') },
      cases: [
        ...each(['ModifyInstanceAttribute', 'ModifyNetworkInterfaceAttribute'], (call) => ({
          name: `its instance: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(isolated), then: 'allowed',
        })),
        ...each([w.instance(isolated), w.ec2('network-interface/eni-1', isolated)], (on) => ({
          name: `takes its own tags away: ${last(on)}`, who: release, does: 'ec2:DeleteTags', on, using: keys('firebreak-state'), then: 'allowed',
        })),
        ...each(BACK, (call) => ({ name: call, who: release, does: call, on: place(call), then: 'allowed' })),
        ...each([...LISTS, 'ec2:DescribeTrunkInterfaceAssociations'], (call) => ({ name: call, who: release, does: call, on: anything, using: here, then: 'allowed' })),
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
        ...each(['DescribeInstanceAttribute', 'DescribeInstances', 'DescribeNetworkInterfaces', 'DescribeSecurityGroups', 'DescribeTrunkInterfaceAssociations'], (call) => ({
          name: call, who: release, does: `ec2:${call}`, on: call === 'DescribeInstanceAttribute' ? w.instance() : '*', then: 'allowed',
        })),
        ...each([w.instance(isolated), w.ec2('network-interface/eni-0abc'), w.ec2('security-group/sg-0abc'), subnet], (on) => ({
          name: `puts groups back: ${last(on)}`, who: release, does: 'ec2:ModifyNetworkInterfaceAttribute', on, then: 'allowed',
        })),
        ...each([w.instance(isolated), volume], (on) => ({
          name: `puts protections back: ${last(on)}`, who: release, does: 'ec2:ModifyInstanceAttribute', on, then: 'allowed',
        })),
        ...each(['CreateTags', 'DeleteTags'], (call) => ({
          name: `tags of an instance: ${call}`, who: release, does: `ec2:${call}`, on: w.instance(isolated), using: keys('firebreak-state'), then: 'allowed',
        })),
        { name: 'tags of an interface', who: release, does: 'ec2:DeleteTags', on: w.ec2('network-interface/eni-1', isolated), using: keys('firebreak-state'), then: 'allowed' },
        ...each(LISTS, (call) => ({ name: call, who: release, does: call, on: anything, then: 'allowed' })),
        ...each(BACK, (call) => ({ name: call, who: release, does: call, on: place(call), then: 'allowed' })),
      ],
    },
  ]
}

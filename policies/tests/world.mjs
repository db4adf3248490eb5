// Who and what appears in the table, in one partition.

import { ACCOUNTS } from './documents.mjs'

export function world(partition) {
  const iam = (account, path) => `arn:${partition}:iam::${account}:${path}`
  const policy = (path, account = ACCOUNTS.member) => iam(account, `policy/${path}`)
  const quarantine = (name) => policy(`firebreak/FirebreakQuarantine${name}`)

  /** A user, as principal and as resource. `path` is the path with the name. */
  const user = (path, { account = ACCOUNTS.member, tags } = {}) => {
    const arn = iam(account, `user/${path}`)
    return { arn, principal: arn, account, tags, id: `AIDA${path.split('/').at(-1).toUpperCase()}` }
  }

  /** A role, as resource. */
  const role = (path, { account = ACCOUNTS.member, tags } = {}) => ({ arn: iam(account, `role/${path}`), account, tags })

  /** A session of a role, as principal. `tags` are its principal tags: those of the role, overridden by those of the session. */
  const session = (path, name, { account = ACCOUNTS.member, tags, issued = '2026-11-21T11:00:00Z' } = {}) => {
    const short = path.split('/').at(-1)
    return {
      arn: `arn:${partition}:sts::${account}:assumed-role/${short}/${name}`,
      principal: iam(account, `role/${path}`),
      id: `AROA${short.toUpperCase()}:${name}`,
      account,
      tags,
      issued,
    }
  }

  return {
    user,
    role,
    session,
    policy,
    partition,

    denyAll: quarantine('DenyAll'),
    denySession: quarantine('DenyTaggedSession'),
    denySessionBoundary: quarantine('DenyTaggedSessionBoundary'),
    administrator: iam('aws', 'policy/AdministratorAccess'),
    readOnly: iam('aws', 'policy/ReadOnlyAccess'),

    /** A member role of Firebreak at work. */
    member: (name, { account = ACCOUNTS.member } = {}) =>
      session(`firebreak/FirebreakMember${name}`, 'fb-00112233445566ff', { account }),
    breakGlass: session('firebreak-break-glass/responder', 'carol'),
    deployment: session('stacksets-exec-00112233', 'deploy'),
    /** A session that GetFederationToken gave out. It has its user's policies. */
    federated: (name) => ({
      arn: `arn:${partition}:sts::${ACCOUNTS.member}:federated-user/${name}`,
      principal: `arn:${partition}:sts::${ACCOUNTS.member}:federated-user/${name}`,
      id: `${ACCOUNTS.member}:${name}`,
      account: ACCOUNTS.member,
    }),
    root: { arn: iam(ACCOUNTS.member, 'root'), principal: iam(ACCOUNTS.member, 'root'), id: ACCOUNTS.member, account: ACCOUNTS.member },
    /** A person signed in through Identity Center. */
    person: (name, { account = ACCOUNTS.member, set = 'AWSReservedSSO_Admin_0011', region = '' } = {}) =>
      session(`aws-reserved/sso.amazonaws.com/${region}${set}`, name, { account }),

    instance: (tags) => ({ arn: `arn:${partition}:ec2:eu-central-1:${ACCOUNTS.member}:instance/i-0abc`, account: ACCOUNTS.member, tags }),
    ec2: (path, tags) => ({ arn: `arn:${partition}:ec2:eu-central-1:${ACCOUNTS.member}:${path}`, account: ACCOUNTS.member, tags }),
    snapshot: { arn: `arn:${partition}:ec2:eu-central-1::snapshot/snap-0abc`, account: ACCOUNTS.member },
    stack: (name) => ({ arn: `arn:${partition}:cloudformation:eu-central-1:${ACCOUNTS.member}:stack/${name}/00112233`, account: ACCOUNTS.member }),
    bucket: (name) => ({ arn: `arn:${partition}:s3:::${name}`, account: ACCOUNTS.member }),
    object: { arn: `arn:${partition}:s3:::acme-data/key`, account: ACCOUNTS.member },
    scp: (id) => ({
      arn: `arn:${partition}:organizations::${ACCOUNTS.management}:policy/o-exampleorgid/service_control_policy/${id}`,
      account: ACCOUNTS.management,
    }),
    iam: (path, tags) => ({ arn: iam(ACCOUNTS.member, path), account: ACCOUNTS.member, tags }),

    /** A resource policy that gives `principal` everything. */
    grantTo: (principal) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: principal }, Action: '*', Resource: '*' }],
    }),
    /** A trust policy that lets `principal` in, session tags included. */
    trust: (principal) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: principal }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
    }),
    /** The session policy that Firebreak passes for one instance to a member role (crates/firebreak-aws/src/session_policy.rs). */
    onlyInstance: (id, role = 'IsolateEc2') => {
      const of = (service, account, resource) => `arn:${partition}:${service}:eu-central-1:${account}:${resource}`
      const own = (service, ...resources) => resources.map((resource) => of(service, ACCOUNTS.member, resource))
      const shared = ['security-group/*', 'subnet/*', 'vpc/*'].map((kind) => of('ec2', '*', kind))
      const around = ['ec2:DescribeInstances', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSecurityGroups']
      const evidence = role === 'PreserveEvidence'
      const lists = evidence
        ? ['ec2:DescribeSnapshots', 'ec2:DescribeVolumes']
        : [
            ...['AutoScalingGroups', 'AutoScalingInstances', 'InstanceRefreshes'].map((kind) => `autoscaling:Describe${kind}`),
            ...['FlowLogs', 'RouteTables', 'TrunkInterfaceAssociations'].map((kind) => `ec2:Describe${kind}`),
            ...['LoadBalancers', 'TargetGroups', 'TargetHealth'].map((kind) => `elasticloadbalancing:Describe${kind}`),
            'ssm:DescribeSessions',
          ]
      const balanced = evidence ? [] : [...own('autoscaling', 'autoScalingGroup:*'), ...own('elasticloadbalancing', 'loadbalancer/*', 'targetgroup/*')]
      const looks = role === 'IsolateEc2'
      const looked = looks ? [...own('logs', 'log-group:*'), ...own('ssm', 'session/*')] : []
      const work = ['ec2:*', ...(evidence ? [] : ['autoscaling:*', 'elasticloadbalancing:*']), ...(looks ? ['logs:FilterLogEvents', 'ssm:TerminateSession'] : [])]
      const resources = [...shared, ...own('ec2', 'network-interface/*', 'volume/*', `instance/${id}`), of('ec2', '', 'snapshot/*'), ...balanced, ...looked]
      const logs = `arn:${partition}:s3:::*/AWSLogs/*${ACCOUNTS.member}/*vpcflowlogs/*eu-central-1/*`
      return {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: [...around, ...lists], Resource: '*', Condition: { StringEquals: { 'aws:RequestedRegion': 'eu-central-1' } } },
          { Effect: 'Allow', Action: work, Resource: resources },
          ...(looks ? [{ Effect: 'Allow', Action: 's3:GetObject', Resource: logs }, { Effect: 'Allow', Action: 's3:ListBucket', Resource: '*' }] : []),
        ],
      }
    },
    /** The session policy that Firebreak passes for one user or role: `kind` is `user` or `role`. */
    onlyThis: (kind, name) => ({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'iam:*', Resource: [iam(ACCOUNTS.member, `${kind}/${name}`), iam(ACCOUNTS.member, `${kind}/*/${name}`)] },
      ],
    }),
  }
}

// What is deployed: roles with their policies, policies of resources, service control policies. Read from the templates of
// infra/ with every intrinsic resolved, as infra/render writes them.

import { readFileSync, readdirSync } from 'node:fs'

// The account numbers of the local AWS are those that infra/render resolves with.
const SECURITY = '123456789012'

/** Everything in `folder`. A policy that cannot be found, or is of a kind not known here, is an error. */
export function deployed(folder) {
  const stacks = readdirSync(folder)
    .map((file) => ({ account: accountOf(file), resources: JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')).Resources }))
    .filter(({ account }) => account)
  const all = stacks.flatMap(({ account, resources }) => Object.values(resources).map((resource) => ({ account, ...resource })))
  const of = (type) => all.filter(({ Type }) => Type === type)
  for (const { Type } of all) if (/^AWS::IAM::(Policy|RolePolicy|Group|User)/.test(Type)) throw new Error(`${Type} is not known here`)
  const managed = new Map(of('AWS::IAM::ManagedPolicy').map((one) => [managedArn(one), one.Properties.PolicyDocument]))
  const policies = of('AWS::Organizations::Policy').filter(({ Properties }) => Properties.Type === 'SERVICE_CONTROL_POLICY')
  return {
    roles: new Map(of('AWS::IAM::Role').map((role) => roleOf(role, managed)).map((role) => [role.arn, role])),
    scps: policies.map(({ Properties: { Name, Content } }) => ({ name: Name, policy: asObject(Content) })),
    resourcePolicies: resourcePolicies(of),
  }
}

/** Names that the local AWS draws anew each time, as they are in the resolved templates. */
export function deployedNames({ roles }) {
  const scp = roles.get(`arn:aws:iam::${SECURITY}:role/firebreak/FirebreakMemberQuarantineScp`)
  const text = JSON.stringify(scp?.identity ?? '')
  const found = text.match(/:policy\/(o-\w+)\/service_control_policy\/(p-\w+)/)
  if (!found) throw new Error('the role FirebreakMemberQuarantineScp names no service control policy')
  return { OrganizationId: found[1], QuarantineScpId: found[2] }
}

// Of member-account.json and member-account-<number>.json, the second: the first is one of them again.
function accountOf(file) {
  const member = file.match(/^member-account-(\d{12})\.json$/)
  if (member) return member[1]
  return file === 'member-account.json' ? undefined : SECURITY
}

function roleOf({ account, Properties: role }, managed) {
  const arn = `arn:aws:iam::${account}:role${role.Path ?? '/'}${role.RoleName}`
  // Its own policies are all there is to look at: a managed one changes without a deployment.
  if (role.ManagedPolicyArns?.length > 0) throw new Error(`${arn} has managed policies: ${role.ManagedPolicyArns.join(', ')}`)
  const document = (policy) => {
    if (!managed.has(policy)) throw new Error(`${arn} has ${policy}, which is not in the templates`)
    return { name: policy, policy: managed.get(policy) }
  }
  return {
    arn,
    account,
    name: role.RoleName,
    identity: (role.Policies ?? []).map(({ PolicyName, PolicyDocument }) => ({ name: PolicyName, policy: PolicyDocument })),
    boundary: role.PermissionsBoundary && document(role.PermissionsBoundary),
    trust: role.AssumeRolePolicyDocument,
    tags: Object.fromEntries((role.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
  }
}

function resourcePolicies(of) {
  const found = [
    ...of('AWS::S3::BucketPolicy').map(({ Properties: p }) => [`arn:aws:s3:::${p.Bucket}`, p.PolicyDocument]),
    ...of('AWS::SNS::TopicPolicy').flatMap(({ Properties: p }) => p.Topics.map((topic) => [topic, p.PolicyDocument])),
  ]
  return new Map(found)
}

function managedArn({ account, Properties: { Path = '/', ManagedPolicyName } }) {
  return `arn:aws:iam::${account}:policy${Path}${ManagedPolicyName}`
}

function asObject(content) {
  return typeof content === 'string' ? JSON.parse(content) : content
}

// What the people who answer, ask and run Firebreak can do, and what they cannot.

import { ACCOUNTS } from '../documents.mjs'
import { each } from '../words.mjs'

const ATTRIBUTES = 'announced_at answers at decision delivered doc entered_at joined joined_by more round shown shown_revision sk status what'.split(' ')

const SLOTS = 's1 s2 s3 s4 s5 slots'.split(' ')

export function people(w) {
  const here = (service, rest, region = 'eu-central-1') => ({
    arn: `arn:${w.partition}:${service}:${region}:${ACCOUNTS.security}:${rest}`,
    account: ACCOUNTS.security,
  })
  const person = (role) => w.session(`firebreak-people/${role}`, 'alice', { account: ACCOUNTS.security })
  const [analyst, operator, doctor] = ['FirebreakAnalyst', 'FirebreakOperator', 'FirebreakDoctor'].map(person)
  const lambda = (name) => here('lambda', `function:firebreak-${name}`)
  const everything = { arn: '*', account: ACCOUNTS.security }
  const [table, key] = [here('dynamodb', 'table/firebreak-ledger'), here('kms', 'key/00112233')]
  const [machine, execution] = ['stateMachine:firebreak-incident-response', 'execution:firebreak-incident-response:one'].map((one) => here('states', one))
  const [watch, restore] = ['watch', 'restore'].map((name) => here('states', `stateMachine:firebreak-${name}`))
  const through = (service) => ({ 'kms:ViaService': `${service}.eu-central-1.amazonaws.com` })
  // The key leaves it to IAM, and the simulator wants to hear that.
  const ofTheAccount = { resource: w.grantTo(`arn:${w.partition}:iam::${ACCOUNTS.security}:root`) }
  const rows = (row, attributes, more = {}) => ({ 'dynamodb:LeadingKeys': [row], ...(attributes && { 'dynamodb:Attributes': attributes }), ...more })
  const incident = (attributes, more) => rows('incident#fb-00112233445566ff', attributes, more)
  const deploy = 'target#111122223333/iam-role/deploy'
  const [url, signed] = [{ 'lambda:InvokedViaFunctionUrl': 'true' }, { 'lambda:FunctionUrlAuthType': 'AWS_IAM' }]

  /** A function at its URL, and nowhere else. */
  const atItsUrl = (who, name) => [
    { name: `finds the URL of ${name}`, who, does: 'lambda:GetFunctionUrlConfig', on: lambda(name), then: 'allowed' },
    { name: `asks ${name} at its URL`, who, does: 'lambda:InvokeFunctionUrl', on: lambda(name), using: signed, then: 'allowed' },
    { name: `asks ${name} through its URL`, who, does: 'lambda:InvokeFunction', on: lambda(name), using: url, then: 'allowed' },
    { name: `not at a URL of ${name} that asks for no signature`, who, does: 'lambda:InvokeFunctionUrl', on: lambda(name), using: { 'lambda:FunctionUrlAuthType': 'NONE' }, then: 'not allowed' },
    { name: `not ${name} directly`, who, does: 'lambda:InvokeFunction', on: lambda(name), using: { 'lambda:InvokedViaFunctionUrl': 'false' }, then: 'not allowed' },
    ...each(['$LATEST', '1'], (version) => ({
      name: `not ${name}:${version} directly`, who, does: 'lambda:InvokeFunction', on: lambda(`${name}:${version}`), using: { 'lambda:InvokedViaFunctionUrl': 'false' }, then: 'not allowed',
    })),
    { name: `not ${name} directly, as Lambda was before`, who, does: 'lambda:InvokeFunction', on: lambda(name), then: 'not allowed' },
  ]

  return [
    {
      subject: 'Analyst and approver read incidents and answer',
      given: { identity: ['people-review'] },
      cases: [
        ...each(ATTRIBUTES, (attribute) => ({
          name: `reads ${attribute} of an incident`, who: analyst, does: 'dynamodb:Query', on: table, using: incident(['pk', attribute], { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' }), then: 'allowed',
        })),
        { name: 'reads an incident and does not say `Select`', who: analyst, does: 'dynamodb:Query', on: table, using: incident(['pk', 'sk', 'doc']), then: 'allowed' },
        { name: 'reads which incident a finding joined', who: analyst, does: 'dynamodb:GetItem', on: table, using: incident(['pk', 'sk', 'joined', 'joined_by']), then: 'allowed' },
        { name: 'lists incidents', who: analyst, does: 'dynamodb:Query', on: here('dynamodb', 'table/firebreak-ledger/index/feed'), then: 'allowed' },
        { name: 'opens what it reads', who: analyst, does: 'kms:Decrypt', on: key, using: through('dynamodb'), given: ofTheAccount, then: 'allowed' },
        { name: 'not a message of the gate', who: analyst, does: 'kms:Decrypt', on: key, using: through('sqs'), given: ofTheAccount, then: 'not allowed' },
        ...each(['task_token', 'raw'], (secret) => ({
          name: `not ${secret}`, who: analyst, does: 'dynamodb:Query', on: table, using: incident(['pk', 'sk', secret]), then: 'not allowed',
        })),
        { name: 'not a whole row', who: analyst, does: 'dynamodb:GetItem', on: table, using: incident(undefined), then: 'not allowed' },
        { name: 'not all attributes', who: analyst, does: 'dynamodb:Query', on: table, using: incident(['pk'], { 'dynamodb:Select': 'ALL_ATTRIBUTES' }), then: 'not allowed' },
        { name: 'not the base of a target', who: analyst, does: 'dynamodb:GetItem', on: table, using: rows('target#one', ['pk', 'sk', 'doc']), then: 'not allowed' },
        { name: 'reads the slots of a role', who: analyst, does: 'dynamodb:GetItem', on: table, using: rows(deploy, ['pk', 'sk', ...SLOTS]), then: 'allowed' },
        ...each(['doc', 'holders', 'identity'], (attribute) => ({
          name: `not ${attribute} of a role's base`, who: analyst, does: 'dynamodb:GetItem', on: table, using: rows(deploy, ['pk', 'sk', attribute]), then: 'not allowed',
        })),
        { name: 'not a whole row of a role', who: analyst, does: 'dynamodb:GetItem', on: table, using: rows(deploy), then: 'not allowed' },
        { name: 'no slots of what is no role', who: analyst, does: 'dynamodb:GetItem', on: table, using: rows('target#111122223333/iam-user/alice', SLOTS), then: 'not allowed' },
        ...each(['PutItem', 'UpdateItem', 'DeleteItem', 'Scan'], (call) => ({
          name: `not ${call}`, who: analyst, does: `dynamodb:${call}`, on: table, using: call === 'Scan' ? {} : incident(['pk', 'sk', 'doc']), then: 'not allowed',
        })),
        ...atItsUrl(analyst, 'decide-review'),
        ...each(['quarantine-iam', 'isolate-ec2', 'isolate-ec2:prepare', 'lockdown-s3', 'lockdown-s3:recovery', 'release', 'pause', 'triage:doctor'], (name) => ({
          name: `not ${name}`, who: analyst, does: 'lambda:InvokeFunction', on: lambda(name), using: url, then: 'not allowed',
        })),
        { name: 'answers no gate itself', who: analyst, does: 'states:SendTaskSuccess', on: everything, then: 'not allowed' },
        ...each([machine, restore], (on) => ({ name: `does not start ${on.arn}`, who: analyst, does: 'states:StartExecution', on, then: 'not allowed' })),
        { name: 'reads no task token in a history', who: analyst, does: 'states:GetExecutionHistory', on: execution, then: 'not allowed' },
        { name: 'reads no task token in the queue', who: analyst, does: 'sqs:ReceiveMessage', on: here('sqs', 'firebreak-review-gate'), then: 'not allowed' },
      ],
    },
    {
      subject: 'Whoever runs doctor looks, and asks no function to act',
      given: { identity: ['people-doctor'] },
      cases: [
        { name: 'asks a function what it sees', who: doctor, does: 'lambda:InvokeFunction', on: lambda('triage:doctor'), then: 'allowed' },
        ...each(['triage', 'quarantine-iam', 'release', 'decide-review', 'triage:other', 'isolate-ec2:prepare', 'lockdown-s3:recovery', 'decide-review:$LATEST', 'pause:$LATEST'], (name) => ({
          name: `not ${name}`, who: doctor, does: 'lambda:InvokeFunction', on: lambda(name), then: 'not allowed',
        })),
        ...each(['GetFunctionConcurrency', 'GetFunctionConfiguration'], (call) => ({ name: call, who: doctor, does: `lambda:${call}`, on: lambda('triage'), then: 'allowed' })),
        ...each(['DescribeContinuousBackups', 'DescribeTable', 'DescribeTimeToLive'], (call) => ({ name: call, who: doctor, does: `dynamodb:${call}`, on: table, then: 'allowed' })),
        { name: 'reads what is paused', who: doctor, does: 'dynamodb:GetItem', on: table, using: rows('pause#all', ['pk', 'sk']), then: 'allowed' },
        { name: 'opens what it reads', who: doctor, does: 'kms:Decrypt', on: key, using: through('dynamodb'), given: ofTheAccount, then: 'allowed' },
        { name: 'not an incident', who: doctor, does: 'dynamodb:GetItem', on: table, using: incident(['pk', 'sk', 'doc']), then: 'not allowed' },
        { name: 'not a message of the gate', who: doctor, does: 'kms:Decrypt', on: key, using: through('sqs'), given: ofTheAccount, then: 'not allowed' },
        ...each([machine, watch, restore], (on) => ({ name: `DescribeStateMachine of ${on.arn}`, who: doctor, does: 'states:DescribeStateMachine', on, then: 'allowed' })),
        { name: 'no state machine of somebody else', who: doctor, does: 'states:DescribeStateMachine', on: here('states', 'stateMachine:billing'), then: 'not allowed' },
        ...each(['rule/firebreak-health', 'rule/firebreak/firebreak-health'], (rule) => ({ name: `DescribeRule of ${rule}`, who: doctor, does: 'events:DescribeRule', on: here('events', rule), then: 'allowed' })),
        { name: 'ListTargetsByRule', who: doctor, does: 'events:ListTargetsByRule', on: here('events', 'rule/firebreak-health'), then: 'allowed' },
        { name: 'GetQueueAttributes', who: doctor, does: 'sqs:GetQueueAttributes', on: here('sqs', 'firebreak-review-gate'), then: 'allowed' },
        ...each(['GetTopicAttributes', 'ListSubscriptionsByTopic'], (call) => ({ name: call, who: doctor, does: `sns:${call}`, on: here('sns', 'firebreak-notices'), then: 'allowed' })),
        { name: 'GetDetector, in every Region', who: doctor, does: 'guardduty:GetDetector', on: here('guardduty', 'detector/one', 'us-east-1'), then: 'allowed' },
        { name: 'DescribeOrganizationConfiguration, in every Region', who: doctor, does: 'guardduty:DescribeOrganizationConfiguration', on: everything, then: 'allowed' },
        { name: 'DescribeRegions', who: doctor, does: 'ec2:DescribeRegions', on: everything, then: 'allowed' },
        ...each(['ListRuleNamesByTarget', 'ListRules'], (call) => ({ name: `${call}, in every Region`, who: doctor, does: `events:${call}`, on: everything, then: 'allowed' })),
        { name: 'DescribeHub', who: doctor, does: 'securityhub:DescribeHub', on: here('securityhub', 'hub/default'), then: 'allowed' },
        ...each(['cloudwatch:DescribeAlarms', 'guardduty:ListDetectors', 'lambda:ListEventSourceMappings', 'organizations:ListAccounts', 'organizations:ListPolicies'], (call) => ({
          name: call, who: doctor, does: call, on: call === 'cloudwatch:DescribeAlarms' ? here('cloudwatch', 'alarm:firebreak-events-dlq') : everything, then: 'allowed',
        })),
        ...each(['DescribePolicy', 'ListTargetsForPolicy'], (call) => ({ name: call, who: doctor, does: `organizations:${call}`, on: w.scp('p-examplescp'), given: { resource: w.grantTo(doctor.arn) }, then: 'allowed' })),
        ...each(['states:StartExecution', 'states:StopExecution'], (call) => ({ name: `not ${call}`, who: doctor, does: call, on: call === 'states:StopExecution' ? execution : machine, then: 'not allowed' })),
      ],
    },
    {
      subject: 'An operator replays, pauses, prepares and plans recoveries',
      given: { identity: ['people-operate'] },
      cases: [
        { name: 'starts the state machine', who: operator, does: 'states:StartExecution', on: machine, then: 'allowed' },
        ...each(['DescribeExecution', 'GetExecutionHistory'], (call) => ({ name: call, who: operator, does: `states:${call}`, on: execution, then: 'allowed' })),
        { name: 'stores a large event', who: operator, does: 'dynamodb:PutItem', on: table, using: rows('event#one'), then: 'allowed' },
        ...each(['incident#one', 'target#one', 'pause#all'], (row) => ({ name: `writes no ${row}`, who: operator, does: 'dynamodb:PutItem', on: table, using: rows(row), then: 'not allowed' })),
        ...each(['CreateSampleFindings', 'GetFindings', 'ListFindings'], (call) => ({ name: call, who: operator, does: `guardduty:${call}`, on: everything, then: 'allowed' })),
        ...atItsUrl(operator, 'pause'),
        { name: 'prepares accounts', who: operator, does: 'lambda:InvokeFunction', on: lambda('isolate-ec2:prepare'), then: 'allowed' },
        { name: 'plans how lost objects come back', who: operator, does: 'lambda:InvokeFunction', on: lambda('lockdown-s3:recovery'), then: 'allowed' },
        ...each(['isolate-ec2', 'isolate-ec2:$LATEST', 'isolate-ec2:1', 'isolate-ec2:doctor', 'quarantine-iam:prepare', 'lockdown-s3', 'lockdown-s3:$LATEST', 'lockdown-s3:impact', 'release:recovery'], (name) => ({
          name: `not ${name}`, who: operator, does: 'lambda:InvokeFunction', on: lambda(name), then: 'not allowed',
        })),
      ],
    },
    {
      subject: 'An operator, with all that the role has',
      given: { identity: ['people-review', 'people-doctor', 'people-operate'] },
      cases: [
        ...each(['quarantine-iam', 'isolate-ec2', 'release', 'decide-review', 'pause', 'ingest', 'decide-review:$LATEST', 'pause:$LATEST'], (name) => ({ name: `not ${name} directly`, who: operator, does: 'lambda:InvokeFunction', on: lambda(name), then: 'not allowed' })),
        { name: 'sees the token of a gate, and cannot use it', who: operator, does: 'states:SendTaskSuccess', on: everything, then: 'not allowed' },
        { name: 'starts no restore: two persons ask for one', who: operator, does: 'states:StartExecution', on: restore, then: 'not allowed' },
        { name: 'stops no execution', who: operator, does: 'states:StopExecution', on: execution, then: 'not allowed' },
        { name: 'becomes no role of Firebreak', who: operator, does: 'sts:AssumeRole', on: w.role('firebreak/FirebreakMemberRelease'), given: { resource: w.trust(operator.principal) }, then: 'not allowed' },
      ],
    },
  ]
}

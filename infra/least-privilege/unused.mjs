// What is allowed and was never called, each with the reason why it stays allowed.

import { sameAction } from './granted.mjs'

/** Actions that only some cases of the fault sweeps call, which are a sample: a call of one makes no reason stale. */
const SAMPLED = ['s3:GetBucketLocation']

/**
 * `reasons` is role -> action -> sentence; role `*` is any role of a function, for what AWS does for all of them. Not a member role:
 * AWS does nothing with one by itself. A complaint is an action without a reason, or a reason without its action. An action that
 * several statements allow is looked at in each of them.
 */
export function unused(roles, reasons) {
  const lines = []
  const complaints = []
  const given = new Set()
  let actions = 0
  for (const [name, { calls, grants }] of [...roles].sort()) {
    const answers = calls.flatMap((call) => call.answers)
    for (const { sid, action } of grants) {
      if (answers.some(({ question, by }) => by.includes(sid) && sameAction(question.action, action))) continue
      actions += 1
      const whose = reasons[name]?.[action] || name.startsWith('FirebreakMember') ? name : '*'
      const reason = reasons[whose]?.[action]
      given.add(`${whose} ${action}`)
      lines.push(`${name.padEnd(32)} ${action.padEnd(38)} ${sid}: ${reason ?? 'no reason'}`)
      if (!reason) complaints.push(`${name}: ${action} of ${sid} is allowed, never called, and has no reason in reasons.json`)
    }
  }
  for (const [name, byAction] of Object.entries(reasons)) {
    for (const action of Object.keys(byAction)) {
      if (given.has(`${name} ${action}`)) continue
      const isAllowed = roles.get(name)?.grants.some((grant) => sameAction(grant.action, action))
      if (SAMPLED.includes(action) && isAllowed) continue
      complaints.push(`reasons.json: ${name} calls ${action}, or is not allowed to: take it out`)
    }
  }
  return { lines, actions, complaints }
}

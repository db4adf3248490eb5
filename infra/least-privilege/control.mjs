// Proves that the check can fail: without any one of the actions in use, a recorded call is not allowed any more.

import { ask, roleOf } from './ask.mjs'
import { sameAction, without } from './granted.mjs'

/** Takes each action in use out of its statement, one at a time. `complaints` are those that no recorded call misses. */
export async function takeOut(roles, world) {
  const complaints = []
  let taken = 0
  for (const [name, { calls, grants }] of roles) {
    for (const grant of grants) {
      const using = calls.flatMap((call) => call.answers.filter((answer) => uses(answer, grant)).map(({ question }) => ({ call, question })))
      if (using.length === 0) continue
      taken += 1
      if (!(await misses(using, grant, world))) complaints.push(`${name}: nobody misses ${grant.action} of ${grant.sid}`)
    }
  }
  return { taken, missed: taken - complaints.length, complaints }
}

async function misses(using, grant, world) {
  for (const { call, question } of using) {
    const { verdict } = await ask(call, question, without(roleOf(call, world), grant), world)
    if (verdict !== 'allowed') return true
  }
  return false
}

function uses({ question, by }, { sid, action }) {
  return by.includes(sid) && sameAction(question.action, action)
}

// All cases, in one partition. A case's `given` goes over that of its subject, key by key.

import { effect } from './cases/effect.mjs'
import { guard } from './cases/guard.mjs'
import { organization } from './cases/organization.mjs'
import { people } from './cases/people.mjs'
import { resourceGuard } from './cases/resource_guard.mjs'
import { sessions } from './cases/sessions.mjs'
import { ofFunctions } from './functions.mjs'
import { world } from './world.mjs'

const OF_FUNCTIONS = await ofFunctions()

export function table(partition) {
  const w = world(partition)
  return [...effect(w), ...guard(w), ...resourceGuard(w), ...sessions(w), ...organization(w), ...people(w), ...OF_FUNCTIONS.flatMap((cases) => cases(w))].map(({ subject, given, cases }) => ({
    subject,
    cases: cases.map((one) => ({ ...one, given: { ...given, ...one.given } })),
  }))
}

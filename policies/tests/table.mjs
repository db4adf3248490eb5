// All cases, in one partition. A case's `given` goes over that of its subject, key by key.

import { effect } from './cases/effect.mjs'
import { guard } from './cases/guard.mjs'
import { organization } from './cases/organization.mjs'
import { resources } from './cases/resources.mjs'
import { roles } from './cases/roles.mjs'
import { world } from './world.mjs'

export function table(partition) {
  const w = world(partition)
  return [...effect(w), ...guard(w), ...roles(w), ...resources(w), ...organization(w)].map(({ subject, given, cases }) => ({
    subject,
    cases: cases.map((one) => ({ ...one, given: { ...given, ...one.given } })),
  }))
}

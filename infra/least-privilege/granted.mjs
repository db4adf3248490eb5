// Which actions a role is given, by statement; and its policies without one of them.

/** Every action of every Allow of a role: `{ sid, action }`. */
export function grants({ arn, identity }) {
  const allows = statementsOf(identity).filter(({ Effect }) => Effect === 'Allow')
  const sids = allows.map(({ Sid }) => Sid)
  if (sids.some((sid) => !sid) || new Set(sids).size < sids.length) throw new Error(`${arn}: its Allows need a Sid each`)
  return allows.flatMap(({ Sid, Action, NotAction }) => {
    const words = list(Action)
    // A wildcard would hide what is allowed and never called.
    if (NotAction || words.some((word) => /[*?]/.test(word))) throw new Error(`${arn}: ${Sid} does not name its actions one by one`)
    return words.map((action) => ({ sid: Sid, action }))
  })
}

/** The role without one action in one statement. */
export function without(role, { sid, action }) {
  const identity = structuredClone(role.identity)
  for (const { policy } of identity) {
    policy.Statement = list(policy.Statement).flatMap((statement) => {
      if (statement.Effect !== 'Allow' || statement.Sid !== sid) return [statement]
      const rest = list(statement.Action).filter((word) => word !== action)
      return rest.length > 0 ? [{ ...statement, Action: rest }] : []
    })
  }
  return { ...role, identity: identity.filter(({ policy }) => policy.Statement.length > 0) }
}

/** Whether two names are of the same action. */
export function sameAction(one, other) {
  return one.toLowerCase() === other.toLowerCase()
}

function statementsOf(identity) {
  return identity.flatMap(({ policy }) => list(policy.Statement))
}

function list(value) {
  return value === undefined ? [] : [value].flat()
}

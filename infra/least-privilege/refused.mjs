// Calls that a test makes on purpose and that the policies must refuse.

/**
 * `{ role, actions, resource, by, sometimes, reason }`: what is refused by which statement, or without `by` because no statement allows
 * it; whether that depends on which of two functions is faster; and why the call is made at all.
 */
export class MeantToBeRefused {
  #entries

  constructor(entries) {
    this.#entries = entries.flatMap(({ actions, ...entry }) => actions.map((action) => ({ ...entry, action, seen: 0 })))
  }

  /** Whether all that is refused of a call is meant to be, by the statement that is meant to. */
  covers(roleName, { answers, count }) {
    const refused = answers.filter(({ verdict }) => verdict !== 'allowed')
    const entries = refused.map(({ question, verdict }) =>
      this.#entries.find(
        ({ role, action, resource, by }) =>
          role === roleName && action === question.action && question.resource.includes(`:${resource}`) && verdict === (by ? `denied by ${by}` : 'not allowed by the role'),
      ),
    )
    if (entries.length === 0 || entries.includes(undefined)) return false
    for (const entry of entries) entry.seen += count
    return true
  }

  /** Entries that no call is for any more. */
  get stale() {
    return this.#entries.filter(({ seen, sometimes }) => seen === 0 && !sometimes).map(({ role, action }) => `refused.json: ${role} makes no such call: ${action}`)
  }
}

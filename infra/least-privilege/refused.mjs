// Calls that a test makes on purpose and that the policies must refuse.

/** `{ role, actions, resource, by, reason }`: what is refused by which statement, and why the call is made at all. */
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
          role === roleName && action === question.action && question.resource.includes(`:${resource}`) && verdict === `denied by ${by}`,
      ),
    )
    if (entries.length === 0 || entries.includes(undefined)) return false
    for (const entry of entries) entry.seen += count
    return true
  }

  /** Entries that no call is for any more. */
  get stale() {
    return this.#entries.filter(({ seen }) => seen === 0).map(({ role, action }) => `refused.json: ${role} makes no such call: ${action}`)
  }
}

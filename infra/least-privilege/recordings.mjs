// The calls that the local AWS wrote down: see "Recorded calls" in local/README.md.

import { readFileSync, readdirSync } from 'node:fs'

// Ids that differ in every run. They are numbered within a call, so that what is the same in a call stays the same.
const DRAWN = /\b(?:fb|i|eni|sg|vol|vpc|snap)-[0-9a-f]{16,17}\b|\b[0-9a-f]{32,64}\b/g
const NOT_YET = /-0{17}$/
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

/** Every call once, with how often it was made; and the operations of which nobody knows what they need. */
export function recordedCalls(folder, deployedNames) {
  const calls = new Map()
  const unknown = new Map()
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.jsonl')).sort()) {
    for (const { line, count } of linesOf(`${folder}/${name}`, deployedNames)) {
      const entry = JSON.parse(line)
      if (entry.unknown) {
        const what = `${entry.unknown} by ${entry.principal.role}: ${entry.why}`
        unknown.set(what, (unknown.get(what) ?? 0) + count)
      } else {
        const known = calls.get(line)
        if (known) known.count += count
        else calls.set(line, { ...entry, count })
      }
    }
  }
  return { calls: [...calls.values()], unknown }
}

function linesOf(path, deployedNames) {
  const [first, ...rest] = readFileSync(path, 'utf8').split('\n')
  // The last line of a process that was killed may be half of one.
  const { local } = JSON.parse(first)
  const lines = []
  for (const line of rest.slice(0, -1)) {
    if (line.startsWith('{')) lines.push({ line: comparable(renamed(line, local, deployedNames)), count: 1 })
    else lines[Number(line)].count += 1
  }
  return lines
}

// The organization and its policy have other ids in every local AWS than in the resolved templates.
function renamed(line, local, deployedNames) {
  return Object.entries(local).reduce((text, [name, id]) => text.replaceAll(id, deployedNames[name]), line)
}

function comparable(line) {
  const ids = new Map()
  const numbered = line.replace(DRAWN, (id) => {
    if (NOT_YET.test(id)) return id
    if (!ids.has(id)) ids.set(id, String(ids.size + 1).padStart(/^[0-9a-f]{32,}$/.test(id) ? id.length : id.split('-')[1].length, '0'))
    return /^[0-9a-f]{32,}$/.test(id) ? ids.get(id) : `${id.split('-')[0]}-${ids.get(id)}`
  })
  return numbered.replace(TIME, '2026-01-01T00:00:00Z')
}

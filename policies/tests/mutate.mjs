// Takes one statement, one word of a list or one condition out of a policy, and asks whether a case of the table misses it.

import { documents } from './documents.mjs'
import { agrees, outcome } from './evaluate.mjs'
import { table } from './table.mjs'

// IAM refuses to change Identity Center's roles, and the simulator knows it: what our policies say of them is never asked.
const REFUSED_BY_IAM = 'role/aws-reserved/*'

const policies = documents('aws')
const cases = table('aws').flatMap((subject) => subject.cases)
let count = 0
let missed = 0
for (const [name, policy] of policies) {
  const using = cases.filter(({ given }) => uses(given, name))
  for (const { what, mutant } of mutations(policy)) {
    if (what.endsWith(REFUSED_BY_IAM)) continue
    count += 1
    if (await breaks(using, new Map(policies).set(name, mutant))) missed += 1
    else console.log(`  nobody misses ${name}: ${what}`)
  }
}
console.log(`${count} words, conditions and statements taken out one at a time, ${missed} missed by a case`)
process.exitCode = count > 0 && count === missed ? 0 : 1

async function breaks(cases, policies) {
  for (const one of cases) {
    const found = await outcome(one, policies).catch(() => undefined)
    if (!found || !agrees(one.then, found)) return true
  }
  return false
}

function uses({ identity = [], scps = [], rcps = [], boundary, session, resource }, name) {
  return [...identity, ...scps, ...rcps, boundary, session, resource].some((used) => used === name || used?.from === name)
}

// Without one statement, one word of a list, or one condition.
function* mutations(policy) {
  const change = (what, edit) => {
    const mutant = structuredClone(policy)
    edit(mutant.Statement)
    return { what, mutant }
  }
  for (const [s, statement] of policy.Statement.entries()) {
    const sid = statement.Sid
    // A resource control policy names its principals, everybody.
    const principal = statement.Principal && { Principal: statement.Principal }
    yield change(sid, (statements) => (statements[s] = { Sid: 'Nothing', Effect: 'Deny', ...principal, Action: 'none:None', Resource: '*' }))
    for (const part of ['Action', 'NotAction', 'Resource', 'NotResource']) {
      for (const [i, word] of lengthy(statement[part]).entries()) {
        yield change(`${sid}, ${word}`, (statements) => statements[s][part].splice(i, 1))
      }
    }
    for (const [operator, keys] of Object.entries(statement.Condition ?? {})) {
      for (const [key, values] of Object.entries(keys)) {
        yield change(`${sid}, ${operator} ${key}`, (statements) => {
          delete statements[s].Condition[operator][key]
          if (Object.keys(statements[s].Condition[operator]).length === 0) delete statements[s].Condition[operator]
        })
        for (const [i, word] of lengthy(values).entries()) {
          yield change(`${sid}, ${key} ${word}`, (statements) => statements[s].Condition[operator][key].splice(i, 1))
        }
      }
    }
  }
}

function lengthy(list) {
  return Array.isArray(list) && list.length > 1 ? list : []
}

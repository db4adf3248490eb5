// Called is allowed, and allowed is called: over all recorded calls and all roles that functions work with.
// usage: node run.mjs <folder of recorded calls> <folder of resolved templates>

import { readFileSync } from 'node:fs'
import { askAll, roleOf } from './ask.mjs'
import { takeOut } from './control.mjs'
import { deployed, deployedNames } from './deployed.mjs'
import { grants } from './granted.mjs'
import { recordedCalls } from './recordings.mjs'
import { MeantToBeRefused } from './refused.mjs'
import { unused } from './unused.mjs'

const [recorded, resolved] = process.argv.slice(2)
const found = deployed(resolved)
const world = { ...found, names: deployedNames(found) }
const { calls, unknown } = recordedCalls(recorded, world.names)
const sum = (list) => list.reduce((total, { count }) => total + count, 0)

const problems = []
// By the role's name: a member role is the same in every account.
const roles = new Map()
for (const role of world.roles.values()) if (isOfFunctions(role)) roles.set(role.name, { calls: [], grants: grants(role) })
const others = [...world.roles.values()].map(({ name }) => name).filter((name) => !roles.has(name))

const refusals = new MeantToBeRefused(beside('refused.json'))
for (const call of calls) {
  call.answers = await askAll(call, world)
  const name = roleOf(call, world)?.name
  call.verdict = call.answers.every(({ verdict }) => verdict === 'allowed') ? 'allowed' : refusals.covers(name, call) ? 'refused' : 'not'
  if (roles.has(name)) roles.get(name).calls.push(call)
  else problems.push(`${call.principal.role} in ${call.principal.account} is no deployed role of a function`)
}

showCalls()
console.log(`not looked at, for they are no roles of functions: ${others.sort().join(', ') || 'none'}`)
const { lines, actions, complaints } = unused(roles, beside('reasons.json'))
console.log('\nAllowed, never called')
for (const line of lines) console.log(`  ${line}`)
const control = await takeOut(roles, world)
problems.push(...refusals.stale, ...complaints, ...control.complaints)
for (const [what, count] of unknown) problems.push(`unknown to local/firebreak_local/authorization: ${what} (${count} times)`)

console.log(`\n${control.taken} actions in use taken out of the roles one at a time, ${control.missed} missed by a recorded call`)
for (const problem of problems) console.log(`FAIL ${problem}`)
const [allowed, refused] = ['allowed', 'refused'].map((one) => sum(calls.filter(({ verdict }) => verdict === one)))
const total = sum(calls) + [...unknown.values()].reduce((all, count) => all + count, 0)
const meant = refused > 0 ? `, ${refused} refused as they must be` : ''
const reasoned = complaints.length === 0 ? ', each with a reason' : ''
console.log(`\n${total} calls recorded, ${allowed} allowed${meant}; ${actions} actions allowed but never called${reasoned}`)
process.exitCode = total > 0 && allowed + refused === total && control.taken > 0 && problems.length === 0 ? 0 : 1

function beside(name) {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
}

// A function's own role, or one of a member account. The others are for AWS services and people.
function isOfFunctions({ name, trust }) {
  const services = [trust.Statement].flat().flatMap(({ Principal }) => [Principal?.Service ?? []].flat())
  return name.startsWith('FirebreakMember') || services.includes('lambda.amazonaws.com')
}

function showCalls() {
  const row = (name, figures) => console.log(name.padEnd(34) + figures.map((figure) => String(figure).padStart(10)).join(''))
  row('role', ['calls', 'distinct', 'allowed', 'refused', 'not'])
  for (const [name, { calls }] of [...roles].sort()) {
    const by = (wanted) => sum(calls.filter(({ verdict }) => verdict === wanted))
    row(name, [sum(calls), calls.length, by('allowed'), by('refused'), by('not')])
  }
  const alike = new Map()
  for (const call of calls.filter(({ verdict }) => verdict === 'not')) alike.set(kind(call), [...(alike.get(kind(call)) ?? []), call])
  for (const [what, list] of alike) problems.push(`${what} (${sum(list)} calls, ${list.length} distinct), such as:${example(list[0])}`)
}

function refusedQuestions({ answers }) {
  return answers.filter(({ verdict }) => verdict !== 'allowed')
}

function kind(call) {
  const each = refusedQuestions(call).map(({ question, verdict }) => `${question.action} ${verdict}`)
  return `${call.principal.role}, ${call.operation}: ${[...new Set(each)].join('; ')}`
}

function example(call) {
  const each = refusedQuestions(call).map(({ question }) => `${question.action} on ${question.resource} with ${JSON.stringify(question.context)}`)
  return each.map((line) => `\n       ${line}`).join('')
}

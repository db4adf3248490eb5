// Runs the table in every partition: one line per case, grouped by subject. Ends with 1 when a case is not as the table says.

import { documents } from './documents.mjs'
import { agrees, outcome, words } from './evaluate.mjs'
import { table } from './table.mjs'

const PARTITIONS = ['aws', 'aws-us-gov', 'aws-cn']

const worlds = PARTITIONS.map((partition) => ({ partition, policies: documents(partition), subjects: table(partition) }))
let count = 0
let passed = 0
for (const [s, { subject, cases }] of worlds[0].subjects.entries()) {
  console.log(`\n${subject}`)
  for (const [c, { row, name, then }] of cases.entries()) {
    const wrong = []
    for (const { partition, policies, subjects } of worlds) {
      const found = await outcome(subjects[s].cases[c], policies).catch((error) => ({ verdict: error.message, by: [] }))
      if (!agrees(then, found)) wrong.push(`${partition}: ${words(found)}`)
    }
    count += 1
    passed += wrong.length === 0 ? 1 : 0
    const mark = wrong.length === 0 ? 'ok  ' : 'FAIL'
    console.log(`  ${mark} ${(row ? `row ${row}` : '').padEnd(6)} ${name}: ${then}${wrong.length > 0 ? `, but ${wrong.join('; ')}` : ''}`)
  }
}
console.log(`\n${count} cases, ${passed} passed`)
process.exitCode = count > 0 && count === passed ? 0 : 1

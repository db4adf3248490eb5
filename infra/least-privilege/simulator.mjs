// The simulator of policies/tests, and what of it is used here.

import { createRequire } from 'node:module'

const require = createRequire(new URL('../../policies/tests/package.json', import.meta.url))

export const { runSimulation } = require('@cloud-copilot/iam-simulate')

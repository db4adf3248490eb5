// The cases of each function's roles: they stand in the function's folder.

import { existsSync, readdirSync } from 'node:fs'

const FUNCTIONS = new URL('../../functions/', import.meta.url)

/** The cases of every folder that has some. */
export async function ofFunctions() {
  const files = readdirSync(FUNCTIONS).sort().map((name) => new URL(`${name}/policy-cases.mjs`, FUNCTIONS))
  return Promise.all(files.filter((file) => existsSync(file)).map(async (file) => (await import(file)).cases))
}

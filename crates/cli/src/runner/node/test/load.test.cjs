// How a function is found and loaded, and what is said when it cannot be.
'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const { test } = require('node:test')
const { MAJOR, start } = require('./support/worker.cjs')

// Node awaits at the top of a module from version 14 on.
const skip = MAJOR < 14

const MODULE = '{"type":"module","main":"index.js"}'

const FUNCTIONS = {
  'index.js': { 'index.js': 'exports.main = () => 1', 'package.json': '{"main":"other.js"}', 'other.js': '' },
  'main of package.json': { 'package.json': '{"main":"lib/app"}', 'lib/app.js': 'exports.main = async () => 1' },
  'an ES module with a named main': { 'package.json': MODULE, 'index.js': 'export const main = () => 1' },
  'an ES module with a default object': { 'package.json': MODULE, 'index.js': 'export default { main: () => 1 }' },
  'index.mjs': { 'index.mjs': 'export async function main () { return 1 }' },
  'an ES module that awaits': { 'index.mjs': 'const one = await Promise.resolve(1); export const main = () => one' },
  'an ES module as main': { 'package.json': '{"main":"app.mjs"}', 'app.mjs': 'export const main = () => 1' }
}

for (const [name, files] of Object.entries(FUNCTIONS)) {
  test(`loads ${name}`, { skip: skip && name.includes('awaits') }, async (t) => {
    const worker = await start(t, files)
    assert.equal(await worker.result(), 1)
  })
}

test('main is called on its exports', async (t) => {
  const worker = await start(t, 'exports.one = 1; exports.main = function () { return this.one }')
  assert.equal(await worker.result(), 1)
})

async function failure (t, files) {
  const worker = await start(t, files)
  const first = await worker.error()
  assert.deepEqual(await worker.error(), first)
  assert.equal(first.errorCode, 1)
  assert.equal(typeof first.stackTrace, 'string')
  return { message: first.errorMessage, folder: worker.folder }
}

test('a package that is listed but not installed', async (t) => {
  const { message, folder } = await failure(t, {
    'package.json': '{"dependencies":{"@scope/tool":"1"}}',
    'index.js': 'require("@scope/tool/deep")'
  })
  assert.equal(message, `Cannot find module '@scope/tool': run \`npm install\` in ${folder}`)
})

test('a package that is not even listed', async (t) => {
  const { message, folder } = await failure(t, 'require("lodash/fp")')
  assert.equal(message, `Cannot find module 'lodash': run \`npm install lodash\` in ${folder}`)
})

test('a package that an ES module misses', async (t) => {
  const { message, folder } = await failure(t, { 'index.mjs': 'import "lodash"' })
  assert.equal(message, `Cannot find module 'lodash': run \`npm install lodash\` in ${folder}`)
})

test('a file of the function itself that is missing', async (t) => {
  const { message, folder } = await failure(t, 'require("./helper")')
  assert.equal(message, `${path.join(folder, 'index.js')} cannot be loaded: Error: Cannot find module './helper'`)
})

test('a syntax error, with its line', async (t) => {
  const { message, folder } = await failure(t, 'exports.main = 1\nconst = 2\n')
  assert.equal(message, `${path.join(folder, 'index.js')}:2 cannot be loaded: SyntaxError: Unexpected token '='`)
})

test('an error at the top', async (t) => {
  const { message, folder } = await failure(t, 'null.x')
  assert.match(message, /index\.js cannot be loaded: TypeError: Cannot read property|index\.js cannot be loaded: TypeError: Cannot read properties/)
  assert.ok(message.startsWith(folder))
})

test('something else than an error thrown at the top', async (t) => {
  const { message, folder } = await failure(t, 'throw "text"')
  assert.equal(message, `${path.join(folder, 'index.js')} cannot be loaded: text`)
})

test('whatever is thrown at the top is left as it is', async (t) => {
  const frozen = await failure(t, 'throw Object.freeze(new RangeError("no luck"))')
  assert.equal(frozen.message, `${path.join(frozen.folder, 'index.js')} cannot be loaded: RangeError: no luck`)
  const bare = await failure(t, 'throw Object.freeze({ code: 7, __proto__: null })')
  assert.equal(bare.message, `${path.join(bare.folder, 'index.js')} cannot be loaded: [Object: null prototype] { code: 7 }`)
})

test('an error in the getter of main', async (t) => {
  const { message, folder } = await failure(t, 'Object.defineProperty(exports, "main", { get () { throw new Error("not yet") } })')
  assert.equal(message, `${path.join(folder, 'index.js')} cannot be loaded: Error: not yet`)
})

test('no main', async (t) => {
  const { message, folder } = await failure(t, 'exports.handler = () => 1')
  const file = path.join(folder, 'index.js')
  assert.equal(message, `${file} exports no function "main": write exports.main = async (event, context) => { … }`)
})

test('no file to load', async (t) => {
  const { message, folder } = await failure(t, { 'package.json': '{"main":"gone.js"}' })
  assert.equal(message, `there is no index.js in ${folder}, and no file that "main" of package.json names`)
})

test('a module that never finishes loading', { skip }, async (t) => {
  const worker = await start(t, { 'index.mjs': 'await new Promise(() => {}); export const main = () => 1' })
  const { code, stderr } = await worker.ended
  assert.equal(code, 1)
  assert.equal(stderr, 'the function never finishes loading\n')
})

// A function under Node's debugger.
'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { test } = require('node:test')
const { NODE, serve, start } = require('./support/worker.cjs')

const inspect = (t, source, port) => start(t, source, {
  options: [`--inspect=127.0.0.1:${port}`], env: { CLOUDCALL_INSPECT: '1' }
})

/** Waits until the output has this, and gives the match. */
async function shown (output, name, pattern) {
  for (;;) {
    const match = pattern.exec(output[name])
    if (match) return match
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Node's own debugger at this address; `command` gives where the function then is. */
function attach (t, address) {
  const child = spawn(NODE, ['inspect', address], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const output = { stdout: '' }
  child.stdout.on('data', (chunk) => { output.stdout += chunk })
  return {
    place: async () => (await shown(output, 'stdout', /break in (\S+:\d+)\n[^]*debug> /i))[1],
    command (line) {
      output.stdout = ''
      child.stdin.write(`${line}\n`)
    }
  }
}

test('a debugger is awaited, and stops right before the first call', { timeout: 30000 }, async (t) => {
  const worker = await inspect(t, `
    console.log('loading')
    exports.main = async () => {
      return 'CLOUDCALL_INSPECT' in process.env
    }`, 0)
  const [, address] = await shown(worker.output, 'stderr', /listening on ws:\/\/([^/]+)[^]*\nwaiting for a debugger\n/)
  assert.doesNotMatch(worker.output.stderr, /loading/)
  assert.deepEqual(worker.asked, [])

  const result = worker.result()
  const { place, command } = attach(t, address)
  assert.match(await place(), /invocation\.cjs:/)
  command('next')
  assert.match(await place(), /invocation\.cjs:/)
  command('step')
  assert.match(await place(), /index\.js:4$/)
  command('cont')
  assert.equal(await result, false)
  assert.equal(await worker.result(), false)
})

test('a port that is in use', async (t) => {
  const server = await serve(t, () => {})
  const worker = await inspect(t, 'exports.main = () => 1', server.address().port)
  const { code, stderr } = await worker.ended
  assert.equal(code, 1)
  assert.match(stderr, /\nthe debugger's port is in use: choose another with --inspect=PORT\n$/)
  assert.deepEqual(worker.asked, [])
})

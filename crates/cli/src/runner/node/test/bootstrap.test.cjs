// The loop of a function: events in, results and errors out.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { start } = require('./support/worker.cjs')

test('serves one event after the other', async (t) => {
  const worker = await start(t, 'let calls = 0; exports.main = async (event) => ({ got: event, calls: ++calls })')
  assert.deepEqual(await worker.result({ a: 1 }), { got: { a: 1 }, calls: 1 })
  assert.deepEqual(await worker.result([2]), { got: [2], calls: 2 })
  await worker.end()
  assert.deepEqual(worker.asked.slice(0, 5), [
    'POST init/ready [ ]',
    'GET invocation/next []',
    'POST invocation/response [{"got":{"a":1},"calls":1}]',
    'GET invocation/next []',
    'POST invocation/response [{"got":[2],"calls":2}]'
  ])
})

test('takes the next event with the answer to its result, where that is offered', async (t) => {
  const answer = (name) => (name === 'invocation/response' && large ? 413 : 200)
  let large = false
  const worker = await start(t, `
    exports.main = async (event) => {
      if (event.fail) throw new Error('no')
      return event
    }`, { offersNext: true, answer })
  assert.equal(await worker.result('1', { request_id: 'a' }), 1)
  await worker.error({ fail: true }, { request_id: 'b' })
  large = true
  assert.match((await worker.error('2', { request_id: 'c' })).errorMessage, /with HTTP 413: $/)
  large = false
  assert.equal(await worker.result('3', { request_id: 'd', 'cloudcall-next': 'no' }), 3)
  assert.equal(await worker.result('4', { request_id: 'e' }), 4)
  assert.deepEqual(worker.accepted, ['a', 'b', 'c', 'e'])
  assert.equal(worker.asked.filter((it) => it === 'GET invocation/next []').length, 2)
  assert.equal((await worker.end()).code, 1)
})

test('ends when the runtime API goes away', async (t) => {
  const worker = await start(t, 'setInterval(() => {}, 1000); exports.main = () => 1')
  assert.equal(await worker.result(), 1)
  const { code, stderr } = await worker.end()
  assert.equal(code, 1)
  assert.match(stderr, /^the runtime API: /)
})

test('says so when nobody runs it', async (t) => {
  const worker = await start(t, 'exports.main = () => 1', { env: { SCF_RUNTIME_API_PORT: '' } })
  const { code, stderr } = await worker.ended
  assert.equal(code, 1)
  assert.equal(stderr, 'the runtime API: SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are not set\n')
})

test('results become JSON as on the platform', async (t) => {
  const worker = await start(t, `
    const results = {
      nothing: undefined, nil: null, text: '文', number: NaN, code: () => {},
      buffer: { buffer: Buffer.from([255, 0]) }, date: new Date(0), error: Object.assign(new Error('m'), { errCode: 1 })
    }
    exports.main = async ({ name }) => results[name]`)
  const json = async (name) => (await worker.post({ name }))[1]
  assert.equal(await json('nothing'), 'null')
  assert.equal(await json('nil'), 'null')
  assert.equal(await json('text'), '"文"')
  assert.equal(await json('number'), 'null')
  assert.equal(await json('code'), 'null')
  assert.equal(await json('buffer'), '{"buffer":{"type":"Buffer","data":[255,0]}}')
  assert.equal(await json('date'), '"1970-01-01T00:00:00.000Z"')
  assert.equal(await json('error'), '{"errCode":1}')
})

test('a result that cannot be JSON is an error', async (t) => {
  const worker = await start(t, `
    exports.main = async ({ big }) => {
      const cycle = {}
      return big ? { n: BigInt(1) } : (cycle.self = cycle)
    }`)
  const big = await worker.error({ big: true })
  assert.equal(big.errorCode, 1)
  assert.equal(big.errorMessage, "the function's result cannot be JSON: Do not know how to serialize a BigInt")
  const cycle = await worker.error({ big: false })
  assert.match(cycle.errorMessage, /^the function's result cannot be JSON: Converting circular structure/)
})

test('a result that is refused is an error', async (t) => {
  const answer = (name) => (name === 'invocation/response' ? 413 : 200)
  const worker = await start(t, 'exports.main = () => "large"', { answer })
  const { errorMessage } = await worker.error()
  assert.equal(errorMessage, 'the runtime API answered invocation/response with HTTP 413: ')
})

test('callbacks work, sync and async, and the first outcome counts', { timeout: 30000 }, async (t) => {
  const worker = await start(t, `
    const handlers = {
      now: (event, context, callback) => { callback(null, 1) },
      later: (event, context, callback) => { setTimeout(callback, 1, null, 2) },
      fails: (event, context, callback) => { callback(new Error('no')) },
      twice: (event, context, callback) => { callback(undefined, 3); callback(null, 4) },
      before: async (event, context, callback) => { callback(null, 5); return 6 },
      after: async (event, context, callback) => { setImmediate(callback, null, 7); return 8 },
      ignored: (event, context, callback) => ({ value: 9 }),
      silent: (event, context, callback) => {},
      timer: (event, context, callback) => setTimeout(callback, 1, null, 10)
    }
    exports.main = (event, context, callback) => handlers[event](event, context, callback)`)
  assert.equal(await worker.result('"now"'), 1)
  assert.equal(await worker.result('"later"'), 2)
  assert.match((await worker.error('"fails"')).stackTrace, /^Error: no\n    at /)
  assert.equal(await worker.result('"twice"'), 3)
  assert.equal(await worker.result('"before"'), 5)
  assert.equal(await worker.result('"after"'), 8)
  assert.deepEqual(await worker.result('"ignored"'), { value: 9 })
  assert.equal(await worker.result('"silent"'), null)
  assert.equal(await worker.result('"timer"'), 10)
})

test('a callback works that the handler does not declare', async (t) => {
  const worker = await start(t, `
    const handlers = {
      rest: (...[, , callback]) => { setTimeout(callback, 1, null, 1) },
      arguments: function () { setTimeout(arguments[2], 1, null, 2) },
      fails: (...[, , callback]) => { setTimeout(callback, 1, new Error('no')) },
      nothing: () => { setTimeout(() => {}, 1) },
      nil: () => { setTimeout(() => { throw new Error('late') }, 1); return null }
    }
    exports.main = function () { return handlers[arguments[0]](...arguments) }`)
  assert.equal(await worker.result('"rest"'), 1)
  assert.equal(await worker.result('"arguments"'), 2)
  assert.match((await worker.error('"fails"')).stackTrace, /^Error: no\n/)
  assert.equal(await worker.result('"nothing"'), null)
  assert.equal(await worker.result('"nil"'), null)
})

test('a plain return value needs no promise', async (t) => {
  const worker = await start(t, 'exports.main = (event) => event.a + event.b')
  assert.equal(await worker.result({ a: 1, b: 2 }), 3)
})

test('a promise that nothing can settle is an error, and the next event is served', async (t) => {
  const worker = await start(t, 'exports.main = (event) => event.wait ? new Promise(() => {}) : 1')
  const { stackTrace } = await worker.error({ wait: true })
  assert.match(stackTrace, /^Error: the function waits for something that never happens/)
  assert.equal(await worker.result({}), 1)
})

test('whatever is thrown is reported in the platform\'s form', async (t) => {
  const worker = await start(t, `
    class CloudSDKError extends Error {
      get message () { return 'errCode: ' + this.errCode + ' | errMsg: ' + this.errMsg }
      set message (text) { this.errMsg = text }
    }
    const thrown = {
      error: new RangeError('out'),
      sdk: Object.assign(new CloudSDKError(), { errCode: -604101, errMsg: 'system error: error code: -604101' }),
      text: 'just text', object: { code: 7 }, nothing: undefined, bare: Object.create(null),
      textless: { stack: 's', __proto__: null },
      hostile: new Proxy({}, { get () { throw new Error('hands off') } })
    }
    exports.main = (event) => {
      if (event.sync) throw thrown[event.name]
      return Promise.reject(thrown[event.name])
    }`)
  for (const sync of [true, false]) {
    const trace = async (name) => {
      const { errorCode, errorMessage, stackTrace, ...others } = await worker.error({ sync, name })
      assert.equal(errorCode, 1)
      assert.equal(errorMessage, 'user code exception caught')
      assert.deepEqual(others, {})
      return stackTrace
    }
    assert.match(await trace('error'), /^RangeError: out\n    at .*index\.js/)
    assert.match(await trace('sdk'), /^Error: errCode: -604101 \| errMsg: system error: error code: -604101\n    at .*index\.js/)
    assert.equal(await trace('text'), 'just text')
    assert.equal(await trace('object'), '{ code: 7 }')
    assert.equal(await trace('nothing'), 'undefined')
    assert.equal(await trace('bare'), '[Object: null prototype] {}')
    assert.equal(await trace('textless'), "[Object: null prototype] { stack: 's' }")
    if (sync) assert.equal(await trace('hostile'), '{}')
  }
})

test('an error outside of the promise is the error of the invocation that runs', async (t) => {
  const worker = await start(t, `
    exports.main = ({ how }) => new Promise((resolve) => {
      setTimeout(() => {}, 1000)
      if (how === 'throw') setImmediate(() => { throw new Error('thrown') })
      if (how === 'reject') Promise.reject(new Error('rejected'))
      if (how === 'fine') resolve('fine')
    })`)
  assert.match((await worker.error({ how: 'throw' })).stackTrace, /^Error: thrown\n/)
  assert.match((await worker.error({ how: 'reject' })).stackTrace, /^Error: rejected\n/)
  assert.equal(await worker.result({ how: 'fine' }), 'fine')
})

test('an error after the result is printed, and ends nothing', async (t) => {
  const worker = await start(t, `
    let late
    exports.main = ({ wait }) => {
      if (wait) return late
      late = new Promise((resolve) => setImmediate(() => { resolve('after it'); throw new Error('late') }))
      return 'at once'
    }`)
  assert.equal(await worker.result({}), 'at once')
  assert.equal(await worker.result({ wait: true }), 'after it')
  const { stderr } = await worker.end()
  assert.match(stderr, /outside of any invocation: Error: late\n    at /)
})

test('all that is printed goes to stderr, in order', async (t) => {
  const worker = await start(t, `
    console.log('loading')
    exports.main = async () => {
      console.log('one %d', 1)
      console.error('two')
      process.stdout.write('three\\n')
      console.table([{ a: 1 }])
      console.info({ four: 4 })
    }`)
  await worker.result()
  const { stdout, stderr } = await worker.end()
  assert.equal(stdout, '')
  assert.match(stderr, /^loading\none 1\ntwo\nthree\n[^]*│[^]*\{ four: 4 \}\n/)
})

// More than a pipe or a socket holds.
const FLOOD = `
  const flood = () => { for (let line = 0; line < 32768; line++) console.log(String(line).padStart(63)) }`

function assertWhole (output) {
  assert.equal(output.length, 2 * 1024 * 1024)
  output.trimEnd().split('\n').forEach((line, index) => assert.equal(Number(line), index))
}

test('what was printed before the answer is there when the worker is killed for it', async (t) => {
  const worker = await start(t, `${FLOOD}; exports.main = () => { flood(); return 'done' }`)
  assert.equal(await worker.result(), 'done')
  assertWhole((await worker.kill()).stderr)
})

test('what was printed before the function exits is there', async (t) => {
  const worker = await start(t, `${FLOOD}; exports.main = () => { flood(); process.exit(3) }`)
  await assert.rejects(worker.post({}), /the worker ended/)
  const { code, stderr } = await worker.ended
  assert.equal(code, 3)
  assertWhole(stderr)
})

test('the loop does not depend on what the function makes of http', async (t) => {
  const worker = await start(t, `
    const http = require('http')
    http.request = http.get = () => { throw new Error('mocked') }
    http.ClientRequest = http.Agent = undefined
    process.exit = () => {}
    exports.main = () => 1`)
  assert.equal(await worker.result(), 1)
  assert.equal(await worker.result(), 1)
  assert.equal((await worker.end()).code, 1)
})

// What a function is told: its event and its context.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { start } = require('./support/worker.cjs')

test('the context has what the platform lists', async (t) => {
  const source = `exports.main = (event, context) => ({
    ...context, left: context.getRemainingTimeInMillis(), kind: typeof context.getRemainingTimeInMillis
  })`
  const worker = await start(t, source, {
    env: {
      SCF_FUNCTIONNAME: 'f', SCF_NAMESPACE: 'e-1', TCB_ENV: 'e-1', TENCENTCLOUD_SECRETKEY: 'k', OTHER: 'x',
      WX_CONTEXT_KEYS: 'WX_OPENID', WX_OPENID: 'o', WX_UNLISTED: 'u'
    }
  })
  const headers = { memory_limit_in_mb: 512, time_limit_in_ms: 20000 }
  const { left, environment, ...context } = await worker.result({}, headers)
  assert.deepEqual(context, {
    callbackWaitsForEmptyEventLoop: true,
    kind: 'function',
    memory_limit_in_mb: 512,
    time_limit_in_ms: 20000,
    request_id: 'r-1',
    environ: 'SCF_NAMESPACE=e-1;TCB_ENV=e-1;WX_CONTEXT_KEYS=WX_OPENID;WX_OPENID=o',
    function_version: '$LATEST',
    function_name: 'f',
    namespace: 'e-1'
  })
  assert.equal(typeof environment, 'string')
  assert.deepEqual(JSON.parse(environment), {
    SCF_NAMESPACE: 'e-1', TCB_ENV: 'e-1', WX_CONTEXT_KEYS: 'WX_OPENID', WX_OPENID: 'o'
  })
  assert.ok(left > 0 && left <= 20000, left)
})

test('no time is left beyond the limit', async (t) => {
  const worker = await start(t, 'exports.main = (event, context) => context.getRemainingTimeInMillis()')
  assert.equal(await worker.result({}, { time_limit_in_ms: 0 }), 0)
})

test('the token is for the SDK, and not in the context', async (t) => {
  const worker = await start(t, 'exports.main = (event, context) => ({ context, token: process.env.WX_API_TOKEN })', {
    env: { WX_API_TOKEN: 's3cret', WX_CONTEXT_KEYS: 'WX_API_TOKEN,WX_OPENID', WX_OPENID: '文' }
  })
  const { context, token } = await worker.result()
  assert.equal(token, 's3cret')
  assert.equal(context.environ, 'WX_CONTEXT_KEYS=WX_API_TOKEN,WX_OPENID;WX_OPENID=文')
  assert.deepEqual(JSON.parse(context.environment), { WX_CONTEXT_KEYS: 'WX_API_TOKEN,WX_OPENID', WX_OPENID: '文' })
})

test('the event says who called', async (t) => {
  const echo = (env) => start(t, 'exports.main = (event) => event', { env })
  const caller = await echo({ WX_APPID: 'wx1', WX_OPENID: 'o1' })
  const userInfo = { appId: 'wx1', openId: 'o1' }
  assert.deepEqual(await caller.result({ a: 1 }), { a: 1, userInfo })
  assert.deepEqual(await caller.result({ userInfo: { openId: 'o2', unionId: 'u' } }), { userInfo: { ...userInfo, unionId: 'u' } })
  for (const other of ['text', ['x'], 3, true, null]) {
    assert.deepEqual(await caller.result({ userInfo: other }), { userInfo })
  }
  for (const event of [[1], 'text', 3, null]) {
    assert.deepEqual(await caller.result(JSON.stringify(event)), event)
  }
  const app = await echo({ WX_APPID: 'wx1' })
  assert.deepEqual(await app.result({ userInfo: { openId: 'o2' } }), { userInfo: { appId: 'wx1', openId: 'o2' } })
  const nobody = await echo({})
  assert.deepEqual(await nobody.result({ a: 1, userInfo: 'text' }), { a: 1, userInfo: 'text' })
})

test('each invocation has its own caller', async (t) => {
  const source = `exports.main = (event) => [event.userInfo, process.env.WX_OPENID, process.env.WX_UNIONID,
    process.env.WX_CONTEXT_KEYS, process.env.TRIGGER_SRC]`
  const worker = await start(t, source, { env: { WX_OPENID: 'of the start', WX_UNIONID: 'u' } })
  const call = (variables) => worker.result({}, { 'cloudcall-caller': JSON.stringify(variables) })
  const told = { WX_OPENID: 'o1', WX_CONTEXT_KEYS: 'WX_OPENID', TRIGGER_SRC: 'timer' }
  assert.deepEqual(await call(told), [{ openId: 'o1' }, 'o1', null, 'WX_OPENID', 'timer'])
  assert.deepEqual(await call({ WX_APPID: 'wx1' }), [{ appId: 'wx1' }, null, null, null, null])
  assert.deepEqual(await call({}), [null, null, null, null, null])
})

test('what a function makes of its environment is not taken for the caller', async (t) => {
  const names = ['WX_APPID', 'WX_OPENID', 'WX_CONTEXT_KEYS', 'TRIGGER_SRC', 'TCB_ENV']
  const source = `exports.main = ({ userInfo, write, names }, { environment }) => {
    const seen = names.map((name) => process.env[name])
    if (write) for (const name of names) process.env[name] = 'written'
    else for (const name of names) delete process.env[name]
    return [userInfo, seen, JSON.parse(environment)]
  }`
  const worker = await start(t, source, { env: { TCB_ENV: 'e-1' } })
  const call = (variables, write) => {
    return worker.result({ names, write }, { 'cloudcall-caller': JSON.stringify(variables) })
  }
  const keys = { WX_CONTEXT_KEYS: 'WX_APPID,WX_OPENID' }
  const first = { WX_APPID: 'wx1', WX_OPENID: 'o1', TRIGGER_SRC: 'timer', ...keys }
  const shown = (caller) => ({ TCB_ENV: 'e-1', ...caller })
  // The same caller again, after each way to spoil what it was told.
  for (const [write, own] of [[true, 'e-1'], [false, 'written'], [true, null]]) {
    assert.deepEqual(await call(first, write), [
      { appId: 'wx1', openId: 'o1' }, ['wx1', 'o1', keys.WX_CONTEXT_KEYS, 'timer', own], shown(first)
    ])
  }
  const second = { WX_APPID: 'wx1', ...keys }
  assert.deepEqual(await call(second, false), [
    { appId: 'wx1' }, ['wx1', null, keys.WX_CONTEXT_KEYS, null, 'written'], shown(second)
  ])
})

test('each event has a caller of its own to write to', async (t) => {
  const source = `exports.main = ({ userInfo }) => {
    const openId = userInfo.openId
    userInfo.openId = 'written'
    return openId
  }`
  const worker = await start(t, source, { env: { WX_OPENID: 'o1' } })
  assert.equal(await worker.result(), 'o1')
  assert.equal(await worker.result(), 'o1')
})

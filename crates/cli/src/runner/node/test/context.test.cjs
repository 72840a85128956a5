// What a function is told: its environment, its event, its context.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { start, variables } = require('./support/worker.cjs')

test('the context has what the platform lists', async (t) => {
  const source = `exports.main = (event, context) => ({
    ...context, left: context.getRemainingTimeInMillis(), kind: typeof context.getRemainingTimeInMillis
  })`
  const worker = await start(t, source, {
    env: { SCF_FUNCTIONNAME: 'f', SCF_NAMESPACE: 'e-1', TCB_ENV: 'e-1', TENCENTCLOUD_SECRETKEY: 'k', OTHER: 'x' }
  })
  const headers = { memory_limit_in_mb: 512, time_limit_in_ms: 20000, ...variables({ WX_OPENID: 'o' }) }
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

const SHOWS_ENVIRONMENT = `exports.main = () => {
  const names = Object.keys(process.env).filter((name) => name.startsWith('WX_'))
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}`

test('the variables of an invocation are gone in the next', async (t) => {
  const worker = await start(t, SHOWS_ENVIRONMENT, {
    env: { WX_API_TOKEN: 'token', WX_CONTEXT_KEYS: 'WX_API_TOKEN', WX_SETTING: 'of the function' }
  })
  const always = { WX_API_TOKEN: 'token', WX_SETTING: 'of the function' }
  assert.deepEqual(await worker.result({}, variables({ WX_OPENID: 'o', WX_SETTING: 'other' })), {
    ...always, WX_OPENID: 'o', WX_SETTING: 'other', WX_CONTEXT_KEYS: 'WX_API_TOKEN,WX_OPENID,WX_SETTING'
  })
  assert.deepEqual(await worker.result({}, variables({ WX_UNIONID: '文' })), {
    ...always, WX_UNIONID: '文', WX_CONTEXT_KEYS: 'WX_API_TOKEN,WX_UNIONID'
  })
  assert.deepEqual(await worker.result({}), { ...always, WX_CONTEXT_KEYS: 'WX_API_TOKEN' })
})

test('the event says who called', async (t) => {
  const worker = await start(t, 'exports.main = (event) => event')
  const caller = variables({ WX_APPID: 'wx1', WX_OPENID: 'o1' })
  assert.deepEqual(await worker.result({ a: 1 }, caller), { a: 1, userInfo: { appId: 'wx1', openId: 'o1' } })
  assert.deepEqual(await worker.result({ userInfo: { openId: 'o2' } }, variables({ WX_APPID: 'wx1' })), {
    userInfo: { appId: 'wx1', openId: 'o2' }
  })
  assert.deepEqual(await worker.result({ a: 1 }), { a: 1 })
  for (const event of [[1], 'text', 3, null]) {
    assert.deepEqual(await worker.result(JSON.stringify(event), caller), event)
  }
})

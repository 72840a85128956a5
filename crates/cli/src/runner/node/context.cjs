// What a function is told about an invocation: its event and its context.
'use strict'

const { performance } = require('perf_hooks')

// The platform's variables, which it also puts into the context.
const OF_PLATFORM = [
  'SCF_NAMESPACE', 'TCB_CONTEXT_KEYS', 'TCB_ENV', 'TCB_SOURCE', 'TENCENTCLOUD_REGION',
  'TENCENTCLOUD_RUNENV', 'TRIGGER_SRC', 'WX_CONTEXT_KEYS'
]

// The function's token: the SDK reads it from the environment, and a logged context must not show it.
const SECRET = 'WX_API_TOKEN'

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the context shows of the environment: the caller's variables are those of WX_CONTEXT_KEYS. */
function shownEnvironment () {
  const keys = (process.env.WX_CONTEXT_KEYS || '').split(',')
  const shown = {}
  for (const name of [...OF_PLATFORM, ...keys].sort()) {
    if (name !== SECRET && process.env[name] !== undefined) shown[name] = process.env[name]
  }
  return shown
}

/** Says in the event who called, as WeChat does. */
function withCaller (event) {
  const { WX_APPID: appId, WX_OPENID: openId } = process.env
  if (!isObject(event) || (appId === undefined && openId === undefined)) return event
  const caller = {}
  if (appId !== undefined) caller.appId = appId
  if (openId !== undefined) caller.openId = openId
  return { ...event, userInfo: { ...(isObject(event.userInfo) ? event.userInfo : {}), ...caller } }
}

// What this process was told of a caller, so that the next one does not inherit it.
let told = ['TRIGGER_SRC', 'WX_APPID', 'WX_OPENID', 'WX_UNIONID']

/** Sets the variables that say who calls, and why: those of the caller before go. */
function meet (caller) {
  if (caller === undefined) return
  const variables = JSON.parse(caller)
  for (const name of told) delete process.env[name]
  Object.assign(process.env, variables)
  told = Object.keys(variables)
}

/** The event and the context for the handler. */
function prepare ({ headers, text }) {
  meet(headers['cloudcall-caller'])
  const started = performance.now()
  const limit = Number(headers.time_limit_in_ms || 3000)
  const environment = shownEnvironment()
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(limit - (performance.now() - started))),
    memory_limit_in_mb: Number(headers.memory_limit_in_mb || 256),
    time_limit_in_ms: limit,
    request_id: headers.request_id,
    environ: Object.keys(environment).map((name) => `${name}=${environment[name]}`).join(';'),
    environment: JSON.stringify(environment),
    function_version: '$LATEST',
    function_name: process.env.SCF_FUNCTIONNAME,
    namespace: process.env.SCF_NAMESPACE
  }
  return { event: withCaller(JSON.parse(text)), context }
}

module.exports = { prepare }

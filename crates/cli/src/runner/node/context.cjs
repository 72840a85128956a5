// What a function is told about an invocation: its environment, its event, its context.
'use strict'

const { performance } = require('perf_hooks')

// The platform's variables, which it also puts into the context.
const OF_PLATFORM = [
  'SCF_NAMESPACE', 'TCB_CONTEXT_KEYS', 'TCB_ENV', 'TCB_SOURCE', 'TENCENTCLOUD_REGION',
  'TENCENTCLOUD_RUNENV', 'TRIGGER_SRC', 'WX_CONTEXT_KEYS'
]

let restore = () => {}

/** Sets the variables of this invocation, and takes away those of the previous one. */
function setVariables (variables) {
  restore()
  const keys = new Set((process.env.WX_CONTEXT_KEYS || '').split(',').filter(Boolean))
  for (const name of Object.keys(variables)) if (name.startsWith('WX_')) keys.add(name)
  const all = { ...variables }
  if (keys.size > 0) all.WX_CONTEXT_KEYS = [...keys].join()
  const before = Object.keys(all).map((name) => [name, process.env[name]])
  Object.assign(process.env, all)
  restore = () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  return [...keys]
}

/** Says in the event who called, as WeChat does. */
function withCaller (event) {
  const { WX_APPID: appId, WX_OPENID: openId } = process.env
  const isObject = typeof event === 'object' && event !== null && !Array.isArray(event)
  if (!isObject || (appId === undefined && openId === undefined)) return event
  const caller = {}
  if (appId !== undefined) caller.appId = appId
  if (openId !== undefined) caller.openId = openId
  return { ...event, userInfo: { ...event.userInfo, ...caller } }
}

/** Puts the environment in place, and gives the event and the context for the handler. */
function prepare ({ headers, text }) {
  const started = performance.now()
  const limit = Number(headers.time_limit_in_ms || 3000)
  // Node reads a header's bytes as Latin-1; these are UTF-8.
  const variables = Buffer.from(headers['cloudcall-environment'] || '{}', 'latin1').toString()
  const keys = setVariables(JSON.parse(variables))

  const environment = {}
  for (const name of [...OF_PLATFORM, ...keys].sort()) {
    if (process.env[name] !== undefined) environment[name] = process.env[name]
  }
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

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

// What the platform has said: the environment of the start, and what was told since. It is not asked
// of process.env, which goes through C for each variable, and in which a function may write.
const known = Object.assign(Object.create(null), process.env)

// What this process was told of a caller, so that the next one does not inherit it.
let told = ['TRIGGER_SRC', 'WX_APPID', 'WX_OPENID', 'WX_UNIONID']

// The same as it came: most callers are the one before.
let toldAs

// What an event and a context have of what is known.
let described = describe()

function describe () {
  const { WX_APPID: appId, WX_OPENID: openId, SCF_FUNCTIONNAME: name, SCF_NAMESPACE: namespace } = known
  const userInfo = {}
  if (appId !== undefined) userInfo.appId = appId
  if (openId !== undefined) userInfo.openId = openId
  const environment = shownEnvironment()
  return {
    userInfo: appId === undefined && openId === undefined ? undefined : userInfo,
    environ: Object.keys(environment).map((name) => `${name}=${environment[name]}`).join(';'),
    environment: JSON.stringify(environment),
    name,
    namespace
  }
}

/** What the context shows of the environment: the caller's variables are those of WX_CONTEXT_KEYS. */
function shownEnvironment () {
  const keys = (known.WX_CONTEXT_KEYS || '').split(',')
  const shown = {}
  for (const name of [...OF_PLATFORM, ...keys].sort()) {
    if (name !== SECRET && known[name] !== undefined) shown[name] = known[name]
  }
  return shown
}

/** Sets the variables that say who calls, and why: those of the caller before go. */
function meet (caller) {
  if (caller === undefined) return
  if (caller !== toldAs) {
    const variables = JSON.parse(caller)
    for (const name of told) {
      if (name in variables) continue
      delete process.env[name]
      delete known[name]
    }
    Object.assign(known, variables)
    told = Object.keys(variables)
    toldAs = caller
    described = describe()
  }
  // Also where the caller is the same: the function may have changed them.
  for (const name of told) {
    if (process.env[name] !== known[name]) process.env[name] = known[name]
  }
}

/** The event and the context for the handler. */
function prepare ({ headers, text }) {
  meet(headers.get('cloudcall-caller'))
  const started = performance.now()
  const limit = Number(headers.get('time_limit_in_ms') || 3000)
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(limit - (performance.now() - started))),
    memory_limit_in_mb: Number(headers.get('memory_limit_in_mb') || 256),
    time_limit_in_ms: limit,
    request_id: headers.get('request_id'),
    environ: described.environ,
    environment: described.environment,
    function_version: '$LATEST',
    function_name: described.name,
    namespace: described.namespace
  }
  return { event: withCaller(JSON.parse(text)), context }
}

/** Says in the event who called, as WeChat does. */
function withCaller (event) {
  const { userInfo } = described
  if (userInfo !== undefined && isObject(event)) {
    event.userInfo = { ...(isObject(event.userInfo) ? event.userInfo : {}), ...userInfo }
  }
  return event
}

module.exports = { prepare }

// Loaded before a function (`node -r`): leads the requests of wx-server-sdk to the gateway at
// CLOUDCALL_GATEWAY, and leaves all others alone.
'use strict'

const http = require('http')
const https = require('https')
const { syncBuiltinESMExports } = require('module')

// Before 2.6 the SDK has no setting for where its requests go. Later versions still probe for the
// metadata of a cloud machine, which takes time where nobody answers.
const HOSTS = ['metadata.tencentyun.com']
for (const service of ['open', 'admin', 'api']) {
  for (const domain of ['tencentcloudapi.com', 'tencentyun.com']) HOSTS.push(`tcb-${service}.${domain}`)
}

const isOurs = (host) => HOSTS.some((ours) => host === ours || host.endsWith(`.${ours}`))

const fromUrl = ({ protocol, hostname, port, pathname, search }) => ({
  protocol,
  hostname,
  port,
  path: pathname + search
})

/** The options of a call of `http.request(url[, options][, callback])`, in either of its forms. */
function optionsOf ([input, extra]) {
  const url = typeof input === 'string' ? new URL(input) : input
  if (!url.searchParams) return url
  return { ...fromUrl(url), ...(typeof extra === 'object' ? extra : {}) }
}

/** The arguments that send the request to the gateway, if it is one of the SDK's. */
function redirected (args, keepAgent) {
  let options
  try {
    options = optionsOf(args)
    if (!isOurs(String(options.hostname || options.host).toLowerCase())) return undefined
  } catch (_) {
    return undefined // Node itself says what is wrong with such arguments.
  }
  const headers = { ...options.headers }
  for (const name of Object.keys(headers)) {
    if (name.toLowerCase() === 'host') delete headers[name]
  }
  // Said here, because some versions keep Node from adding it.
  headers.Host = `${gateway.hostname}:${gateway.port}`
  const to = { ...options, ...gateway, headers, host: undefined, defaultPort: undefined, _defaultAgent: undefined }
  if (!keepAgent) to.agent = undefined
  return [to, args.find((argument) => typeof argument === 'function')]
}

/** Keeps a proxy of the user's out of the way between the SDK and the gateway. */
function bypassProxy (...hosts) {
  // Some clients read the one first, some the other.
  const { NO_PROXY = '', no_proxy: lowerCase = '' } = process.env
  const listed = `${NO_PROXY},${lowerCase}`.split(',').filter(Boolean)
  if (listed.includes('*')) return
  process.env.NO_PROXY = process.env.no_proxy = [...new Set([...listed, ...hosts])].join()
}

let gateway
if (process.env.CLOUDCALL_GATEWAY) {
  const { hostname, port } = new URL(process.env.CLOUDCALL_GATEWAY)
  gateway = { protocol: 'http:', hostname, port }
  bypassProxy(hostname, ...HOSTS)

  const toGateway = http.request
  for (const module of [http, https]) {
    const { request, get } = module
    module.request = function (...args) {
      const ours = redirected(args, module === http)
      return ours ? toGateway(...ours) : request.apply(this, args)
    }
    module.get = function (...args) {
      const ours = redirected(args, module === http)
      return ours ? toGateway(...ours).end() : get.apply(this, args)
    }
  }
  syncBuiltinESMExports()
}

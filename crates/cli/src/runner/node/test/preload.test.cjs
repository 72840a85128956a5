// Which requests of a function reach the gateway, and how.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { serve, start } = require('./support/worker.cjs')

/** What arrives at a server, as `METHOD path (Host header)`. */
async function recorder (t) {
  const requests = []
  const server = await serve(t, (request, response) => {
    requests.push(`${request.method} ${request.url} (${request.headers.host})`)
    response.end('hello')
  })
  return { requests, authority: `127.0.0.1:${server.address().port}` }
}

const FETCH = `
  const text = (response, done) => { let all = ''; response.on('data', (it) => { all += it }).on('end', () => done(all)) }
  const send = (module, method, ...args) => new Promise((done, failed) => {
    module[method](...args, (response) => text(response, done)).on('error', failed).end()
  })`

async function worker (t, source, env = {}) {
  const gateway = await recorder(t)
  const function_ = await start(t, FETCH + source, {
    preload: true, env: { CLOUDCALL_GATEWAY: `http://${gateway.authority}`, ...env }
  })
  return { ...gateway, function_ }
}

test('the hosts of the SDK lead to the gateway, in every form of a request', async (t) => {
  const { requests, authority, function_ } = await worker(t, `
    const http = require('http'), https = require('https')
    exports.main = async () => [
      await send(http, 'request', 'http://tcb-open.tencentcloudapi.com/admin?eventId=1', { method: 'POST' }),
      await send(https, 'request', new URL('https://tcb-admin.tencentcloudapi.com/admin'), { agent: https.globalAgent }),
      await send(http, 'request', { hostname: 'tcb-open.tencentyun.com', port: 80, path: '/admin', headers: { HOST: 'tcb-open.tencentyun.com' } }),
      await send(https, 'get', { host: 'env.ap-shanghai.TCB-API.tencentcloudapi.com', path: '/admin' }),
      await send(http, 'get', 'http://metadata.tencentyun.com/latest/meta-data/app-id'),
      await send(http, 'request', 'http://tcb-open.tencentcloudapi.com/agent', { agent: new http.Agent({ keepAlive: true }) })
    ]`)
  assert.deepEqual(await function_.result(), Array(6).fill('hello'))
  assert.deepEqual(requests, [
    `POST /admin?eventId=1 (${authority})`,
    `GET /admin (${authority})`,
    `GET /admin (${authority})`,
    `GET /admin (${authority})`,
    `GET /latest/meta-data/app-id (${authority})`,
    `GET /agent (${authority})`
  ])
})

test('what an ES module imports by name leads there too', async (t) => {
  const gateway = await recorder(t)
  const function_ = await start(t, {
    'index.mjs': `
      import { get } from 'http'
      import https from 'https'
      export const main = () => new Promise((done, failed) => {
        get('http://tcb-open.tencentcloudapi.com/one', () => {
          https.get('https://tcb-open.tencentcloudapi.com/two', () => done('both')).on('error', failed)
        }).on('error', failed)
      })`
  }, { preload: true, env: { CLOUDCALL_GATEWAY: `http://${gateway.authority}` } })
  assert.equal(await function_.result(), 'both')
  assert.deepEqual(gateway.requests.map((it) => it.split(' ')[1]), ['/one', '/two'])
})

test('every other host is left alone', async (t) => {
  const other = await recorder(t)
  const { requests, function_ } = await worker(t, `
    const http = require('http')
    exports.main = async ({ authority }) => {
      const [hostname, port] = authority.split(':')
      return [
        await send(http, 'get', 'http://' + authority + '/one'),
        await send(http, 'request', { hostname, port, path: '/two', headers: { Host: 'tcb-open.tencentcloudapi.com' } })
      ]
    }`)
  assert.deepEqual(await function_.result({ authority: other.authority }), ['hello', 'hello'])
  assert.deepEqual(requests, [])
  assert.deepEqual(other.requests, [`GET /one (${other.authority})`, 'GET /two (tcb-open.tencentcloudapi.com)'])
})

test('a host that only looks like one of the SDK\'s is left alone', async (t) => {
  const { requests, function_ } = await worker(t, `
    const http = require('http'), https = require('https')
    const lookup = (hostname, options, callback) => callback(new Error('looked up ' + hostname))
    exports.main = (hosts) => Promise.all(hosts.map((hostname) => {
      return send(hostname.startsWith('s.') ? https : http, 'request', { hostname, lookup }).catch((error) => error.message)
    }))`)
  const hosts = [
    'tcb-open.tencentcloudapi.com.example.org', 'my-tcb-open.tencentcloudapi.com', 'tencentcloudapi.com',
    'cvm.tencentcloudapi.com', 'api.weixin.qq.com', 's.example.org'
  ]
  assert.deepEqual(await function_.result(hosts), hosts.map((host) => `looked up ${host}`))
  assert.deepEqual(requests, [])
})

test('wrong arguments are Node\'s business', async (t) => {
  const { function_ } = await worker(t, `
    const http = require('http')
    const code = (...args) => { try { http.request(...args); return 'none' } catch (error) { return error.code } }
    exports.main = () => [code('no URL'), code({ hostname: 1 })]`)
  assert.deepEqual(await function_.result(), ['ERR_INVALID_URL', 'ERR_INVALID_ARG_TYPE'])
})

test('a proxy is bypassed for the gateway, and for nothing else', async (t) => {
  const { function_ } = await worker(t, '\nexports.main = () => process.env', { NO_PROXY: 'intranet' })
  const { NO_PROXY, no_proxy: lowerCase } = await function_.result()
  const [first, ...hosts] = NO_PROXY.split(',')
  assert.equal(first, 'intranet')
  assert.equal(lowerCase, NO_PROXY)
  assert.equal(hosts.length, 8)
  assert.ok(hosts.includes('127.0.0.1') && hosts.includes('tcb-open.tencentcloudapi.com'))
})

test('without a gateway nothing is changed', async (t) => {
  const source = `
    const { request, get } = require('http')
    exports.main = () => [request.name, get.name, typeof process.env.NO_PROXY]`
  const plain = await (await start(t, source)).result()
  assert.deepEqual(await (await start(t, source, { preload: true })).result(), plain)
})

// A function's worker under a scripted runtime API: the bootstrap script as the runner starts it.
'use strict'

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')

const SCRIPTS = path.join(__dirname, '..', '..')

/** The Node that runs the function; the tests themselves need a newer one than functions do. */
const NODE = process.env.NODE_UNDER_TEST || process.execPath
const MAJOR = Number(execFileSync(NODE, ['-p', 'parseInt(process.versions.node)']))

/** A temporary folder with these files, which goes with the test. */
function folderOf (t, files) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'function-')))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
  return folder
}

/** A server on a port of its own, until the test ends. */
async function serve (t, handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  // Ours keeps idle connections.
  server.keepAliveTimeout = 0
  await once(server, 'listening')
  t.after(() => stop(server))
  return server
}

function stop (server) {
  server.closeAllConnections()
  server.close()
}

async function bodyOf (request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Starts the function in these files; `invoke` hands it an event and gives what it posts. */
async function start (t, files, { preload = false, options = [], env = {}, answer = () => 200, offersNext = false } = {}) {
  const folder = folderOf(t, typeof files === 'string' ? { 'index.js': files } : files)
  const offer = offersNext ? { 'cloudcall-next': 'offered' } : {}
  const [asked, accepted] = [[], []]
  let waiting, event, posted
  const deliver = () => {
    if (!waiting || !event) return
    waiting.writeHead(200, { ...event.headers, 'content-length': Buffer.byteLength(event.body) }).end(event.body)
    waiting = event = undefined
  }
  const server = await serve(t, async (request, response) => {
    const body = await bodyOf(request)
    const name = request.url.replace('/runtime/', '')
    asked.push(`${request.method} ${name} [${body}]`)
    if (name === 'invocation/next') {
      waiting = response
      return deliver()
    }
    const next = request.headers['cloudcall-next']
    const status = answer(name)
    if (status === 200 && next) {
      accepted.push(next)
      waiting = response
    } else {
      response.writeHead(status, { 'content-length': 0 }).end()
    }
    if (status === 200 && name !== 'init/ready') posted([name.replace('invocation/', ''), body])
  })
  const { port } = server.address()
  const gateway = preload ? ['-r', path.join(SCRIPTS, 'preload.cjs')] : []
  const child = spawn(NODE, [...options, ...gateway, path.join(SCRIPTS, 'bootstrap.cjs')], {
    cwd: folder,
    env: { PATH: process.env.PATH, SCF_RUNTIME_API: '127.0.0.1', SCF_RUNTIME_API_PORT: port, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => { output[name] += chunk })
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }))

  return {
    asked,
    /** The request ids with which it asked for the next event. */
    accepted,
    output,
    folder,
    ended,
    /** What the function posts for an event, as `[kind, body]`. */
    async post (body, headers = {}) {
      const outcome = new Promise((resolve) => { posted = resolve })
      event = { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { request_id: 'r-1', ...offer, ...headers } }
      deliver()
      const died = ended.then((end) => { throw new Error(`the worker ended: ${JSON.stringify(end)}`) })
      return Promise.race([outcome, died])
    },
    /** The function's result. */
    async result (body = {}, headers) {
      const [kind, json] = await this.post(body, headers)
      if (kind !== 'response') throw new Error(`${kind}: ${json}`)
      return JSON.parse(json)
    },
    /** The function's error. */
    async error (body = {}, headers) {
      const [kind, json] = await this.post(body, headers)
      if (kind !== 'error') throw new Error(`${kind}: ${json}`)
      return JSON.parse(json)
    },
    /** Ends the worker as the runner does; gives what it printed. */
    kill () {
      child.kill('SIGKILL')
      return ended
    },
    /** Takes the runtime API away; gives what the worker printed, and its exit code. */
    end () {
      stop(server)
      return ended
    }
  }
}

module.exports = { MAJOR, NODE, serve, start }

// One connection to our own server, which is kept: HTTP/1.1 as far as that speaks it. Node's client
// costs several times what the rest of a short invocation does.
'use strict'

// Taken now, because a function may put others in their place.
const { connect } = require('net')

const HEAD_ENDS = Buffer.from('\r\n\r\n')
const LARGEST_READ = 65536

/** The lines of a head. Each is looked for when it is asked for: most never are. */
class Headers {
  constructor (head) {
    this.head = head
    this.names = head.toLowerCase()
  }

  /** The value of a header, by its name in small letters. */
  get (name) {
    const at = this.names.indexOf(`\r\n${name}:`)
    if (at < 0) return undefined
    const start = at + name.length + 3
    const end = this.head.indexOf('\r\n', start)
    return this.head.slice(start, end < 0 ? undefined : end).trim()
  }
}

/** The answer that begins with these bytes, with its length there; undefined if more must come. */
function parse (bytes) {
  const headEnds = bytes.indexOf(HEAD_ENDS)
  if (headEnds < 0) return undefined
  const head = bytes.latin1Slice(0, headEnds)
  const [, status] = /^HTTP\/1\.1 (\d{3})(?: |\r|$)/.exec(head) || []
  if (!status) throw new Error(`no HTTP/1.1 answer: ${head.split('\r\n', 1)}`)
  const headers = new Headers(head)
  const length = headers.get('content-length')
  if (!/^\d+$/.test(length) || headers.get('transfer-encoding') !== undefined) throw new Error('an answer without a length')
  const start = headEnds + HEAD_ENDS.length
  const end = start + Number(length)
  if (bytes.length < end) return { missing: end - bytes.length }
  return { answer: { status: Number(status), headers, text: bytes.utf8Slice(start, end) }, end }
}

class Connection {
  constructor (host, port) {
    this.to = { host, port: Number(port) }
    this.name = `${host}:${port}`
    this.socket = undefined
  }

  /** Sends a request, and gives `{ status, headers, text }`; one at a time. */
  exchange (method, path, headers, body = '') {
    const head = `${method} ${path} HTTP/1.1\r\nhost: ${this.name}\r\n${headers}`
    const request = `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    return new Promise((resolve, reject) => this.send({ request, resolve, reject, isReused: false }))
  }

  send (exchange) {
    const isReused = this.socket !== undefined
    if (!isReused) this.open()
    exchange.isReused = isReused
    this.running = exchange
    // What a function waits for keeps its process alive, and this only while it is waited for.
    this.socket.ref()
    this.socket.write(exchange.request)
  }

  open () {
    // Read into one place, without a stream. Before 12.10 Node does not know that, and gives 'data'.
    const buffer = Buffer.allocUnsafeSlow(LARGEST_READ)
    const read = (length) => {
      this.arrived(buffer.subarray(0, length))
      return true
    }
    const socket = connect({ ...this.to, onread: { buffer, callback: read } })
    let error
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.arrived(chunk))
    socket.on('error', (it) => { error = it })
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      if (this.socket === socket) this.closed(error || new Error('the connection was closed'))
    })
    this.socket = socket
    this.chunks = []
    this.missing = 0
  }

  /** The bytes are there until this returns. */
  arrived (chunk) {
    this.missing -= chunk.length
    if (this.missing > 0) {
      this.chunks.push(Buffer.from(chunk))
      return
    }
    this.chunks.push(chunk)
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks)
    try {
      if (!this.running) throw new Error('an answer to nothing')
      const { answer, end, missing = 0 } = parse(bytes) || {}
      this.chunks = answer ? [] : [Buffer.from(bytes)]
      this.missing = missing
      if (!answer) return
      if (bytes.length > end) throw new Error('more than the answer')
      const { resolve } = this.running
      this.running = undefined
      if (/\bclose\b/i.test(answer.headers.get('connection'))) this.leave()
      else this.socket.unref()
      resolve(answer)
    } catch (error) {
      const { running } = this
      this.running = undefined
      this.leave()
      if (running) running.reject(error)
    }
  }

  /** The next request has a connection of its own. */
  leave () {
    this.socket.destroy()
    this.socket = undefined
  }

  closed (error) {
    const { running } = this
    const isUnanswered = this.chunks.length === 0
    this.socket = this.running = undefined
    if (!running) return
    // The server may close an idle connection in the moment in which it is used again.
    if (running.isReused && isUnanswered) this.send(running)
    else running.reject(error)
  }
}

module.exports = { Connection }

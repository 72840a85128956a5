// The runtime API of SCF, from the function's side.
'use strict'

const { Connection } = require('./connection.cjs')

// By this the runtime offers, with an event, to answer its result with the next one. SCF does not.
const NEXT = 'cloudcall-next'

class RuntimeApi {
  constructor (host, port) {
    this.connection = new Connection(host, port)
  }

  /** Says that the function can take events. SCF has rejected an empty body here. */
  async ready () {
    await this.ask('POST', 'init/ready', '', ' ')
  }

  /** Waits for the next event. */
  next () {
    return this.ask('GET', 'invocation/next', '')
  }

  /** Gives the result of the invocation, as JSON, and waits for the next event. */
  respond (invocation, json) {
    return this.post(invocation, 'invocation/response', json)
  }

  /** Reports that the invocation failed, and waits for the next event. */
  fail (invocation, json) {
    return this.post(invocation, 'invocation/error', json)
  }

  async post ({ headers }, path, json) {
    const accepts = headers.get(NEXT) === 'offered'
    const answer = await this.ask('POST', path, accepts ? `${NEXT}: ${headers.get('request_id')}\r\n` : '', json)
    return accepts ? answer : this.next()
  }

  async ask (method, path, header, body) {
    const headers = `content-type: application/json\r\n${header}`
    const { status, headers: received, text } = await this.connection.exchange(method, `/runtime/${path}`, headers, body)
    if (status === 200) return { headers: received, text }
    const refused = new Error(`the runtime API answered ${path} with HTTP ${status}: ${text}`)
    throw Object.assign(refused, { status })
  }
}

module.exports = { RuntimeApi }

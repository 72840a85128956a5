// The runtime API of SCF, from the function's side.
'use strict'

// Taken now, because a function may put others in their place.
const { Agent, request } = require('http')

class RuntimeApi {
  constructor (hostname, port) {
    this.server = { hostname, port, agent: new Agent({ keepAlive: true, maxSockets: 1 }) }
  }

  /** Says that the function can take events. SCF has rejected an empty body here. */
  async ready () {
    await this.ask('POST', 'init/ready', ' ')
  }

  /** Waits for the next event. */
  next () {
    return this.ask('GET', 'invocation/next')
  }

  /** Gives the result of the invocation, as JSON. */
  async respond (json) {
    await this.ask('POST', 'invocation/response', json)
  }

  /** Reports that the invocation failed. */
  async fail (json) {
    await this.ask('POST', 'invocation/error', json)
  }

  async ask (method, path, body) {
    const { status, headers, text } = await this.send(method, path, body)
    if (status === 200) return { headers, text }
    const refused = new Error(`the runtime API answered ${path} with HTTP ${status}: ${text}`)
    throw Object.assign(refused, { status })
  }

  send (method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const sent = request({ ...this.server, method, path: `/runtime/${path}`, headers }, (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status, headers } = response
          resolve({ status, headers, text: Buffer.concat(chunks).toString() })
        })
      })
      sent.on('error', (error) => {
        // The server may close an idle connection in the moment in which it is used again.
        if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(this.send(method, path, body))
        else reject(error)
      })
      sent.end(body)
    })
  }
}

module.exports = { RuntimeApi }

// A gateway that answers from a script: the truth of what each version makes of a reply. It shares
// no code with the gateway that is tested.
'use strict'

const http = require('http')

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const JSON_TYPE = 'application/json; encoding=utf-8'

/** A field of a protobuf message with a length: bytes or text. */
function field (number, value) {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

function varint (value) {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

const answer = (body, type) => Buffer.concat([field(1, body), field(2, type)])
const json = (value) => answer(JSON.stringify(value), JSON_TYPE)
const errorCode = (code) => Buffer.concat([varint(3 << 3), varint(code)])

const unknownMedia = () => json({ errcode: 40007, errmsg: 'invalid media_id hint: [aBc123] rid: 01234567-89abcdef-01234567' })

/** What a Cloud Call gets, by what its form holds. */
function reply (form) {
  if (form.includes('denied')) return errorCode(-604101)
  if (form.includes('"ec_604102"')) return errorCode(-604102)
  if (form.includes('"tcb_invalid"')) {
    return JSON.stringify({ code: 'INVALID_PARAM', message: 'bad param', requestId: 'r' })
  }
  if (form.includes('customerServiceMessage.getTempMedia')) {
    return form.includes('"pixel"') ? answer(PIXEL, 'image/png') : unknownMedia()
  }
  if (form.includes('customerServiceMessage.uploadTempMedia')) {
    return json({ type: 'image', media_id: 'MEDIA', created_at: 1700000000 })
  }
  return json({ errcode: 0, errmsg: 'ok' })
}

/** Starts it; gives its URL and how to end it. */
function start () {
  const server = http.createServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(404).end()
      const body = reply(Buffer.concat(chunks).toString('latin1'))
      // The SDK takes a refusal of the gateway itself for one by this label only.
      const type = typeof body === 'string' ? 'application/json; charset=utf-8' : 'application/octet-stream'
      response.writeHead(200, { 'content-type': type })
      response.end(body)
    })
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => {
    resolve({ url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() })
  }))
}

module.exports = { start }

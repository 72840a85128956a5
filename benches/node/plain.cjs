// An HTTP server with nothing but the function of benches/functions/echo-node, which prints its URL, and
// ends with its stdin.
'use strict'

const { createServer } = require('http')
const { main } = require('../functions/echo-node')

const server = createServer(async (request, response) => {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  const result = JSON.stringify(await main(JSON.parse(Buffer.concat(pieces))))
  response.setHeader('Content-Length', Buffer.byteLength(result))
  response.end(result)
})
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }))
})
process.stdin.on('end', () => process.exit()).resume()

// The connection to our own server, against sockets that say what a test has them say.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const net = require('node:net')
const { test } = require('node:test')
const { Connection } = require('../connection.cjs')

const answerOf = (body, more = '') => `HTTP/1.1 200 OK\r\nX-It: 1\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** A server that has this done with each request, as `(text, socket, count)`. */
async function serve (t, handle) {
  const sockets = new Set()
  const requests = []
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      requests.push(chunk.toString())
      handle(chunk.toString(), socket, requests.length)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const connection = new Connection('127.0.0.1', port)
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { ask: (body) => connection.exchange('POST', '/p', 'x: y\r\n', body), port, requests, sockets }
}

test('one connection serves one exchange after the other', async (t) => {
  const { ask, port, requests, sockets } = await serve(t, (text, socket, count) => socket.write(answerOf(`文${count}`)))
  const first = await ask('é')
  assert.equal(first.status, 200)
  assert.equal(first.text, '文1')
  assert.equal(first.headers.get('x-it'), '1')
  assert.equal(first.headers.get('content-length'), '4')
  assert.equal(first.headers.get('it'), undefined)
  assert.equal((await ask()).text, '文2')
  assert.deepEqual(requests, [
    `POST /p HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx: y\r\ncontent-length: 2\r\n\r\né`,
    `POST /p HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx: y\r\ncontent-length: 0\r\n\r\n`
  ])
  assert.equal(sockets.size, 1)
})

test('an answer may come in pieces', async (t) => {
  const { ask } = await serve(t, async (text, socket) => {
    for (const byte of Buffer.from(answerOf('文'.repeat(20)))) {
      socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
  })
  assert.equal((await ask()).text, '文'.repeat(20))
  assert.equal((await ask()).text, '文'.repeat(20))
})

test('a large answer is whole', async (t) => {
  const large = '0123456789'.repeat(300000)
  const { ask } = await serve(t, (text, socket) => socket.write(answerOf(large)))
  assert.equal((await ask()).text, large)
})

test('what is closed between two exchanges is opened again', async (t) => {
  const { ask, sockets } = await serve(t, (text, socket, count) => {
    // Of the second request on a kept connection nothing is answered: it was closed meanwhile.
    if (count === 2) socket.destroy()
    else socket.write(answerOf(String(count)))
  })
  assert.equal((await ask()).text, '1')
  assert.equal((await ask()).text, '3')
  assert.equal(sockets.size, 2)
})

test('a server that says that it closes is not asked there again', async (t) => {
  const { ask, sockets } = await serve(t, (text, socket) => socket.write(answerOf('1', 'Connection: close\r\n')))
  await ask()
  await ask()
  assert.equal(sockets.size, 2)
})

test('what is no answer is an error, and the next exchange has a connection of its own', async (t) => {
  const wrong = [
    'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1',
    answerOf('1') + answerOf('2')
  ]
  const { ask, sockets } = await serve(t, (text, socket, count) => socket.write(wrong[count - 1] || answerOf('fine')))
  for (const _ of wrong) await assert.rejects(ask())
  assert.equal((await ask()).text, 'fine')
  assert.equal(sockets.size, wrong.length + 1)
})

test('an end within an answer, or of a new connection, is an error', async (t) => {
  const { ask } = await serve(t, (text, socket, count) => {
    if (count === 1) socket.end()
    else if (count === 2) socket.write(answerOf('1'))
    else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1')
  })
  await assert.rejects(ask(), /the connection was closed/)
  assert.equal((await ask()).text, '1')
  await assert.rejects(ask(), /the connection was closed/)
})

test('nobody there is an error', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(new Connection('127.0.0.1', port).exchange('GET', '/', ''), { code: 'ECONNREFUSED' })
})

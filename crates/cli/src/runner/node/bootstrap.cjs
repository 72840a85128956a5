// Runs a Node function: takes events from the SCF runtime API and gives the results of its handler.
'use strict'

// On POSIX, Node writes to a pipe when there is room, and what it has queued goes with the process:
// when that exits, or is killed because its answer has come. So a write waits for the reader.
const { _handle } = process.stderr
if (_handle && _handle.setBlocking) _handle.setBlocking(true)

const { RuntimeApi } = require('./runtime-api.cjs')
const { load } = require('./load.cjs')
const { prepare } = require('./context.cjs')
const { breakAtNextCall, failed, idle, run, stray } = require('./invocation.cjs')

const exit = process.exit.bind(process)

// What a function prints is talk, in one stream and so in order.
Object.defineProperty(process, 'stdout', { configurable: true, enumerable: true, get: () => process.stderr })
process.stderr.on('error', () => exit(1))

process.on('uncaughtException', stray)
process.on('unhandledRejection', stray)
process.on('beforeExit', () => {
  if (!idle()) end('the function never finishes loading')
})

function end (why) {
  process.stderr.write(`${why}\n`)
  exit(1)
}

/** Waits for the debugger, if the runner has started one: the user wants to see the function load. */
function awaitDebugger () {
  if (!process.env.CLOUDCALL_INSPECT) return
  delete process.env.CLOUDCALL_INSPECT
  const inspector = require('inspector')
  if (!inspector.url()) end("the debugger's port is in use: choose another with --inspect=PORT")
  process.stderr.write('waiting for a debugger\n')
  inspector.waitForDebugger()
  breakAtNextCall()
}

async function main () {
  const { SCF_RUNTIME_API: host, SCF_RUNTIME_API_PORT: port } = process.env
  if (!host || !port) throw new Error('SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are not set')
  const api = new RuntimeApi(host, port)

  awaitDebugger()
  const serve = await load(process.cwd()).then(
    (handler) => async (invocation) => {
      const { event, context } = prepare(invocation)
      return run(handler, event, context)
    },
    // Told to each caller, as the platform does.
    ({ error, explanation }) => async () => failed(explanation, error)
  )
  await api.ready()
  let invocation = await api.next()
  for (;;) {
    const { result, error } = await serve(invocation)
    invocation = await (error ? api.fail(invocation, error) : respond(api, invocation, result))
  }
}

/** A result that is refused, for its size say, is an error: the caller shall not wait for it. */
async function respond (api, invocation, result) {
  try {
    return await api.respond(invocation, result)
  } catch (refused) {
    if (!refused.status) throw refused
    return api.fail(invocation, failed(refused.message, refused).error)
  }
}

main().catch((error) => end(`the runtime API: ${error.message}`))

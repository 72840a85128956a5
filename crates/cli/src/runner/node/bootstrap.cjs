// Runs a Node function: takes events from the SCF runtime API and gives the results of its handler.
'use strict'

const { RuntimeApi } = require('./runtime-api.cjs')
const { load } = require('./load.cjs')
const { prepare } = require('./context.cjs')
const { failed, idle, run, stray } = require('./invocation.cjs')

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

async function main () {
  const { SCF_RUNTIME_API: host, SCF_RUNTIME_API_PORT: port } = process.env
  if (!host || !port) throw new Error('SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are not set')
  const api = new RuntimeApi(host, port)

  const serve = await load(process.cwd()).then(
    (handler) => async (invocation) => {
      const { event, context } = prepare(invocation)
      return run(handler, event, context)
    },
    // Told to each caller, as the platform does.
    (error) => async () => failed(error.explanation, error)
  )
  await api.ready()
  for (;;) {
    const { result, error } = await serve(await api.next())
    if (error) await api.fail(error)
    else await respond(api, result)
  }
}

/** A result that is refused, for its size say, is an error: the caller shall not wait for it. */
async function respond (api, result) {
  try {
    await api.respond(result)
  } catch (refused) {
    if (!refused.status) throw refused
    await api.fail(failed(refused.message, refused).error)
  }
}

main().catch((error) => end(`the runtime API: ${error.message}`))

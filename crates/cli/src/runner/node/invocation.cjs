// One invocation of a handler: its result, or its error, in the platform's form.
'use strict'

const { inspect } = require('util')

// How to end the invocation that runs, for what happens outside of its promise.
let running

// Whether a debugger is to stop before the next call of a handler.
let breaks = false

/** Runs the handler; gives `{ result }` or `{ error }`, each as JSON. */
async function run (main, event, context) {
  try {
    const value = await new Promise((resolve, reject) => {
      running = { reject, idle: () => reject(new Error('the function waits for something that never happens')) }
      call(main, event, context, resolve, reject)
    })
    return serialised(value)
  } catch (error) {
    return failed('user code exception caught', error)
  } finally {
    running = undefined
  }
}

/**
 * The first counts: what the handler returns, or what it passes to its callback.
 *
 * One that returns `undefined` may have a callback pending, even if it declares none: it can reach it
 * by a rest parameter or `arguments`. One that declares a callback may return anything, like the timer
 * of `=> setTimeout(callback)`. Both have until there is nothing left to do; then what they returned counts.
 */
function call (main, event, context, resolve, reject) {
  const callback = (error, value) => (error === undefined || error === null ? resolve(value) : reject(error))
  if (breaks) {
    breaks = false
    // From here, stepping in leads into the function.
    debugger
  }
  const returned = main(event, context, callback)
  const isPromise = returned !== undefined && returned !== null && typeof returned.then === 'function'
  if (isPromise) returned.then(resolve, reject)
  else if (returned === undefined || main.length >= 3) running.idle = () => resolve(returned)
  else resolve(returned)
}

function serialised (value) {
  try {
    const json = JSON.stringify(value)
    return { result: json === undefined ? 'null' : json }
  } catch (error) {
    return failed(`the function's result cannot be JSON: ${error.message}`, error)
  }
}

function failed (errorMessage, error) {
  return { error: JSON.stringify({ errorCode: 1, errorMessage, stackTrace: traceOf(error) }) }
}

/** The stack under the error's own text: the SDK changes its message after the stack was taken. */
function traceOf (error) {
  try {
    if (typeof error === 'string') return error
    if (!error || typeof error.stack !== 'string') return inspect(error)
    const text = String(error)
    if (error.stack.includes(text)) return error.stack
    const frames = error.stack.indexOf('\n    at ')
    return text + (frames < 0 ? '' : error.stack.slice(frames))
  } catch (_) {
    return textOf(error)
  }
}

/** Any thrown value as text, whether or not it can become a string. */
function textOf (error) {
  for (const form of [String, (it) => inspect(it, { customInspect: false })]) {
    try {
      return form(error)
    } catch (_) {}
  }
  return 'something that cannot be shown'
}

/** An error that no promise of the handler's caught: that of the invocation, if one runs. */
function stray (error) {
  if (running) running.reject(error)
  else process.stderr.write(`outside of any invocation: ${traceOf(error)}\n`)
}

/** Nothing is left to do. Whether that ends an invocation. */
function idle () {
  if (running) running.idle()
  return running !== undefined
}

/** Has a debugger stop right before the next call of a handler. */
function breakAtNextCall () {
  breaks = true
}

module.exports = { breakAtNextCall, failed, idle, run, stray, textOf }

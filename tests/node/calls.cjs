// Makes the Cloud Calls of the conformance test with one version of wx-server-sdk, whose folder
// is the argument, and prints what became of each as JSON.
'use strict'

const { normalised } = require('./normalised.cjs')

// The SDK speaks on stdout; the last line is ours.
const cloud = require(process.argv[2])
cloud.init({ env: 'test-env' })

// WeChat counts messages by user, so each version has its own.
const touser = `user-of-${require(`${process.argv[2]}/package.json`).version}`
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const { getTempMedia, uploadTempMedia, send } = {
  getTempMedia: (data) => cloud.openapi.customerServiceMessage.getTempMedia(data),
  uploadTempMedia: (data) => cloud.openapi.customerServiceMessage.uploadTempMedia(data),
  send: (data) => cloud.openapi.customerServiceMessage.send(data)
}

const CALLS = {
  getTempMedia: () => getTempMedia({ mediaId: 'pixel' }),
  'getTempMedia, unknown id': () => getTempMedia({ mediaId: 'nope' }),
  'getTempMedia, no id': () => getTempMedia({}),
  uploadTempMedia: () => uploadTempMedia({ type: 'image', media: { contentType: 'image/png', value: png } }),
  send: () => send({ touser, msgtype: 'text', text: { content: 'hello 你好' } })
}

function plain (value) {
  return JSON.parse(JSON.stringify(value, (_, it) => it), (_, it) =>
    it && it.type === 'Buffer' ? { base64: Buffer.from(it.data).toString('base64') } : it)
}

async function outcome (call) {
  try {
    return { result: plain(await call()) }
  } catch (error) {
    return { error: { ...plain({ ...error }), message: error.message, string: String(error) } }
  }
}

async function main () {
  const outcomes = {}
  for (const [name, call] of Object.entries(CALLS)) outcomes[name] = normalised(await outcome(call))
  process.stdout.write(`\n${JSON.stringify(outcomes)}\n`, () => process.exit())
}

main()

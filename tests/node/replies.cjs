// Calls getTempMedia once for each name given, as the media id, and prints what wx-server-sdk 4.0.2
// made of the replies, as JSON.
'use strict'

const cloud = require('./sdks/pinned/node_modules/wx-server-sdk-4.0.2')
cloud.init({ env: 'test-env' })

const buffers = (value) => JSON.parse(JSON.stringify(value), (_, it) =>
  it && it.type === 'Buffer' ? { base64: Buffer.from(it.data).toString('base64') } : it)

async function outcome (api, mediaId) {
  try {
    return { result: buffers(await cloud.openapi.customerServiceMessage[api]({ mediaId })) }
  } catch (error) {
    return { error: { errCode: error.errCode, errMsg: error.errMsg, string: String(error) } }
  }
}

async function main () {
  const outcomes = {}
  for (const name of process.argv.slice(2)) {
    // The two that no reply of WeChat's can cause.
    const api = { ec_604100: 'noSuchApi', ec_604101: 'setTyping' }[name] || 'getTempMedia'
    outcomes[name] = await outcome(api, name)
  }
  process.stdout.write(`\n${JSON.stringify(outcomes)}\n`, () => process.exit())
}

main()

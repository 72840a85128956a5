// Makes calls with wx-server-sdk 4.0.2 as a line of stdin says, in JSON: of which API (`api`), with
// which arguments, one set a call, as which function (`token`), and whether at once or one after
// another (`atOnce`). Prints a line with what came of each.
'use strict'

const readline = require('readline')
const cloud = require('./sdks/pinned/node_modules/wx-server-sdk-4.0.2')

cloud.init({ env: 'test-env' })

async function outcome (api, data) {
  try {
    const { contentType, buffer } = await cloud.openapi.customerServiceMessage[api](data)
    return { result: { contentType, buffer: Buffer.isBuffer(buffer) ? buffer.toString('base64') : undefined } }
  } catch (error) {
    return { error: { errCode: error.errCode, text: String(error) } }
  }
}

async function outcomes ({ token, api, arguments: sets, atOnce }) {
  process.env.WX_API_TOKEN = token
  if (atOnce) return Promise.all(sets.map((data) => outcome(api, data)))
  const came = []
  for (const data of sets) came.push(await outcome(api, data))
  return came
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`\noutcomes: ${JSON.stringify(await outcomes(JSON.parse(line)))}\n`)
  }
}

main()

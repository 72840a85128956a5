// Makes calls for media with wx-server-sdk, several at once, whenever a line on stdin says how often
// each of those calls and through which gateway, and prints what that took.
'use strict'

const { createInterface } = require('readline')
const cloud = require('wx-server-sdk')
const metadata = require('@cloudbase/node-sdk/dist/utils/metadata')

const [size, atOnce] = process.argv.slice(2).map(Number)

async function call () {
  const { buffer } = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: 'm0' })
  if (buffer.length !== size) throw new Error(`${buffer.length} bytes instead of ${size}`)
}

async function main () {
  cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
  for await (const line of createInterface({ input: process.stdin })) {
    const { times, url, token } = JSON.parse(line)
    // The SDK looks at these for each call.
    process.env.TCB_CONTEXT_CNFG = JSON.stringify({ URL: `${url}/admin` })
    process.env.WX_API_TOKEN = token
    // Asked for by each call, too; our preload script would lead that to the gateway of the start.
    metadata.kMetadataBaseUrl = url
    const one = async () => { for (let left = times; left > 0; left--) await call() }
    const cpu = process.cpuUsage()
    const start = process.hrtime.bigint()
    await Promise.all(Array.from({ length: atOnce }, one))
    const wall = Number(process.hrtime.bigint() - start)
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ cpu_ns: (user + system) * 1000, wall_ns: wall, calls: times * atOnce }))
  }
}

main()

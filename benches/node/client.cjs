// Makes calls for media with wx-server-sdk, several at once, and prints what they took.
'use strict'

const cloud = require('wx-server-sdk')

const [size, atOnce, calls] = process.argv.slice(2).map(Number)

async function call () {
  const { buffer } = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: 'm0' })
  if (buffer.length !== size) throw new Error(`${buffer.length} bytes instead of ${size}`)
}

async function each (calls) {
  const one = async () => { for (let left = calls / atOnce; left > 0; left--) await call() }
  await Promise.all(Array.from({ length: atOnce }, one))
}

async function main () {
  cloud.init()
  // Until the code is compiled; does not count.
  await each(calls)
  const cpu = process.cpuUsage()
  await each(calls)
  const { user, system } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ cpu_ns: (user + system) * 1000, calls }))
}

main()

// Compares every published version of wx-server-sdk with Cloud Calls.
//
//   node conformance.cjs record            what each version makes of the scripted gateway's
//                                          replies, written to expected/
//   node conformance.cjs check permitted   the same calls through the gateway that the environment
//   node conformance.cjs check denied      names (`cloudcall exec`), compared with expected/
'use strict'

const assert = require('assert')
const fs = require('fs')
const path = require('path')
const { execFile } = require('child_process')

const SDKS = path.join(__dirname, 'sdks')
const EXPECTED = path.join(__dirname, 'expected')
const PRELOAD = path.join(__dirname, '../../crates/cli/src/runner/node/preload.cjs')

/** The folders of the installed versions, by version. */
function versions () {
  const found = fs.readdirSync(SDKS).flatMap((group) => {
    const { dependencies } = JSON.parse(fs.readFileSync(path.join(SDKS, group, 'package.json')))
    return Object.keys(dependencies).map((name) => {
      const folder = path.join(SDKS, group, 'node_modules', name)
      if (!fs.existsSync(folder)) throw new Error(`${name} is not installed: run \`npm ci\` in ${path.join(SDKS, group)}`)
      return [name.replace('wx-server-sdk-', ''), folder]
    })
  })
  return found.sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
}

/** Runs the calls in a process of their own, because the SDK has global state. */
function calls (folder, env) {
  return new Promise((resolve, reject) => {
    const script = path.join(__dirname, 'calls.cjs')
    execFile(process.execPath, [script, folder], { env, timeout: 60000 }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`${folder}: ${error.message}\n${stderr}`))
      resolve(JSON.parse(stdout.trim().split('\n').pop()))
    })
  })
}

/** Does the work for each version, a few at a time. */
async function forEach (work) {
  const left = versions()
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await work(...next)
  }
  await Promise.all([worker(), worker(), worker()])
}

async function record () {
  const gateway = await require('./scripted-gateway.cjs').start()
  const environment = (token) => ({
    ...process.env,
    NODE_OPTIONS: `--require "${PRELOAD.replace(/\\/g, '\\\\')}"`,
    CLOUDCALL_GATEWAY: gateway.url,
    TCB_CONTEXT_CNFG: JSON.stringify({ URL: `${gateway.url}/admin` }),
    TENCENTCLOUD_RUNENV: 'WX_LOCAL_SCF',
    TENCENTCLOUD_REGION: 'ap-shanghai',
    TENCENTCLOUD_SECRETID: 'local',
    TENCENTCLOUD_SECRETKEY: 'local',
    WX_CONTEXT_KEYS: 'WX_API_TOKEN',
    WX_API_TOKEN: token
  })
  fs.mkdirSync(EXPECTED, { recursive: true })
  await forEach(async (version, folder) => {
    const expected = {
      permitted: await calls(folder, environment('permitted')),
      denied: await calls(folder, environment('denied'))
    }
    fs.writeFileSync(path.join(EXPECTED, `${version}.json`), `${JSON.stringify(expected, null, 2)}\n`)
    console.log(version)
  })
  gateway.close()
}

async function check (which) {
  let compared = 0
  const differences = []
  await forEach(async (version, folder) => {
    const expected = JSON.parse(fs.readFileSync(path.join(EXPECTED, `${version}.json`)))[which]
    const found = await calls(folder, process.env)
    try {
      assert.deepStrictEqual(found, expected)
    } catch (error) {
      differences.push(`wx-server-sdk ${version}: ${error.message.slice(0, 2000)}`)
    }
    compared += Object.keys(expected).length
  })
  for (const difference of differences) console.log(difference)
  console.log(`${versions().length} versions, ${compared} calls, ${differences.length} versions differ`)
  process.exitCode = differences.length === 0 ? 0 : 1
}

const [command, which] = process.argv.slice(2)
if (command === 'record') record()
else if (command === 'check' && ['permitted', 'denied'].includes(which)) check(which)
else {
  console.error('usage: node conformance.cjs record | check permitted | check denied')
  process.exitCode = 2
}

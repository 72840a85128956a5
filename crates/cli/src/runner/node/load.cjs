// Loads a function from its folder: the handler `index.main`.
'use strict'

const fs = require('fs')
const path = require('path')
const { pathToFileURL } = require('url')
const { textOf } = require('./invocation.cjs')

const NAMES = ['index.js', 'index.cjs', 'index.mjs']

/** What `load` throws: the error as it is, for it may be frozen, with what it means to the user. */
const failure = (error, explanation) => ({ error, explanation })

/** The file that the handler is in: `index.js`, or what `main` of `package.json` names. */
function entryOf (folder) {
  const index = NAMES.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file))
  if (index) return index
  try {
    return require.resolve(folder)
  } catch (error) {
    const message = `there is no index.js in ${folder}, and no file that "main" of package.json names`
    throw failure(error, message)
  }
}

async function importOf (file) {
  try {
    return require(file)
  } catch (error) {
    // An ES module, or one that awaits while it loads.
    if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error && error.code)) throw error
    return import(pathToFileURL(file).href)
  }
}

/** What has the `main`: the exports, or the default one among them. */
function holderOf (exported) {
  return [exported, exported && exported.default].find((it) => it && typeof it.main === 'function')
}

/** The folder's handler; throws a `failure`. */
async function load (folder) {
  const file = entryOf(folder)
  let holder
  try {
    holder = holderOf(await importOf(file))
  } catch (error) {
    throw failure(error, explain(error, file, folder))
  }
  if (holder) return holder.main.bind(holder)
  const explanation = `${file} exports no function "main": write exports.main = async (event, context) => { … }`
  throw failure(new TypeError(explanation), explanation)
}

function explain (error, file, folder) {
  const missing = missingPackage(error)
  if (missing) {
    const install = isListed(missing, folder) ? 'npm install' : `npm install ${missing}`
    return `Cannot find module '${missing}': run \`${install}\` in ${folder}`
  }
  const [first] = String(error && error.stack).split('\n')
  const place = /:\d+$/.test(first) ? first : file
  return `${place} cannot be loaded: ${textOf(error).split('\n')[0]}`
}

/** The name of the package that an import has not found. */
function missingPackage (error) {
  if (!['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error && error.code)) return undefined
  const [, specifier] = /^Cannot find (?:module|package) '([^']+)'/.exec(error.message) || []
  if (!specifier || /^(?:[./]|[a-z]:[\\/])/i.test(specifier)) return undefined
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isListed (name, folder) {
  try {
    const { dependencies, optionalDependencies } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json')))
    return name in { ...dependencies, ...optionalDependencies }
  } catch (_) {
    return false
  }
}

module.exports = { load }

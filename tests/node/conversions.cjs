// Reads {objects, texts} from stdin, and prints what wx-server-sdk 4.0.2 makes of the objects' keys,
// {snake, camel}, and JavaScript of the texts in a URL, {encoded}.
'use strict'

const fs = require('fs')
const Module = require('module')
const path = require('path')

// The function that converts is inside of the bundle, which is made to give its module away.
const MAIN = '__webpack_require__(__webpack_require__.s = "./src/index.ts")'
const file = require.resolve('./sdks/pinned/node_modules/wx-server-sdk-4.0.2')
const source = fs.readFileSync(file, 'utf8')
if (source.split(MAIN).length !== 2) throw new Error(`${file} is not the bundle that it was`)
const bundle = new Module(file, module)
bundle.filename = file
bundle.paths = Module._nodeModulePaths(path.dirname(file))
bundle._compile(source.replace(MAIN, '__webpack_require__("./src/utils/utils.ts")'), file)
const { convertCase } = bundle.exports

const { objects, texts } = JSON.parse(fs.readFileSync(0, 'utf8'))
const converted = (from, to) => objects.map((object) => convertCase(object, { from, to, recursive: true }))
process.stdout.write(JSON.stringify({
  snake: converted('camelcase', 'snakecase'),
  camel: converted('snakecase', 'camelcase'),
  encoded: texts.map(encodeURIComponent)
}))

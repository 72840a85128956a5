// Parses every script of the functions in a folder, in one process, and does nothing else with it.
'use strict'

const fs = require('fs')
const path = require('path')
const vm = require('vm')

function scripts (folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : scripts(file)
    return file.endsWith('.js') ? [file] : []
  })
}

for (const file of scripts(process.argv[2])) {
  new vm.Script(fs.readFileSync(file, 'utf8'), { filename: file })
}

// Runs a function once, as `node` would without any tool, and prints its result as JSON.
'use strict'

const [folder, event] = process.argv.slice(2)

require(folder).main(JSON.parse(event), {}).then((result) => console.log(JSON.stringify(result)))

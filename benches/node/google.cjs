// The function of benches/functions/echo-node, as @google-cloud/functions-framework wants it.
'use strict'

const { main } = require('../functions/echo-node')

exports.main = async (request, response) => response.json(await main(request.body))

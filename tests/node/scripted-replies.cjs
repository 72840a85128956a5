// What replies.cjs does, with the scripted gateway in the place of ours.
'use strict'

require('./scripted-gateway.cjs').start().then(({ url }) => {
  process.env.TCB_CONTEXT_CNFG = JSON.stringify({ URL: `${url}/admin` })
  require('./replies.cjs')
})

const cloud = require('wx-server-sdk')
const createMessenger = require('some-messenger')

const messenger = createMessenger({ cloud, retries: 3 })
global.openapi = cloud.openapi

exports.main = (event) => messenger.send(event)

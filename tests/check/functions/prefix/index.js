const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.openapi.subscribeMessage.send(event)

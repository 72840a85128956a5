const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.openapi.customerServiceMessage.send(event)

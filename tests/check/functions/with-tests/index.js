const cloud = require('wx-server-sdk')
exports.main = async (event) => cloud.openapi.customerServiceMessage.send(event)

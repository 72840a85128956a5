const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.openapi.customerServiceMessage.getTempMedia(event)

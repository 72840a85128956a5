const cloud = require('wx-server-sdk')

exports.main = async () => cloud.openapi.subscribeMessage.send({ touser: 'x', templateId: 'y', data: {} })

const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.callFunction({ name: 'send-text', data: event })

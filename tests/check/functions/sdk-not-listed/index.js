const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.openapi.wxacode.get(event)

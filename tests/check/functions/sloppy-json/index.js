const cloud = require('wx-server-sdk')

exports.main = (event) => Promise.all([
  cloud.openapi.wxacode.get(event),
  cloud.openapi.urllink.query(event),
])

'use strict'
var c = require('wx-server-sdk'),
    db = c.database()

exports.main = function (event, context) {
  return db.collection('codes').get().then(function (codes) {
    return c.openapi.wxacode.createQRCode({ path: codes.data[0].path })
  })
}

const cloud = require('wx-server-sdk')

exports.main = (event) => cloud.openapi.ocr.idcard({ type: 'photo', imgUrl: event.url })

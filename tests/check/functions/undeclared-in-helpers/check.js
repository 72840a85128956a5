const { openapi } = require('wx-server-sdk')

exports.check = (cloud, content) => cloud.openapi.security.msgSecCheck({ content })
exports.again = (content) => openapi.security.msgSecCheck({ content })

const cloud = require('wx-server-sdk')

exports.main = async (event) => cloud.openapi?.urllink?.generate?.({ query: event.query })

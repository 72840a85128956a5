const cloud = require('wx-server-sdk')

const test = (cloud) => cloud.openapi.wxacode.get({})

exports.main = async (event) => {
  if (event.dry) return test({ openapi: { wxacode: { get: () => 'nothing' } } })
  return cloud.openapi.customerServiceMessage.send(event)
}

const cloud = require('wx-server-sdk')
cloud.init()

exports.main = async (event) => {
  const result = await cloud.openapi({ convertCase: false }).subscribeMessage.send(event)
  return result.errcode
}

const cloud = require('wx-server-sdk')
cloud.init()

exports.main = async (event) => {
  const media = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: event.mediaId })
  return cloud.openapi.customerServiceMessage.send({ touser: event.openid, msgtype: 'text' })
}

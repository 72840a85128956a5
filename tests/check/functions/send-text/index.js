const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

exports.main = async (event) => {
  const { OPENID } = cloud.getWXContext()
  return cloud.openapi.customerServiceMessage.send({
    touser: OPENID,
    msgtype: 'text',
    text: { content: event.text },
  })
}

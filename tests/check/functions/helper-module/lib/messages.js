const { cloud, csm } = require('./cloud')

exports.welcome = async (touser) => {
  await csm.setTyping({ touser, command: 'Typing' })
  await cloud.openapi.customerServiceMessage.send({ touser, msgtype: 'text', text: { content: '你好' } })
}

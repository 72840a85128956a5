const cloud = require('wx-server-sdk')

// return cloud.openapi.customerServiceMessage.send({ touser })
/* cloud.openapi.wxacode.get({}) */
exports.main = async () => {
  console.log('cloud.openapi.subscribeMessage.send is not used any more')
  return `cloud.openapi.${'security'}.msgSecCheck`.replace(/cloud.openapi.img/, '')
}

const cloud = require('wx-server-sdk')
const CATEGORY = 'customerServiceMessage'

exports.main = async (event) => {
  await cloud['openapi'][CATEGORY]['send'](event.message)
  await cloud.openapi[`wxacode`].get({ path: 'pages/index' })
}

const cloud = require('wx-server-sdk')
const { check, again } = require('./check')

exports.main = async (event) => {
  await check(cloud, event.text)
  await again(event.text)
  return cloud.openapi.security.msgSecCheck({ content: event.title })
}

const cloud = require('wx-server-sdk')

exports.main = async (event) => {
  return cloud.openapi.wxacode.get({ path: event.path )
}

const cloud = require('wx-server-sdk')

exports.main = async ({ category, method, data }) => {
  await cloud.openapi.wxacode[method](data)
  return cloud.openapi[category][method](data)
}

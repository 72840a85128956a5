const { openapi, init, getWXContext } = require('wx-server-sdk')
init()

exports.main = async () => {
  try {
    return await openapi.wxacode.getUnlimited({ scene: getWXContext().OPENID })
  } catch (error) {
    return error
  }
}

const cloud = require('wx-server-sdk')
const { openapi: { customerServiceMessage: { getTempMedia, send } } } = cloud
const { security } = cloud.openapi

exports.main = async ({ mediaId }) => {
  const media = await getTempMedia({ mediaId })
  await security.imgSecCheck({ media: { contentType: media.contentType, value: media.buffer } })
  return send({ touser: cloud.getWXContext().OPENID, msgtype: 'image', image: { mediaId } })
}

const cloud = require('wx-server-sdk')
cloud.init()
const media = require('./media')(cloud)

exports.main = async (event) => media.fetch(event.mediaId)

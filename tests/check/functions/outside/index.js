const { cloud } = require('../../common/cloud')

exports.main = (event) => cloud.openapi.wxacode.get(event)

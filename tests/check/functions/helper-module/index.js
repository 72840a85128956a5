const { messages } = require('./lib')

exports.main = async (event) => messages.welcome(event.openid)

exports.messages = require('./messages')

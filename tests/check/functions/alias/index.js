const wx = require('wx-server-sdk')
const api = wx.openapi
const csm = api.customerServiceMessage

exports.main = (event) => csm.setTyping({ touser: event.openid, command: 'Typing' })

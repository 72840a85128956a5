const cloud = require('wx-server-sdk')
cloud.init()

exports.main = async (event) => cloud.database().collection('todos').doc(event.id).get()

const cloud = require('wx-server-sdk')
test('the code', () => cloud.openapi.wxacode.get({}))

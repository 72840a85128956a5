require('wx-server-sdk').openapi.wxacode.get({})

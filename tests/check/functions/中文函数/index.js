const cloud = require('wx-server-sdk') // 云开发

exports.main = async () => {
	const 标题 = '你好，世界', 结果 = await cloud.openapi.subscribeMessage.send({ 标题 })
	return 结果
}

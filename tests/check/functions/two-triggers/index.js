exports.main = async () => 'done'

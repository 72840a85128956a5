exports.main = async () => 'denied'

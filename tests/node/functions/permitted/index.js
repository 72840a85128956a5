exports.main = async () => 'permitted'

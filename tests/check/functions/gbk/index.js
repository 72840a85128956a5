// ÔÆº¯Êý
exports.main = async () => 1

// Adds two numbers: next to no work, so that what carries the event is what is measured.
exports.main = async (event) => ({ sum: event.a + event.b })

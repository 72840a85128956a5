module.exports = (cloud) => ({
  fetch: (mediaId) => cloud.openapi.customerServiceMessage.getTempMedia({ mediaId }),
})

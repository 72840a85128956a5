const cloud = require('wx-server-sdk')

class Codes {
  #api

  constructor(cloud) {
    this.cloud = cloud
    this.#api = cloud.openapi
  }

  async make(scene) {
    const code = await this.#api.wxacode.getUnlimited({ scene })
    return this.cloud.uploadFile({ cloudPath: `${scene}.jpg`, fileContent: code.buffer })
  }
}

exports.main = (event) => new Codes(cloud).make(event.scene)

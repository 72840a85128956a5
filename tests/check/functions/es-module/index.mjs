import cloud, { openapi as api } from 'wx-server-sdk'
import * as sdk from 'wx-server-sdk'

cloud.init()

export async function main(event) {
  await api.customerServiceMessage.send(event.message)
  return sdk.openapi.security.msgSecCheck({ content: event.text })
}

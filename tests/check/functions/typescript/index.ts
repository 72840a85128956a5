import cloud = require('wx-server-sdk')
import type { Message } from './types'
import { limit } from './limit.js'

export const main = async (event: Message): Promise<unknown> => {
  const api = (cloud as any).openapi!
  return limit(() => api.subscribeMessage.send<void>(event))
}

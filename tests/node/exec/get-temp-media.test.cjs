// A team's own tests of a cloud function, on the real SDK:
//
//   cloudcall exec --function get-temp-media-node -- node --test tests/node/exec/get-temp-media.test.cjs
'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const { test } = require('node:test')

const FUNCTION = path.join(__dirname, '../../../functions/get-temp-media-node')
const cloud = require(require.resolve('wx-server-sdk', { paths: [FUNCTION] }))
const { main } = require(FUNCTION)

test('gives the image', async () => {
  const { errCode, errMsg, contentType, buffer } = await main({ mediaId: 'sample' })
  assert.equal(errCode, 0)
  assert.equal(errMsg, 'openapi.customerServiceMessage.getTempMedia:ok')
  assert.equal(contentType, 'image/jpeg')
  assert.deepEqual([...buffer.subarray(0, 3)], [0xff, 0xd8, 0xff])
})

test('an unknown media id is the error of WeChat', async () => {
  const error = await main({ mediaId: 'no-such-media' })
  assert.equal(error.errCode, 40007)
  assert.match(error.errMsg, /^openapi\.customerServiceMessage\.getTempMedia:fail invalid media_id /)
})

test('what config.json does not permit is refused', async () => {
  const send = cloud.openapi.customerServiceMessage.send({ touser: 'o', msgtype: 'text', text: { content: 'x' } })
  await assert.rejects(send, { errCode: -604101 })
})

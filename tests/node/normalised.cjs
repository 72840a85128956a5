// Takes out what differs from call to call: WeChat's hint and rid, request ids, new media ids and
// their time. This is the one place that does; everything else is compared to the letter.
'use strict'

const TEXTS = [
  [/hint: \[[\w-]+\]/g, 'hint: [HINT]'],
  [/rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}/g, 'rid: RID']
]

function normalised (value, key) {
  if (key === 'mediaId' && value) return 'MEDIA_ID'
  if (key === 'createdAt' && Number.isInteger(value)) return 'CREATED_AT'
  if (key === 'requestId' && value) return 'REQUEST_ID'
  if (typeof value === 'string') return TEXTS.reduce((text, [pattern, by]) => text.replace(pattern, by), value)
  if (Array.isArray(value)) return value.map((item) => normalised(item))
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, normalised(field, name)]))
  }
  return value
}

module.exports = { normalised }

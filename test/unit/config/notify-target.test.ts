import { expect } from 'chai'
import { assert, property, string } from 'fast-check'
import {
  fillTemplate,
  parseNotifyTargets,
  parseTemplate,
} from '../../../src/config/notify-target.ts'

describe('parseNotifyTargets', () => {
  it('takes several, with blanks and line ends between them', () => {
    expect(
      parseNotifyTargets(
        ' https://hooks.example/a?b=c\nping+http://ping.example/id  smtp://me:pw@mail.example:587/?from=a@example.org&to=b@example.org ',
      ),
    ).to.deep.equal([
      { kind: 'post', url: 'https://hooks.example/a?b=c' },
      { kind: 'ping', url: 'http://ping.example/id' },
      {
        kind: 'mail',
        url: 'smtp://me:pw@mail.example:587/',
        from: 'a@example.org',
        to: 'b@example.org',
      },
    ])
  })

  it('takes nothing for nobody', () => {
    expect(parseNotifyTargets('')).to.deep.equal([])
  })

  const refused = [
    'hooks.example',
    'ftp://hooks.example',
    'ping+smtp://mail.example?from=a@b&to=c@d',
    'smtp://mail.example',
    'smtp://mail.example?from=a@b',
    'smtp://mail.example?from=a@b&to=c',
    'smtp://mail.example?from=a@b&to=c@d%0ABcc:x@y',
    'https://hooks.example nonsense',
  ]
  for (const text of refused) {
    it(`refuses ${text}`, () => {
      expect(parseNotifyTargets(text)).to.equal(undefined)
    })
  }
})

describe('a template', () => {
  const template = '{"text": "{{title}}: {{message}}", "more": [1, "{{host}}"]}'

  it('is JSON whatever is put into it', () => {
    assert(
      property(string(), (text) => {
        const filled = fillTemplate(template, (field) => (field === 'message' ? text : field))
        expect(JSON.parse(filled)).to.deep.equal({ text: `title: ${text}`, more: [1, 'host'] })
      }),
    )
  })

  for (const text of ['{"text": {{message}}}', 'text', '{"text": "{{nonsense}}"}', '{"a": "{{']) {
    it(`is refused: ${text}`, () => {
      // a text that is no JSON, or names what is not there
      expect(parseTemplate(text)).to.equal(undefined)
    })
  }

  it('is taken as it is', () => {
    expect(parseTemplate(template)).to.equal(template)
  })
})

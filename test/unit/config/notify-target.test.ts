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

  const taken: [text: string, target: object][] = [
    [
      'push+https://kuma.example/api/push/id?status=up&msg=OK&ping=',
      { kind: 'push', url: 'https://kuma.example/api/push/id?status=up&msg=OK&ping=' },
    ],
    [
      'https://us%25er:a%40b@[::1]:8443/',
      { kind: 'post', url: 'https://us%25er:a%40b@[::1]:8443/' },
    ],
    ['https://a.example/?list=1,2;3', { kind: 'post', url: 'https://a.example/?list=1,2;3' }],
    [
      'smtp://a+b:pw@mail.example/?from=a+b@example.org&to=c%2Bd@example.org',
      {
        kind: 'mail',
        url: 'smtp://a+b:pw@mail.example/',
        from: 'a+b@example.org',
        to: 'c+d@example.org',
      },
    ],
  ]
  for (const [text, target] of taken) {
    it(`takes ${text}`, () => {
      expect(parseNotifyTargets(text)).to.deep.equal([target])
    })
  }

  const refused = [
    'https://a.example,https://b.example',
    'https://a.example/hook,https://b.example/hook',
    'https://a.example/hook;ping+https://b.example/id',
    'https://a.example/hook, https://b.example/hook',
    'https://a.example,b.example/hook',
    'https://us%er@hooks.example/',
    'https://user:pass%word@hooks.example/',
    'smtp://us%er:pw@mail.example/?from=a@b&to=c@d',
    'smtp://mail.example/?from=a%b@c&to=c@d',
    'smtp://mail.example/?from=a@b&to=a+b@',
    'smtp://mail.example/?from=a@b&to=c@d,e@f',
    'https://hooks.example:0/',
    'https:hooks.example',
    'https:///hooks.example',
    'push+ping+https://hooks.example',
    'push+smtp://mail.example?from=a@b&to=c@d',
    'smtp://?from=a@b&to=c@d',
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

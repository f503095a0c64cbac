import { expect } from 'chai'
import { withoutDeprecation } from '../support/docker.ts'

describe('withoutDeprecation', () => {
  const own = 'snap-volume: there is no latest~9: see "snap-volume show"'

  const said: [how: string, line: string][] = [
    ['as a warning of the Engine', 'WARNING: legacy links are deprecated and will be removed\n'],
    ['as a flag of the CLI', 'Flag --link has been deprecated, use --network\n'],
    ['with an empty line after it', 'DEPRECATED: --link\n\n'],
    ['not at all', ''],
  ]
  for (const [how, line] of said) {
    it(`leaves what the container says, where docker speaks of --link ${how}`, () => {
      expect(withoutDeprecation(`${line}${own}`)).to.equal(own)
    })
  }
})

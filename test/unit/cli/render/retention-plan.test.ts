import { expect } from 'chai'
import { formatRetentionPlan } from '../../../../src/cli/render/retention-plan.ts'

describe('formatRetentionPlan', () => {
  const plan = [
    { name: 'old', keep: false, reason: 'older' },
    { name: 'new', keep: true, reason: 'the newest' },
  ]

  it('says of each what becomes of it and why, and how many', () => {
    expect(formatRetentionPlan(plan, { dryRun: false })).to.equal(
      'remove  old  older\nkeep    new  the newest\n1 kept, 1 removed\n',
    )
  })

  it('says that it changed nothing', () => {
    expect(formatRetentionPlan(plan, { dryRun: true })).to.include('1 would be removed')
  })

  it('says that so many wait for somebody who looks', () => {
    expect(formatRetentionPlan(plan, { dryRun: true, waits: true })).to.match(
      /1 would be removed, which waits for "snap-volume prune --yes"\n$/,
    )
  })

  it('has no table for an empty store', () => {
    expect(formatRetentionPlan([], { dryRun: false })).to.equal('0 kept, 0 removed\n')
  })
})

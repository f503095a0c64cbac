import type { TestStore } from '../../support/test-store.ts'
import { shellIn } from '../../support/shell.ts'

/** Copies a snapshot to other names, which takes no second for each of them. */
export async function plantCopies(
  store: TestStore,
  name: string,
  copies: readonly string[],
): Promise<void> {
  for (const copy of copies) {
    await shellIn(
      store.directory,
      `cp -a ${name} ${copy}; sed -i s/${name}/${copy}/ ${copy}/.snapshot.json`,
    )
  }
}

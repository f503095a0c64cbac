import type { Settings } from '../../config/settings.ts'
import type { Environment } from '../../config/variables.ts'
import { OperationError } from '../../errors.ts'
import { openStore } from '../../store/open.ts'
import { contextOfProcess, readStoreConfig } from '../context.ts'
import { checkDocker } from './check-docker.ts'
import { checkProgram } from './check-program.ts'
import { checkLinkLimit, checkStore } from './check-store.ts'
import { checkUserNamespace, checkVolumeOwners } from './check-user-namespace.ts'
import { checkVolumes } from './check-volumes.ts'
import { type DoctorFinding, problemOf } from './finding.ts'

/**
 * Looks at all that snapshots depend on; what cannot be looked at is a finding too. Writes nothing
 * but a probe that is gone again.
 */
export async function diagnose(
  settings: Settings,
  environment: Environment,
  now: Date,
): Promise<DoctorFinding[]> {
  const findings = [...(await checkProgram()), ...checkUserNamespace()]
  try {
    const store = openStore(settings.storeDirectory)
    findings.push(...(await checkStore(store, settings, now)))

    const config = readStoreConfig(store, settings)
    findings.push(checkLinkLimit(store, config))
    findings.push(...checkVolumes(store, config, settings))
    findings.push(...(await checkVolumeOwners(config)))
    findings.push(...(await checkDocker({ config, ...contextOfProcess(settings, environment) })))
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    findings.push(problemOf('store', error))
  }

  return findings
}

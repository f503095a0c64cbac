// Builds dist/: the program with the packages it uses in a few files, because hundreds of small
// ones take longer to load than a snapshot to take. What is imported when it is needed stays a file
// of its own; what many commands need is in one file with its like.
import { chmod, copyFile, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { build } from 'rolldown'

/**
 * yargs parses and refuses; help is rendered elsewhere. What it would measure text with takes
 * longer to load than the rest of it.
 */
const yargsWithoutHelp = replacing(
  'yargs-without-help',
  (path, importer) =>
    /^(cliui|string-width)$/.test(path) && importer.includes('/node_modules/yargs/'),
  "export default () => { throw new Error('this is not bundled') }",
)
/**
 * What dockerode talks SSH and gRPC with (DOCKER_HOST=ssh://, BuildKit), which nobody asks it for
 * here.
 */
const dockerodeWithoutSessions = replacing(
  'dockerode-without-sessions',
  (path) =>
    /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)$/.test(
      path,
    ),
  'module.exports = {}',
)
/**
 * docker-modem parses addresses by url.parse(), of which Node prints a deprecation (DEP0169) where
 * it is bundled.
 */
const modemWithUrl = replacing(
  'modem-with-url',
  (path, importer) => path === 'url' && importer.includes('/node_modules/docker-modem/'),
  `
    const url = require('node:url')
    function parse(text) {
      if (!URL.canParse(text)) return {}
      const { protocol, hostname: name, port, pathname, search } = new URL(text)
      const hostname = name.replace(/[[\\]]/g, '')
      return { protocol, hostname, port, pathname, path: pathname + search }
    }
    module.exports = { ...url, parse, resolve: (from, to) => new URL(to, from).href }`,
)

/** What every command loads: the modules that src/main.ts imports, and theirs. */
const first = new Set()
const findFirst = {
  name: 'find-first',
  buildEnd() {
    const main = [...this.getModuleIds()].find(isMain)
    const left = [...this.getModuleInfo(main).importedIds]
    for (const id of left) {
      if (first.has(id)) continue
      first.add(id)
      left.push(...(this.getModuleInfo(id)?.importedIds ?? []))
    }
  },
}

await rm('dist', { recursive: true, force: true })
const program = await build({
  input: { main: 'src/main.ts' },
  platform: 'node',
  plugins: [yargsWithoutHelp, dockerodeWithoutSessions, modemWithUrl, findFirst],
  preserveEntrySignatures: 'allow-extension',
  output: {
    dir: 'dist',
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: false,
    codeSplitting: {
      includeDependenciesRecursively: false,
      // tried: without these a command loads sixty files, and takes a tenth longer to start
      groups: [
        { name: 'start', test: (id) => first.has(id) },
        {
          name: 'shared',
          test: /\/src\/(actions|cli|config|docker|store|tree)\//,
          minShareCount: 5,
        },
      ],
    },
  },
})
const worker = await build({
  input: 'src/copy/scan/scan-worker.ts',
  platform: 'node',
  // beside the files that start it; a thread loads no loader of modules for CommonJS
  output: { file: 'dist/chunks/scan-worker.cjs', format: 'cjs', comments: false },
})
// beside the file that reads it
await copyFile('src/archive/restore.sh', 'dist/chunks/restore.sh')
await chmod('dist/main.js', 0o755)
await writeFile(
  'dist/LICENSES.txt',
  await licencesOf(bundledPackages([...program.output, ...worker.output])),
)

/** Puts `code` in the place of the modules that `matches` finds. */
function replacing(name, matches, code) {
  return {
    name,
    resolveId: (path, importer = '') => (matches(path, importer) ? `\0${name}` : undefined),
    load: (id) => (id === `\0${name}` ? { code, moduleType: 'js' } : undefined),
  }
}

function isMain(id) {
  return id.endsWith('/src/main.ts')
}

function bundledPackages(chunks) {
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules))
  const directories = modules.map(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0],
  )
  return [...new Set(directories.filter((directory) => directory !== undefined))].toSorted(
    (one, other) => one.localeCompare(other),
  )
}

async function licencesOf(directories) {
  const texts = await Promise.all(directories.map(licenceOf))
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

async function licenceOf(directory) {
  const { name, version, license } = JSON.parse(await readFile(`${directory}/package.json`, 'utf8'))
  const file = (await readdir(directory)).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file === undefined ? '' : `\n${await readFile(`${directory}/${file}`, 'utf8')}`
  return `${name} ${version} (${license})\n${text}`
}

// Builds dist/: the program with the packages it uses in a few files, because hundreds of small
// ones take longer to load than a snapshot to take. What is imported when it is needed stays a file
// of its own.
import { chmod, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

await rm('dist', { recursive: true, force: true })
const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
}
/**
 * yargs parses and refuses; help is rendered elsewhere. What it would measure text with takes
 * longer to load than the rest of it.
 */
const yargsWithoutHelp = {
  name: 'yargs-without-help',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(cliui|string-width)$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/yargs/') ? { path, namespace: 'unused' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: `export default () => { throw new Error('${path} is not bundled') }`,
    }))
  },
}
/**
 * What dockerode talks SSH and gRPC with (DOCKER_HOST=ssh://, BuildKit), which nobody asks it for
 * here.
 */
const dockerodeWithoutSessions = {
  name: 'dockerode-without-sessions',
  setup({ onResolve, onLoad }) {
    onResolve(
      {
        filter:
          /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)$/,
      },
      ({ path }) => ({ path, namespace: 'no-sessions' }),
    )
    onLoad({ filter: /.*/, namespace: 'no-sessions' }, () => ({ contents: 'module.exports = {}' }))
  },
}
/**
 * docker-modem parses addresses by url.parse(), of which Node prints a deprecation (DEP0169) where
 * it is bundled.
 */
const modemWithUrl = {
  name: 'modem-with-url',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^url$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/docker-modem/')
        ? { path, namespace: 'modem-url' }
        : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'modem-url' }, () => ({
      contents: `
        const url = require('node:url')
        function parse(text) {
          if (!URL.canParse(text)) return {}
          const { protocol, hostname, port, pathname, search } = new URL(text)
          return { protocol, hostname: hostname.replace(/[[\\]]/g, ''), port, pathname, path: pathname + search }
        }
        module.exports = { ...url, parse, resolve: (from, to) => new URL(to, from).href }`,
      resolveDir: '.',
    }))
  },
}
const program = await build({
  ...common,
  plugins: [yargsWithoutHelp, dockerodeWithoutSessions, modemWithUrl],
  entryPoints: [{ in: 'src/main.ts', out: 'main' }],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  format: 'esm',
  // packages that are CommonJS ask for Node's own modules by it
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
  },
})
const worker = await build({
  ...common,
  entryPoints: ['src/copy/scan/scan-worker.ts'],
  // beside the files that start it; a thread loads no loader of modules for CommonJS
  outfile: 'dist/chunks/scan-worker.cjs',
  format: 'cjs',
})
await chmod('dist/main.js', 0o755)
await writeFile(
  'dist/LICENSES.txt',
  await licencesOf(bundledPackages({ ...program.metafile.inputs, ...worker.metafile.inputs })),
)

function bundledPackages(inputs) {
  const directories = Object.keys(inputs).map(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0],
  )
  return [...new Set(directories.filter((directory) => directory !== undefined))].toSorted()
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

// Builds dist/: the program with the packages it uses in a few files, because hundreds of small ones take
// longer to load than a snapshot to take. What is imported when it is needed stays a file of its own.
import { chmod, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

await rm('dist', { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: [
    { in: 'src/main.ts', out: 'main' },
    // beside the files that start it
    { in: 'src/copy/scan/scan-worker.ts', out: 'chunks/scan-worker' },
  ],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // packages that are CommonJS ask for Node's own modules by it
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
  },
})
await chmod('dist/main.js', 0o755)
await writeFile('dist/LICENSES.txt', await licencesOf(bundledPackages(metafile.inputs)))

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

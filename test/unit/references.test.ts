import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Files and directories of the repository, by their paths in it. */
const paths = ['src', 'test', 'bench', 'setup', 'docs', 'examples', '.github', '.ci', '.'].flatMap(
  (directory) =>
    existsSync(join(root, directory))
      ? readdirSync(join(root, directory), { recursive: directory !== '.', encoding: 'utf8' }).map(
          (name) => normalize(join(directory, name)),
        )
      : [],
)
const documents = paths.filter((path) => path.endsWith('.md'))
const sources = paths.filter((path) => path.startsWith('src/') && path.endsWith('.ts'))

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Reference {
  from: string
  /** As it is written. */
  text: string
  isRight: boolean
}

/** The references that a pattern finds in files, each judged by what its groups say. */
function find(
  files: readonly string[],
  pattern: RegExp,
  isRight: (file: string, ...groups: string[]) => boolean,
): Reference[] {
  return files.flatMap((from) =>
    [...read(from).matchAll(pattern)].map(([text, ...groups]) => ({
      from,
      text,
      isRight: isRight(from, ...groups),
    })),
  )
}

function isThere(path: string): boolean {
  return existsSync(join(root, path))
}

/** The headings of a document as they are written, without marks. */
function headingsOf(document: string): string[] {
  const withoutCode = read(document).replace(/^```[\s\S]*?^```/gm, '')
  return [...withoutCode.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
    heading.replaceAll('`', '').trim(),
  )
}

/** As the web pages of repositories make them. */
function anchorsOf(document: string): string[] {
  return headingsOf(document).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Of a link in a document; what is elsewhere is not looked at. */
function leadsSomewhere(document: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return true
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? document : normalize(join(dirname(document), file))
  if (!isThere(path)) return false
  return anchor === undefined || anchorsOf(path).includes(decodeURIComponent(anchor))
}

/** `README.md`, or `the README`. */
function documentOf(words: string): string {
  return words === 'the README' ? 'README.md' : words
}

const kinds: Record<string, Reference[]> = {
  'link of a document': find(documents, /\]\(([^)\s]+)\)/g, (document, target = '') =>
    leadsSomewhere(document, target),
  ),
  'path of a file': find(
    [...sources, ...documents],
    /(?<![\w./-])(?:src|test|docs|examples|setup|bench|\.github|\.ci)\/[\w./-]*\w\/?/g,
    () => true,
  ).map(({ from, text }) => ({
    from,
    text,
    // NAME.ts stands for any
    isRight: isThere(text) || /\/[A-Z]+(\.|$)/.test(text),
  })),
  'file that a comment names': find(
    sources,
    /(?<=^\s*(?:\/\*\*|\*|\/\/).*)(?<![\w./-])[\w./-]*[\w-]+\.(?:ts|mjs|sh)\b/gm,
    () => true,
  ).map(({ from, text }) => ({
    from,
    text,
    isRight: paths.some((path) => path === text || path.endsWith(`/${text}`)),
  })),
  'document that the program names': find(
    sources,
    /(?<![\w./-])([\w./-]*\w+\.md)(?:#([\w-]+))?/g,
    (_, document = '', anchor = '') =>
      isThere(document) && (anchor === '' || anchorsOf(document).includes(anchor)),
  ),
  'heading that is quoted': find(
    [...sources, ...documents],
    /"([^"\n]+)" in (the README|[\w./-]+\.md)/g,
    (_, heading = '', words = '') =>
      isThere(documentOf(words)) && headingsOf(documentOf(words)).includes(heading),
  ),
  'document that is no file': find(sources, /\((\w+): "[^"\n]+"\)/g, (_, name = '') =>
    isThere(name),
  ),
}

describe('The references in code and documents', () => {
  for (const [kind, references] of Object.entries(kinds)) {
    it(`lead somewhere: each ${kind}`, () => {
      const dead = references.filter(({ isRight }) => !isRight)
      expect(dead.map(({ from, text }) => `${from}: ${text}`)).to.deep.equal([])
    })
  }

  it('are found at all', () => {
    for (const kind of ['link of a document', 'path of a file', 'file that a comment names']) {
      expect(kinds[kind]?.length, kind).to.be.greaterThan(5)
    }
    expect(kinds['heading that is quoted']?.length).to.be.greaterThan(1)
  })
})

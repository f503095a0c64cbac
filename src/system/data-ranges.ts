import { spawn } from './spawn.ts'

/** From where to where a file has data; what is between are holes. */
export type DataRange = readonly [start: number, end: number]

/**
 * lseek(2) with SEEK_DATA and SEEK_HOLE, for which Node has no call; of a file without further data
 * it says ENXIO.
 */
const program = String.raw`
  $/ = "\0";
  while (<STDIN>) {
    chomp;
    my ($at, @ranges) = (0);
    if (open my $file, '<', $_) {
      while (defined(my $data = sysseek $file, $at, 3)) {
        $at = sysseek($file, $data, 4) // last;
        push @ranges, $data + 0, $at + 0;
      }
    }
    print $! == 6 ? "@ranges\n" : "?\n";
  }
`

const smallestSparseBytes = 1024 * 1024

/** Whether so much of a file are holes that it is quicker to read its data only. */
export function isSparse({ size, blocks }: { size: bigint; blocks: bigint }): boolean {
  return size > smallestSparseBytes && blocks * 512n < size / 2n
}

/** Where files have data, each by a path; undefined where that cannot be told. */
export async function findData(
  paths: readonly string[],
): Promise<readonly (readonly DataRange[] | undefined)[]> {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(''))
  const { stdout } = await spawn('perl', ['-e', program], { input }).catch(() => ({ stdout: '' }))
  const lines = stdout.split('\n')
  return paths.map((_, position) => parseRanges(lines[position] ?? '?'))
}

function parseRanges(line: string): DataRange[] | undefined {
  if (line === '?') return undefined
  const numbers = line.split(' ').filter(Boolean).map(Number)

  return Array.from({ length: numbers.length / 2 }, (_, index) => [
    numbers[2 * index] ?? 0,
    numbers[2 * index + 1] ?? 0,
  ])
}

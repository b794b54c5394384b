/**
 * Where slabs lie: in blocks, side by side where that is possible.
 *
 * A part whose slabs are neighbours is one view: one read, one CRC, one write instead of one a slab.
 *
 * @module
 */
import { slabSize } from "../Defaults.ts"

/** Slabs a block: as many as a number has bits, and a default part. */
export const slabsPerBlock = 32

interface Block {
  readonly shared: boolean
  readonly slabs: ReadonlyArray<Uint8Array>
  /** One bit a slab, set while it is free. */
  free: number
}

export interface SlabBlocks {
  /** `count` slabs, in a row where one is free. Prefers memory that was used before, right after `last`. */
  readonly take: (count: number, last: Uint8Array | undefined) => ReadonlyArray<Uint8Array>
  readonly give: (slabs: ReadonlyArray<Uint8Array>) => void
  /** Slabs in all blocks. */
  readonly size: () => number
  /** Drops blocks that lie idle until no more than `limit` slabs are left. */
  readonly shrink: (limit: number) => void
  /** From now on blocks are shared memory; those that are not go as their slabs come back. */
  readonly share: () => void
}

/** The `count` lowest bits, as the bitwise operators give them. */
const ones = (count: number): number => (2 ** count - 1) | 0

/** Whether other threads see these bytes as they are. */
export const isShared = (bytes: Uint8Array): boolean =>
  typeof SharedArrayBuffer === "function" && bytes.buffer instanceof SharedArrayBuffer

const blockOf = (count: number, shared: boolean): Block => {
  const memory = shared ? new SharedArrayBuffer(count * slabSize) : new ArrayBuffer(count * slabSize)
  return {
    shared,
    slabs: Array.from({ length: count }, (_, i) => new Uint8Array(memory, i * slabSize, slabSize)),
    free: ones(count)
  }
}

const isIdle = ({ free, slabs }: Block): boolean => free === ones(slabs.length)

/** Where `count` free slabs start in a row, or -1. */
const runIn = ({ free, slabs }: Block, count: number): number => {
  const run = ones(count)
  for (let at = 0; at + count <= slabs.length; at++) if (((free >>> at) & run) === run) return at
  return -1
}

/** Blocks that grow to `limit()` slabs in all, and beyond it only when nothing is free. */
export const makeSlabBlocks = (limit: () => number): SlabBlocks => {
  const blocks = new Map<ArrayBufferLike, Block>()
  let size = 0
  let shared = false

  const add = (count: number): Block => {
    const block = blockOf(count, shared)
    const [first] = block.slabs
    if (first !== undefined) blocks.set(first.buffer, block)
    size += count
    return block
  }
  const drop = (memory: ArrayBufferLike, { slabs }: Block): void => {
    blocks.delete(memory)
    size -= slabs.length
  }
  const takeRun = (block: Block, at: number, count: number): ReadonlyArray<Uint8Array> => {
    block.free &= ~(ones(count) << at)
    return block.slabs.slice(at, at + count)
  }

  /** At most a block's worth, in a row; undefined when memory in a row is nowhere to be had. */
  const inRow = (count: number, last: Uint8Array | undefined): ReadonlyArray<Uint8Array> | undefined => {
    const current = last === undefined ? undefined : blocks.get(last.buffer)
    if (current?.shared === shared && last !== undefined) {
      const next = last.byteOffset / slabSize + 1
      if (next + count <= current.slabs.length && ((current.free >>> next) & ones(count)) === ones(count)) {
        return takeRun(current, next, count)
      }
    }
    for (const block of blocks.values()) {
      const at = block.free === 0 || block.shared !== shared ? -1 : runIn(block, count)
      if (at >= 0) return takeRun(block, at, count)
    }
    const room = Math.min(slabsPerBlock, limit() - size)
    return room >= count ? takeRun(add(room), 0, count) : undefined
  }

  return {
    take: (count, last) => {
      const taken: Array<Uint8Array> = []
      while (taken.length < count) {
        const want = Math.min(slabsPerBlock, count - taken.length)
        const from = taken.at(-1) ?? last
        let found = inRow(want, from)
        // Scattered, then: one by one, and above the limit when all is taken.
        for (let n = Math.ceil(want / 2); found === undefined && n >= 1; n = Math.floor(n / 2)) found = inRow(n, from)
        taken.push(...(found ?? takeRun(add(want), 0, want)))
      }
      return taken
    },
    give: (slabs) => {
      for (const slab of slabs) {
        const block = blocks.get(slab.buffer)
        if (block === undefined) continue
        block.free |= 1 << (slab.byteOffset / slabSize)
        if (block.shared !== shared && isIdle(block)) drop(slab.buffer, block)
      }
    },
    size: () => size,
    shrink: (most) => {
      for (const [memory, block] of blocks) {
        if (size <= most) return
        if (isIdle(block)) drop(memory, block)
      }
    },
    share: () => {
      if (shared) return
      shared = true
      for (const [memory, block] of blocks) {
        if (isIdle(block)) drop(memory, block)
      }
    }
  }
}

/** `slabs` as views on the bytes from `from` to `to`; neighbours are one view. */
export const viewOf = (slabs: ReadonlyArray<Uint8Array>, from: number, to: number): ReadonlyArray<Uint8Array> => {
  const views: Array<Uint8Array> = []
  const last = from < to ? Math.ceil(to / slabSize) : 0
  for (let i = Math.floor(from / slabSize); i < last; ) {
    const slab = slabs[i]
    if (slab === undefined) break
    let n = 1
    for (let next = slabs[i + 1]; i + n < last && next !== undefined && follows(slab, next, n); next = slabs[i + n]) n++
    const start = Math.max(0, from - i * slabSize)
    const end = Math.min(n * slabSize, to - i * slabSize)
    views.push(new Uint8Array(slab.buffer, slab.byteOffset + start, end - start))
    i += n
  }
  return views
}

const follows = (first: Uint8Array, next: Uint8Array, n: number): boolean =>
  next.buffer === first.buffer && next.byteOffset === first.byteOffset + n * slabSize

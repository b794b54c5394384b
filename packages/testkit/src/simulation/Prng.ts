/** Numbers that look random and follow from their seed alone. */
export interface Prng {
  /** 0 … 1, without 1. */
  readonly next: () => number
  /** A whole number from 0 on, below `bound`. */
  readonly below: (bound: number) => number
  /** A whole number from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number
  readonly chance: (probability: number) => boolean
  /** One of the choices; there must be one. */
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
  /** Fills the array and returns it. */
  readonly fill: <Bytes extends Uint8Array>(bytes: Bytes) => Bytes
}

/** FNV-1a with a last mix, of `text` after `state`. */
const hash = (text: string, state: number): number => {
  let h = state ^ 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A generator for a seed and, where given, a place: what one place draws does not change what another one does. */
export const makePrng = (seed: number, place = ""): Prng => {
  // sfc32, by Chris Doty-Humphrey (PractRand): small, fast, and good beyond what is asked here.
  let a = hash(place, seed)
  let b = hash(place, a ^ 0x9e3779b9)
  let c = hash(place, b ^ seed)
  let counter = 1
  const bits = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) bits()
  const next = (): number => bits() / 2 ** 32
  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    next,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (probability) => next() < probability,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    fill: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = bits() >>> 24
      return bytes
    }
  }
}

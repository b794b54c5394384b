import { S3Error } from "./S3Error.ts"

/** A run of bytes of an object. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** One range of RFC 9110 §14.1.2. `undefined`: the header is absent or not one range, and the whole object is meant. */
export function parseRange(header: string | undefined, size: number): Span | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? []
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined
  if (first === "") {
    const length = Math.min(Number(last), size)
    return length === 0 ? unsatisfiable(header, size) : { offset: size - length, length }
  }
  if (last !== "" && Number(last) < Number(first)) return undefined
  const offset = Number(first)
  if (offset >= size) return unsatisfiable(header, size)
  return { offset, length: (last === "" ? size : Math.min(Number(last) + 1, size)) - offset }
}

function unsatisfiable(header: string | undefined, size: number): never {
  throw new S3Error("InvalidRange", undefined, { RangeRequested: header ?? "", ActualObjectSize: `${size}` })
}

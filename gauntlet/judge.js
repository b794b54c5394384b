/**
 * From what was seen to a verdict: pure, and the same for everybody.
 *
 * @module
 */

/**
 * What was seen of one cell, at the moment the contender said that it was over and when its process had ended.
 *
 * @typedef {object} Observation
 * @property {import("./contender.js").End["how"]} how
 * @property {string} message its error
 * @property {boolean} struck whether the line's trouble came to it at all
 * @property {number} ms from when it was told to begin (to end, where that is the line's subject) until it said so
 * @property {"source" | "other" | "absent" | "standing"} object what is at the key in the end: the source's bytes,
 *   others, nothing, or the object that stood there before
 * @property {number} openThen multipart uploads open when it said that it was over
 * @property {number} open multipart uploads open when its process had ended
 * @property {number} storedAfter parts that were stored after it had said that it was over
 * @property {number} lingeredMs how long after its word the last of its uploads was open, or the last part was stored
 * @property {number} partRequests parts and objects that began to arrive
 * @property {number} bytesReceived bytes of parts and objects
 * @property {number} [resent] bytes that the store had and got again
 * @property {number} [kept] bytes that the store had when the first run was killed
 * @property {number} [peakMiB] resident memory above idle
 * @property {number} [largestPart] bytes
 * @property {number} [size] bytes of the source
 */

/**
 * `pass`: what the line asks for. `partial`: honest, and nothing is left, but not what it asks for. `fail`: it is not
 * true, or bytes are lost, or something is left, or it hangs. `none`: there is no such option.
 *
 * @typedef {object} Verdict
 * @property {"pass" | "partial" | "fail" | "none"} mark
 * @property {string} word
 * @property {string} short the same in a few letters
 */

/** @param {number} ms */
export const duration = (ms) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

const MiB = 2 ** 20

/** @param {number} bytes */
export const mebibytes = (bytes) => `${Math.round(bytes / MiB)} MiB`

/** @param {number} count */
const uploads = (count) => `${count} upload${count === 1 ? "" : "s"}`

/** @param {Verdict["mark"]} mark @param {string} word @param {string} [short] @returns {Verdict} */
export const verdict = (mark, word, short = word) => ({ mark, word, short })

/**
 * What is wrong whatever was asked for: it hangs, it lies, it loses bytes; or it never came to the line's trouble.
 *
 * @param {Observation} seen
 * @returns {Verdict | undefined}
 */
const wrong = ({ how, message, object, open, ms, struck }) => {
  if (!struck && how !== "hung") {
    return how === "ok"
      ? verdict("none", "not put to the test")
      : verdict("fail", `does not get there: ${message}`, "not there")
  }
  const left = open > 0 ? `, left ${uploads(open)}` : ""
  if (how === "hung") return verdict("fail", `hung (> ${duration(ms)})${left}`, "hung")
  if (how === "ok" && object !== "source") {
    const there = object === "other" ? "other bytes are stored" : "nothing is stored"
    return verdict("fail", `lost data: reports success, ${there}`, "lost data")
  }
  if (how !== "ok" && object === "other")
    return verdict("fail", `failed, and other bytes are stored${left}`, "wrong bytes")
  if (how !== "ok" && object === "source") {
    return verdict("fail", `reports failure, and the object is there${left}`, "false failure")
  }
  return undefined
}

/**
 * The end of an upload that did not end well.
 *
 * @param {Observation} seen
 * @param {Verdict["mark"]} mark if it is over and nothing is left
 * @param {string} word
 */
const refused = ({ how, open, ms }, mark, word) => {
  const said = how === "ended" ? "never says how it ends" : `${word} after ${duration(ms)}`
  if (open > 0) return verdict("fail", `${said}, left ${uploads(open)}`, `left ${open}`)
  return how === "ended" ? verdict("fail", said, "no answer") : verdict(mark, said, word)
}

/**
 * The line asks for the object.
 *
 * @param {Observation} seen
 */
export const judgeStored = (seen) => {
  const { how, open, ms } = seen
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  if (how !== "ok") return refused(seen, "partial", "gave up")
  return open > 0
    ? verdict("fail", `ok in ${duration(ms)}, left ${uploads(open)}`, `left ${open}`)
    : verdict("pass", `ok in ${duration(ms)}`, duration(ms))
}

/**
 * The line asks for an error. A file that was cut short may also be stored as it is then.
 *
 * @param {Observation} seen
 */
export const judgeRefused = (seen) => {
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  if (seen.how !== "ok") return refused(seen, "pass", "refused")
  const left = seen.open > 0 ? `, left ${uploads(seen.open)}` : ""
  return verdict(left === "" ? "pass" : "fail", `stored as it is then${left}`, "as it is then")
}

/**
 * The line asks that somebody else's object stays.
 *
 * @param {Observation} seen
 */
export const judgeKept = (seen) => {
  const { how, object, partRequests, open } = seen
  if (how === "error" && partRequests === 0) return verdict("none", "refuses to try", "refuses")
  if (!seen.struck) return wrong(seen) ?? verdict("none", "not put to the test")
  if (object === "source") return verdict("fail", `overwrote it${how === "ok" ? ", reports success" : ""}`, "overwrote")
  if (object !== "standing") return wrong(seen) ?? verdict("fail", "it is gone")
  if (how === "hung") return verdict("fail", `hung (> ${duration(seen.ms)})`)
  if (how === "ok") return verdict("fail", "kept, and reports success", "says ok")
  return open > 0
    ? verdict("fail", `kept, left ${uploads(open)}`, `left ${open}`)
    : verdict("pass", "kept, refused", "refused")
}

/**
 * The line asks for the end, at once and for good.
 *
 * @param {Observation} seen
 */
export const judgeEnded = (seen) => {
  const { how, object, open, openThen, storedAfter, lingeredMs, ms, struck } = seen
  if (how === "hung" || !struck) return wrong(seen) ?? verdict("fail", "hung")
  if (how === "ok" || object !== "absent") {
    return verdict("fail", `goes on: the object is stored ${duration(ms)} later`, "goes on")
  }
  if (open > 0) return verdict("fail", `${duration(ms)}, left ${uploads(open)}`, `left ${open}`)
  if (openThen > 0 || storedAfter > 0) {
    return verdict("partial", `${duration(ms)}, but goes on for ${duration(lingeredMs)}`, `+${duration(lingeredMs)}`)
  }
  return verdict("pass", duration(ms))
}

/**
 * The line asks that what the store has is not sent again.
 *
 * @param {Observation} seen
 */
export const judgeResumed = (seen) => {
  const { how, open, resent = 0, kept = 0 } = seen
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  if (how !== "ok") return refused(seen, "partial", "gave up")
  const again = `${mebibytes(resent)} of ${mebibytes(kept)} sent again`
  if (open > 0) return verdict("fail", `${again}, left ${uploads(open)}`, `left ${open}`)
  return verdict(resent < kept ? "pass" : "partial", again, mebibytes(resent))
}

/**
 * The line asks for the changed source's bytes, or a refusal.
 *
 * @param {Observation} seen
 */
export const judgeChanged = (seen) => {
  const { how, object, open } = seen
  if (how === "ok" && object === "other")
    return verdict("fail", "lost data: an object of both, reports success", "lost data")
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  if (how !== "ok") return refused(seen, "pass", "refused")
  return open > 0
    ? verdict("fail", `ok, left ${uploads(open)}`, `left ${open}`)
    : verdict("pass", "ok, none of the old bytes", "ok")
}

/**
 * The line asks that a stream does not end at 10,000 parts.
 *
 * @param {Observation} seen
 */
export const judgePast = (seen) => {
  const { how, open, ms, bytesReceived, largestPart = 0 } = seen
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  const sent = `${(bytesReceived / 2 ** 30).toFixed(1)} GiB`
  if (open > 0) return verdict("fail", `ends after ${sent}, left ${uploads(open)}`, `left ${open}`)
  if (how === "ended") return verdict("fail", `never says how it ends, after ${sent}`, "no answer")
  if (how !== "ok") return verdict("partial", `gives up after ${sent}`, sent)
  return verdict("pass", `ok in ${duration(ms)}, parts up to ${mebibytes(largestPart)}`, duration(ms))
}

/**
 * The line asks for bounded memory.
 *
 * @param {number} boundMiB
 */
export const judgeMemory = (boundMiB) => (/** @type {Observation} */ seen) => {
  const { peakMiB = 0, how, open, size = 0 } = seen
  const fault = wrong(seen)
  if (fault !== undefined) return fault
  if (how !== "ok") return refused(seen, "partial", "gave up")
  if (open > 0) return verdict("fail", `${Math.round(peakMiB)} MiB, left ${uploads(open)}`, `left ${open}`)
  if (peakMiB <= boundMiB) return verdict("pass", `${Math.round(peakMiB)} MiB`)
  return verdict(peakMiB * MiB > 10 * size ? "fail" : "partial", `${Math.round(peakMiB)} MiB`)
}

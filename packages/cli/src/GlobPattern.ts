/**
 * Patterns as shells have them: `*`, `?`, `[a-z]`, `{a,b}`, `**`. Pure.
 *
 * @module
 */

/** Whether a path is a pattern. */
export const isPattern = (text: string): boolean => /[*?[{]/.test(text)

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/** `[abc]`, `[a-z]`, `[!a]`: its expression, and where it ends; undefined where the bracket is not closed. */
const classAt = (pattern: string, start: number): readonly [expression: string, end: number] | undefined => {
  const [all, not = "", members = ""] = /^\[([!^]?)(\]?[^\]/]*)\]/.exec(pattern.slice(start)) ?? []
  if (all === undefined || members === "") return undefined
  return [`(?!/)[${not === "" ? "" : "^"}${members.replaceAll(/[\\^[\]]/g, "\\$&")}]`, start + all.length]
}

const translate = (pattern: string): string => {
  let out = ""
  let depth = 0
  for (let i = 0; i < pattern.length; ) {
    const rest = pattern.slice(i)
    const bracket = classAt(pattern, i)
    const atStart = i === 0 || pattern[i - 1] === "/"
    const [stars = ""] = /^\*+/.exec(rest) ?? []
    if (atStart && rest.startsWith("**/")) {
      out += "(?:[^/]+/)*"
      i += 3
    } else if (atStart && rest === "**") {
      out += "[\\s\\S]*"
      i += 2
    } else if (stars !== "") {
      out += "[^/]*"
      i += stars.length
    } else if (bracket !== undefined) {
      out += bracket[0]
      i = bracket[1]
    } else if (rest.startsWith("{") && rest.includes("}")) {
      out += "(?:"
      depth++
      i++
    } else if (depth > 0 && /^[},]/.test(rest)) {
      out += rest.startsWith(",") ? "|" : ")"
      if (rest.startsWith("}")) depth--
      i++
    } else {
      out += rest.startsWith("?") ? "[^/]" : literal(rest.slice(0, 1))
      i++
    }
  }
  return out + ")".repeat(depth)
}

/** Whether a path with `/` between its names matches. `*` matches names that begin with a dot, too. */
export const matcher = (pattern: string): ((path: string) => boolean) => {
  const expression = new RegExp(`^${translate(pattern)}$`)
  return (path) => expression.test(path)
}

/** The directory above the first name that is a pattern, and the rest: `a/b/*.c` is `a/b` and `*.c`. */
export const splitPattern = (path: string): { readonly base: string; readonly pattern: string } => {
  const names = path.split("/")
  const first = names.findIndex(isPattern)
  const base = names.slice(0, first).join("/")
  return { base: base === "" ? (path.startsWith("/") ? "/" : ".") : base, pattern: names.slice(first).join("/") }
}

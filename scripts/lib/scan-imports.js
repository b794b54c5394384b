/**
 * A small import scanner. TypeScript 7 ships no JavaScript parser, and a tokenizer that knows comments, strings,
 * templates and regular expressions is all that finding module specifiers needs.
 */

const token = new RegExp(
  [
    /\/\/[^\n]*/, // line comment
    /\/\*[\s\S]*?\*\//, // block comment
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    /`(?:\\[\s\S]|[^`\\])*`/, // nested templates come out as neighbours, which is as good
    /(?<=(?:^|[=(,:[!&|?{};+>]|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/ // regular expression
  ]
    .map((part) => part.source)
    .join("|"),
  "g"
)

// `"7"` stands for the eighth string of the text.
const typeStatement = /\b(?:import|export)\s+type\s+(?:\*(?:\s+as\s+\w+)?|\w+|\{[^}]*\})\s*from\s*"(?<typed>\d+)"/
const statement = /\b(?:from|import)\s*"(?<named>\d+)"/
const call = /\b(?:import|require|import\.meta\.resolve|getBuiltinModule)\s*(?:\?\.)?\s*\(\s*"(?<called>\d+)"/
const anyString = /"(?<other>\d+)"/
const mention = new RegExp([typeStatement, statement, call, anyString].map((part) => part.source).join("|"), "g")

/**
 * Every module that a source text names: static, re-exported, dynamic, required, and any string that begins with
 * `node:`, because a specifier kept in a variable to hide it from bundlers is a dependency like any other.
 *
 * @param {string} text
 * @returns {Array<{ specifier: string, line: number, typeOnly: boolean }>} in order of appearance; lines count from 1
 */
export function scanImports(text) {
  /** @type {string[]} */
  const strings = []
  const skeleton = text.replace(token, (found) => {
    const newlines = "\n".repeat(found.split("\n").length - 1)
    if (found.startsWith("/")) return ` ${newlines}`
    strings.push(found.slice(1, -1))
    return `"${strings.length - 1}"${newlines}`
  })
  const imports = []
  for (const { 0: found, index, groups = {} } of skeleton.matchAll(mention)) {
    const specifier = strings[Number(groups.typed ?? groups.named ?? groups.called ?? groups.other)] ?? ""
    if (groups.other !== undefined && !specifier.startsWith("node:")) continue
    const line = skeleton.slice(0, index + found.length).split("\n").length
    imports.push({ specifier, line, typeOnly: groups.typed !== undefined })
  }
  return imports
}

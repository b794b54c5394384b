/**
 * A small import scanner. TypeScript 7 ships no JavaScript parser, and a tokenizer that knows comments, strings,
 * templates and regular expressions is all that finding module specifiers needs.
 */

const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//
const string = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/
// A slash begins a regular expression where no value can stand before it.
const regex = /(?<=(?:^|[=(,:[!&|?{};+>]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/
const code = /[^"'`/{}]+/
const lexeme = new RegExp(
  `(?<blank>${comment.source}|${regex.source})|(?<string>${string.source})|${code.source}|[\\s\\S]`,
  "y"
)
/** From a backtick, or the brace that ends an expression in a template, to the next backtick or expression. */
const templateChunk = /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y

// In a skeleton `"7"` stands for the eighth string of the text.
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
  const { skeleton, strings } = skeletonOf(text)
  const imports = []
  for (const { 0: found, index, groups = {} } of skeleton.matchAll(mention)) {
    const specifier = strings[Number(groups.typed ?? groups.named ?? groups.called ?? groups.other)] ?? ""
    if (groups.other !== undefined && !specifier.startsWith("node:")) continue
    const line = skeleton.slice(0, index + found.length).split("\n").length
    imports.push({ specifier, line, typeOnly: groups.typed !== undefined })
  }
  return imports
}

/**
 * The text line by line without comments, regular expressions and what surrounds the expressions of templates, its strings taken out.
 *
 * @param {string} text
 */
function skeletonOf(text) {
  /** @type {string[]} */
  const strings = []
  /** How many braces are open in each expression of a template that we are in. @type {number[]} */
  const depths = []
  let skeleton = ""
  for (let at = 0; at < text.length; ) {
    const inner = depths.at(-1)
    const opens = text[at] === "`"
    const template = opens || (text[at] === "}" && inner === 0)
    const pattern = template ? templateChunk : lexeme
    pattern.lastIndex = at
    const { 0: found = "", groups = {} } = pattern.exec(text) ?? { 0: text[at] ?? "" }
    at += found.length

    if (template) {
      if (opens && found.endsWith("${")) depths.push(0)
      if (!opens && !found.endsWith("${")) depths.pop()
    } else if (inner !== undefined && (found === "{" || found === "}")) {
      depths[depths.length - 1] = inner + (found === "{" ? 1 : -1)
    }

    const newlines = "\n".repeat(found.split("\n").length - 1)
    const quoted = groups.string !== undefined || (opens && found.length > 1 && found.endsWith("`"))
    if (quoted) skeleton += `"${strings.push(found.slice(1, -1)) - 1}"${newlines}`
    else if (template || groups.blank !== undefined) skeleton += ` ${newlines}`
    else skeleton += found
  }
  return { skeleton, strings }
}

/**
 * Rules of ours among those of others, by their IDs. Pure.
 *
 * @module
 */

/** What becomes of one rule of ours. */
export interface RuleChange<Rule> {
  readonly change: "added" | "replaced" | "unchanged"
  readonly rule: Rule
  /** What it replaces. */
  readonly before?: Rule
}

/** A document's value in one order of its fields, without those that say nothing: stores answer in an order of theirs. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, canonical(field)])
  )
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

/** Theirs where they stand, each of ours in the place of the one with its ID, else behind them. */
export const mergeRules = <Rule extends { readonly ID?: string | undefined }>(
  theirs: ReadonlyArray<Rule>,
  ours: ReadonlyArray<Rule>
): { readonly rules: ReadonlyArray<Rule>; readonly changes: ReadonlyArray<RuleChange<Rule>> } => {
  const byId = new Map(ours.map((rule) => [rule.ID, rule]))
  const standing = new Map(theirs.map((rule) => [rule.ID, rule]))
  const replaced = theirs.map((rule) => (rule.ID === undefined ? rule : (byId.get(rule.ID) ?? rule)))
  return {
    rules: [...replaced, ...ours.filter(({ ID }) => !standing.has(ID))],
    changes: ours.map((rule) => {
      const before = standing.get(rule.ID)
      if (before === undefined) return { rule, change: "added" }
      return same(before, rule) ? { rule, change: "unchanged" } : { rule, change: "replaced", before }
    })
  }
}

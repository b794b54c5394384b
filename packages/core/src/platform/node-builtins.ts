/**
 * Node's built-in modules where the runtime has them (Node, Bun, Deno, workerd with nodejs_compat),
 * without an `import` that would break the others.
 *
 * @module
 */

interface Builtins {
  readonly "node:fs": typeof import("node:fs")
  readonly "node:crypto": typeof import("node:crypto")
  readonly "node:zlib": typeof import("node:zlib")
  readonly "node:http": typeof import("node:http")
  readonly "node:https": typeof import("node:https")
  readonly "node:path": typeof import("node:path")
  readonly "node:net": typeof import("node:net")
  readonly "node:worker_threads": typeof import("node:worker_threads")
  readonly "node:v8": typeof import("node:v8")
  readonly "node:vm": typeof import("node:vm")
}

interface BuiltinLoader {
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined
}

const loader: BuiltinLoader | undefined = typeof process === "object" && process !== null ? process : undefined

/** The module, or undefined where the runtime has none of that name. */
export const builtin = <Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined =>
  loader?.getBuiltinModule?.(name)

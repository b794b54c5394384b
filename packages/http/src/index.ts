/**
 * Sluice over HTTP: a thin Hono adapter for any runtime.
 *
 * @module
 */
export type { Authorize, Grant } from "./authorize.ts"
export { type GuardOptions, guard, isLoopback } from "./guard.ts"
export { type OpsOptions, opsRoutes } from "./ops-routes.ts"
export { pageRoutes } from "./page/page-routes.ts"
export { type Problem, problem } from "./problem.ts"
export { type RouteOptions, sluiceRoutes } from "./sluice-routes.ts"
export { storeRoutes } from "./store-routes.ts"
export { type TokenAccess, tokenAccess } from "./token-access.ts"

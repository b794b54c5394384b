/**
 * `DELETE /objects/:name`.
 *
 * @module
 */
import type { Direct } from "./Direct.ts"

/** 204, also where no object stood (S3 says no more than that). */
export const remove = async ({ key, sluice }: Direct): Promise<Response> => {
  await sluice.remove(key)
  return new Response(null, { status: 204 })
}

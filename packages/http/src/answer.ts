import { authorized, type Grant } from "./authorize.ts"
import { errorResponse, isAborted } from "./error-response.ts"
import type { RouteOptions } from "./sluice-routes.ts"

/**
 * The answer of a handler to whom `authorize` lets in. What it rejects with becomes the answer, and is told to `onError`
 * where it is the server's own failure.
 *
 * @param name the object as the client calls it, for the words of the answer
 */
export const answer = async (
  { authorize, onError }: RouteOptions,
  request: Request,
  handle: (grant: Grant) => Response | Promise<Response>,
  name?: string
): Promise<Response> => {
  try {
    const grant = await authorized(authorize, request)
    return grant instanceof Response ? grant : await handle(grant)
  } catch (error) {
    const response = errorResponse(error, name)
    if (response.status >= 500 && !isAborted(error)) onError?.(error, request)
    return response
  }
}

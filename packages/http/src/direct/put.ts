/**
 * `PUT /objects/:name`: stores the body, of any length.
 *
 * @module
 */
import type { StoredObject } from "@sluice/core/promise"
import { isUploadError } from "@sluice/core/UploadError"
import { encodeName, nameOf } from "../object-name.ts"
import { attributesOf, declaredSize, refusedHeader, writeConditionOf } from "./attributes.ts"
import type { Direct } from "./Direct.ts"
import { quoted } from "./range.ts"

/**
 * 201 when the store holds the body, shown identical; an error otherwise, and then nothing of it stays.
 *
 * A client that goes away makes the body fail, which ends the upload; the request's signal only says it sooner.
 */
export const put = async (direct: Direct): Promise<Response> => {
  const { grant, key, name, request, signal, sluice } = direct
  const refused = refusedHeader(request.headers)
  if (refused !== undefined) throw refused
  const condition = writeConditionOf(request.headers)
  if (isUploadError(condition)) throw condition
  const stored = await sluice
    .upload({
      key,
      body: request.body ?? new Uint8Array(0),
      size: request.body === null ? 0 : declaredSize(request.headers),
      name: name.slice(name.lastIndexOf("/") + 1),
      annotations: grant.annotations,
      signal,
      ...attributesOf(request.headers),
      ...condition
    })
    .done()
  return Response.json(describe(stored), { status: 201, headers: headersOf(stored, direct) })
}

const describe = ({ bucket, crc32, etag, key, location, proof, size, uri }: StoredObject) => ({
  bucket,
  key,
  uri,
  location,
  size,
  etag: quoted(etag),
  crc32: crc32.toString(16).padStart(8, "0"),
  proof
})

/** A plugin may have chosen another key; `Location` says where the object can be read again, if it can be here. */
const headersOf = (stored: StoredObject, { base, grant }: Direct): HeadersInit => {
  const name = nameOf(grant.prefix, stored.key)
  return {
    "Cache-Control": "no-store",
    ETag: quoted(stored.etag),
    ...(name === undefined ? {} : { Location: base + encodeName(name) })
  }
}

import { Hangup } from "../s3/message.ts"

/** Gives mine, gets another's: the first waits for the second. */
export type Trade<A> = (mine: A, signal: AbortSignal) => Promise<A>

export function makeTrade<A>(): Trade<A> {
  let waiting: { readonly given: A; readonly taken: PromiseWithResolvers<A> } | undefined
  return (mine, signal) => {
    if (waiting !== undefined) {
      const partner = waiting
      waiting = undefined
      partner.taken.resolve(mine)
      return Promise.resolve(partner.given)
    }
    const offer = { given: mine, taken: Promise.withResolvers<A>() }
    waiting = offer
    signal.addEventListener(
      "abort",
      () => {
        if (waiting === offer) waiting = undefined
        offer.taken.reject(new Hangup("close"))
      },
      { once: true }
    )
    return offer.taken.promise
  }
}

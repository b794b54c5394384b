/**
 * Which addresses are of the public internet: all but the special-purpose ones of RFC 6890 and the registries of IANA
 * that go with it.
 *
 * @module
 */
import { BlockList, isIP } from "node:net"

/** Apart: a rule for IPv6 is held against IPv4 as well, written as `::ffff:1.2.3.4`. */
const special = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4]
] as const) {
  special.ipv4.addSubnet(network, prefix, "ipv4")
}
for (const [network, prefix] of [
  // Unspecified, loopback, and IPv4 written as IPv6 in any of its ways: who means IPv4 may say so.
  ["::", 8],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8]
] as const) {
  special.ipv6.addSubnet(network, prefix, "ipv6")
}

/** Whether an IP address may be anybody's on the internet. What is no address is not. */
export const isPublicAddress = (address: string): boolean => {
  const [plain = ""] = address.split("%")
  const family = isIP(plain)
  if (family === 0) return false
  return family === 4 ? !special.ipv4.check(plain, "ipv4") : !special.ipv6.check(plain, "ipv6")
}

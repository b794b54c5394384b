/* MD5 (RFC 1321), one shot: enough for the ETags of a multipart upload. */
#ifndef SLUICE_BENCH_MD5_H
#define SLUICE_BENCH_MD5_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void md5_block(uint32_t state[4], const uint8_t block[64]) {
  static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
  for (int i = 0; i < 16; i++)
    words[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16 |
               (uint32_t)block[4 * i + 3] << 24;
  for (int i = 0; i < 64; i++) {
    const int round = i / 16;
    uint32_t mix;
    int word;
    if (round == 0) mix = (b & c) | (~b & d), word = i;
    else if (round == 1) mix = (d & b) | (~d & c), word = (5 * i + 1) % 16;
    else if (round == 2) mix = b ^ c ^ d, word = (3 * i + 5) % 16;
    else mix = c ^ (b | ~d), word = (7 * i) % 16;
    /* RFC 1321 3.4: T[i] is the integer part of 2^32 * |sin(i)|, i from 1. */
    mix += a + (uint32_t)(fabs(sin(i + 1.0)) * 4294967296.0) + words[word];
    a = d, d = c, c = b;
    b += mix << shifts[round][i % 4] | mix >> (32 - shifts[round][i % 4]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static void md5(const uint8_t *data, size_t length, uint8_t digest[16]) {
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const size_t whole = length / 64 * 64, rest = length - whole;
  for (size_t at = 0; at < whole; at += 64) md5_block(state, data + at);
  uint8_t tail[128] = {0};
  memcpy(tail, data + whole, rest);
  tail[rest] = 0x80;
  const size_t padded = rest < 56 ? 64 : 128;
  for (size_t i = 0; i < 8; i++) tail[padded - 8 + i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
  for (size_t at = 0; at < padded; at += 64) md5_block(state, tail + at);
  for (int i = 0; i < 16; i++) digest[i] = (uint8_t)(state[i / 4] >> (8 * (i % 4)));
}

static void md5_hex(const uint8_t digest[16], char hex[33]) {
  for (int i = 0; i < 16; i++) {
    hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  hex[32] = '\0';
}

#endif

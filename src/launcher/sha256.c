#include "sha256.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

const uint32_t sha256_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int bits) {
  return value >> bits | value << (32 - bits);
}

static uint32_t read_be32(const uint8_t *data) {
  return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

void sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t count) {
  for (; count > 0; count--, data += SHA256_BLOCK) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++) w[i] = read_be32(data + 4 * i);
    for (int i = 16; i < 64; i++) {
      uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
      uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_constants[i] + w[i];
      uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

static sha256_blocks *best_blocks(void) {
#if defined(__x86_64__)
  unsigned int a, b, c, d;
  /* SSSE3 and SSE4.1: leaf 1 ECX bits 9 and 19; SHA: leaf 7 EBX bit 29. */
  if (__get_cpuid(1, &a, &b, &c, &d) && (c & 1u << 9) && (c & 1u << 19) &&
      __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29))
    return sha256_blocks_x86;
#endif
  return sha256_blocks_portable;
}

void sha256_init(struct sha256 *hash) {
  static const uint32_t initial[8] = {
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };
  memcpy(hash->state, initial, sizeof(initial));
  hash->length = 0;
}

void sha256_update(struct sha256 *hash, const void *data, size_t length) {
  const uint8_t *next = data;
  sha256_blocks *blocks = best_blocks();
  size_t held = hash->length % SHA256_BLOCK;
  hash->length += length;
  if (held > 0) {
    size_t taken = SHA256_BLOCK - held < length ? SHA256_BLOCK - held : length;
    memcpy(hash->block + held, next, taken);
    next += taken;
    length -= taken;
    if (held + taken < SHA256_BLOCK) return;
    blocks(hash->state, hash->block, 1);
  }
  blocks(hash->state, next, length / SHA256_BLOCK);
  next += length - length % SHA256_BLOCK;
  if (length % SHA256_BLOCK > 0) memcpy(hash->block, next, length % SHA256_BLOCK);
}

void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_SIZE]) {
  /* 0x80, zeros up to 8 bytes before the end of a block, then the length in bits. */
  uint8_t padding[SHA256_BLOCK + 8] = {0x80};
  uint64_t bits = hash->length * 8;
  size_t zeros = (SHA256_BLOCK + 55 - hash->length % SHA256_BLOCK) % SHA256_BLOCK;
  for (int i = 0; i < 8; i++) padding[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
  sha256_update(hash, padding, 1 + zeros + 8);
  for (int i = 0; i < SHA256_SIZE; i++)
    digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hex(const uint8_t digest[SHA256_SIZE], char hex[SHA256_HEX_SIZE]) {
  for (int i = 0; i < SHA256_SIZE; i++) {
    hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  hex[2 * SHA256_SIZE] = '\0';
}

/*
 * Hashes stdin, fed in pieces of argv[1] bytes, then at once with the portable rounds and, with an
 * argv[2], the x86 ones. Prints one digest a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/launcher/sha256.h"

/* FIPS 180-4's padding by hand, so that the block functions are called directly. */
static void hash_blocks(sha256_blocks *blocks, const uint8_t *data, size_t length) {
  struct sha256 hash;
  uint8_t digest[SHA256_SIZE];
  char hex[SHA256_HEX_SIZE];
  uint8_t tail[2 * SHA256_BLOCK] = {0};
  size_t rest = length % SHA256_BLOCK;
  size_t tail_blocks = rest < 56 ? 1 : 2;

  sha256_init(&hash);
  blocks(hash.state, data, length / SHA256_BLOCK);
  memcpy(tail, data + length - rest, rest);
  tail[rest] = 0x80;
  for (int i = 0; i < 8; i++)
    tail[tail_blocks * SHA256_BLOCK - 1 - (size_t)i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
  blocks(hash.state, tail, tail_blocks);
  for (int i = 0; i < SHA256_SIZE; i++)
    digest[i] = (uint8_t)(hash.state[i / 4] >> (24 - 8 * (i % 4)));
  sha256_hex(digest, hex);
  puts(hex);
}

int main(int argc, char **argv) {
  static uint8_t data[1 << 20];
  size_t length = fread(data, 1, sizeof(data), stdin);
  size_t piece = argc > 1 ? (size_t)atoi(argv[1]) : length;
  struct sha256 hash;
  uint8_t digest[SHA256_SIZE];
  char hex[SHA256_HEX_SIZE];

  sha256_init(&hash);
  for (size_t done = 0; done < length; done += piece)
    sha256_update(&hash, data + done, length - done < piece ? length - done : piece);
  sha256_final(&hash, digest);
  sha256_hex(digest, hex);
  puts(hex);
  hash_blocks(sha256_blocks_portable, data, length);
#if defined(__x86_64__)
  if (argc > 2) hash_blocks(sha256_blocks_x86, data, length);
#endif
  return 0;
}

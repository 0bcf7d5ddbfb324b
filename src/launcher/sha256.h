/*
 * SHA-256 (FIPS 180-4), with the x86 SHA extensions where the processor has them.
 * No allocation, no libc but memcpy; shared by the launcher and libdenowasi.so.
 */
#ifndef DENOWASI_SHA256_H
#define DENOWASI_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE  32
#define SHA256_BLOCK 64
/* Hex digits of a digest, and the NUL. */
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1)

struct sha256 {
  uint32_t state[8];
  /* Bytes hashed so far. */
  uint64_t length;
  /* The first `length % SHA256_BLOCK` bytes of the block that is not full yet. */
  uint8_t block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *data, size_t length);
/* `hash` must be initialized anew before it is used again. */
void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

/* Lower-case hex of `digest`, NUL-terminated. */
void sha256_hex(const uint8_t digest[SHA256_SIZE], char hex[SHA256_HEX_SIZE]);

/* Hashes `count` whole blocks into `state`: portable, and with the SHA extensions. */
typedef void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count);
sha256_blocks sha256_blocks_portable;
#if defined(__x86_64__)
sha256_blocks sha256_blocks_x86;
#endif

/* The round constants K. */
extern const uint32_t sha256_constants[64];

#endif

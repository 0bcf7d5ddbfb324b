/* SHA-256 rounds with the SHA extensions (Intel SDM volume 1, chapter on SHA extensions). */
#if defined(__x86_64__)

#include "sha256.h"

#include <immintrin.h>

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* Four rounds: `w` holds the message words i to i + 3. */
SHA_TARGET static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i w, int i) {
  __m128i constants = _mm_load_si128((const __m128i *)&sha256_constants[i]);
  __m128i sum = _mm_add_epi32(w, constants);
  *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
  *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

SHA_TARGET void sha256_blocks_x86(uint32_t state[8], const uint8_t *data, size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);

  /* The instructions want the state as (a b e f) and (c d g h), from high to low. */
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[0]), 0xb1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[4]), 0x1b);
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);

  for (; count > 0; count--, data += SHA256_BLOCK) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; i++) {
      w[i] = _mm_loadu_si128((const __m128i *)(data + 16 * i));
      w[i] = _mm_shuffle_epi8(w[i], big_endian);
      four_rounds(&abef, &cdgh, w[i], 4 * i);
    }
    for (int i = 16; i < 64; i += 4) {
      /* Words i to i + 3 from the sixteen before them. */
      __m128i next = _mm_sha256msg1_epu32(w[0], w[1]);
      next = _mm_add_epi32(next, _mm_alignr_epi8(w[3], w[2], 4));
      next = _mm_sha256msg2_epu32(next, w[3]);
      w[0] = w[1];
      w[1] = w[2];
      w[2] = w[3];
      w[3] = next;
      four_rounds(&abef, &cdgh, next, i);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  low = _mm_shuffle_epi32(abef, 0x1b);
  high = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(high, low, 8));
}

#else
typedef int sha256_has_no_x86_rounds;
#endif

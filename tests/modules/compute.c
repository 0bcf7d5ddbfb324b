// Uses a processor for about a second: integer, memory and floating-point work in like parts (SHA-256
// rounds, a sieve, a Mandelbrot set). Prints `checksum HEX`, the same on every machine, and `ms N`, the
// time it took. Compiled for WASI and for the host, to compare the two.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

// Rounds of SHA-256's compression function, with made-up constants.
static uint32_t hash_rounds(int blocks) {
  uint32_t h[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[64];
  for (int block = 0; block < blocks; block++) {
    for (int i = 0; i < 16; i++) w[i] = h[i % 8] * 2654435761u + (uint32_t)(block + i);
    for (int i = 16; i < 64; i++) {
      uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (int i = 0; i < 64; i++) {
      uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      uint32_t t1 = k + s1 + ((e & f) ^ (~e & g)) + w[i] + 0x428a2f98u;
      uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
  }
  return h[0] ^ h[4];
}

// How many primes there are below `limit`.
static uint32_t count_primes(uint32_t limit) {
  uint8_t *composite = calloc(limit, 1);
  uint32_t count = 0;
  for (uint32_t i = 2; i < limit; i++) {
    if (composite[i]) continue;
    count++;
    for (uint64_t j = (uint64_t)i * i; j < limit; j += i) composite[j] = 1;
  }
  free(composite);
  return count;
}

// The sum of the escape times of `size` by `size` points.
static uint32_t mandelbrot(int size) {
  uint32_t sum = 0;
  for (int row = 0; row < size; row++) {
    for (int column = 0; column < size; column++) {
      double cx = 3.0 * column / size - 2.0, cy = 2.0 * row / size - 1.0, x = 0, y = 0;
      int i = 0;
      for (; i < 256 && x * x + y * y < 4; i++) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
      }
      sum += (uint32_t)i;
    }
  }
  return sum;
}

int main(void) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  uint32_t checksum = hash_rounds(900000);
  checksum = checksum * 31 + count_primes(30000000);
  checksum = checksum * 31 + mandelbrot(1000);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double ms = (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
  printf("checksum %08x\nms %.1f\n", checksum, ms);
  return 0;
}

// large: has a megabyte of code, of which it runs little. Prints `large` and exits with 7.

#include <stdio.h>

#define STEP(n) x = (x ^ (x >> (n))) * 0x9e3779b97f4a7c15ull + y; y = (y << (n)) + (x % 1000003);
#define STEPS STEP(3) STEP(5) STEP(7) STEP(11) STEP(13) STEP(17) STEP(19) STEP(23)
/* Exported, or the linker would leave it out. */
#define ONE FUNCTION(__COUNTER__)
#define FUNCTION(n) NUMBERED(n)
#define NUMBERED(n)                                                                                \
  __attribute__((export_name(#n))) unsigned long long step##n(unsigned long long x,                \
                                                              unsigned long long y) {              \
    x += n;                                                                                        \
    STEPS STEPS STEPS return x;                                                                    \
  }
#define TEN ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND                                                                                   \
  HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

THOUSAND
HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

int main(void) {
  puts(step0(1, 2) != step1499(1, 2) ? "large" : "none");
  return 7;
}

/// What processors do with vectors and Swift's SIMD types cannot say: to pick from a table or a text by indices that
/// are data; or say lane by lane: to compare and to choose. Each function is compiled for the level of the module that
/// calls it.
#pragma once

#include <stdint.h>
#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Writes 32 bytes to `out`. Byte i is picked by index i from the first source for i < 16, else from the second: it is
/// source[indices[i]], or 0 where indices[i] is 128 or more, with the bits of marks[i] besides. No index is from 16 to
/// 127. The layout is 32 indices and 32 marks.
static inline void vector_pick(
    const uint8_t *first, const uint8_t *second, const uint8_t *layout, uint8_t *out) {
#if defined(__AVX2__)
  __m256i source = _mm256_loadu2_m128i((const __m128i *)second, (const __m128i *)first);
  __m256i picked = _mm256_shuffle_epi8(source, _mm256_loadu_si256((const __m256i *)layout));
  __m256i marks = _mm256_loadu_si256((const __m256i *)(layout + 32));
  _mm256_storeu_si256((__m256i *)out, _mm256_or_si256(picked, marks));
#elif defined(__aarch64__)
  uint8x16_t low = vqtbl1q_u8(vld1q_u8(first), vld1q_u8(layout));
  uint8x16_t high = vqtbl1q_u8(vld1q_u8(second), vld1q_u8(layout + 16));
  vst1q_u8(out, vorrq_u8(low, vld1q_u8(layout + 32)));
  vst1q_u8(out + 16, vorrq_u8(high, vld1q_u8(layout + 48)));
#else
  for (int i = 0; i < 16; i++) out[i] = (layout[i] < 16 ? first[layout[i]] : 0) | layout[32 + i];
  for (int i = 16; i < 32; i++) out[i] = (layout[i] < 16 ? second[layout[i]] : 0) | layout[32 + i];
#endif
}

/// Eight places in a table.
typedef int64_t vector_places __attribute__((vector_size(64), aligned(64)));

/// Writes the pairs of a table at eight places, as their first halves and their second ones.
///
/// The compiler would make single moves of these shuffles, did it see that the pairs were loaded one by one.
static inline void vector_pairs(const double *table, vector_places places, void *first, void *second) {
#if defined(__AVX512F__)
  __m512d even = _mm512_castpd128_pd512(_mm_loadu_pd(table + 2 * places[0]));
  __m512d odd = _mm512_castpd128_pd512(_mm_loadu_pd(table + 2 * places[1]));
  even = _mm512_insertf64x2(even, _mm_loadu_pd(table + 2 * places[2]), 1);
  odd = _mm512_insertf64x2(odd, _mm_loadu_pd(table + 2 * places[3]), 1);
  even = _mm512_insertf64x2(even, _mm_loadu_pd(table + 2 * places[4]), 2);
  odd = _mm512_insertf64x2(odd, _mm_loadu_pd(table + 2 * places[5]), 2);
  even = _mm512_insertf64x2(even, _mm_loadu_pd(table + 2 * places[6]), 3);
  odd = _mm512_insertf64x2(odd, _mm_loadu_pd(table + 2 * places[7]), 3);
  __asm__("" : "+v"(even), "+v"(odd));
  _mm512_storeu_pd(first, _mm512_unpacklo_pd(even, odd));
  _mm512_storeu_pd(second, _mm512_unpackhi_pd(even, odd));
#else
  for (int i = 0; i < 8; i++) {
    ((double *)first)[i] = table[2 * places[i]];
    ((double *)second)[i] = table[2 * places[i] + 1];
  }
#endif
}

/// Writes the numbers of a table at eight places.
///
/// Where the compiler sees eight single loads it makes single numbers, pairs or fours of all that the places and the
/// numbers come from and go to.
static inline void vector_gather(const double *table, vector_places places, void *numbers) {
#if defined(__AVX512F__)
  _mm512_storeu_pd(numbers, _mm512_i64gather_pd((__m512i)places, table, 8));
#elif defined(__AVX2__)
  const __m256i *halves = (const __m256i *)&places;
  _mm256_storeu_pd(numbers, _mm256_i64gather_pd(table, halves[0], 8));
  _mm256_storeu_pd((double *)numbers + 4, _mm256_i64gather_pd(table, halves[1], 8));
#else
  for (int i = 0; i < 8; i++) ((double *)numbers)[i] = table[places[i]];
#endif
}

/// Eight numbers.
typedef double vector_numbers __attribute__((vector_size(64), aligned(64)));

/// All bits of the lanes in which a number is below another.
static inline vector_places vector_below(vector_numbers a, vector_numbers b) { return a < b; }

/// All bits of the lanes in which two numbers are equal.
static inline vector_places vector_equal(vector_numbers a, vector_numbers b) { return a == b; }

/// The first numbers where a mask has all bits, the second where it has none.
static inline vector_numbers vector_choose(vector_numbers first, vector_numbers second, vector_places mask) {
  return (vector_numbers)(((vector_places)first & mask) | ((vector_places)second & ~mask));
}

/// A bit for each lane of a mask, the first in the lowest.
static inline unsigned vector_bits(vector_places mask) {
#if defined(__AVX512DQ__)
  return _mm512_movepi64_mask((__m512i)mask);
#elif defined(__AVX2__)
  const __m256d *halves = (const __m256d *)&mask;
  return (unsigned)(_mm256_movemask_pd(halves[0]) | _mm256_movemask_pd(halves[1]) << 4);
#else
  unsigned bits = 0;
  for (int i = 0; i < 8; i++) bits |= (unsigned)(mask[i] != 0) << i;
  return bits;
#endif
}

/// Eight words.
typedef uint64_t vector_words __attribute__((vector_size(64), aligned(64)));

#if defined(__AVX512F__)
/// Where places lie in a window of sixteen from `window` on, and whether all do.
static inline int vector_are_inside(vector_words places, uint64_t window, __m512i *inside) {
  *inside = _mm512_sub_epi64((__m512i)places, _mm512_set1_epi64((int64_t)window));
  return _mm512_cmplt_epu64_mask(*inside, _mm512_set1_epi64(16)) == 0xFF;
}
#endif

/// The words of a table at eight places. Those of a window of sixteen, from `window` on, take two permutations.
static inline vector_words vector_look_up(const uint64_t *table, vector_words places, uint64_t window) {
#if defined(__AVX512F__)
  __m512i inside;
  if (vector_are_inside(places, window, &inside)) {
    __m512i low = _mm512_loadu_si512(table + window), high = _mm512_loadu_si512(table + window + 8);
    return (vector_words)_mm512_permutex2var_epi64(low, inside, high);
  }
  return (vector_words)_mm512_i64gather_epi64((__m512i)places, table, 8);
#else
  vector_words words;
  for (int i = 0; i < 8; i++) words[i] = table[places[i]];
  return words;
#endif
}

/// The window to use next: the same one where all places are in it, else one from the lowest place on, but from no
/// higher one than `last`.
static inline uint64_t vector_window(vector_words places, uint64_t window, uint64_t last) {
#if defined(__AVX512F__)
  __m512i inside;
  if (vector_are_inside(places, window, &inside)) return window;
  uint64_t lowest = _mm512_reduce_min_epu64((__m512i)places);
  return lowest < last ? lowest : last;
#else
  return window;
#endif
}

/// The sum of each word's bytes; for bytes below 32.
static inline vector_words vector_sum_bytes(vector_words words) {
  vector_words sums;
#if defined(__AVX512BW__)
  sums = (vector_words)_mm512_sad_epu8((__m512i)words, _mm512_setzero_si512());
#elif defined(__AVX2__)
  for (int half = 0; half < 2; half++)
    ((__m256i *)&sums)[half] = _mm256_sad_epu8(((const __m256i *)&words)[half], _mm256_setzero_si256());
#else
  sums = words + (words >> 32);
  sums += sums >> 16;
  sums += sums >> 8;
  sums &= 0xFF;
#endif
  return sums;
}

/// Which of 64 bytes of text are what, the first byte in the lowest bit.
typedef struct {
  /// Letters are "e", "E" and other bytes, but nothing else of a number.
  uint64_t commas, brackets, spaces, points, letters;
} vector_marks;

static inline vector_marks vector_find_marks(const uint8_t *text) {
  vector_marks found = {0, 0, 0, 0, 0};
#if defined(__AVX512BW__)
  __m512i bytes = _mm512_loadu_si512(text);
  found.brackets = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(']'));
  found.commas = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(','));
  found.spaces = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '));
  found.points = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('.'));
  found.letters = _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(0x40));
#elif defined(__AVX2__)
  for (int half = 0; half < 64; half += 32) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(text + half));
    __m256i brackets = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(']'));
    __m256i commas = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(','));
    __m256i spaces = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' '));
    __m256i points = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('.'));
    found.brackets |= (uint64_t)(uint32_t)_mm256_movemask_epi8(brackets) << half;
    found.commas |= (uint64_t)(uint32_t)_mm256_movemask_epi8(commas) << half;
    found.spaces |= (uint64_t)(uint32_t)_mm256_movemask_epi8(spaces) << half;
    found.points |= (uint64_t)(uint32_t)_mm256_movemask_epi8(points) << half;
    found.letters |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(bytes, 1)) << half;
  }
#else
  for (int i = 0; i < 64; i++) {
    found.brackets |= (uint64_t)(text[i] == ']') << i;
    found.commas |= (uint64_t)(text[i] == ',') << i;
    found.spaces |= (uint64_t)(text[i] == ' ') << i;
    found.points |= (uint64_t)(text[i] == '.') << i;
    found.letters |= (uint64_t)(text[i] >> 6 & 1) << i;
  }
#endif
  return found;
}

/// All bits of a word from a bit on; none where that is 64 or more.
static inline vector_words vector_bits_from(vector_words bits) {
  vector_words found;
#if defined(__AVX512F__)
  found = (vector_words)_mm512_sllv_epi64(_mm512_set1_epi64(-1), (__m512i)bits);
#elif defined(__AVX2__)
  for (int half = 0; half < 2; half++)
    ((__m256i *)&found)[half] = _mm256_sllv_epi64(_mm256_set1_epi64x(-1), ((const __m256i *)&bits)[half]);
#else
  for (int i = 0; i < 8; i++) found[i] = bits[i] < 64 ? ~UINT64_C(0) << bits[i] : 0;
#endif
  return found;
}

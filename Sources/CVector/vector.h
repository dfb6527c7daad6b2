/// What processors do with vectors and Swift's SIMD types cannot say: to pick from a table or a text by indices that
/// are data. Each function is compiled for the level of the module that calls it.
#pragma once

#include <stdint.h>
#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Writes sixteen bytes to `out`: byte i is source[indices[i]], or 0 where indices[i] is 128 or more, with the bits of
/// marks[i] besides. No index is from 16 to 127.
static inline void vector_pick(
    const uint8_t *source, const uint8_t *indices, const uint8_t *marks, uint8_t *out) {
#if defined(__SSSE3__)
  __m128i picked = _mm_shuffle_epi8(
      _mm_loadu_si128((const __m128i *)source), _mm_loadu_si128((const __m128i *)indices));
  _mm_storeu_si128((__m128i *)out, _mm_or_si128(picked, _mm_loadu_si128((const __m128i *)marks)));
#elif defined(__aarch64__)
  vst1q_u8(out, vorrq_u8(vqtbl1q_u8(vld1q_u8(source), vld1q_u8(indices)), vld1q_u8(marks)));
#else
  for (int i = 0; i < 16; i++) out[i] = (indices[i] < 16 ? source[indices[i]] : 0) | marks[i];
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

/// How many bytes of each word there are up to the highest that is not zero; for bytes below 16.
static inline vector_words vector_count_bytes(vector_words words) {
#if defined(__AVX512CD__)
  return 8 - (vector_words)_mm512_lzcnt_epi64((__m512i)words) / 8;
#else
  words |= words >> 8;
  words |= words >> 16;
  words |= words >> 32;
  words = ((words + 0x7F7F7F7F7F7F7F7F) >> 7) & 0x0101010101010101;
  words += words >> 32;
  words += words >> 16;
  words += words >> 8;
  return words & 0xF;
#endif
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

// SHA-256 (FIPS 180-4), so that hashes can be printed where there is no Python.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

class Sha256 {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i < size; ++i) {
      block_[length_++ % 64] = bytes[i];
      if (length_ % 64 == 0) compress();
    }
  }
  // Numbers as little-endian bytes, whatever the machine's order.
  template <class T> void add_numbers(const T* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t bytes[sizeof(T)];
      std::memcpy(bytes, values + i, sizeof(T));
      if constexpr (std::endian::native == std::endian::big)
        for (std::size_t j = 0; j < sizeof(T) / 2; ++j) std::swap(bytes[j], bytes[sizeof(T) - 1 - j]);
      add(bytes, sizeof(T));
    }
  }
  std::string hex() {
    const std::uint64_t bits = length_ * 8;
    const std::uint8_t one = 0x80, zero = 0;
    add(&one, 1);
    while (length_ % 64 != 56) add(&zero, 1);
    for (int i = 7; i >= 0; --i) {
      const auto byte = static_cast<std::uint8_t>(bits >> (8 * i));
      add(&byte, 1);
    }
    std::string text;
    for (const std::uint32_t word : state_)
      for (int i = 7; i >= 0; --i) text += "0123456789abcdef"[word >> (4 * i) & 15];
    return text;
  }

 private:
  // The first 32 bits of the fractions of the square and cube roots of the first primes, by search: no table to mistype.
  struct Constants {
    std::uint32_t start[8], round[64];
    Constants() {
      int found = 0;
      for (std::uint64_t p = 2; found < 64; ++p) {
        bool prime = true;
        for (std::uint64_t d = 2; d * d <= p; ++d) prime = prime && p % d != 0;
        if (!prime) continue;
        if (found < 8) start[found] = fraction(p, 2);
        round[found++] = fraction(p, 3);
      }
    }
    // The largest x with x^power <= p 2^(32 power), less its whole part.
    static std::uint32_t fraction(std::uint64_t p, int power) {
      std::uint64_t low = 0, high = std::uint64_t{1} << 37;
      while (high - low > 1) {
        const std::uint64_t x = (low + high) / 2;
        if (at_most(x, p, power)) low = x;
        else high = x;
      }
      return static_cast<std::uint32_t>(low);
    }
    static bool at_most(std::uint64_t x, std::uint64_t p, int power) {  // in digits of 16 bits, because x^3 has 111
      std::vector<std::uint32_t> product{1};
      for (int k = 0; k < power; ++k) {
        std::vector<std::uint32_t> next(product.size() + 4);
        for (std::size_t i = 0; i < product.size(); ++i)
          for (int j = 0; j < 3; ++j) {
            std::uint64_t carry = std::uint64_t{product[i]} * (x >> (16 * j) & 0xffff);
            for (std::size_t at = i + static_cast<std::size_t>(j); carry; ++at) {
              carry += next[at];
              next[at] = carry & 0xffff;
              carry >>= 16;
            }
          }
        product = next;
      }
      std::vector<std::uint32_t> bound(product.size());
      for (int j = 0; j < 2; ++j) bound[static_cast<std::size_t>(2 * power + j)] = p >> (16 * j) & 0xffff;
      for (std::size_t i = product.size(); i-- > 0;)
        if (product[i] != bound[i]) return product[i] < bound[i];
      return true;
    }
  };
  static const Constants& constants() {
    static const Constants made;
    return made;
  }

  void compress() {
    const auto& k = constants().round;
    std::uint32_t w[64];
    for (int i = 0; i < 16; ++i)
      w[i] = std::uint32_t{block_[4 * i]} << 24 | std::uint32_t{block_[4 * i + 1]} << 16 | std::uint32_t{block_[4 * i + 2]} << 8 |
             block_[4 * i + 3];
    for (int i = 16; i < 64; ++i)
      w[i] = w[i - 16] + w[i - 7] + (std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3) +
             (std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10);
    std::uint32_t s[8];
    std::memcpy(s, state_, sizeof s);
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t one =
          s[7] + (std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      const std::uint32_t two =
          (std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      for (int j = 7; j > 0; --j) s[j] = s[j - 1];
      s[4] += one;
      s[0] = one + two;
    }
    for (int j = 0; j < 8; ++j) state_[j] += s[j];
  }

  const std::uint32_t* start_ = constants().start;
  std::uint32_t state_[8] = {start_[0], start_[1], start_[2], start_[3], start_[4], start_[5], start_[6], start_[7]};
  std::uint8_t block_[64] = {};
  std::uint64_t length_ = 0;
};
